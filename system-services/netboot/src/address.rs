//! Which of the machine's addresses its room knows it by.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// An interface and its IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The interface.
    pub(crate) interface: String,
    /// Its address.
    pub(crate) address: Ipv4Addr,
    /// The mask of its network.
    pub(crate) mask: Ipv4Addr,
    /// Where packets to other networks go by it.
    pub(crate) gateway: Option<Ipv4Addr>,
}

impl Place {
    /// The first address of the network.
    pub(crate) fn network(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) & u32::from(self.mask))
    }
}

/// A default route.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Route {
    interface: String,
    gateway: Ipv4Addr,
    metric: u32,
}

/// Our place: on the interface that is given, else on that of the default route, else on the only card with an address.
/// Or what is waited for.
pub(crate) fn find(interface: Option<&str>) -> Result<Place, String> {
    let table = fs::read_to_string("/proc/net/route").unwrap_or_default();
    choose(interface, addresses(), default_route(&table), is_card)
}

/// Whether a device is behind an interface: containers' bridges have none.
fn is_card(interface: &str) -> bool {
    Path::new("/sys/class/net").join(interface).join("device").exists()
}

fn choose(
    interface: Option<&str>,
    mut places: Vec<Place>,
    route: Option<Route>,
    is_card: impl Fn(&str) -> bool,
) -> Result<Place, String> {
    for place in &mut places {
        let own = route.as_ref().filter(|route| route.interface == place.interface);
        place.gateway = own.map(|route| route.gateway);
    }
    let of = |name: &str| places.iter().find(|place| place.interface == name).cloned();
    if let Some(name) = interface {
        return of(name).ok_or_else(|| format!("{name} has no IPv4 address yet"));
    }
    if let Some(place) = route.and_then(|route| of(&route.interface)) {
        return Ok(place);
    }
    places.retain(|place| is_card(&place.interface));
    match &places[..] {
        [] => Err("no network card has an IPv4 address yet".to_owned()),
        [only] => Ok(only.clone()),
        [first, others @ ..] if others.iter().all(|other| other.interface == first.interface) => {
            Ok(first.clone())
        }
        _ => {
            let names: Vec<&str> = places.iter().map(|place| place.interface.as_str()).collect();
            Err(format!("several cards have addresses ({}); say which by --interface", names.join(", ")))
        }
    }
}

/// Interfaces that are up and have an IPv4 address, in the kernel's order.
fn addresses() -> Vec<Place> {
    let all = getifaddrs().into_iter().flatten();
    let places = all.filter_map(|found| {
        let usable = found.flags.contains(InterfaceFlags::IFF_UP)
            && !found.flags.contains(InterfaceFlags::IFF_LOOPBACK);
        let address = found.address.as_ref()?.as_sockaddr_in()?.ip();
        let mask = found.netmask.as_ref()?.as_sockaddr_in()?.ip();
        let place = Place { interface: found.interface_name, address, mask, gateway: None };
        usable.then_some(place)
    });
    places.collect()
}

/// The default route of the kernel's table, the one that is preferred.
fn default_route(table: &str) -> Option<Route> {
    let routes = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [interface, "00000000", gateway, _, _, _, metric, "00000000", ..] = fields[..] else {
            return None;
        };
        let gateway = u32::from_str_radix(gateway, 16).ok()?;
        let gateway = Ipv4Addr::from(gateway.to_ne_bytes());
        Some(Route { interface: interface.to_owned(), gateway, metric: metric.parse().ok()? })
    });
    routes.min_by_key(|route| route.metric)
}

/// Whether there is such an interface at all.
pub(crate) fn exists(interface: &str) -> bool {
    nix::net::if_::if_nametoindex(interface).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(interface: &str, last: u8) -> Place {
        let (address, mask) = (Ipv4Addr::new(10, 0, 0, last), Ipv4Addr::new(255, 255, 255, 0));
        Place { interface: interface.to_owned(), address, mask, gateway: None }
    }

    const TABLE: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
        eth1\t00000000\t0100000A\t0003\t0\t0\t200\t00000000\t0\t0\t0\n\
        eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
        eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n";

    #[test]
    fn the_default_route_is_the_one_that_is_preferred() {
        let route = default_route(TABLE).unwrap();
        assert_eq!((route.interface.as_str(), route.gateway), ("eth0", Ipv4Addr::new(192, 168, 1, 1)));
        assert_eq!(default_route(""), None);
        assert_eq!(default_route("x\ny z\n"), None);
    }

    #[test]
    fn the_place_is_chosen_in_order() {
        let (a, b, bridge) = (place("eth0", 1), place("eth1", 2), place("docker0", 3));
        let route = default_route(TABLE);
        let both = vec![b.clone(), bridge.clone(), a.clone()];
        let choose = |interface, places: &[Place], route: &Option<Route>| {
            choose(interface, places.to_vec(), route.clone(), |name| name.starts_with("eth"))
        };
        assert_eq!(choose(Some("eth1"), &both, &route).unwrap(), b);
        assert_eq!(choose(Some("docker0"), &both, &route).unwrap(), bridge, "whoever says so means it");
        assert_eq!(choose(None, &both, &route).unwrap().interface, "eth0");
        assert_eq!(choose(None, &[bridge.clone(), b.clone()], &None).unwrap(), b);
        assert!(choose(None, &both, &None).unwrap_err().contains("(eth1, eth0)"));
        assert!(choose(Some("eth2"), &both, &route).unwrap_err().contains("eth2 has no IPv4 address yet"));
        assert!(choose(None, &[bridge], &None).unwrap_err().contains("no network card"));
        assert_eq!(a.network(), Ipv4Addr::new(10, 0, 0, 0));
    }
}
