//! One VM at a time: a lock file that serialises the VMs of all test threads and test programs.
//!
//! Two emulated machines on two processors make each other miss their deadlines. nextest's test group does the same
//! for its own runs; the lock also covers plain `cargo test`, and two terminals. Hence one test holds one VM at a time.

use std::fs::{File, create_dir_all};

use anyhow::{Context as _, Result, anyhow};
use nix::fcntl::{Flock, FlockArg};

use crate::paths;

/// Held while a VM runs; the kernel releases it whatever happens to the program.
#[derive(Debug)]
pub(crate) struct VmLock(#[expect(dead_code, reason = "held, never read")] Flock<File>);

impl VmLock {
    /// Waits until no other VM runs.
    pub(crate) fn acquire() -> Result<Self> {
        create_dir_all(paths::out())?;
        let path = paths::out().join("vm.lock");
        let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(Self(lock)),
            Err((file, _)) => file,
        };
        eprintln!("waiting for another DockOS VM to end ({})", path.display());
        let lock = Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, errno)| anyhow!("cannot lock {}: {errno}", path.display()))?;
        Ok(Self(lock))
    }
}
