//! From what is there to what is wanted. Each step looks first and leaves alone what is right already, so that it can be
//! taken again whenever a cable, a card or the config changes.

mod make;
mod release;
mod set_up;

use std::collections::BTreeMap;
use std::fs;
use std::rc::Rc;

use dockos_config::{BondParameters, BridgeParameters, Cidr, Link, Network};
use rtnetlink::LinkUnspec;
use rtnetlink::packet_route::link::LinkMessage;
use tokio::task::JoinHandle;

use super::dhcp::Client;
use super::plan::{Plan, What, plan};
use super::seen::{Kind, Seen, scan};
use super::ways::Way;
use super::{Links, Resolved, kernel};
use crate::machine::Machine;
use dockos_control::error::Result;

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
    /// It was brought up: if somebody takes it down later, it stays down.
    raised: bool,
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
    run.make(&plan).await;
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
            applied.raised = false;
            applied.ways.clear();
            applied.addresses.retain(|address| address.ip.is_ipv4());
        }
    }

    fn index_of(&self, name: &str) -> Option<u32> {
        let text = fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok()?;
        text.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
