//! What the phases of the boot share.

use std::cell::{Cell, OnceCell, RefCell};
use std::fs::File;
use std::rc::Rc;

use dockos_config::{Cmdline, Config};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::blockdev::BlockDevice;
use crate::config::{Gathered, trial::Trials};
use crate::network::Links;
use crate::reaper::Reaper;
use crate::supervise::Stop;
use crate::timeline::{Outcome, Timeline};
use dockos_control::error::Fault;

/// The machine as PID 1 knows it. All on one thread.
pub(crate) struct Machine {
    pub(crate) cmdline: Cmdline,
    pub(crate) reaper: Rc<Reaper>,
    pub(crate) timeline: RefCell<Timeline>,
    /// The root image, open, until it is kept on the state disk or nobody will.
    pub(crate) root_image: RefCell<Option<File>>,
    /// The SHA-256 of the root image that was fetched, if it was.
    pub(crate) fetched_root: RefCell<Option<String>>,
    /// Who still reads the state disk, for a copy of the root image that nobody waits for any more.
    pub(crate) state_reader: RefCell<Option<JoinHandle<()>>>,
    /// The medium that the machine was booted from, and the one that an admin put beside.
    pub(crate) media: RefCell<Vec<BlockDevice>>,
    /// What keeps the machine from being what the config asks for, in the order of discovery.
    problems: RefCell<Vec<String>>,
    /// None: the defaults.
    config: RefCell<Option<Rc<Config>>>,
    /// The files of the config, between the phases `sources` and `config`.
    pub(crate) gathered: RefCell<Gathered>,
    /// The config on trial, if one is.
    pub(crate) trials: Trials,
    /// Where the DHCP server says that the config is.
    pub(crate) config_url: RefCell<Option<String>>,
    /// Whether a config was found: what it does not name is then not wanted.
    pub(crate) config_found: Cell<bool>,
    /// Thrown when the machine begins to go down.
    pub(crate) is_going_down: Cell<bool>,
    /// Whether state is kept on a disk.
    pub(crate) state_on_disk: Cell<bool>,
    /// Addresses and NICs, for the screen.
    pub(crate) addresses: RefCell<Vec<String>>,
    /// The interfaces, from the network phase on.
    pub(crate) links: OnceCell<Rc<Links>>,
    /// Counted up whenever a phase ends.
    pub(crate) progress: watch::Sender<u64>,
    /// Counted up whenever a disk comes or goes.
    pub(crate) disks: watch::Sender<u64>,
    /// Thrown once, when the boot has come to its end, well or not.
    pub(crate) booted: watch::Sender<bool>,
    /// Thrown once, when the machine goes down: nothing starts any more.
    pub(crate) stop: watch::Sender<bool>,
}

impl Machine {
    /// A machine about which nothing is known yet.
    pub(crate) fn new(cmdline: Cmdline, timeline: Timeline) -> Self {
        Self {
            cmdline,
            reaper: Rc::default(),
            timeline: RefCell::new(timeline),
            root_image: RefCell::default(),
            fetched_root: RefCell::default(),
            state_reader: RefCell::default(),
            media: RefCell::default(),
            problems: RefCell::default(),
            config: RefCell::default(),
            gathered: RefCell::default(),
            trials: Trials::default(),
            config_url: RefCell::default(),
            config_found: Cell::new(false),
            is_going_down: Cell::new(false),
            state_on_disk: Cell::new(false),
            addresses: RefCell::default(),
            links: OnceCell::new(),
            progress: watch::Sender::new(0),
            disks: watch::Sender::new(0),
            booted: watch::Sender::new(false),
            stop: watch::Sender::new(false),
        }
    }

    /// The config in force; the defaults until the config phase ended.
    pub(crate) fn config(&self) -> Rc<Config> {
        self.config.borrow().clone().unwrap_or_default()
    }

    /// Puts a config in force, or the defaults: what runs by the old one is not touched here.
    pub(crate) fn set_config(&self, config: Option<Rc<Config>>) {
        self.config.replace(config);
    }

    /// The switch that stops daemons.
    pub(crate) fn stop(&self) -> Stop {
        self.stop.subscribe()
    }

    /// Notes something that keeps the machine from what the config asks for, and says it on the consoles.
    pub(crate) fn problem(&self, what: impl Into<String>) {
        let what = what.into();
        tracing::error!("{what}");
        self.problems.borrow_mut().push(what);
    }

    /// Notes a failure as a problem.
    pub(crate) fn check(&self, result: Result<(), Fault>) {
        if let Err(fault) = result {
            self.problem(fault.to_string());
        }
    }

    /// Runs something and returns the problems that it noted, which then do not count for the machine any more.
    pub(crate) async fn problems_of(&self, work: impl Future<Output = ()>) -> Vec<String> {
        let before = self.problems.borrow().len();
        work.await;
        let mut problems = self.problems.borrow_mut();
        let from = before.min(problems.len());
        problems.split_off(from)
    }

    /// What is wrong, in a sentence; none when nothing is.
    pub(crate) fn degraded(&self) -> Option<String> {
        let problems = self.problems.borrow();
        (!problems.is_empty()).then(|| problems.join("; ").replace('\n', " "))
    }

    /// True when the phase did its work.
    pub(crate) fn went_well(&self, phase: &str) -> bool {
        self.timeline.borrow_mut().entry(phase).is_some_and(|entry| entry.result == Outcome::Ok)
    }

    /// Notes a moment in the timeline.
    pub(crate) fn mark(&self, name: impl Into<String>) {
        self.timeline.borrow_mut().mark(name);
    }

    /// Says what a phase waits for; shown while it takes long.
    pub(crate) fn waits_for(&self, phase: &str, what: impl Into<String>) {
        if let Some(entry) = self.timeline.borrow_mut().entry(phase) {
            entry.note = what.into();
        }
    }
}
