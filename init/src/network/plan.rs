//! What the config wants, for the cards that are there. Decides only; [`super::apply`] acts.

use dockos_config::{BondParameters, BridgeParameters, Ethernet, InterfaceId, Link, Match, Network};

use super::seen::{Kind, Seen};

/// An interface that is wanted.
#[derive(Debug, PartialEq)]
pub(super) struct Wanted<'a> {
    /// The kernel's name for it, once all is done.
    pub(super) name: &'a str,
    /// The entry's name.
    pub(super) id: &'a str,
    pub(super) link: &'a Link,
    pub(super) what: What<'a>,
    /// The bond or bridge that it is part of.
    pub(super) controller: Option<&'a str>,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What<'a> {
    Card { index: u32, wakeonlan: bool },
    Bond(&'a BondParameters),
    Bridge(&'a BridgeParameters),
    Vlan { id: u16, base: &'a str },
}

/// All that are wanted, each after those it is made of.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan<'a> {
    pub(super) wanted: Vec<Wanted<'a>>,
    /// Entries that no card matches, though the boot should wait for one.
    pub(super) missing: Vec<&'a str>,
    /// Cards that cannot have the name of their entry, as another one has it.
    pub(super) nameless: Vec<&'a str>,
}

/// What a network wants of the interfaces that are there.
pub(super) fn plan<'a>(network: &'a Network, seen: &'a [Seen]) -> Plan<'a> {
    let mut plan = Plan::default();
    // The interfaces of each entry: more than one, where `match` fits several cards.
    let mut placed: Vec<(&str, Vec<&str>)> = Vec::new();
    for (id, ethernet) in &network.ethernets {
        let names = plan.cards(network, id, ethernet, seen);
        placed.push((id.as_str(), names));
    }
    let mut rest = virtual_links(network);
    // The check of the config left no circles: each round places one at least.
    while !rest.is_empty() {
        let count = rest.len();
        rest.retain(|wanted| {
            let below = network.below(wanted.name);
            let ready = below.iter().all(|id| names_of(&placed, id).is_some());
            if ready {
                placed.push((wanted.name, vec![wanted.name]));
                plan.wanted.extend(on_its_base(wanted, &placed, network));
            }
            !ready
        });
        if rest.len() == count {
            break;
        }
    }
    plan
}

impl<'a> Plan<'a> {
    /// Adds the cards of an entry that no entry before took; returns their names.
    fn cards(
        &mut self,
        network: &'a Network,
        id: &'a InterfaceId,
        ethernet: &'a Ethernet,
        seen: &'a [Seen],
    ) -> Vec<&'a str> {
        let mut names = Vec::new();
        let mut new_name = ethernet.set_name.as_ref().map(|name| name.as_str());
        for card in seen.iter().filter(|card| card.kind == Kind::Card && is_meant(id, ethernet, card)) {
            let taken =
                |wanted: &Wanted<'_>| matches!(wanted.what, What::Card { index, .. } if index == card.index);
            if self.wanted.iter().any(taken) {
                continue;
            }
            let name = new_name.take().unwrap_or(&card.born);
            if ethernet.set_name.is_some() && !names.is_empty() {
                self.nameless.push(&card.born);
            }
            names.push(name);
            self.wanted.push(Wanted {
                name,
                id: id.as_str(),
                link: &ethernet.link,
                what: What::Card { index: card.index, wakeonlan: ethernet.wakeonlan },
                controller: controller(network, id.as_str()),
            });
        }
        if names.is_empty() && !ethernet.link.optional {
            self.missing.push(id.as_str());
        }
        names
    }
}

/// Whether an entry is about a card: all that its `match` says holds, or without one the entry has the card's name.
fn is_meant(id: &InterfaceId, ethernet: &Ethernet, card: &Seen) -> bool {
    let Some(Match { name, macaddress, driver }) = &ethernet.matching else {
        return id.as_str() == card.born;
    };
    name.as_ref().is_none_or(|glob| glob.matches(&card.born))
        && macaddress.is_none_or(|mac| card.own_mac == Some(mac))
        && driver.as_ref().is_none_or(|globs| globs.matches(&card.driver))
}

/// Bonds, bridges and VLANs, each under its own name; a VLAN's base is still the name of an entry.
fn virtual_links(network: &Network) -> Vec<Wanted<'_>> {
    let bonds = network.bonds.iter().map(|(name, bond)| (name, &bond.link, What::Bond(&bond.parameters)));
    let bridges = network.bridges.iter().map(|(name, b)| (name, &b.link, What::Bridge(&b.parameters)));
    let vlans = network.vlans.iter().map(|(name, vlan)| {
        let id = u16::try_from(vlan.id.get()).unwrap_or_default();
        (name, &vlan.link, What::Vlan { id, base: vlan.base.as_str() })
    });
    let all = bonds.chain(bridges).chain(vlans);
    all.map(|(name, link, what)| {
        let name = name.as_str();
        Wanted { name, id: name, link, what, controller: controller(network, name) }
    })
    .collect()
}

/// The wanted interface with its base's real name; nothing without a base, which is then missing anyway.
fn on_its_base<'a>(
    wanted: &Wanted<'a>,
    placed: &[(&str, Vec<&'a str>)],
    network: &'a Network,
) -> Option<Wanted<'a>> {
    let what = match wanted.what {
        What::Vlan { id, .. } => {
            let below = network.below(wanted.name);
            let base = below.first().and_then(|base| names_of(placed, base)).and_then(<[&str]>::first);
            What::Vlan { id, base: base? }
        }
        other => other,
    };
    Some(Wanted { what, ..*wanted })
}

fn names_of<'p, 'a>(placed: &'p [(&str, Vec<&'a str>)], id: &InterfaceId) -> Option<&'p [&'a str]> {
    placed.iter().find(|(placed, _)| *placed == id.as_str()).map(|(_, names)| names.as_slice())
}

/// The bond or bridge that an entry is part of.
fn controller<'a>(network: &'a Network, id: &str) -> Option<&'a str> {
    let bonds = network.bonds.iter().map(|(name, bond)| (name, &bond.interfaces));
    let bridges = network.bridges.iter().map(|(name, bridge)| (name, &bridge.interfaces));
    let mut all = bonds.chain(bridges);
    all.find(|(_, members)| members.iter().any(|m| m.as_str() == id)).map(|(name, _)| name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(index: u32, name: &str, mac: u8, driver: &str) -> Seen {
        let mac = Some(dockos_config::MacAddress([2, 0, 0, 0, 0, mac]));
        Seen {
            index,
            name: name.to_owned(),
            born: name.to_owned(),
            mac,
            own_mac: mac,
            mtu: 1500,
            up: false,
            carrier: false,
            controller: None,
            kind: Kind::Card,
            driver: driver.to_owned(),
        }
    }

    fn planned(network: &str) -> String {
        let text = format!("network: {{{network}}}");
        let network = dockos_config::parse("test", &text).map(|config| config.network).unwrap();
        let mut seen = vec![
            card(2, "eth0", 1, "virtio_net"),
            card(3, "eth1", 2, "e1000e"),
            card(4, "eth2", 3, "e1000e"),
        ];
        seen.push(Seen { kind: Kind::Other, ..card(5, "docker0", 4, "") });
        let plan = plan(&network, &seen);
        let shown = plan.wanted.iter().map(|wanted| {
            let what = match &wanted.what {
                What::Card { index, .. } => format!("#{index}"),
                What::Bond(_) => "bond".to_owned(),
                What::Bridge(_) => "bridge".to_owned(),
                What::Vlan { id, base } => format!("{id}@{base}"),
            };
            let controller = wanted.controller.map(|name| format!(" in {name}")).unwrap_or_default();
            format!("{} {what}{controller}", wanted.name)
        });
        let missing = plan.missing.iter().map(|id| format!("no {id}"));
        let nameless = plan.nameless.iter().map(|id| format!("{id} keeps its name"));
        shown.chain(missing).chain(nameless).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn entries_select_cards() {
        let cases = [
            ("ethernets: {eth1: {}}", "eth1 #3"),
            ("ethernets: {eth7: {}}", "no eth7"),
            ("ethernets: {eth7: {optional: true}}", ""),
            ("ethernets: {docker: {match: {name: 'docker*'}}}", "no docker"),
            ("ethernets: {a: {match: {name: 'eth[12]'}}}", "eth1 #3, eth2 #4"),
            ("ethernets: {a: {match: {macaddress: '02:00:00:00:00:03'}, set-name: lan0}}", "lan0 #4"),
            ("ethernets: {a: {match: {driver: 'e1000*', name: eth2}}}", "eth2 #4"),
            ("ethernets: {a: {match: {driver: [virtio_net, r8169]}}}", "eth0 #2"),
            ("ethernets: {a: {match: {driver: e1000e, macaddress: '02:00:00:00:00:01'}}}", "no a"),
            // What one entry took, a later one does not get.
            ("ethernets: {a: {match: {name: eth1}}, b: {match: {name: '*'}}}", "eth1 #3, eth0 #2, eth2 #4"),
            ("ethernets: {a: {match: {driver: e1000e}, set-name: x}}", "x #3, eth2 #4, eth2 keeps its name"),
        ];
        for (network, expected) in cases {
            assert_eq!(planned(network), expected, "{network}");
        }
    }

    #[test]
    fn each_comes_after_what_it_is_made_of() {
        let cases = [
            ("ethernets: {eth0: {}}, vlans: {v: {id: 5, link: eth0}}", "eth0 #2, v 5@eth0"),
            (
                "ethernets: {up: {match: {name: eth0}, set-name: lan0}}, vlans: {v: {id: 5, link: up}}",
                "lan0 #2, v 5@lan0",
            ),
            (
                "ethernets: {a: {match: {driver: e1000e}}}, bonds: {z: {interfaces: [a]}}, \
                 bridges: {b: {interfaces: [y]}}, vlans: {y: {id: 7, link: z}}",
                "eth1 #3 in z, eth2 #4 in z, z bond, y 7@z in b, b bridge",
            ),
            // The card may come later; a VLAN can only be made on one that is there.
            (
                "ethernets: {eth9: {}}, bridges: {b: {interfaces: [eth9]}}, vlans: {v: {id: 1, link: eth9}}",
                "b bridge, no eth9",
            ),
        ];
        for (network, expected) in cases {
            assert_eq!(planned(network), expected, "{network}");
        }
    }
}
