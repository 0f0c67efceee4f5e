//! QEMU's user-mode network as a guest of a segment: the DHCP server, name server and way out that a room has anyway.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use tempfile::NamedTempFile;

use super::{Segment, lock};
use crate::{boot::escaped, tool, vm::spawn};

/// A process that plays a network, until it is dropped.
#[derive(Debug)]
pub struct Uplink(Child);

impl Segment {
    /// Wires QEMU's user-mode network to the segment, as the machine `uplink`. `options` are those of `-netdev user`,
    /// such as `net=10.0.0.0/24,dhcpstart=10.0.0.50`; the host is its `.2`, the name server its `.3`.
    pub fn uplink(&self, options: &str) -> Result<Uplink> {
        let (port, socket) = self.add_port("uplink")?;
        let said = NamedTempFile::new()?;
        let mut qemu = tool("qemu-system-x86_64");
        qemu.args(["-machine", "none", "-nodefaults", "-no-user-config", "-display", "none"])
            .args(["-netdev", &format!("user,id=user,{options}")])
            .args(["-netdev", "hubport,id=user-end,hubid=0,netdev=user"])
            .args(["-netdev"])
            .arg(format!("stream,id=wire,server=off,addr.type=unix,addr.path={}", escaped(&socket)))
            .args(["-netdev", "hubport,id=wire-end,hubid=0,netdev=wire"])
            .args(["-qmp", "stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said.reopen()?);
        let mut uplink = Uplink(spawn(&mut qemu)?);
        // It connects before it looks at the rest of its options. Its monitor greets when it has started.
        let mut greeting = String::new();
        let output = uplink.0.stdout.take().context("QEMU has no output")?;
        BufReader::new(output).read_line(&mut greeting)?;
        let why = || {
            let said = fs::read_to_string(said.path()).unwrap_or_default();
            anyhow!("QEMU's user-mode network did not start: {}", said.trim())
        };
        ensure!(!greeting.is_empty(), why());
        let deadline = Instant::now() + Duration::from_secs(10);
        while !lock(&self.0.switch).is_connected(port) {
            ensure!(Instant::now() <= deadline, why());
            sleep(Duration::from_millis(20));
        }
        Ok(uplink)
    }
}

impl Drop for Uplink {
    fn drop(&mut self) {
        // Whatever fails here, there is nothing left that could be done about it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_and_says_why_not() {
        let segment = Segment::new().unwrap();
        let uplink = segment.uplink("net=10.0.0.0/24,dhcpstart=10.0.0.50").unwrap();
        segment.unplug("uplink").unwrap();
        drop(uplink);
        let error = segment.uplink("net=nonsense").unwrap_err().to_string();
        assert!(error.contains("nonsense"), "{error}");
    }
}
