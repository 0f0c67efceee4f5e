//! The network phase: every wired NIC up, DHCP on those with a carrier, and the lease kept for as long as the machine runs.
//!
//! The phase ends with the first lease; a cable that is plugged in later still gets one.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use rtnetlink::{Handle, LinkUnspec, MulticastGroup, new_multicast_connection};
use tokio::sync::watch;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout_at};

use crate::dhcp;
use crate::error::{Context, Fault, Result};
use crate::machine::Machine;
use crate::phases::{Ended, Step};

/// How long a cable that is plugged in may take to be noticed (auto-negotiation of gigabit copper: up to 4 s).
const CARRIER_BOUND: Duration = Duration::from_secs(5);
/// How long the phase waits for a lease; DHCP goes on after that.
const LEASE_BOUND: Duration = Duration::from_secs(15);
/// ARPHRD_ETHER of linux/if_arp.h.
const ETHERNET: &str = "1";

/// What the NICs of the machine are at.
pub(crate) struct Links {
    pub(crate) handle: Handle,
    /// NICs that DHCP runs on.
    busy: RefCell<HashSet<String>>,
    /// True from the first carrier on.
    carrier: watch::Sender<bool>,
    /// The first lease, as text.
    leased: watch::Sender<Option<String>>,
    /// The NIC whose lease names the machine's servers: the first one that got one. A second NIC does not change them.
    pub(crate) dns_of: Cell<Option<u32>>,
    /// Counted up whenever the kernel tells of a link.
    changed: watch::Sender<u64>,
}

/// The phase.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    let (connection, handle, mut messages) =
        new_multicast_connection(&[MulticastGroup::Link]).context(|| "open rtnetlink".to_owned())?;
    spawn_local(connection);
    set_up(&handle, "lo").await?;
    let links = Rc::new(Links {
        handle,
        busy: RefCell::default(),
        carrier: watch::Sender::new(false),
        leased: watch::Sender::new(None),
        dns_of: Cell::new(None),
        changed: watch::Sender::new(0),
    });
    let nics = wired_nics();
    for nic in &nics {
        machine.check(set_up(&links.handle, nic).await);
    }
    look_at_all(machine, &links);
    let (watcher, watched) = (Rc::clone(machine), Rc::clone(&links));
    spawn_local(async move {
        while messages.next().await.is_some() {
            watched.changed.send_modify(|count| *count += 1);
            look_at_all(&watcher, &watched);
        }
    });
    if nics.is_empty() {
        return Ok(Step::Skipped("no wired NIC".to_owned()));
    }
    first_lease(machine, &links, &nics).await
}

/// Brings the network up before its phase, where the config itself has to be fetched.
pub(crate) async fn bring_up(machine: &Rc<Machine>) {
    if let Err(fault) = phase(machine).await {
        machine.problem(format!("network: {fault}"));
    }
}

async fn first_lease(machine: &Machine, links: &Links, nics: &[String]) -> Ended {
    let names = nics.join(", ");
    machine.waits_for("network", format!("a carrier on {names}"));
    let mut carrier = links.carrier.subscribe();
    if timeout_at(Instant::now() + CARRIER_BOUND, carrier.wait_for(|any| *any)).await.is_err() {
        return Ok(Step::Skipped(format!("no cable in {names}")));
    }
    machine.waits_for("network", format!("DHCP on {names}"));
    let mut leased = links.leased.subscribe();
    let lease = timeout_at(Instant::now() + LEASE_BOUND, leased.wait_for(Option::is_some)).await;
    match lease.ok().and_then(std::result::Result::ok).and_then(|lease| lease.clone()) {
        Some(lease) => Ok(Step::Done(lease)),
        None => Err(Fault::new(format!("no DHCP server answered on {names}; asking goes on"))),
    }
}

/// Starts DHCP on every wired NIC that has a carrier and none running. New NICs are brought up first.
fn look_at_all(machine: &Rc<Machine>, links: &Rc<Links>) {
    for nic in wired_nics() {
        if links.busy.borrow().contains(&nic) {
            continue;
        }
        if !has_carrier(&nic) {
            continue;
        }
        links.busy.borrow_mut().insert(nic.clone());
        links.carrier.send_replace(true);
        spawn_local(keep_lease(Rc::clone(machine), Rc::clone(links), nic));
    }
}

/// Asks for a lease for ever, with a pause after a failure; ends with the NIC or its carrier, and so begins anew with
/// the next cable, which may lead into another network.
async fn keep_lease(machine: Rc<Machine>, links: Rc<Links>, nic: String) {
    let mut changed = links.changed.subscribe();
    let lost = async {
        while has_carrier(&nic) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    };
    let kept = async {
        loop {
            let tell = |lease: &str| drop(links.leased.send_replace(Some(lease.to_owned())));
            if let Err(fault) = dhcp::run(&machine, &links, &nic, tell).await {
                tracing::warn!("{fault}");
            }
            sleep(Duration::from_secs(5)).await;
        }
    };
    tokio::select! {
        () = lost => tracing::warn!("{nic} lost its carrier"),
        () = kept => {}
    }
    links.busy.borrow_mut().remove(&nic);
}

/// Real Ethernet NICs: bridges, veths and tunnels have no device behind them, wireless ones have a `wireless` folder.
fn wired_nics() -> Vec<String> {
    let entries = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| is_wired(&entry.path()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn is_wired(sysfs: &Path) -> bool {
    let kind = fs::read_to_string(sysfs.join("type")).unwrap_or_default();
    kind.trim() == ETHERNET && sysfs.join("device").exists() && !sysfs.join("wireless").exists()
}

fn has_carrier(nic: &str) -> bool {
    fs::read_to_string(format!("/sys/class/net/{nic}/carrier")).is_ok_and(|text| text.trim() == "1")
}

/// The kernel's number of a NIC.
pub(crate) fn index_of(nic: &str) -> Result<u32> {
    let path = format!("/sys/class/net/{nic}/ifindex");
    let text = fs::read_to_string(&path).context(|| format!("read {path}"))?;
    text.trim().parse().context(|| path)
}

async fn set_up(handle: &Handle, nic: &str) -> Result<()> {
    let index = index_of(nic)?;
    let message = LinkUnspec::new_with_index(index).up().build();
    handle.link().set(message).execute().await.context(|| format!("bring {nic} up"))
}
