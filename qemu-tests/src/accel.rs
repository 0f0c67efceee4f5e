//! KVM where guests really run under it, emulation everywhere else.

use std::{
    env, fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{paths, tool};

/// Longer than this no kernel needs on hardware that runs guests.
const PROBE: Duration = Duration::from_secs(5);

/// What executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accel {
    /// The processor.
    Kvm,
    /// QEMU's emulator.
    Tcg,
}

impl Accel {
    /// What `DOCKOS_ACCEL` asks for (`kvm`, `tcg`), or the best that works here. The answer is kept in `out/` until the
    /// host boots anew.
    pub fn choose(kernel: &Path) -> Result<Self> {
        match env::var("DOCKOS_ACCEL").as_deref() {
            Ok("kvm") => return Ok(Self::Kvm),
            Ok("tcg") => return Ok(Self::Tcg),
            Ok(other) => bail!("DOCKOS_ACCEL={other}: expected kvm or tcg"),
            Err(_) => {}
        }
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let cache = paths::out().join("accel");
        let cached = fs::read_to_string(&cache).unwrap_or_default();
        match cached.strip_prefix(&boot).map(str::trim) {
            Some("kvm") => return Ok(Self::Kvm),
            Some("tcg") => return Ok(Self::Tcg),
            _ => {}
        }
        let works =
            fs::File::options().read(true).write(true).open("/dev/kvm").is_ok() && runs_guests(kernel)?;
        let (accel, name) = if works { (Self::Kvm, "kvm") } else { (Self::Tcg, "tcg") };
        fs::write(&cache, format!("{boot}{name}\n"))
            .with_context(|| format!("cannot write {}", cache.display()))?;
        Ok(accel)
    }

    /// QEMU's arguments. QEMU 7.2's emulator corrupts flags around cmpxchg16b, hence `-cx16`.
    pub(crate) fn args(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Self::Tcg => ["-accel", "tcg,thread=multi", "-cpu", "max,-cx16"],
        }
    }
}

/// Boots the kernel under KVM with nothing to run: it must come as far as missing its root in a few seconds. A
/// `/dev/kvm` that opens says little: under some hypervisors the guest never executes an instruction.
fn runs_guests(kernel: &Path) -> Result<bool> {
    let mut qemu = tool("qemu-system-x86_64")
        .args([
            "-machine",
            "q35",
            "-m",
            "256",
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
            "-serial",
            "stdio",
        ])
        .args(Accel::Kvm.args())
        .args(["-append", "console=ttyS0 panic=-1", "-kernel"])
        .arg(PathBuf::from(kernel))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run qemu-system-x86_64")?;
    let output = qemu.stdout.take();
    let reader = thread::spawn(move || {
        let mut said = Vec::new();
        output.map(|mut pipe| pipe.read_to_end(&mut said));
        said
    });
    let deadline = Instant::now() + PROBE;
    while Instant::now() < deadline && qemu.try_wait()?.is_none() {
        thread::sleep(Duration::from_millis(50));
    }
    qemu.kill()?;
    qemu.wait()?;
    let said = reader.join().unwrap_or_default();
    Ok(String::from_utf8_lossy(&said).contains("Unable to mount root fs"))
}
