//! As many VMs at a time as processors: lock files, which all test threads and test programs share.
//!
//! Machines of one processor on as many of the host's keep out of each other's way: two boots on two are done in the time of
//! one; more make each other miss their deadlines. nextest's test group does the same for its own runs, and lets tests run
//! alone that measure or need several processors; the lock also covers plain `cargo test`, and two terminals. Hence one test
//! holds one VM at a time, or one room of them.

use std::{
    fs::{File, create_dir_all},
    path::PathBuf,
    thread::available_parallelism,
};

use anyhow::{Context as _, Result, anyhow};
use nix::fcntl::{Flock, FlockArg};

use crate::paths;

/// Held while a VM runs; the kernel releases it whatever happens to the program.
#[derive(Debug)]
pub(crate) struct VmLock(#[expect(dead_code, reason = "held, never read")] Flock<File>);

impl VmLock {
    /// Waits until there is a place for one more VM.
    pub(crate) fn acquire() -> Result<Self> {
        create_dir_all(paths::out())?;
        let places = available_parallelism().map_or(1, usize::from);
        for place in 0..places {
            if let Ok(lock) = Flock::lock(open(place)?.1, FlockArg::LockExclusiveNonblock) {
                return Ok(Self(lock));
            }
        }
        let (path, file) = open(std::process::id() as usize % places)?;
        eprintln!("waiting for another DockOS VM to end ({})", path.display());
        let lock = Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, errno)| anyhow!("cannot lock {}: {errno}", path.display()))?;
        Ok(Self(lock))
    }
}

fn open(place: usize) -> Result<(PathBuf, File)> {
    let path = paths::out().join(format!("vm-{place}.lock"));
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    Ok((path, file))
}
