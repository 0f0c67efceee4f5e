//! What no single key of `network:` can tell: interfaces that are nowhere, routers that cannot be reached.

mod names;
mod routes;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::decode::Problems;
use crate::schema::{BondMode, BondParameters, DhcpOverrides, Link, LinkLocal, Network};
use crate::value::quoted;
use crate::yaml::Step::{Item, Key};
use crate::yaml::{Kind, Mark, Node, Step};

/// What one machine can have. Checks compare each with each: bounds keep them quick for any file.
const MOST_LINKS: usize = 256;
const MOST_PER_LINK: usize = 128;
/// The least that IPv6 works with (RFC 8200).
const LEAST_IPV6_MTU: u32 = 1280;

/// The network, the tree of the file it is from, and what was found wrong with it.
struct Checker<'a> {
    network: &'a Network,
    root: &'a Node,
    problems: &'a mut Problems,
}

/// Checks the network of a whole configuration.
pub(super) fn check(network: &Network, root: &Node, problems: &mut Problems) {
    let mut checker = Checker { network, root, problems };
    if !checker.few_enough() {
        return;
    }
    checker.names();
    checker.matches();
    checker.members();
    checker.circles();
    checker.vlans();
    checker.bond_modes();
    checker.addresses();
    checker.routes();
    for (kind, id, link) in network.links() {
        checker.mtu(kind, id, link);
        checker.link_local(kind, id, link);
        checker.overrides(kind, id, link);
    }
}

impl Checker<'_> {
    fn mark(&self, kind: &str, id: &str, path: &[Step<'_>]) -> Mark {
        self.root.mark_of(&[&[Key("network"), Key(kind), Key(id)], path].concat())
    }

    /// The place of an entry's name.
    fn mark_of_name(&self, kind: &str, id: &str) -> Mark {
        let map = self.root.get("network").and_then(|network| network.get(kind));
        let entry = map.and_then(|map| match &map.kind {
            Kind::Mapping(entries) => entries.iter().find(|entry| entry.key == id),
            _ => None,
        });
        entry.map_or_else(|| self.mark(kind, id, &[]), |entry| entry.mark)
    }

    /// Notes a problem with the value that a path below an entry leads to.
    fn at(&mut self, kind: &str, id: &str, path: &[Step<'_>], message: impl Into<String>, hint: &str) {
        self.problems.add(self.mark(kind, id, path), message, hint);
    }

    fn warn(&mut self, kind: &str, id: &str, path: &[Step<'_>], message: impl Into<String>, hint: &str) {
        self.problems.warn(self.mark(kind, id, path), message, hint);
    }

    fn few_enough(&mut self) -> bool {
        let network = self.network;
        let links = network.links().count();
        if links > MOST_LINKS {
            let message = format!("{links} interfaces; at most {MOST_LINKS} are allowed");
            self.problems.add(self.root.mark_of(&[Key("network")]), message, "remove some");
            return false;
        }
        let mut good = true;
        for (kind, id, link) in network.links() {
            let servers = &link.nameservers;
            let lists = [
                ("addresses", link.addresses.len()),
                ("routes", link.routes.len()),
                ("nameservers", servers.addresses.len() + servers.search.len()),
                ("interfaces", network.below(id).len()),
            ];
            for (key, count) in lists.into_iter().filter(|(_, count)| *count > MOST_PER_LINK) {
                let message = format!("{count} of these; at most {MOST_PER_LINK} are allowed");
                self.at(kind, id, &[Key(key)], message, "remove some");
                good = false;
            }
        }
        good
    }

    fn vlans(&mut self) {
        let mut taken = BTreeMap::new();
        for (name, vlan) in &self.network.vlans {
            if let Some(earlier) = taken.insert((&vlan.base, vlan.id), name) {
                let message = format!("VLAN {} of `{}` is `{earlier}` already", vlan.id, vlan.base);
                self.at("vlans", name.as_str(), &[Key("id")], message, "give one of them another number");
            }
            let base = self.network.links().find(|(_, id, _)| *id == vlan.base.as_str());
            let most = base.map(|(_, _, link)| link.mtu.map_or(1500, |mtu| mtu.get()));
            if let (Some(mtu), Some(most)) = (vlan.link.mtu.filter(|mtu| Some(mtu.get()) > most), most) {
                let message = format!("`{mtu}` is more than the {most} of `{}` below it", vlan.base);
                self.at("vlans", name.as_str(), &[Key("mtu")], message, "give that one a larger `mtu` too");
            }
        }
    }

    /// What the kernel refuses in a bond of some mode.
    fn bond_modes(&mut self) {
        use BondMode::{ActiveBackup, BalanceAlb, BalanceRr, BalanceTlb, BalanceXor, Broadcast, Lacp};
        for (name, bond) in &self.network.bonds {
            let parameters: &BondParameters = &bond.parameters;
            let asks = &[BalanceRr, ActiveBackup, BalanceXor, Broadcast][..];
            let rules = [
                ("lacp-rate", parameters.lacp_rate.is_some(), &[Lacp][..]),
                ("packets-per-member", parameters.packets_per_member.is_some(), &[BalanceRr]),
                ("primary", parameters.primary.is_some(), &[ActiveBackup, BalanceTlb, BalanceAlb]),
                ("arp-interval", parameters.arp_interval.is_some(), asks),
                ("arp-validate", parameters.arp_validate.is_some(), asks),
            ];
            let wrong =
                |(_, set, modes): &(&str, bool, &[BondMode])| *set && !modes.contains(&parameters.mode);
            for (key, _, modes) in rules.into_iter().filter(wrong) {
                let modes: Vec<&str> = modes.iter().map(|mode| mode.as_str()).collect();
                let message = format!("a bond of mode `{}` has no `{key}`", parameters.mode.as_str());
                let hint = format!("remove it, or choose a mode of {}", modes.join(", "));
                self.at("bonds", name.as_str(), &[Key("parameters"), Key(key)], message, &hint);
            }
            if parameters.arp_interval.is_some() && parameters.mii_monitor_interval.is_some() {
                let path = [Key("parameters"), Key("arp-interval")];
                let message = "a bond looks at its members' carriers or asks neighbours, not both";
                self.at("bonds", name.as_str(), &path, message, "remove this or `mii-monitor-interval`");
            }
        }
    }

    fn addresses(&mut self) {
        let mut taken: BTreeMap<IpAddr, &str> = BTreeMap::new();
        for (kind, id, link) in self.network.links() {
            for (i, address) in link.addresses.iter().enumerate() {
                let path = [Key("addresses"), Item(i)];
                let ip = address.ip;
                if ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() {
                    let message = format!("`{ip}` is no address of an interface");
                    self.at(kind, id, &path, message, "one of the network's own, such as `192.168.1.10/24`");
                } else if *address == address.network() && ip.is_ipv4() && address.prefix < 31 {
                    let message = format!("`{address}` is the network itself, not an address in it");
                    self.at(kind, id, &path, message, "write the machine's own address");
                }
                if let Some(earlier) = taken.insert(ip, id) {
                    let message = format!("the address {ip} is taken by `{earlier}`");
                    self.at(kind, id, &path, message, "choose another address");
                }
            }
        }
    }

    fn mtu(&mut self, kind: &str, id: &str, link: &Link) {
        let speaks_ipv6 = link.addresses.iter().any(|address| address.ip.is_ipv6());
        if let Some(mtu) = link.mtu.filter(|mtu| speaks_ipv6 && mtu.get() < LEAST_IPV6_MTU) {
            let message = format!("`{mtu}` is too little for IPv6");
            self.at(kind, id, &[Key("mtu")], message, "at least 1280, or no IPv6 addresses");
        }
        let most = link.mtu.map_or(65535, |mtu| mtu.get());
        if let Some(mtu) = link.ipv6_mtu.filter(|mtu| !(LEAST_IPV6_MTU..=most).contains(&mtu.get())) {
            let message = format!("`{mtu}` is not an MTU for IPv6 here");
            self.at(kind, id, &[Key("ipv6-mtu")], message, "at least 1280, at most the interface's `mtu`");
        }
    }

    fn link_local(&mut self, kind: &str, id: &str, link: &Link) {
        let kinds = link.link_local.as_deref().unwrap_or_default();
        if let Some(i) = kinds.iter().position(|kind| *kind == LinkLocal::Ipv4) {
            let message = "`ipv4` is accepted, but no 169.254.x.y address is made yet";
            self.warn(kind, id, &[Key("link-local"), Item(i)], message, "give an address with `addresses`");
        }
    }

    fn overrides(&mut self, kind: &str, id: &str, link: &Link) {
        if !link.dhcp4 && link.dhcp4_overrides != DhcpOverrides::default() {
            let message = "without `dhcp4: true` this does nothing";
            self.warn(kind, id, &[Key("dhcp4-overrides")], message, "add `dhcp4: true`, or remove this");
        }
        if link.dhcp4_overrides.hostname.is_some() && link.dhcp4_overrides.send_hostname == Some(false) {
            let message = format!("{} is not sent: `send-hostname` is false", quoted("hostname"));
            self.warn(kind, id, &[Key("dhcp4-overrides"), Key("hostname")], message, "remove one of both");
        }
    }
}
