//! The cpio archives that the kernel unpacks into its first root, and their compression.

use std::{
    fs,
    io::{Cursor, Write},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result};
use cpio::newc::{self, Builder};

use crate::{progress::Progress, util::temp_name};

/// One entry of a cpio archive.
pub(crate) struct Entry<'a> {
    /// Path without a leading slash.
    pub(crate) path: &'a str,
    /// Type and permission bits.
    pub(crate) mode: u32,
    /// Major and minor number of a device.
    pub(crate) device: (u32, u32),
    /// A file's bytes, a link's target.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Entry<'a> {
    /// A directory.
    pub(crate) fn dir(path: &'a str) -> Self {
        Self { path, mode: 0o040_755, device: (0, 0), bytes: b"" }
    }

    /// A file.
    pub(crate) fn file(path: &'a str, permissions: u32, bytes: &'a [u8]) -> Self {
        Self { path, mode: 0o100_000 | permissions, device: (0, 0), bytes }
    }

    /// The console, which the kernel opens for PID 1 before anything is mounted.
    pub(crate) fn console() -> Self {
        Self { path: "dev/console", mode: 0o020_600, device: (5, 1), bytes: b"" }
    }
}

/// Packs entries in the order given, all of root and of 1970.
pub(crate) fn cpio(entries: &[Entry<'_>]) -> Result<Vec<u8>> {
    let mut archive = Cursor::new(Vec::new());
    for (inode, entry) in (1..).zip(entries) {
        let size = u32::try_from(entry.bytes.len())
            .with_context(|| format!("{} is larger than a cpio can hold", entry.path))?;
        let mut writer = Builder::new(entry.path)
            .ino(inode)
            .mode(entry.mode)
            .nlink(1)
            .rdev_major(entry.device.0)
            .rdev_minor(entry.device.1)
            .write(archive, size);
        writer.write_all(entry.bytes).with_context(|| format!("cannot pack {}", entry.path))?;
        archive = writer.finish().with_context(|| format!("cannot pack {}", entry.path))?;
    }
    Ok(newc::trailer(archive).context("cannot end the cpio")?.into_inner())
}

/// Compresses with zstd as far as it goes and pads to four bytes, so that another archive can simply follow.
pub(crate) fn write_zstd(progress: &Progress, log: &str, archive: &[u8], to: &Path) -> Result<()> {
    let (plain, packed) = (to.with_extension("cpio.tmp"), temp_name(to));
    fs::write(&plain, archive).with_context(|| format!("cannot write {}", plain.display()))?;
    let mut command = Command::new("zstd");
    command.args(["--ultra", "-22", "--single-thread", "--quiet", "--force", "-o"]).arg(&packed).arg(&plain);
    progress.run(log, &mut command)?;
    let mut bytes = fs::read(&packed).with_context(|| format!("cannot read {}", packed.display()))?;
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    fs::write(&packed, bytes)
        .and_then(|()| fs::rename(&packed, to))
        .and_then(|()| fs::remove_file(&plain))
        .with_context(|| format!("cannot write {}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_read_back() {
        let entries = [Entry::dir("dev"), Entry::console(), Entry::file("init", 0o755, b"#!")];
        let bytes = cpio(&entries).unwrap();
        let mut rest = Cursor::new(bytes);
        for (path, mode) in [("dev", 0o040_755), ("dev/console", 0o020_600), ("init", 0o100_755)] {
            let reader = newc::Reader::new(rest).unwrap();
            assert_eq!((reader.entry().name(), reader.entry().mode()), (path, mode));
            assert_eq!(reader.entry().mtime(), 0, "{path}");
            rest = reader.finish().unwrap();
        }
        assert!(newc::Reader::new(rest).unwrap().entry().is_trailer());
    }
}
