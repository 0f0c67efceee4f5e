//! Raw disks in `out/test-disks/`, gone with the test unless it failed.

use std::{
    env,
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    gpt, paths, sparse,
    tool::{self, tool},
};

/// The name and label of the state partition.
const STATE: &str = "DOCKOS_STATE";

/// A raw disk. Clones are the same disk; when the last is dropped the file goes, unless the test fails or
/// `DOCKOS_KEEP_DISKS` is set.
#[derive(Debug, Clone)]
pub struct Disk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    serial: String,
    kept: AtomicBool,
    /// Not a test's: it stays without a word.
    lasting: bool,
}

impl Disk {
    /// A new disk that is all zeros and takes no space. The name, unique among tests, is also its serial number.
    pub fn empty(name: &str, size: u64) -> Result<Self> {
        fs::create_dir_all(paths::disks())?;
        let path = paths::disks().join(format!("{name}.img"));
        let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        file.set_len(size)?;
        let serial = name.chars().take(20).collect();
        Ok(Self(Arc::new(Inner { path, serial, kept: AtomicBool::new(false), lasting: false })))
    }

    /// A disk file that stays, made with `size` when it does not exist.
    pub fn persistent(path: &Path, size: u64) -> Result<Self> {
        if !path.exists() {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            File::create(path)
                .and_then(|file| file.set_len(size))
                .with_context(|| path.display().to_string())?;
        }
        let (path, serial, kept) = (path.to_owned(), "state".to_owned(), AtomicBool::new(true));
        Ok(Self(Arc::new(Inner { path, serial, kept, lasting: true })))
    }

    /// A disk with a state partition, made on the host: XFS, labelled, empty.
    pub fn with_state(name: &str, size: u64) -> Result<Self> {
        let disk = Self::empty(name, size)?;
        let partition = partition_state(disk.path(), size)?;
        let image = disk.path().with_extension("xfs");
        File::create(&image)?.set_len(partition.end - partition.start)?;
        tool::run(tool("mkfs.xfs").args(["-q", "-f", "-L", STATE]).arg(&image))?;
        sparse::insert(&image, disk.path(), partition.start)?;
        fs::remove_file(image)?;
        Ok(disk)
    }

    /// A disk with a partition named as the state partition is, full of `content` instead of a file system.
    pub fn with_damaged_state(name: &str, size: u64, content: &[u8]) -> Result<Self> {
        let disk = Self::empty(name, size)?;
        let partition = gpt::create(disk.path(), STATE)?;
        disk.write_at(partition.start, content)?;
        Ok(disk)
    }

    /// A disk that is all one ext4.
    pub fn ext4(name: &str, size: u64) -> Result<Self> {
        let disk = Self::empty(name, size)?;
        tool::run(tool("mkfs.ext4").args(["-q", "-F", "-L", "holiday"]).arg(disk.path()))?;
        Ok(disk)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The serial number that the guest sees.
    pub(crate) fn serial(&self) -> &str {
        &self.0.serial
    }

    /// Leaves the file where it is when the test ends.
    pub(crate) fn keep(&self) {
        self.0.kept.store(true, Ordering::Relaxed);
    }

    /// Writes bytes at an offset.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut file = File::options().write(true).open(self.path())?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes).with_context(|| format!("cannot write {}", self.path().display()))
    }

    /// A hash of the disk's content, for comparison with a later one of the same disk.
    pub fn hash(&self) -> Result<String> {
        sparse::hash(self.path()).with_context(|| format!("cannot read {}", self.path().display()))
    }

    /// Fails unless the state partition holds an XFS that was unmounted in an orderly way and has no error.
    pub fn check_state(&self) -> Result<()> {
        self.state_report().inspect_err(|_| self.keep())
    }

    fn state_report(&self) -> Result<()> {
        let partition = gpt::find(self.path(), STATE)?;
        let image = self.path().with_extension("xfs");
        sparse::extract(self.path(), partition.start, partition.end - partition.start, &image)?;
        let checked = tool::run(tool("xfs_repair").args(["-n", "-f"]).arg(&image));
        let log = tool::run(tool("xfs_logprint").arg("-t").arg(&image));
        fs::remove_file(&image)?;
        let (report, log) = (checked.context("the state partition has errors")?, log?);
        ensure!(!report.contains("ALERT"), "the state partition was not unmounted:\n{report}");
        ensure!(log.contains("<CLEAN>"), "the state partition's log is dirty, it was not unmounted:\n{log}");
        Ok(())
    }
}

/// Makes the file a disk of `size` bytes with an empty state partition, and returns which bytes these are.
pub(crate) fn partition_state(path: &Path, size: u64) -> Result<Range<u64>> {
    File::create(path)
        .and_then(|file| file.set_len(size))
        .with_context(|| format!("cannot create {}", path.display()))?;
    gpt::create(path, STATE)
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.lasting {
            return;
        }
        let keep = *self.kept.get_mut() || thread::panicking() || env::var_os("DOCKOS_KEEP_DISKS").is_some();
        if keep {
            eprintln!("the disk is kept: {}", self.path.display());
        } else if let Err(error) = fs::remove_file(&self.path) {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_state_disk_passes_its_check_and_a_damaged_one_does_not() {
        let good = Disk::with_state("unit-good-state", 400 << 20).unwrap();
        good.check_state().unwrap();
        let bad = Disk::with_damaged_state("unit-bad-state", 64 << 20, b"not a file system").unwrap();
        assert!(bad.check_state().is_err());
        bad.0.kept.store(false, Ordering::Relaxed);
    }
}
