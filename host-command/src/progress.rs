//! How far something is, for whoever waits: one line that changes on a terminal, now and then a line elsewhere.

use std::{
    cell::Cell,
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

/// How often a terminal is told.
const OFTEN: Duration = Duration::from_millis(200);
/// How often a log is told.
const SELDOM: Duration = Duration::from_secs(10);

/// A step that takes time.
#[derive(Debug)]
pub(crate) struct Progress {
    what: String,
    terminal: bool,
    said: Cell<Instant>,
}

impl Progress {
    /// Nothing is said of what is done at once.
    pub(crate) fn start(what: &str) -> Self {
        Self { what: what.to_owned(), terminal: stderr().is_terminal(), said: Cell::new(Instant::now()) }
    }

    /// How much is done.
    pub(crate) fn percent(&self, percent: u64) {
        let pause = if self.terminal { OFTEN } else { SELDOM };
        if self.said.get().elapsed() < pause {
            return;
        }
        self.said.set(Instant::now());
        if self.terminal {
            eprint!("\r\x1b[K{}: {percent} %", self.what);
        } else {
            eprintln!("{}: {percent} %", self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
