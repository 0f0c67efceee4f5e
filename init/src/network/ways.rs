//! Routes: those of the config and those of a lease, and how the kernel is told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dockos_config::{Cidr, Link, Route, RouteKind, RouteScope};
use mozim::DhcpV4Lease;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{
    self, RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteProtocol,
};

/// The main routing table.
const MAIN: u32 = 254;

/// A route by some interface.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Way {
    /// Everything: 0.0.0.0/0 or ::/0.
    pub(super) to: Cidr,
    pub(super) via: Option<IpAddr>,
    pub(super) from: Option<IpAddr>,
    pub(super) metric: Option<u32>,
    pub(super) table: u32,
    pub(super) scope: RouteScope,
    pub(super) kind: RouteKind,
    pub(super) on_link: bool,
    pub(super) mtu: Option<u32>,
}

impl Way {
    fn new(to: Cidr, via: Option<IpAddr>, metric: Option<u32>) -> Self {
        let scope = if via.is_some() || to.ip.is_ipv6() { RouteScope::Global } else { RouteScope::Link };
        let (from, table, kind) = (None, MAIN, RouteKind::Unicast);
        Self { to, via, from, metric, table, scope, kind, on_link: false, mtu: None }
    }

    /// The kernel's words for it.
    pub(super) fn message(&self, index: u32) -> RouteMessage {
        let mut message = RouteMessage::default();
        let header = &mut message.header;
        let ipv4 = self.to.ip.is_ipv4();
        header.address_family = if ipv4 { AddressFamily::Inet } else { AddressFamily::Inet6 };
        header.destination_prefix_length = self.to.prefix;
        header.protocol = RouteProtocol::Static;
        header.scope = match self.scope {
            RouteScope::Global => route::RouteScope::Universe,
            RouteScope::Link => route::RouteScope::Link,
            RouteScope::Host => route::RouteScope::Host,
        };
        header.kind = match self.kind {
            RouteKind::Unicast => route::RouteType::Unicast,
            RouteKind::Local => route::RouteType::Local,
            RouteKind::Blackhole => route::RouteType::BlackHole,
            RouteKind::Unreachable => route::RouteType::Unreachable,
            RouteKind::Prohibit => route::RouteType::Prohibit,
            RouteKind::Throw => route::RouteType::Throw,
        };
        if self.on_link {
            header.flags = RouteFlags::Onlink;
        }
        let attributes = &mut message.attributes;
        attributes.push(RouteAttribute::Table(self.table));
        if self.to.prefix > 0 {
            attributes.push(RouteAttribute::Destination(self.to.ip.into()));
        }
        // What is thrown away leaves by no interface.
        if matches!(self.kind, RouteKind::Unicast | RouteKind::Local) {
            attributes.push(RouteAttribute::Oif(index));
        }
        attributes.extend(self.via.map(|ip| RouteAttribute::Gateway(ip.into())));
        attributes.extend(self.from.map(|ip| RouteAttribute::PrefSource(ip.into())));
        attributes.extend(self.metric.map(RouteAttribute::Priority));
        attributes.extend(self.mtu.map(|mtu| RouteAttribute::Metrics(vec![RouteMetric::Mtu(mtu)])));
        message
    }
}

/// All addresses of a family.
fn everything(ipv4: bool) -> Cidr {
    let ip = if ipv4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    Cidr { ip, prefix: 0 }
}

/// The routes that the config gives an interface.
pub(super) fn of_config(link: &Link) -> Vec<Way> {
    let gateways = [link.gateway4, link.gateway6].into_iter().flatten();
    let gateways = gateways.map(|ip| Way::new(everything(ip.0.is_ipv4()), Some(ip.0), None));
    gateways.chain(link.routes.iter().map(of_route)).collect()
}

fn of_route(route: &Route) -> Way {
    let (via, from) = (route.via.map(|ip| ip.0), route.from.map(|ip| ip.0));
    let ipv4 = via.or(from).is_none_or(|ip| ip.is_ipv4());
    let to = route.to.0.unwrap_or_else(|| everything(ipv4));
    let mut way = Way::new(to, via, route.metric.map(|metric| metric.get()));
    way.from = from;
    way.table = route.table.map_or(MAIN, |table| table.get());
    way.scope = match (route.scope, route.kind) {
        (Some(scope), _) => scope,
        (None, RouteKind::Unicast) => way.scope,
        (None, RouteKind::Local) => RouteScope::Host,
        (None, _) => RouteScope::Global,
    };
    way.kind = route.kind;
    way.on_link = route.on_link;
    way.mtu = route.mtu.map(|mtu| mtu.get());
    way
}

/// Option 121's routes where the server gives them, else its routers (RFC 3442: never both).
pub(super) fn of_lease(lease: &DhcpV4Lease, metric: u32) -> Vec<Way> {
    let new = |to: Cidr, router: Ipv4Addr| {
        // A router of 0.0.0.0 means that the network is on the wire itself.
        let via = Some(router).filter(|router| !router.is_unspecified());
        Way { on_link: via.is_some(), ..Way::new(to, via.map(IpAddr::V4), Some(metric)) }
    };
    match &lease.classless_routes {
        Some(list) if !list.is_empty() => list
            .iter()
            .map(|route| {
                let to = Cidr { ip: route.destination.into(), prefix: route.prefix_length.min(32) };
                new(to, route.router)
            })
            .collect(),
        _ => lease.gateways.iter().flatten().take(1).map(|router| new(everything(true), *router)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(link: &str) -> Vec<Way> {
        let text = format!("network: {{ethernets: {{eth0: {{dhcp4: true, {link}}}}}}}");
        let config = dockos_config::parse("test", &text).unwrap();
        of_config(&config.network.ethernets.iter().next().unwrap().1.link)
    }

    fn shown(way: &Way) -> String {
        let via = way.via.map(|ip| format!(" via {ip}")).unwrap_or_default();
        format!("{}{via} table {} {} {}", way.to, way.table, way.scope.as_str(), way.kind.as_str())
    }

    #[test]
    fn the_configs_routes_have_what_the_kernel_needs() {
        let cases = [
            ("gateway4: 10.0.0.1", "0.0.0.0/0 via 10.0.0.1 table 254 global unicast"),
            ("gateway6: 'fe80::1'", "::/0 via fe80::1 table 254 global unicast"),
            ("routes: [{to: default, via: 'fe80::1'}]", "::/0 via fe80::1 table 254 global unicast"),
            ("routes: [{to: default, scope: link}]", "0.0.0.0/0 table 254 link unicast"),
            ("routes: [{to: 10.0.0.0/8}]", "10.0.0.0/8 table 254 link unicast"),
            ("routes: [{to: 'fd00::/8'}]", "fd00::/8 table 254 global unicast"),
            (
                "routes: [{to: 10.0.0.0/8, via: 1.1.1.1, table: 1000}]",
                "10.0.0.0/8 via 1.1.1.1 table 1000 global unicast",
            ),
            ("routes: [{to: 10.0.0.0/8, type: blackhole}]", "10.0.0.0/8 table 254 global blackhole"),
            ("routes: [{to: 10.0.0.0/8, type: local}]", "10.0.0.0/8 table 254 host local"),
        ];
        for (link, expected) in cases {
            assert_eq!(ways(link).iter().map(shown).collect::<Vec<_>>(), [expected], "{link}");
        }
    }

    #[test]
    fn routes_to_nowhere_leave_by_no_interface() {
        let leaves = |way: &Way| way.message(7).attributes.contains(&RouteAttribute::Oif(7));
        assert!(leaves(&ways("gateway4: 10.0.0.1")[0]));
        assert!(!leaves(&ways("routes: [{to: 10.0.0.0/8, type: prohibit}]")[0]));
    }
}
