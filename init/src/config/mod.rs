//! The config: found, made of its files, and put in force. A bad one harms nothing.
//!
//! The phase `sources` gathers what is there before the state disk is, and takes from it where state is to be kept. The
//! phase `config` adds the state disk's files and what has to be fetched, and checks all of it before any of it is
//! applied. Where it has errors, the last good one is used; where there is none, the defaults.

mod fetch;
mod firmware;
mod media;
mod sources;
pub(crate) mod trial;

use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use dockos_config::{Loaded, Report, Source};

use crate::banner;
use crate::blockdev::{self, BlockDevice};
use crate::clock::uptime;
use crate::machine::Machine;
use crate::phases::{Ended, Step};
use crate::{certificates, network};
use dockos_control::error::Result;

use dockos_control::record::{self, Record, Which};
pub(crate) use sources::Gathered;

/// With USB on board, disks may turn up until so many seconds after the kernel's start.
const USB_UNTIL: f64 = 4.0;
/// A USB disk that was announced gets until then to spin up.
const USB_DISK_UNTIL: f64 = 12.0;

/// The phase before the state disk.
pub(crate) async fn sources_phase(machine: &Rc<Machine>) -> Ended {
    for word in &machine.cmdline.unknown {
        tracing::warn!("kernel command line: unknown word {word}");
    }
    let gathered = sources::local(machine).await;
    // Only for the phase `state`; what is wrong is said by the phase `config`, about the whole.
    if let Ok(loaded) = dockos_config::load(gathered.sources.clone()) {
        machine.set_config(Some(loaded.config));
    }
    let note = gathered.found.join(", ");
    machine.gathered.replace(gathered);
    match note.is_empty() {
        true => Ok(Step::Skipped("no config disk".to_owned())),
        false => Ok(Step::Done(note)),
    }
}

/// The phase after it.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    choose(machine).await
}

async fn choose(machine: &Rc<Machine>) -> Ended {
    let mut gathered = machine.gathered.take();
    sources::state(&mut gathered);
    let fetched = fetch_rest(machine, &mut gathered).await;
    let why_not = match fetched {
        Err(fault) => Some(fault.to_string()),
        Ok(()) => refused(&gathered),
    };
    let attempt = match why_not {
        Some(why) => Err(why),
        None => dockos_config::load(gathered.sources.clone()).map_err(|report| report.to_string()),
    };
    match attempt {
        Ok(loaded) => {
            tell_warnings(&loaded.report);
            let note = describe(&gathered);
            put_in_force(machine, Which::Current, loaded, &[]);
            Ok(note)
        }
        Err(why) => fall_back(machine, &gathered, &why),
    }
}

/// Files that are no config at all make the whole bad, just as an error in one that is.
fn refused(gathered: &Gathered) -> Option<String> {
    let texts: Vec<String> = gathered.refused.iter().map(Report::to_string).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

async fn fetch_rest(machine: &Rc<Machine>, gathered: &mut Gathered) -> Result<()> {
    if gathered.to_fetch.is_empty() {
        return Ok(());
    }
    // By what is known so far: a config that is fetched cannot say how to reach the server that it comes from.
    let early = dockos_config::load(gathered.sources.clone()).map(|loaded| loaded.config).ok();
    machine.set_config(early);
    certificates::apply(machine);
    machine.waits_for("config", "the network");
    network::bring_up(machine).await;
    sources::fetched(machine, gathered).await
}

/// The last good config, or the defaults, and a red banner that says why.
fn fall_back(machine: &Machine, gathered: &Gathered, why: &str) -> Ended {
    let last_good = load_last_good().unwrap_or_else(|fault| {
        machine.problem(format!("config: the last good one: {fault}"));
        None
    });
    let (headline, note) = match &last_good {
        Some(_) => (
            "The cloud-config has errors and is not used; the machine runs with its last good one.",
            "errors: the last good config",
        ),
        None => (
            "The cloud-config has errors and is not used; the machine runs with its defaults.",
            "errors: built-in defaults",
        ),
    };
    banner::red(headline, &why);
    machine.problem(format!("config: {}", first_line(why)));
    match last_good {
        Some(loaded) => put_in_force(machine, Which::LastGood, loaded, &gathered.sources),
        None => {
            machine.set_config(None);
            machine.check(Record::new(Which::Defaults, &[], &gathered.sources).save(record::CURRENT));
        }
    }
    Ok(Step::Done(note.to_owned()))
}

fn load_last_good() -> Result<Option<Loaded>> {
    let Some(record) = Record::load(record::LAST_GOOD)? else { return Ok(None) };
    let sources = record.sources()?;
    // It was good for the DockOS that wrote it; this one may be older or newer.
    dockos_config::load(sources).map(Some).map_err(|report| dockos_control::error::Fault::new(report.short()))
}

fn put_in_force(machine: &Machine, which: Which, loaded: Loaded, rejected: &[Source]) {
    machine.check(Record::new(which, loaded.sources(), rejected).save(record::CURRENT));
    machine.set_config(Some(loaded.config));
}

/// Keeps the config in force as the last good one, once the boot has shown that it is. Called at ready.
pub(crate) fn keep_as_good(machine: &Machine) -> Result<()> {
    if !machine.state_on_disk.get() || !machine.has_config() {
        return Ok(());
    }
    match Record::load(record::CURRENT)? {
        Some(record) if record.which == Which::Current => record.save(record::LAST_GOOD),
        _ => Ok(()),
    }
}

fn tell_warnings(report: &Report) {
    for warning in &report.diagnostics {
        tracing::warn!("{}", warning.short());
    }
}

fn describe(gathered: &Gathered) -> Step {
    match gathered.found.as_slice() {
        [] => Step::Skipped("none found: built-in defaults".to_owned()),
        found => {
            let mut note = String::new();
            for (i, place) in found.iter().enumerate() {
                let _ = write!(note, "{}{place}", if i == 0 { "" } else { ", " });
            }
            Step::Done(note)
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The disks as soon as `enough` says so, or once no more can be expected.
pub(crate) async fn wait_for_disks(
    machine: &Machine,
    enough: impl Fn(&[BlockDevice]) -> bool,
) -> Vec<BlockDevice> {
    let mut changes = machine.disks.subscribe();
    loop {
        changes.mark_unchanged();
        let disks = blockdev::scan().await;
        let until = match (blockdev::usb_disks_are_coming(), blockdev::has_usb()) {
            (true, _) => USB_DISK_UNTIL,
            (false, true) => USB_UNTIL,
            (false, false) => 0.0,
        };
        let left = until - uptime();
        if enough(&disks) || left <= 0.0 {
            return disks;
        }
        // Looked at again twice a second: an interface may be announced before its disk is.
        let pause = Duration::from_secs_f64(left.min(0.5));
        let _ = tokio::time::timeout(pause, changes.changed()).await;
    }
}
