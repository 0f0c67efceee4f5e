//! The machine's network: what `network:` of the config says, or without it DHCP on every wired card with a cable.
//!
//! [`seen`] lists the interfaces that are there, [`plan`] decides what is wanted of them, [`apply`] brings the machine
//! from the one to the other. That is done at boot, whenever the kernel tells of a change (a cable, a card), and for
//! another config; what is right already is left alone. The phase ends when each interface that the config needs and
//! that has a cable has its addresses; a cable that is plugged in later still gets them.

mod apply;
mod dhcp;
mod kernel;
mod parameters;
mod plan;
mod resolv;
mod seen;
mod settled;
mod wake;
mod ways;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use dockos_config::{Ethernet, Link, Match, Network};
use futures_util::StreamExt;
use rtnetlink::{Handle, LinkUnspec, MulticastGroup, new_multicast_connection};
use tokio::sync::{Mutex, watch};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout_at};

use apply::State;
use dhcp::Lease;
use resolv::Resolvers;
use settled::{Awaited, View, awaited};

use crate::machine::Machine;
use crate::phases::{Ended, Step};
use dockos_control::error::{Context, Fault, Result};

pub(crate) use resolv::RESOLV_CONF;

/// How long a cable that is plugged in may take to be noticed (auto-negotiation of gigabit copper: up to 4 s).
const CARRIER_BOUND: Duration = Duration::from_secs(5);
/// What is waited for first.
const CARRIER: &str = "a carrier on";
/// How long the phase waits for a lease; DHCP goes on after that.
const LEASE_BOUND: Duration = Duration::from_secs(15);
/// How long a bridge listens and learns by default, each.
const FORWARD_DELAY: Duration = Duration::from_secs(15);
/// Changes come in swarms: those of so long are looked at together.
const SWARM: Duration = Duration::from_millis(20);
/// Of all interfaces: with an address of a network that goes away the others of that network stay.
const PROMOTE: &str = "/proc/sys/net/ipv4/conf/all/promote_secondaries";

/// What the interfaces of the machine are at.
pub(crate) struct Links {
    handle: Handle,
    /// The network in force.
    network: RefCell<Rc<Network>>,
    /// Whether the config names no interface: then one with a lease will do.
    any: Cell<bool>,
    /// Held while the network is changed.
    state: Mutex<State>,
    views: RefCell<Vec<View>>,
    /// Entries that no card matches.
    missing: RefCell<Vec<String>>,
    resolved: RefCell<Vec<Resolved>>,
    leases: RefCell<BTreeMap<u32, Lease>>,
    /// The interface whose lease names the machine: the first one that got one. A second does not change it.
    first: Cell<Option<u32>>,
    /// Counted up whenever the kernel tells of a link.
    changed: watch::Sender<u64>,
    /// Counted up whenever something was done.
    done: watch::Sender<u64>,
    /// Problems that were told.
    told: RefCell<BTreeSet<String>>,
}

/// What an interface has to say of addresses and name servers.
struct Resolved {
    index: u32,
    name: String,
    addresses: Vec<String>,
    servers: Vec<IpAddr>,
    search: Vec<String>,
}

impl Resolved {
    fn new(index: u32, name: &str, link: &Link) -> Self {
        let servers = &link.nameservers;
        Self {
            index,
            name: name.to_owned(),
            addresses: link.addresses.iter().map(ToString::to_string).collect(),
            servers: servers.addresses.iter().map(|ip| ip.0).collect(),
            search: servers.search.iter().map(|domain| domain.as_str().to_owned()).collect(),
        }
    }
}

/// The phase. Where the config itself had to be fetched, the network is up already, and only follows the rest of it.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    if machine.links.get().is_some() {
        return reapply(machine).await;
    }
    let links = open(machine).await?;
    settle(machine, &links).await
}

/// Brings the network up before its phase. What fails is said, and the phase goes on with it.
pub(crate) async fn bring_up(machine: &Rc<Machine>) {
    if let Err(fault) = phase(machine).await {
        machine.problem(format!("network: {fault}"));
    }
}

async fn open(machine: &Rc<Machine>) -> Result<Rc<Links>> {
    let (connection, handle, mut messages) =
        new_multicast_connection(&[MulticastGroup::Link]).context(|| "open rtnetlink".to_owned())?;
    spawn_local(connection);
    if let Err(error) = fs::write(PROMOTE, "1") {
        tracing::debug!("set {PROMOTE}: {error}");
    }
    // The kernel's first interface is always the loopback.
    kernel::change(&handle, "bring lo up", LinkUnspec::new_with_index(1).up().build()).await?;
    let links = Rc::new(Links {
        handle,
        network: RefCell::default(),
        any: Cell::new(true),
        state: Mutex::default(),
        views: RefCell::default(),
        missing: RefCell::default(),
        resolved: RefCell::default(),
        leases: RefCell::default(),
        first: Cell::new(None),
        changed: watch::Sender::new(0),
        done: watch::Sender::new(0),
        told: RefCell::default(),
    });
    // The boot has one network phase.
    let _ = machine.links.set(Rc::clone(&links));
    links.set_network(&machine.config().network);
    let told = Rc::clone(&links);
    spawn_local(async move {
        while messages.next().await.is_some() {
            told.changed.send_modify(|count| *count += 1);
        }
    });
    spawn_local(follow(Rc::clone(machine), Rc::clone(&links)));
    // One that fails is tried again with the next change.
    machine.check(links.refresh(machine).await);
    Ok(links)
}

/// Brings the machine to the network of the config in force.
pub(crate) async fn reapply(machine: &Rc<Machine>) -> Ended {
    for lacking in reconfigure(machine, &machine.config().network).await? {
        machine.problem(format!("network: {lacking}"));
    }
    match machine.links.get() {
        Some(links) => settle(machine, links).await,
        None => Ok(Step::Skipped("not up yet".to_owned())),
    }
}

/// Brings the machine to another network, without touching what is the same in both. Returns what could not be had.
async fn reconfigure(machine: &Rc<Machine>, network: &Network) -> Result<Vec<String>> {
    let links = machine.links.get().ok_or_else(|| Fault::new("the network phase has not begun"))?;
    links.set_network(network);
    let network = Rc::clone(&links.network.borrow());
    let problems = apply::apply(machine, links, &network).await?;
    // Whoever asked is told, and nobody else.
    links.told.borrow_mut().extend(problems.iter().cloned());
    Ok(problems)
}

/// Looks again whenever something changed, for ever.
async fn follow(machine: Rc<Machine>, links: Rc<Links>) {
    let mut changed = links.changed.subscribe();
    changed.mark_changed();
    while changed.changed().await.is_ok() {
        sleep(SWARM).await;
        changed.mark_unchanged();
        if let Err(fault) = links.refresh(&machine).await {
            tracing::warn!("{fault}");
        }
    }
}

/// Waits until the network is as it is wanted, within bounds.
async fn settle(machine: &Machine, links: &Links) -> Ended {
    let any = links.any.get();
    if links.views.borrow().is_empty() && (any || links.missing.borrow().is_empty()) {
        return Ok(Step::Skipped("no wired NIC".to_owned()));
    }
    let carrier_bound = CARRIER_BOUND + listening(&links.network.borrow());
    links.wait(machine, CARRIER, carrier_bound, |awaited| awaited.carriers).await;
    let views = links.views.borrow().clone();
    let needed: Vec<&str> = views.iter().filter(|view| view.needed).map(|view| view.name.as_str()).collect();
    let missing = if any { String::new() } else { links.missing.borrow().join(", ") };
    if !views.iter().any(|view| view.carrier) && missing.is_empty() && !needed.is_empty() {
        return Ok(Step::Skipped(format!("no cable in {}", needed.join(", "))));
    }
    let silent = links.wait(machine, "DHCP on", LEASE_BOUND, |awaited| awaited.leases).await;
    match (missing.as_str(), silent) {
        ("", None) => Ok(Step::Done(machine.addresses.borrow().join(", "))),
        ("", Some(names)) => Err(Fault::new(format!("no DHCP server answered on {names}; asking goes on"))),
        (missing, None) => Err(Fault::new(format!("no card is what `network:` says of {missing}"))),
        (missing, Some(names)) => Err(Fault::new(format!(
            "no card is what `network:` says of {missing}; no DHCP server answered on {names}; asking goes on"
        ))),
    }
}

/// How long the slowest bridge forwards nothing.
fn listening(network: &Network) -> Duration {
    let bridges = network.bridges.values().map(|bridge| &bridge.parameters);
    let listens = bridges.filter(|parameters| parameters.stp != Some(false));
    let delays = listens.map(|parameters| parameters.forward_delay.map_or(FORWARD_DELAY, |s| s.duration()));
    delays.max().map_or(Duration::ZERO, |delay| delay * 2)
}

/// The network of a config that names no interface: DHCP on every card.
fn every_card() -> Network {
    let link = Link { dhcp4: true, ..Link::default() };
    let card = Ethernet { matching: Some(Match::default()), link, ..Ethernet::default() };
    let id = "wired".parse().ok();
    Network { ethernets: id.into_iter().map(|id| (id, card.clone())).collect(), ..Network::default() }
}

impl Links {
    fn set_network(&self, network: &Network) {
        self.any.set(network.is_empty());
        let network = if network.is_empty() { every_card() } else { network.clone() };
        self.network.replace(Rc::new(network));
        self.told.borrow_mut().clear();
    }

    /// Applies the network in force to what is there, and says what is new in what could not be had.
    async fn refresh(self: &Rc<Self>, machine: &Rc<Machine>) -> Result<()> {
        let network = Rc::clone(&self.network.borrow());
        for problem in apply::apply(machine, self, &network).await? {
            if self.told.borrow_mut().insert(problem.clone()) {
                machine.problem(format!("network: {problem}"));
            }
        }
        Ok(())
    }

    /// Whether this lease is the machine's first, or a later one of the same interface.
    fn first_lease(&self, index: u32) -> bool {
        if self.first.get().is_none() {
            self.first.set(Some(index));
        }
        self.first.get() == Some(index)
    }

    /// Brings what is derived up to date: the addresses on the screen, the name servers.
    fn tell(&self, machine: &Machine) {
        let (resolved, leases) = (self.resolved.borrow(), self.leases.borrow());
        if self.first.get().is_some_and(|first| !leases.contains_key(&first)) {
            self.first.set(leases.keys().next().copied());
        }
        for view in self.views.borrow_mut().iter_mut() {
            let lease = resolved.iter().find(|link| link.name == view.name);
            view.leased = lease.is_some_and(|link| leases.contains_key(&link.index));
        }
        let mut addresses = Vec::new();
        let mut resolvers = Resolvers::default();
        for link in resolved.iter() {
            let lease = leases.get(&link.index).map(|lease| lease.address.to_string());
            let all = link.addresses.iter().chain(&lease);
            addresses.extend(all.map(|address| format!("{address} on {}", link.name)));
            resolvers.add(link.servers.iter().copied(), link.search.iter().map(String::as_str));
        }
        // Where the config says nothing, a second card does not change what the first one said.
        let heard = |index: &u32| !self.any.get() || self.first.get() == Some(*index);
        for (_, lease) in leases.iter().filter(|(index, _)| heard(index)) {
            resolvers.add(lease.servers.iter().copied(), lease.search.iter().map(String::as_str));
        }
        resolvers.write();
        machine.addresses.replace(addresses);
        self.done.send_modify(|count| *count += 1);
    }

    /// Who is waited for; cards that are not there yet could have a carrier too.
    fn names(&self, what: &str, who: &impl for<'a> Fn(Awaited<'a>) -> Vec<&'a str>) -> String {
        let names = who(awaited(&self.views.borrow(), self.any.get())).join(", ");
        if names.is_empty() && what == CARRIER && !self.any.get() {
            return self.missing.borrow().join(", ");
        }
        names
    }

    /// Waits until nobody is named any more; returns who still is when the time is up.
    async fn wait(
        &self,
        machine: &Machine,
        what: &str,
        bound: Duration,
        who: impl for<'a> Fn(Awaited<'a>) -> Vec<&'a str>,
    ) -> Option<String> {
        let until = Instant::now() + bound;
        let mut done = self.done.subscribe();
        loop {
            let names = self.names(what, &who);
            if names.is_empty() {
                return None;
            }
            machine.waits_for("network", format!("{what} {names}"));
            if timeout_at(until, done.changed()).await.is_err() {
                return Some(names);
            }
        }
    }
}
