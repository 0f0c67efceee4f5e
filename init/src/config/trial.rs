//! A config on trial: in force for a while, and gone again unless somebody who can still reach the machine keeps it.
//!
//! Nothing that a trial does is lost work: desktops that are there are not touched until it is confirmed, files and kernel
//! settings are put back, and the state disk's file is written only then.

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use dockos_config::{Config, Layer};
use dockos_control::STATE_FILE;
use dockos_control::error::{Context, Fault, Result};
use dockos_control::files;
use dockos_control::record::{self, Record, Which};
use nix::unistd::{gethostname, sethostname};
use tokio::sync::Mutex;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use crate::apply::{self, Applied, Mode};
use crate::machine::Machine;
use crate::write_files::Saved;

/// Trials of this boot.
#[derive(Default)]
pub(crate) struct Trials {
    now: RefCell<Option<Trial>>,
    /// How many there were: what waits for the end of one does not end another.
    count: Cell<u64>,
    /// Held while anything is changed: a trial does not end while it begins.
    busy: Mutex<()>,
}

/// The trial that runs.
struct Trial {
    number: u64,
    /// What was in force before, to go back to.
    before: Rc<Config>,
    record: Option<Record>,
    /// What the tried config wrote over.
    saved: Vec<Saved>,
    settings: Vec<(String, Vec<u8>)>,
    /// The machine's name, which the network may have given.
    name: OsString,
    /// The config file that is tried, to be kept.
    text: String,
}

/// Puts a config in force for `bound`, counted from when it is applied. One that is on trial already goes first.
pub(crate) async fn start(machine: &Rc<Machine>, record: Record, bound: Duration) -> Result<Applied> {
    let _busy = machine.trials.busy.lock().await;
    refuse_when_going_down(machine)?;
    if machine.trials.now.borrow().is_some() {
        end(machine).await?;
    }
    let sources = record.sources()?;
    let text = sources.iter().find(|source| source.layer == Layer::StateFile).map(|file| file.text.clone());
    let text = text.ok_or_else(|| Fault::new("there is no file to be tried"))?;
    // The command checked it too; nothing is applied on its word.
    let loaded = dockos_config::load(sources).map_err(|report| Fault::new(report.to_string()))?;
    let (new, old) = (Rc::new(loaded.config), machine.config());
    let number = machine.trials.count.get() + 1;
    machine.trials.count.set(number);
    let trial = Trial {
        number,
        saved: Saved::of(new.write_files.iter().filter(|file| !old.write_files.contains(file)))?,
        settings: settings(&new),
        name: gethostname().unwrap_or_default(),
        before: old,
        record: Record::load(record::CURRENT)?,
        text,
    };
    record.save(record::CURRENT)?;
    machine.trials.now.replace(Some(trial));
    match timeout(bound, apply::apply(machine, new, Mode::Try)).await {
        Ok(applied) => {
            spawn_local(go_back_after(Rc::clone(machine), bound, number));
            Ok(applied)
        }
        Err(_) => {
            end(machine).await?;
            let seconds = bound.as_secs();
            Err(Fault::new(format!(
                "it was not applied within {seconds} s: the config before is in force again"
            )))
        }
    }
}

async fn go_back_after(machine: Rc<Machine>, bound: Duration, number: u64) {
    sleep(bound).await;
    let _busy = machine.trials.busy.lock().await;
    let same = machine.trials.now.borrow().as_ref().is_some_and(|trial| trial.number == number);
    if same && !machine.is_going_down.get() {
        tracing::warn!("config: nobody confirmed the tried config: back to the one before");
        let _ = end(&machine).await;
    }
}

/// Keeps the config on trial: its file becomes the state disk's, and what waited for this is done.
pub(crate) async fn confirm(machine: &Rc<Machine>) -> Result<Applied> {
    let _busy = machine.trials.busy.lock().await;
    refuse_when_going_down(machine)?;
    let (text, before) = match &*machine.trials.now.borrow() {
        Some(trial) => (trial.text.clone(), Rc::clone(&trial.before)),
        None => return Err(none()),
    };
    files::write_durably(Path::new(STATE_FILE), text.as_bytes(), 0o600)?;
    if let Some(record) = Record::load(record::CURRENT)? {
        Record::new(Which::Current, &record.sources()?, &[]).save(record::CURRENT)?;
    }
    machine.trials.now.take();
    machine.config_found.set(true);
    Ok(apply::finish(machine, &before).await)
}

/// Ends the trial now.
pub(crate) async fn revert(machine: &Rc<Machine>) -> Result<Applied> {
    let _busy = machine.trials.busy.lock().await;
    end(machine).await
}

/// Goes back. What cannot be put back is a problem that is named; the rest is.
async fn end(machine: &Rc<Machine>) -> Result<Applied> {
    let trial = machine.trials.now.borrow_mut().take().ok_or_else(none)?;
    if let Some(record) = &trial.record {
        machine.check(record.save(record::CURRENT));
    }
    for file in trial.saved {
        machine.check(file.restore().context(|| "config: put a file back".to_owned()));
    }
    machine.check(sethostname(&trial.name).context(|| "put the host name back".to_owned()));
    for (path, value) in &trial.settings {
        machine.check(fs::write(path, value).context(|| format!("put {path} back")));
    }
    Ok(apply::apply(machine, trial.before, Mode::Revert).await)
}

fn none() -> Fault {
    Fault::new("no config is on trial")
}

fn refuse_when_going_down(machine: &Machine) -> Result<()> {
    if machine.is_going_down.get() { Err(Fault::new("the machine is going down")) } else { Ok(()) }
}

/// The kernel's settings that a config will change, as they are.
fn settings(config: &Config) -> Vec<(String, Vec<u8>)> {
    let paths = config.dockos.sysctl.keys().map(|name| format!("/proc/sys/{}", name.path()));
    paths.filter_map(|path| fs::read(&path).ok().map(|value| (path, value))).collect()
}
