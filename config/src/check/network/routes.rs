//! Routes: of one family, and with routers that can be reached.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Checker;
use crate::schema::{Link, Route, RouteKind};
use crate::yaml::Step::{self, Item, Key};

/// The main routing table.
const MAIN: u32 = 254;

/// Which default routes compete: family, table, metric.
type Rank = (bool, u32, Option<u32>);

impl Checker<'_> {
    pub(super) fn routes(&mut self) {
        let mut defaults: BTreeMap<Rank, &str> = BTreeMap::new();
        for (kind, id, link) in self.network.links() {
            for (key, gateway, is_ipv4) in
                [("gateway4", link.gateway4, true), ("gateway6", link.gateway6, false)]
            {
                let Some(gateway) = gateway else { continue };
                if gateway.0.is_ipv4() != is_ipv4 {
                    let family = if is_ipv4 { "IPv4" } else { "IPv6" };
                    let message = format!("`{gateway}` is not an {family} address");
                    self.at(
                        kind,
                        id,
                        &[Key(key)],
                        message,
                        "use `gateway4` for IPv4 and `gateway6` for IPv6",
                    );
                    continue;
                }
                let hint =
                    format!("netplan wants `routes: [{{to: default, via: \"{gateway}\"}}]` in its place");
                self.warn(kind, id, &[Key(key)], format!("`{key}` is out of date"), &hint);
                self.within_reach(kind, id, link, gateway.0, &[Key(key)]);
                self.first_default(kind, id, &[Key(key)], (is_ipv4, MAIN, None), &mut defaults);
            }
            for (i, route) in link.routes.iter().enumerate() {
                let path = [Key("routes"), Item(i)];
                if !self.of_one_family(kind, id, i, route) {
                    continue;
                }
                if let Some(via) = route.via {
                    self.via(kind, id, link, i, route, via.0);
                }
                if route.to.is_default() {
                    let table = route.table.map_or(MAIN, |table| table.get());
                    let rank = (is_ipv4(route), table, route.metric.map(|metric| metric.get()));
                    self.first_default(kind, id, &path, rank, &mut defaults);
                }
            }
        }
    }

    fn first_default<'n>(
        &mut self,
        kind: &str,
        id: &'n str,
        path: &[Step<'_>],
        rank: Rank,
        defaults: &mut BTreeMap<Rank, &'n str>,
    ) {
        if let Some(earlier) = defaults.insert(rank, id) {
            let message = format!("another default route, with the same metric, is at `{earlier}`");
            self.warn(
                kind,
                id,
                path,
                message,
                "give one of them a larger `metric`, to be used when the other fails",
            );
        }
    }

    fn of_one_family(&mut self, kind: &str, id: &str, i: usize, route: &Route) -> bool {
        let to = route.to.0.map(|net| net.ip);
        let (via, from) = (route.via.map(|ip| ip.0), route.from.map(|ip| ip.0));
        let family = to.or(via).or(from).map(|ip| ip.is_ipv4());
        let wrong = [("via", via), ("from", from)].into_iter().find_map(|(key, ip)| {
            let ip = ip.filter(|ip| Some(ip.is_ipv4()) != family)?;
            Some((key, ip))
        });
        let Some((key, ip)) = wrong else { return true };
        let (is, other) = if ip.is_ipv4() { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
        let message = format!("an {other} route cannot have the {is} address `{ip}`");
        self.at(kind, id, &[Key("routes"), Item(i), Key(key)], message, "use addresses of one family");
        false
    }

    fn via(&mut self, kind: &str, id: &str, link: &Link, i: usize, route: &Route, via: IpAddr) {
        let path = [Key("routes"), Item(i), Key("via")];
        if route.kind != RouteKind::Unicast {
            let message = format!("a route of type `{}` has no router", route.kind.as_str());
            self.at(kind, id, &path, message, "remove `via` or `type`");
        } else if !route.on_link {
            self.within_reach(kind, id, link, via, &path);
        }
    }

    /// A router must be in a network of the interface. DHCP and routers' announcements may bring networks that are not known here.
    fn within_reach(&mut self, kind: &str, id: &str, link: &Link, via: IpAddr, path: &[Step<'_>]) {
        let mut networks = link.addresses.iter().filter(|address| address.ip.is_ipv4() == via.is_ipv4());
        let local = matches!(via, IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfe80);
        let direct = link.routes.iter().filter(|route| route.via.is_none()).filter_map(|route| route.to.0);
        if local
            || networks.clone().any(|net| net.contains(via))
            || direct.into_iter().any(|net| net.contains(via))
        {
            if link.addresses.iter().any(|address| address.ip == via) {
                let message = format!("{via} is the interface's own address, not a router's");
                self.at(kind, id, path, message, "write the router's address");
            }
            return;
        }
        let (dhcp, announced) =
            if via.is_ipv4() { (link.dhcp4, false) } else { (link.dhcp6, link.accept_ra != Some(false)) };
        let first = networks.next();
        let hint = "a router in the network of one of the `addresses`; in a route, `on-link: true` if it is on the wire";
        match first {
            _ if dhcp => {}
            None if announced => {}
            None => {
                let message =
                    format!("the router {via} cannot be reached: `{id}` has no address of its family");
                self.at(kind, id, path, message, hint);
            }
            Some(first) => {
                let message =
                    format!("the router {via} is outside the network {} of `{id}`", first.network());
                // Another network may be announced, though few will mean that.
                if announced {
                    self.warn(kind, id, path, message, hint);
                } else {
                    self.at(kind, id, path, message, hint);
                }
            }
        }
    }
}

fn is_ipv4(route: &Route) -> bool {
    let ip = route.to.0.map(|net| net.ip).or(route.via.map(|ip| ip.0)).or(route.from.map(|ip| ip.0));
    ip.is_none_or(|ip| ip.is_ipv4())
}
