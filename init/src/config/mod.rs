//! The config: found, made of its files, and put in force. A bad one harms nothing.
//!
//! The phase `sources` gathers what is there before the state disk is, and takes from it where state is to be kept. The
//! phase `config` adds the state disk's files and what has to be fetched, and checks all of it before any of it is
//! applied. Where it has errors, the last good one is used; where there is none, the defaults.

mod fetch;
mod firmware;
mod media;
mod netboot;
mod sources;
pub(crate) mod trial;

use std::rc::Rc;
use std::time::Duration;

use dockos_config::{Config, Layer, Loaded, Report, Source};

use crate::blockdev::{self, BlockDevice};
use crate::clock::uptime;
use crate::machine::Machine;
use crate::phases::{Ended, Step};
use crate::spawn::Program;
use crate::{banner, commands};
use crate::{certificates, network};
use dockos_control::error::{Fault, Result};

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
    // A file that cannot be read may be the one that says what not to do.
    if gathered.is_sound() {
        machine.set_config(early(&gathered));
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
    let mut gathered = machine.gathered.take();
    sources::state(&mut gathered);
    let unfetched = fetch_rest(machine, &mut gathered).await.err();
    if let Some(fault) = unfetched.filter(|_| gathered.is_sound()) {
        return without_the_rest(machine, &gathered, &fault).await;
    }
    if !gathered.is_sound() {
        return fall_back(machine, &mut gathered).await;
    }
    match dockos_config::load(gathered.sources.clone()) {
        Ok(loaded) => {
            tell_warnings(&loaded.report);
            let note = describe(&gathered);
            put_in_force(machine, Record::new(Which::Current, loaded.sources(), &[]), Some(loaded));
            // A config of the command line alone is no word about what else is wanted.
            machine.config_found.set(gathered.sources.iter().any(|file| file.layer != Layer::CommandLine));
            machine.check(fetch::keep(&gathered.fetched));
            Ok(note)
        }
        Err(report) => {
            let record = |which, sources: &[Source]| Record::new(which, sources, &gathered.sources);
            fall_back_to(machine, &gathered, &report.to_string(), record).await
        }
    }
}

/// The config of what is known so far; `None` if it has errors.
fn early(gathered: &Gathered) -> Option<Rc<Config>> {
    dockos_config::load(gathered.sources.clone()).ok().map(|loaded| Rc::new(loaded.config))
}

/// Files that are no config at all, or cannot be read, make the whole bad, just as an error in one that is.
async fn fall_back(machine: &Rc<Machine>, gathered: &mut Gathered) -> Ended {
    let refused = std::mem::take(&mut gathered.refused);
    let failures: Vec<String> = gathered.failures.iter().map(Fault::to_string).collect();
    let texts = refused.iter().map(Report::to_string).chain(failures.iter().cloned());
    let why = texts.collect::<Vec<_>>().join("\n");
    let record = |which, sources: &[Source]| {
        Record::new(which, sources, &gathered.sources).with_faults(&refused, failures.clone())
    };
    fall_back_to(machine, gathered, &why, record).await
}

/// Where a part of the config cannot be fetched and no copy of it is there: the last good config as a whole, else what
/// the machine found itself, which may well be what it is reached by.
async fn without_the_rest(machine: &Rc<Machine>, gathered: &Gathered, fault: &Fault) -> Ended {
    let why = fault.to_string();
    let faults = |record: Record| record.with_faults(&[], vec![why.clone()]);
    machine.problem(format!("config: {why}"));
    let last_good = load_last_good().unwrap_or_default();
    let part = dockos_config::load(gathered.sources.clone());
    match (last_good, part) {
        (Some(loaded), _) => {
            let record = faults(Record::new(Which::LastGood, loaded.sources(), &gathered.sources));
            put_in_force(machine, record, Some(loaded));
            machine.config_found.set(true);
            tell(machine, gathered, &UNFETCHED_LAST_GOOD_BANNER, &why).await;
            Ok(Step::Done("not fetched: the last good config".to_owned()))
        }
        (None, Ok(loaded)) => {
            put_in_force(machine, faults(Record::new(Which::Part, loaded.sources(), &[])), Some(loaded));
            tell(machine, gathered, &UNFETCHED_BANNER, &why).await;
            Ok(Step::Done("not fetched: what the machine found itself".to_owned()))
        }
        (None, Err(report)) => {
            let record = |which, sources: &[Source]| faults(Record::new(which, sources, &gathered.sources));
            fall_back_to(machine, gathered, &report.to_string(), record).await
        }
    }
}

async fn fetch_rest(machine: &Rc<Machine>, gathered: &mut Gathered) -> Result<()> {
    if gathered.to_fetch.is_empty() {
        return Ok(());
    }
    // By what is known so far: a config that is fetched cannot say how to reach the server that it comes from.
    machine.set_config(early(gathered));
    certificates::apply(machine);
    machine.waits_for("config", "the network");
    network::bring_up(machine).await;
    sources::fetched(machine, gathered).await
}

/// The last good config, or the defaults, and a red banner that says why. `record` makes what is kept of this boot.
async fn fall_back_to(
    machine: &Rc<Machine>,
    gathered: &Gathered,
    why: &str,
    record: impl Fn(Which, &[Source]) -> Record,
) -> Ended {
    let last_good = load_last_good().unwrap_or_else(|fault| {
        machine.problem(format!("config: the last good one: {fault}"));
        None
    });
    let (headline, note) = match &last_good {
        Some(_) => (&LAST_GOOD_BANNER, "errors: the last good config"),
        None => (&DEFAULTS_BANNER, "errors: built-in defaults"),
    };
    match last_good {
        Some(loaded) => {
            put_in_force(machine, record(Which::LastGood, loaded.sources()), Some(loaded));
            machine.config_found.set(true);
        }
        None => put_in_force(machine, record(Which::Defaults, &[]), None),
    }
    machine.problem(format!("config: {}", first_line(why)));
    tell(machine, gathered, headline, why).await;
    Ok(Step::Done(note.to_owned()))
}

/// A red banner, in Chinese too for those who read it.
async fn tell(machine: &Rc<Machine>, gathered: &Gathered, headline: &Headline, why: &str) {
    banner::red(headline.english, &why);
    if speaks_chinese(&machine.config(), gathered) {
        banner::red(headline.chinese, &in_chinese(machine).await.unwrap_or_else(|_| why.to_owned()));
    }
}

/// A headline in both languages.
struct Headline {
    english: &'static str,
    chinese: &'static str,
}

const LAST_GOOD_BANNER: Headline = Headline {
    english: "The cloud-config has errors and is not used; the machine runs with its last good one.",
    chinese: "cloud-config 有错误，未被采用；本机正使用上一次正确的配置运行。",
};
const DEFAULTS_BANNER: Headline = Headline {
    english: "The cloud-config has errors and is not used; the machine runs with its defaults.",
    chinese: "cloud-config 有错误，未被采用；本机正使用默认配置运行。",
};

const UNFETCHED_LAST_GOOD_BANNER: Headline = Headline {
    english: "The config cannot be fetched; the machine runs with its last good one.",
    chinese: "无法获取配置；本机正使用上一次正确的配置运行。",
};
const UNFETCHED_BANNER: Headline = Headline {
    english: "The config cannot be fetched; the machine runs with what it found itself.",
    chinese: "无法获取配置；本机仅使用本地找到的配置运行。",
};

/// Whether whoever wrote the config reads Chinese: by the locale in force, or by that of the files, which have errors
/// and may not be YAML at all.
fn speaks_chinese(config: &Config, gathered: &Gathered) -> bool {
    let asks = |text: &str| text.lines().any(|line| line.starts_with("locale:") && line.contains("zh"));
    config.locale.as_ref().is_some_and(|locale| locale.as_str().starts_with("zh"))
        || gathered.sources.iter().any(|source| asks(&source.text) || source.text.contains("cc.locale=zh"))
}

/// What is wrong, in Chinese. The command has the translations: PID 1 carries none that it rarely needs.
async fn in_chinese(machine: &Rc<Machine>) -> Result<String> {
    let mut program = Program::new([crate::cli::CONFIG_COMMAND, "check"]);
    program.env.push("LANG=zh_CN.UTF-8".to_owned());
    commands::output_of(machine, "config", program, Duration::from_secs(10)).await
}

fn load_last_good() -> Result<Option<Loaded>> {
    let Some(record) = Record::load(record::LAST_GOOD)? else { return Ok(None) };
    let sources = record.sources()?;
    // It was good for the DockOS that wrote it; this one may be older or newer.
    dockos_config::load(sources).map(Some).map_err(|report| Fault::new(report.short()))
}

/// `None`: the defaults.
fn put_in_force(machine: &Machine, record: Record, loaded: Option<Loaded>) {
    machine.check(record.save(record::CURRENT));
    machine.set_config(loaded.map(|loaded| Rc::new(loaded.config)));
}

/// Keeps the config in force as the last good one, once the boot has shown that it is. Called at ready.
pub(crate) fn keep_as_good(machine: &Machine) -> Result<()> {
    if !machine.state_on_disk.get() || !machine.config_found.get() {
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
        found => Step::Done(found.join(", ")),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The medium that the machine was booted from is there: a slow one is waited for, as its config may be the only one.
const MEDIUM_UNTIL: f64 = 20.0;

/// The disks as soon as `enough` says so, or once no more can be expected.
pub(crate) async fn wait_for_disks(
    machine: &Machine,
    enough: impl Fn(&[BlockDevice]) -> bool,
) -> Vec<BlockDevice> {
    let mut changes = machine.disks.subscribe();
    loop {
        changes.mark_unchanged();
        let disks = blockdev::scan().await;
        let medium = machine.cmdline.medium.as_deref();
        let lacks_medium = medium.is_some_and(|label| !disks.iter().any(|disk| disk.label() == Some(label)));
        let until = match (blockdev::usb_disks_are_coming(), blockdev::has_usb()) {
            _ if lacks_medium => MEDIUM_UNTIL,
            (true, _) => USB_DISK_UNTIL,
            (false, true) => USB_UNTIL,
            (false, false) => 0.0,
        };
        let left = until - uptime();
        if (enough(&disks) && !lacks_medium) || left <= 0.0 {
            return disks;
        }
        // Looked at again twice a second: an interface may be announced before its disk is.
        let pause = Duration::from_secs_f64(left.min(0.5));
        let _ = tokio::time::timeout(pause, changes.changed()).await;
    }
}
