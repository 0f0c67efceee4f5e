//! QEMU's machine protocol: one JSON object per line over a unix socket.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// How a machine came to its end, as QEMU saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The guest switched itself off.
    PowerOff,
    /// The guest reset itself.
    Reset,
    /// Something else, in QEMU's word; `killed` when it said nothing.
    Other(String),
}

impl Stop {
    /// What DockOS says last on its consoles before an end of this kind.
    pub(crate) fn farewell(&self) -> Option<&'static str> {
        match self {
            Self::PowerOff => Some("dockos: power off"),
            Self::Reset => Some("dockos: reboot"),
            Self::Other(_) => None,
        }
    }
}

/// A connection to QEMU's monitor.
#[derive(Debug)]
pub struct Qmp {
    lines: BufReader<UnixStream>,
    stop: Option<Stop>,
}

impl Qmp {
    /// Connects to the monitor, which appears shortly after QEMU's start, and leaves negotiation mode.
    pub fn connect(socket: &Path, timeout: Duration) -> Result<Self> {
        let deadline = Instant::now() + timeout;
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() >= deadline => {
                    return Err(error).context("QEMU opened no monitor");
                }
                Err(_) => sleep(Duration::from_millis(20)),
            }
        };
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut qmp = Self { lines: BufReader::new(stream), stop: None };
        qmp.receive()?;
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Executes one command and returns its result.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(self.lines.get_mut(), "{request}")
            .with_context(|| format!("QMP {command}: QEMU is gone"))?;
        loop {
            let mut answer = self.receive().with_context(|| format!("QMP {command}"))?;
            if let Some(error) = answer.get("error") {
                bail!("QMP {command}: {error}");
            }
            if let Some(result) = answer.get_mut("return") {
                return Ok(result.take());
            }
        }
    }

    /// Presses the power button.
    pub fn powerdown(&mut self) -> Result<()> {
        self.execute("system_powerdown", json!({})).map(drop)
    }

    /// Presses the keys together, by their QEMU names (`ctrl`, `alt`, `delete`).
    pub fn press(&mut self, keys: &[&str]) -> Result<()> {
        let keys: Vec<_> = keys.iter().map(|key| json!({ "type": "qcode", "data": key })).collect();
        self.execute("send-key", json!({ "keys": keys })).map(drop)
    }

    /// Plugs or pulls the network cable.
    pub fn set_link(&mut self, up: bool) -> Result<()> {
        self.execute("set_link", json!({ "name": "nic", "up": up })).map(drop)
    }

    /// Saves the screen as PPM; the machine needs a display ([`crate::Machine::display`]).
    pub fn screendump(&mut self, file: &Path) -> Result<()> {
        self.execute("screendump", json!({ "filename": file })).map(drop)
    }

    /// How the machine stopped: reads what QEMU said until it closed the monitor.
    pub(crate) fn stop(&mut self) -> Stop {
        while self.receive().is_ok() {}
        self.stop.clone().unwrap_or_else(|| Stop::Other("killed".to_owned()))
    }

    fn receive(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            bail!("QEMU closed its monitor");
        }
        let message: Value = serde_json::from_str(&line).with_context(|| format!("QEMU said {line:?}"))?;
        if message["event"] == "SHUTDOWN" {
            self.stop = Some(match message["data"]["reason"].as_str() {
                Some("guest-shutdown") => Stop::PowerOff,
                Some("guest-reset") => Stop::Reset,
                other => Stop::Other(other.unwrap_or("unknown").to_owned()),
            });
        }
        Ok(message)
    }
}
