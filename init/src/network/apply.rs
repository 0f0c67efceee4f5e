//! From what is there to what is wanted. Each step looks first and leaves alone what is right already, so that it can be
//! taken again whenever a cable, a card or the config changes.

use std::collections::BTreeMap;
use std::fs;
use std::rc::Rc;

use dockos_config::{BondParameters, BridgeParameters, Cidr, Link, Network, OptionalAddress};
use rtnetlink::LinkUnspec;
use rtnetlink::packet_route::link::{InfoKind, LinkMessage};
use tokio::task::{JoinHandle, spawn_local};

use super::dhcp::{self, Client};
use super::plan::{Plan, Wanted, What, plan};
use super::seen::{Kind, Seen, scan};
use super::settled::View;
use super::ways::{self, Way};
use super::{Links, Resolved, kernel, parameters, wake};
use crate::error::Result;
use crate::machine::Machine;

/// What has been done so far, by the kernel's numbers of the interfaces.
#[derive(Default)]
pub(super) struct State {
    /// The names that the kernel gave the cards.
    born: BTreeMap<u32, String>,
    applied: BTreeMap<u32, Applied>,
}

/// What has been done to one interface.
#[derive(Default)]
struct Applied {
    link: Link,
    made: Option<Made>,
    controller: bool,
    /// The MTU it had before.
    mtu: u32,
    wakes: bool,
    addresses: Vec<Cidr>,
    ways: Vec<Way>,
    dhcp: Option<(Client, JoinHandle<()>)>,
}

/// A virtual interface that was made here: with other parameters it has to be made anew.
#[derive(Clone, Debug, PartialEq)]
enum Made {
    Bond(Box<BondParameters>),
    Bridge(Box<BridgeParameters>),
    Vlan(u16, String),
}

impl Made {
    /// Nothing for a card.
    fn of(what: What<'_>) -> Option<Self> {
        match what {
            What::Card { .. } => None,
            What::Bond(parameters) => Some(Self::Bond(Box::new(parameters.clone()))),
            What::Bridge(parameters) => Some(Self::Bridge(Box::new(parameters.clone()))),
            What::Vlan { id, base } => Some(Self::Vlan(id, base.to_owned())),
        }
    }
}

/// One run.
struct Run<'a> {
    machine: &'a Rc<Machine>,
    links: &'a Rc<Links>,
    network: &'a Network,
    state: &'a mut State,
    problems: Vec<String>,
}

/// Brings the machine to a network; returns what could not be had.
pub(super) async fn apply(
    machine: &Rc<Machine>,
    links: &Rc<Links>,
    network: &Network,
) -> Result<Vec<String>> {
    let mut state = links.state.lock().await;
    let mut run = Run { machine, links, network, state: &mut state, problems: Vec::new() };
    let seen = run.look().await?;
    let plan = plan(network, &seen);
    run.release_unwanted(&plan, &seen).await;
    run.rename(&plan, &seen).await;
    run.make(&plan, &seen).await;
    let now = run.look().await?;
    let mut views = Vec::new();
    for wanted in &plan.wanted {
        if let Some(seen) = now.iter().find(|seen| seen.name == wanted.name) {
            run.set_up(wanted, seen).await;
            views.push(run.view(wanted, seen));
        }
    }
    let nameless = plan.nameless.iter().map(|card| format!("{card} matches too, and keeps its name"));
    run.problems.extend(nameless);
    let problems = run.problems;
    let resolved = plan.wanted.iter().filter_map(|wanted| {
        let index = now.iter().find(|seen| seen.name == wanted.name)?.index;
        Some(Resolved::new(index, wanted.name, wanted.link))
    });
    links.resolved.replace(resolved.collect());
    links.views.replace(views);
    links.missing.replace(plan.missing.iter().map(|&id| id.to_owned()).collect());
    drop(state);
    links.tell(machine);
    Ok(problems)
}

impl Run<'_> {
    fn note<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|fault| self.problems.push(fault.to_string())).ok()
    }

    async fn change(&mut self, what: &str, message: LinkMessage) {
        let done = kernel::change(&self.links.handle, what, message).await;
        self.note(done);
    }

    /// The interfaces that are there; what is gone is forgotten.
    async fn look(&mut self) -> Result<Vec<Seen>> {
        let mut seen = scan(&self.links.handle).await?;
        let state = &mut *self.state;
        for seen in seen.iter_mut().filter(|seen| seen.kind == Kind::Card) {
            seen.born = state.born.entry(seen.index).or_insert_with(|| seen.name.clone()).clone();
        }
        let is_there = |index: &u32| seen.iter().any(|seen| seen.index == *index);
        state.born.retain(|index, _| is_there(index));
        let gone: Vec<u32> = state.applied.keys().copied().filter(|index| !is_there(index)).collect();
        for index in gone {
            self.stop_dhcp(index);
            self.state.applied.remove(&index);
            self.links.leases.borrow_mut().remove(&index);
        }
        Ok(seen)
    }

    fn stop_dhcp(&mut self, index: u32) {
        let running = self.state.applied.get_mut(&index).and_then(|applied| applied.dhcp.take());
        if let Some((_, task)) = running {
            task.abort();
        }
    }

    /// Takes back what was done to interfaces that nothing is wanted of any more.
    async fn release_unwanted(&mut self, plan: &Plan<'_>, seen: &[Seen]) {
        let done: Vec<u32> = self.state.applied.keys().copied().collect();
        for index in done {
            let Some(seen) = seen.iter().find(|seen| seen.index == index) else { continue };
            let made = self.state.applied.get(&index).and_then(|applied| applied.made.clone());
            let wanted = plan.wanted.iter().any(|wanted| match wanted.what {
                What::Card { index: card, .. } => card == index,
                what => wanted.name == seen.name && Made::of(what) == made,
            });
            if !wanted {
                self.release(seen).await;
            }
        }
    }

    async fn release(&mut self, seen: &Seen) {
        let index = seen.index;
        let handle = self.links.handle.clone();
        self.stop_dhcp(index);
        self.drop_lease(index).await;
        let Some(applied) = self.state.applied.remove(&index) else { return };
        if applied.made.is_some() {
            let done = kernel::unmake(&handle, &seen.name, index).await;
            self.note(done);
            return;
        }
        for way in &applied.ways {
            kernel::remove_way(&handle, index, way).await;
        }
        for address in &applied.addresses {
            kernel::remove_address(&handle, index, *address).await;
        }
        self.ipv6(&seen.name, &applied.link, &Link::default());
        let mut message = LinkUnspec::new_with_index(index).down();
        if applied.controller {
            message = message.nocontroller();
        }
        if applied.link.mtu.is_some() {
            message = message.mtu(applied.mtu);
        }
        if let Some(mac) = seen.own_mac.filter(|_| applied.link.macaddress.is_some()) {
            message = message.address(mac.0.to_vec());
        }
        self.change(&format!("give {} back", seen.name), message.build()).await;
        if seen.name != seen.born {
            self.give_name(index, &seen.name, &seen.born).await;
        }
    }

    /// Takes back an address from a server, and its routes.
    async fn drop_lease(&mut self, index: u32) {
        let lease = self.links.leases.borrow_mut().remove(&index);
        let Some(lease) = lease else { return };
        for way in &lease.ways {
            kernel::remove_way(&self.links.handle, index, way).await;
        }
        kernel::remove_address(&self.links.handle, index, lease.address).await;
    }

    /// Cards get the names they are to have. Two that swap theirs go by a third name.
    async fn rename(&mut self, plan: &Plan<'_>, seen: &[Seen]) {
        let cards = plan.wanted.iter().filter_map(|wanted| match wanted.what {
            What::Card { index, .. } => Some((index, wanted.name)),
            _ => None,
        });
        let cards: Vec<(&Seen, &str)> = cards
            .filter_map(|(index, name)| Some((seen.iter().find(|seen| seen.index == index)?, name)))
            .filter(|(seen, name)| seen.name != *name)
            .collect();
        for (card, _) in &cards {
            if cards.iter().any(|(_, name)| *name == card.name) {
                self.give_name(card.index, &card.name, &format!("dockos{}", card.index)).await;
            }
        }
        for (card, name) in &cards {
            self.give_name(card.index, &card.name, name).await;
        }
    }

    /// An interface can change its name only while it is down, which takes its routes away.
    async fn give_name(&mut self, index: u32, old: &str, new: &str) {
        self.stop_dhcp(index);
        self.forget(index);
        let message = LinkUnspec::new_with_index(index).down().build();
        self.change(&format!("take {old} down"), message).await;
        let message = LinkUnspec::new_with_index(index).name(new).build();
        self.change(&format!("rename {old} to {new}"), message).await;
    }

    /// What was done to an interface has to be done again: it went down.
    fn forget(&mut self, index: u32) {
        if let Some(applied) = self.state.applied.get_mut(&index) {
            applied.ways.clear();
            applied.addresses.retain(|address| address.ip.is_ipv4());
        }
    }

    /// Makes bonds, bridges and VLANs that are not there.
    async fn make(&mut self, plan: &Plan<'_>, seen: &[Seen]) {
        for wanted in &plan.wanted {
            let (info, kind) = match wanted.what {
                What::Card { .. } => continue,
                What::Bond(_) => (InfoKind::Bond, Kind::Bond),
                What::Bridge(_) => (InfoKind::Bridge, Kind::Bridge),
                What::Vlan { .. } => (InfoKind::Vlan, Kind::Vlan),
            };
            let found = seen.iter().find(|seen| seen.name == wanted.name);
            // The kernel makes a `bond0` of its own when it starts.
            let found = found.filter(|seen| seen.kind == kind && kind != Kind::Vlan);
            if self.index_of(wanted.name).is_some_and(|index| self.state.applied.contains_key(&index)) {
                continue;
            }
            if found.is_none() {
                let vlan = match wanted.what {
                    What::Vlan { id, base } => match self.index_of(base) {
                        Some(base) => Some((id, base)),
                        None => continue,
                    },
                    _ => None,
                };
                let done = kernel::make(&self.links.handle, wanted.name, info, vlan).await;
                if self.note(done).is_none() {
                    continue;
                }
            }
            self.tell_parameters(wanted, plan);
            if let Some(index) = self.index_of(wanted.name) {
                let applied = Applied { made: Made::of(wanted.what), ..Applied::default() };
                self.state.applied.insert(index, applied);
            }
        }
    }

    fn tell_parameters(&mut self, wanted: &Wanted<'_>, plan: &Plan<'_>) {
        let mut settings = match wanted.what {
            What::Bond(parameters) => parameters::bond(wanted.name, parameters),
            What::Bridge(parameters) => parameters::bridge(wanted.name, parameters),
            _ => return,
        };
        if let What::Bond(BondParameters { primary: Some(primary), .. }) = wanted.what {
            let member = plan.wanted.iter().find(|wanted| wanted.id == primary.as_str());
            let file = format!("/sys/class/net/{}/bonding/primary", wanted.name);
            settings.extend(member.map(|member| (file, member.name.to_owned())));
        }
        for setting in &settings {
            let done = parameters::write(setting);
            self.note(done);
        }
    }

    fn index_of(&self, name: &str) -> Option<u32> {
        let text = fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok()?;
        text.trim().parse().ok()
    }

    /// Brings one interface to what is wanted of it.
    async fn set_up(&mut self, wanted: &Wanted<'_>, seen: &Seen) {
        let applied = self.state.applied.entry(seen.index);
        let applied = applied.or_insert_with(|| Applied { mtu: seen.mtu, ..Applied::default() });
        if applied.mtu == 0 {
            applied.mtu = seen.mtu;
        }
        let old = std::mem::replace(&mut applied.link, wanted.link.clone());
        self.ipv6(wanted.name, &old, wanted.link);
        self.shape(wanted, seen, &old).await;
        self.wake(wanted, seen.index);
        self.addresses(wanted, seen).await;
        self.dhcp(wanted, seen).await;
    }

    fn ipv6(&mut self, name: &str, old: &Link, new: &Link) {
        for ((file, before, own), (_, now, _)) in parameters::ipv6(old).into_iter().zip(parameters::ipv6(new))
        {
            if before != now {
                let file = format!("/proc/sys/net/ipv6/conf/{name}/{file}");
                let done = parameters::write(&(file, now.unwrap_or_else(|| own.to_owned())));
                self.note(done);
            }
        }
    }

    /// MTU, hardware address, the bond or bridge that it is part of, up.
    async fn shape(&mut self, wanted: &Wanted<'_>, seen: &Seen, old: &Link) {
        let Some(applied) = self.state.applied.get(&seen.index) else { return };
        let mtu_before = applied.mtu;
        let controller = wanted.controller.and_then(|name| self.index_of(name));
        let moves = seen.controller != controller && (controller.is_some() || applied.controller);
        let mtu = wanted.link.mtu.map(|mtu| mtu.get()).or(old.mtu.map(|_| mtu_before));
        let mtu = mtu.filter(|mtu| *mtu != seen.mtu);
        // A bond gives its members its own.
        let mac = wanted.link.macaddress.or(seen.own_mac.filter(|_| old.macaddress.is_some()));
        let mac = mac.filter(|mac| seen.mac != Some(*mac) && controller.is_none());
        let down = seen.up && (moves || mac.is_some());
        let new = || LinkUnspec::new_with_index(seen.index);
        if down {
            self.forget(seen.index);
            self.change(&format!("take {} down", seen.name), new().down().build()).await;
        }
        if let Some(mtu) = mtu {
            self.change(&format!("set the MTU of {} to {mtu}", seen.name), new().mtu(mtu).build()).await;
        }
        if let Some(mac) = mac {
            let what = format!("set the hardware address of {}", seen.name);
            self.change(&what, new().address(mac.0.to_vec()).build()).await;
        }
        if moves {
            let message = controller.map_or_else(|| new().nocontroller(), |index| new().controller(index));
            let whose = wanted.controller.map(|name| format!("a part of {name}"));
            let whose = whose.unwrap_or_else(|| "independent".to_owned());
            self.change(&format!("make {} {whose}", seen.name), message.build()).await;
            self.tell_port(wanted);
        }
        if let Some(applied) = self.state.applied.get_mut(&seen.index) {
            applied.controller = controller.is_some();
        }
        if down || !seen.up {
            self.change(&format!("bring {} up", seen.name), new().up().build()).await;
        }
    }

    fn tell_port(&mut self, wanted: &Wanted<'_>) {
        let bridges = &self.network.bridges;
        let bridge = bridges.iter().find(|(name, _)| wanted.controller == Some(name.as_str()));
        let Some((_, bridge)) = bridge else { return };
        for setting in parameters::port(wanted.name, wanted.id, &bridge.parameters) {
            let done = parameters::write(&setting);
            self.note(done);
        }
    }

    fn wake(&mut self, wanted: &Wanted<'_>, index: u32) {
        let What::Card { wakeonlan, .. } = wanted.what else { return };
        let Some(applied) = self.state.applied.get_mut(&index) else { return };
        if std::mem::replace(&mut applied.wakes, wakeonlan) != wakeonlan {
            let done = wake::set(wanted.name, wakeonlan);
            self.note(done);
        }
    }

    /// Addresses and routes of the config. What cannot be set without a cable is tried again with one.
    async fn addresses(&mut self, wanted: &Wanted<'_>, seen: &Seen) {
        let index = seen.index;
        let handle = self.links.handle.clone();
        let Some(applied) = self.state.applied.get_mut(&index) else { return };
        let mut addresses = std::mem::take(&mut applied.addresses);
        let mut ways = std::mem::take(&mut applied.ways);
        let new_ways = ways::of_config(wanted.link);
        for way in leaving(&mut ways, &new_ways) {
            kernel::remove_way(&handle, index, &way).await;
        }
        let left = leaving(&mut addresses, &wanted.link.addresses);
        for address in &left {
            kernel::remove_address(&handle, index, *address).await;
        }
        if !left.is_empty() {
            // With an address the kernel removes the routes that need it.
            ways.clear();
        }
        for address in wanted
            .link
            .addresses
            .iter()
            .filter(|address| !addresses.contains(address))
            .copied()
            .collect::<Vec<_>>()
        {
            let done = kernel::add_address(&handle, index, address, None).await;
            if self.note(done).is_some() {
                addresses.push(address);
            }
        }
        for way in new_ways {
            if ways.contains(&way) {
                continue;
            }
            match kernel::add_way(&handle, index, &way).await {
                Ok(()) => ways.push(way),
                Err(_) if !seen.carrier => {}
                Err(fault) => self.problems.push(format!("{}: {fault}", wanted.name)),
            }
        }
        if let Some(applied) = self.state.applied.get_mut(&index) {
            (applied.addresses, applied.ways) = (addresses, ways);
        }
    }

    /// DHCP runs where it is wanted and there is a cable. The next cable may lead into another network: it begins anew.
    async fn dhcp(&mut self, wanted: &Wanted<'_>, seen: &Seen) {
        let link = wanted.link;
        let wants = link.dhcp4 && wanted.controller.is_none();
        let running = self.state.applied.get(&seen.index).and_then(|applied| applied.dhcp.as_ref());
        let client = seen.mac.map(|mac| Client {
            index: seen.index,
            name: wanted.name.to_owned(),
            mac: link.macaddress.unwrap_or(mac).0,
            overrides: link.dhcp4_overrides.clone(),
            identifier: link.dhcp_identifier,
        });
        let same = running.is_some_and(|(running, _)| Some(running) == client.as_ref());
        if running.is_some() && !(same && wants && seen.carrier) {
            if wants && !seen.carrier {
                tracing::warn!("{} lost its carrier", wanted.name);
            }
            self.stop_dhcp(seen.index);
        }
        if !wants {
            self.drop_lease(seen.index).await;
        } else if let Some(client) = client.filter(|_| seen.carrier) {
            let (machine, links) = (Rc::clone(self.machine), Rc::clone(self.links));
            if let Some(applied) =
                self.state.applied.get_mut(&seen.index).filter(|applied| applied.dhcp.is_none())
            {
                let task = spawn_local(dhcp::keep(machine, links, client.clone()));
                applied.dhcp = Some((client, task));
            }
        }
    }

    fn view(&self, wanted: &Wanted<'_>, seen: &Seen) -> View {
        let link = wanted.link;
        let speaks = link.dhcp4 || !link.addresses.is_empty();
        View {
            name: wanted.name.to_owned(),
            carrier: seen.carrier,
            needed: speaks && !link.optional && wanted.controller.is_none(),
            asks: link.dhcp4 && !link.optional_addresses.contains(&OptionalAddress::Dhcp4),
            leased: false,
        }
    }
}

/// What is had, but not wanted any more; the rest stays in `had`.
fn leaving<T: PartialEq + Clone>(had: &mut Vec<T>, wanted: &[T]) -> Vec<T> {
    let (stays, leaves) = std::mem::take(had).into_iter().partition(|item| wanted.contains(item));
    *had = stays;
    leaves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_wanted_leaves() {
        let cases: [(&[u8], &[u8], &[u8], &[u8]); 4] = [
            (&[], &[1], &[], &[]),
            (&[1, 2], &[2, 3], &[1], &[2]),
            (&[1, 2], &[1, 2], &[], &[1, 2]),
            (&[1, 2], &[], &[1, 2], &[]),
        ];
        for (had, wanted, leaves, stays) in cases {
            let mut had = had.to_vec();
            assert_eq!(leaving(&mut had, wanted), leaves);
            assert_eq!(had, stays);
        }
    }

    #[test]
    fn a_bond_with_other_parameters_is_made_anew() {
        let (slow, mut fast) = (BondParameters::default(), BondParameters::default());
        fast.min_links = "2".parse().ok();
        assert_eq!(Made::of(What::Bond(&slow)), Made::of(What::Bond(&BondParameters::default())));
        assert_ne!(Made::of(What::Bond(&slow)), Made::of(What::Bond(&fast)));
        assert_ne!(
            Made::of(What::Vlan { id: 5, base: "eth0" }),
            Made::of(What::Vlan { id: 5, base: "eth1" })
        );
        assert_eq!(Made::of(What::Card { index: 2, wakeonlan: true }), None);
    }
}
