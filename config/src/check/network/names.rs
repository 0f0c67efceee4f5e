//! Interfaces that name each other.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use crate::schema::{Link, Match};
use crate::suggest::nearest;
use crate::value::{InterfaceId, InterfaceName, quoted};
use crate::yaml::Step::{self, Item, Key};

/// Unknown names that get a guess: more are one mistake's echo, and guesses take time.
const MOST_GUESSES: usize = 50;

impl Checker<'_> {
    /// Every interface has a name of its own that the kernel takes.
    pub(super) fn names(&mut self) {
        let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
        for (kind, id, _) in self.network.links() {
            if let Some(earlier) = taken.insert(id, kind) {
                let message = format!("`{id}` is one of `{earlier}` already");
                self.problems.add(self.mark_of_name(kind, id), message, "give each interface its own name");
            }
        }
        for (id, ethernet) in &self.network.ethernets {
            if ethernet.matching.is_none()
                && let Err(error) = id.as_str().parse::<InterfaceName>()
            {
                let hint = "write the card's name, or add `match` to say which card is meant";
                self.problems.add(self.mark_of_name("ethernets", id.as_str()), error.message, hint);
            }
            let Some(name) = &ethernet.set_name else { continue };
            let path = [Key("set-name")];
            if ethernet.matching.is_none() {
                let message = "`set-name` needs a `match` that says which card is meant";
                self.at("ethernets", id.as_str(), &path, message, "such as `match: {macaddress: ...}`");
            }
            let other = taken.get(name.as_str()).filter(|_| name.as_str() != id.as_str());
            if other.is_some() || self.set_names().any(|(other, n)| n == name && other < id) {
                let message = format!("the name `{name}` is taken");
                self.at("ethernets", id.as_str(), &path, message, "choose another name");
            }
        }
    }

    fn set_names(&self) -> impl Iterator<Item = (&InterfaceId, &InterfaceName)> {
        self.network.ethernets.iter().filter_map(|(id, e)| Some((id, e.set_name.as_ref()?)))
    }

    pub(super) fn matches(&mut self) {
        let mut seen: Vec<(&InterfaceId, &Match)> = Vec::new();
        for (id, ethernet) in &self.network.ethernets {
            let Some(matching) = &ethernet.matching else { continue };
            if *matching == Match::default() {
                let hint = "add `name`, `macaddress` or `driver`; `name: \"*\"` is every card";
                self.at("ethernets", id.as_str(), &[Key("match")], "`match` says nothing of the card", hint);
            } else if let Some((earlier, _)) = seen.iter().find(|(_, other)| *other == matching) {
                let message = format!("the same cards as those of `{earlier}`");
                self.at("ethernets", id.as_str(), &[Key("match")], message, "make one entry of both");
            }
            seen.push((id, matching));
        }
    }

    /// Members are there, in one place only, and have no addresses of their own.
    pub(super) fn members(&mut self) {
        let network = self.network;
        let bonds = network.bonds.iter().map(|(name, bond)| ("bonds", name, &bond.interfaces));
        let bridges = network.bridges.iter().map(|(name, bridge)| ("bridges", name, &bridge.interfaces));
        let mut taken: BTreeMap<&InterfaceId, &InterfaceName> = BTreeMap::new();
        let mut guesses = 0;
        for (kind, name, members) in bonds.chain(bridges) {
            for (i, member) in members.iter().enumerate() {
                let path = [Key("interfaces"), Item(i)];
                self.is_there(kind, name, &path, member, &mut guesses);
                if let Some(earlier) = taken.insert(member, name) {
                    let message = format!("`{member}` is in `{earlier}` already");
                    self.at(kind, name.as_str(), &path, message, "an interface can be in one only");
                }
                self.has_no_addresses(member, name);
            }
        }
        for (name, vlan) in &network.vlans {
            self.is_there("vlans", name, &[Key("link")], &vlan.base, &mut guesses);
        }
        for (name, bond) in &network.bonds {
            if let Some(primary) = bond.parameters.primary.as_ref().filter(|p| !bond.interfaces.contains(p)) {
                let message = format!("`{primary}` is not in this bond");
                let path = [Key("parameters"), Key("primary")];
                self.at("bonds", name.as_str(), &path, message, "name one of its `interfaces`");
            }
        }
        for (name, bridge) in &network.bridges {
            let parameters = &bridge.parameters;
            let costs = parameters.path_cost.keys().map(|port| ("path-cost", port));
            let ranks = parameters.port_priority.keys().map(|port| ("port-priority", port));
            for (key, port) in costs.chain(ranks).filter(|(_, port)| !bridge.interfaces.contains(port)) {
                let message = format!("`{port}` is not in this bridge");
                let path = [Key("parameters"), Key(key), Key(port.as_str())];
                self.at("bridges", name.as_str(), &path, message, "name one of its `interfaces`");
            }
        }
    }

    fn is_there(
        &mut self,
        kind: &str,
        name: &InterfaceName,
        path: &[Step<'_>],
        id: &InterfaceId,
        guesses: &mut usize,
    ) {
        let names: Vec<&str> = self.network.links().map(|(_, id, _)| id).collect();
        if names.contains(&id.as_str()) || *guesses >= MOST_GUESSES {
            return;
        }
        *guesses += 1;
        let guess = nearest(id.as_str(), &names).filter(|guess| *guess != name.as_str());
        let guess = guess.map(|guess| format!("; did you mean `{guess}`?")).unwrap_or_default();
        let message = format!("no interface {} is described{guess}", quoted(id.as_str()));
        self.at(kind, name.as_str(), path, message, "add it to `ethernets`, such as `eth0: {}`");
    }

    fn has_no_addresses(&mut self, member: &InterfaceId, of: &InterfaceName) {
        let found = self.network.links().find(|(_, id, _)| *id == member.as_str());
        let Some((kind, id, link)) = found else { return };
        if let Some(key) = first_of_its_own(link) {
            let message = format!("`{id}` is part of `{of}`: it can have no `{key}` of its own");
            self.at(kind, id, &[Key(key)], message, &format!("move it to `{of}`"));
        }
    }

    /// No interface is made of itself.
    pub(super) fn circles(&mut self) {
        let network = self.network;
        let known: BTreeSet<&str> = network.links().map(|(_, id, _)| id).collect();
        let below =
            |id: &str| network.below(id).into_iter().map(InterfaceId::as_str).filter(|id| known.contains(id));
        for (kind, id, _) in network.links() {
            let mut reached: Vec<&str> = below(id).collect();
            let mut next = 0;
            while let Some(current) = reached.get(next).copied() {
                let new: Vec<&str> = below(current).filter(|id| !reached.contains(id)).collect();
                reached.extend(new);
                next += 1;
            }
            if reached.contains(&id) {
                let key = if kind == "vlans" { "link" } else { "interfaces" };
                self.at(kind, id, &[Key(key)], format!("`{id}` is made of itself"), "break the circle");
            }
        }
    }
}

/// A key that only an interface with addresses has.
fn first_of_its_own(link: &Link) -> Option<&'static str> {
    let keys = [
        ("dhcp4", link.dhcp4),
        ("dhcp6", link.dhcp6),
        ("addresses", !link.addresses.is_empty()),
        ("gateway4", link.gateway4.is_some()),
        ("gateway6", link.gateway6.is_some()),
        ("routes", !link.routes.is_empty()),
    ];
    keys.into_iter().find(|(_, set)| *set).map(|(key, _)| key)
}
