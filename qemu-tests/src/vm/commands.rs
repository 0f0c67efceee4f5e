//! Commands in the guest.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};

use super::Vm;
use crate::{Output, Timeline, shell::Shell};

/// How long a command in the guest may take.
const COMMAND: Duration = Duration::from_secs(90);

impl Vm {
    /// Runs a command as root in the guest.
    pub fn run(&self, command: &str) -> Result<Output> {
        self.run_within(command, COMMAND)
    }

    /// Runs a command that may take `timeout`.
    pub fn run_within(&self, command: &str, timeout: Duration) -> Result<Output> {
        let mut shell = self.shell.borrow_mut();
        let attached = match shell.take() {
            Some(shell) => Ok(shell),
            None => Shell::attach(&self.folder.path().join("shell"), timeout.max(COMMAND)),
        };
        let shell = shell.insert(attached.map_err(|error| self.report(error))?);
        shell.run(command, timeout).map_err(|error| self.report(error))
    }

    /// Runs a command that must succeed and returns what it printed, trimmed.
    pub fn check(&self, command: &str) -> Result<String> {
        let output = self.run(command)?;
        if output.status != 0 {
            bail!(self.report(anyhow!("`{command}` failed with {}: {}", output.status, output.stdout)));
        }
        Ok(output.stdout.trim().to_owned())
    }

    /// Runs a command again and again until it succeeds, and returns what it printed, trimmed.
    pub fn eventually(&self, command: &str, timeout: Duration) -> Result<String> {
        let deadline = Instant::now() + timeout;
        loop {
            let output = self.run_within(command, timeout.max(COMMAND))?;
            if output.status == 0 {
                return Ok(output.stdout.trim().to_owned());
            }
            if Instant::now() >= deadline {
                let error = anyhow!("`{command}` still fails after {timeout:?}: {}", output.stdout);
                return Err(self.report(error));
            }
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// The pids of the processes whose arguments, joined by blanks, contain `text`.
    pub fn pids(&self, text: &str) -> Result<Vec<u32>> {
        let list = self.check("ps -o pid,args")?;
        let found = list.lines().filter(|line| line.contains(text));
        Ok(found.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect())
    }

    /// The boot timeline.
    pub fn boot_json(&self) -> Result<Timeline> {
        let text = self.check("cat /run/dockos/boot.json")?;
        serde_json::from_str(&text).with_context(|| format!("boot.json is not as agreed: {text}"))
    }
}
