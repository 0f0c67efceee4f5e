//! A config on trial: in force for a while, and gone again unless somebody who can still reach the machine keeps it.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use dockos_config::{Layer, Source};
use tokio::task::{JoinHandle, spawn_local};

use crate::apply::{self, Applied};
use crate::machine::Machine;
use crate::write_files::Saved;
use dockos_control::error::{Context, Fault, Result};
use dockos_control::files;

use dockos_control::STATE_FILE;
use dockos_control::record::{self, Record, Which};

/// The trial that runs, if one does.
#[derive(Default)]
pub(crate) struct Trials(RefCell<Option<Trial>>);

struct Trial {
    /// What was in force before, to go back to.
    before: Option<Record>,
    /// Files that the tried config wrote over.
    saved: Vec<Saved>,
    /// The config file that is tried, to be kept.
    text: Option<String>,
    timer: JoinHandle<()>,
}

/// Puts a config in force for `bound`. One that is on trial already goes first.
pub(crate) async fn start(machine: &Rc<Machine>, record: Record, bound: Duration) -> Result<Applied> {
    if machine.trials.0.borrow().is_some() {
        revert(machine).await?;
    }
    let sources = record.sources()?;
    let text = sources.iter().find(|source| source.layer == Layer::StateFile).map(|file| file.text.clone());
    // The command checked it too; nothing is applied on its word.
    let loaded = dockos_config::load(sources).map_err(|report| Fault::new(report.to_string()))?;
    let before = Record::load(record::CURRENT)?;
    let saved = Saved::of(&loaded.config.write_files);
    tried(loaded.sources()).save(record::CURRENT)?;
    let waiting = Rc::clone(machine);
    let timer = spawn_local(async move {
        tokio::time::sleep(bound).await;
        tracing::warn!("config: nobody confirmed the tried config: back to the one before");
        if let Err(fault) = end(&waiting).await {
            waiting.problem(format!("config: go back: {fault}"));
        }
    });
    machine.trials.0.replace(Some(Trial { before, saved, text, timer }));
    Ok(apply::apply(machine, Some(loaded.config)).await)
}

fn tried(sources: &[Source]) -> Record {
    Record::new(Which::Tried, sources, &[])
}

/// Keeps the config on trial: its file becomes the state disk's. Says where.
pub(crate) fn confirm(machine: &Machine) -> Result<&'static str> {
    let Some(trial) = machine.trials.0.borrow_mut().take() else {
        return Err(Fault::new("no config is on trial"));
    };
    trial.timer.abort();
    if let Some(text) = &trial.text {
        files::write_durably(Path::new(STATE_FILE), text.as_bytes(), 0o600)?;
    }
    let Some(record) = Record::load(record::CURRENT)? else { return Ok(STATE_FILE) };
    Record::new(Which::Current, &record.sources()?, &[]).save(record::CURRENT)?;
    Ok(STATE_FILE)
}

/// Ends the trial now.
pub(crate) async fn revert(machine: &Rc<Machine>) -> Result<Applied> {
    if let Some(trial) = &*machine.trials.0.borrow() {
        trial.timer.abort();
    }
    end(machine).await
}

async fn end(machine: &Rc<Machine>) -> Result<Applied> {
    let Some(trial) = machine.trials.0.borrow_mut().take() else {
        return Err(Fault::new("no config is on trial"));
    };
    let mut config = None;
    if let Some(record) = &trial.before {
        let sources = record.sources()?;
        if record.which != Which::Defaults {
            let loaded = dockos_config::load(sources).map_err(|report| Fault::new(report.short()))?;
            config = Some(loaded.config);
        }
        record.save(record::CURRENT)?;
    }
    for file in trial.saved {
        machine.check(file.restore().context(|| "config: put a file back".to_owned()));
    }
    Ok(apply::apply(machine, config).await)
}
