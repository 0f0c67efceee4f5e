//! What one boot is measured for.

use std::{thread::sleep, time::Duration};

use anyhow::{Context as _, Result};
use dockos_config::parse_user_data;
use qemu_tests::{Disk, READY, Vm};

use crate::pc;

/// How long a ready machine is left alone before its memory is read.
const SETTLE: Duration = Duration::from_secs(30);

/// The machine that is measured: its config and the desktop whose start counts.
pub(crate) struct Subject {
    config: Vec<u8>,
    desktop: String,
}

/// The measurements of one boot: seconds since the kernel's start, bytes.
pub(crate) struct Sample {
    pub(crate) ready: f64,
    pub(crate) tenant: f64,
    pub(crate) pid1: f64,
    /// `MemTotal - MemAvailable`; the root image, which lies in RAM, is part of it.
    pub(crate) used: f64,
    /// `MemTotal - MemFree - Buffers - Cached - SReclaimable + Shmem`, as procps' `free` counts.
    pub(crate) used_by_free: f64,
}

impl Subject {
    /// The subject of a cloud-config with at least one desktop.
    pub(crate) fn new(name: &str, config: Vec<u8>) -> Result<Self> {
        let parsed = parse_user_data(name, &config)?;
        let desktop = parsed.dockos.desktops.first().context("the config has no desktop to measure")?;
        Ok(Self { desktop: desktop.name.to_string(), config })
    }

    /// Boots, measures, powers off.
    pub(crate) fn boot(&self, name: &str, disk: &Disk, memory: u32) -> Result<Sample> {
        let vm = pc(name).config(&self.config).disk(disk).memory(memory).start()?;
        let ready = vm.wait_ready(READY)?;
        let tenant = vm.boot_json()?.desktop_running(&self.desktop);
        let tenant = tenant.with_context(|| format!("boot.json has no mark for desktop {}", self.desktop))?;
        let state =
            vm.check(&format!("docker inspect -f '{{{{.State.Running}}}}' desktop-{}", self.desktop))?;
        anyhow::ensure!(state == "true", "the desktop {} does not run", self.desktop);
        let pid1 = kibibytes(&vm, "/proc/1/status", "VmRSS")?;
        sleep(SETTLE);
        let [total, available, free, buffers, cached, slab] =
            ["MemTotal", "MemAvailable", "MemFree", "Buffers", "Cached", "SReclaimable"]
                .map(|field| kibibytes(&vm, "/proc/meminfo", field));
        let (total, used_by_cache) =
            (total?, buffers? + cached? + slab? - kibibytes(&vm, "/proc/meminfo", "Shmem")?);
        let (used, used_by_free) = (total - available?, total - free? - used_by_cache);
        vm.poweroff()?;
        Ok(Sample { ready, tenant, pid1, used, used_by_free })
    }
}

/// The bare floor: the same kernel and root image, and a shell script that starts one engine and one container.
pub(crate) fn floor(name: &str) -> Result<f64> {
    const SIGN: &str = "FLOOR container running ";
    let vm = pc(name).initramfs("floor-initramfs").start()?;
    let line = vm.wait_for(SIGN, READY)?;
    vm.quit()?;
    let seconds =
        line.split_once(SIGN).map(|(_, rest)| rest.trim().trim_end_matches('s').trim().parse::<f64>());
    seconds
        .context("unreachable: the line holds the sign")?
        .with_context(|| format!("no seconds in {line:?}"))
}

/// A field of a /proc file that counts in KiB, in bytes.
fn kibibytes(vm: &Vm, file: &str, field: &str) -> Result<f64> {
    let value = vm.check(&format!("awk '/^{field}:/ {{print $2}}' {file}"))?;
    let value: f64 = value.parse().with_context(|| format!("{field} in {file} is {value:?}"))?;
    Ok(value * 1024.0)
}
