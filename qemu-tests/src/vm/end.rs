//! The ways a machine ends.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, ensure};
use serde_json::json;

use super::Vm;
use crate::{Stop, patterns::failure};

/// How long an orderly end may take.
const SHUTDOWN: Duration = Duration::from_secs(90);

impl Vm {
    /// Switches the machine off by its own `poweroff`, waits for its end and looks the console through.
    pub fn poweroff(self) -> Result<()> {
        self.check("true")?;
        if let Some(shell) = self.shell.borrow_mut().as_mut() {
            shell.send("poweroff\n")?;
        }
        self.stopped(&Stop::PowerOff)
    }

    /// Waits until the machine ends by itself, in the way expected, and looks the console through.
    pub fn stopped(mut self, expected: &Stop) -> Result<()> {
        let deadline = Instant::now() + SHUTDOWN;
        while self.child.try_wait()?.is_none() {
            ensure!(
                Instant::now() < deadline,
                self.report(anyhow!("the machine did not stop in {SHUTDOWN:?} after it was told to"))
            );
            thread::sleep(Duration::from_millis(50));
        }
        self.console.finish()?;
        let stop = self.qmp.get_mut().stop();
        ensure!(
            stop == *expected,
            self.report(anyhow!("the machine ended by {stop:?}, expected {expected:?}"))
        );
        if let Some(farewell) = expected.farewell() {
            ensure!(
                self.console.contains(farewell),
                self.report(anyhow!("it ended without the line `{farewell}`"))
            );
        }
        self.conclude()
    }

    /// Cuts the power: QEMU dies at once.
    pub fn power_cut(mut self) -> Result<()> {
        self.child.kill()?;
        self.conclude()
    }

    /// Ends QEMU by its monitor, without the guest knowing, and looks the console through.
    pub fn quit(mut self) -> Result<()> {
        self.qmp.get_mut().execute("quit", json!({}))?;
        self.conclude()
    }

    /// Reaps QEMU, completes the log, and fails when the console shows trouble.
    fn conclude(mut self) -> Result<()> {
        self.child.wait()?;
        self.console.finish()?;
        let lines = self.console.lines();
        let found: Vec<_> =
            lines.iter().filter(|line| failure(&line.text, &self.machine.allowed).is_some()).collect();
        if let Some(first) = found.first() {
            let error =
                anyhow!("the console shows {} sign(s) of trouble, first: {}", found.len(), first.text);
            return Err(self.report(error));
        }
        self.ended = true;
        Ok(())
    }
}
