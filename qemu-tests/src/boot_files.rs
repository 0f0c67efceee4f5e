//! The kernel and the one initrd file that QEMU takes: initramfs and root image, one after the other.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context as _, Result};

use crate::paths;

/// What QEMU loads.
#[derive(Debug, Clone)]
pub struct BootFiles {
    /// The kernel.
    pub kernel: PathBuf,
    /// Initramfs and root image.
    pub initrd: PathBuf,
}

impl BootFiles {
    /// Those of a boot that gets the root image by itself.
    pub(crate) fn without_root(initramfs: &str) -> Self {
        Self { kernel: paths::out().join("vmlinuz"), initrd: paths::out().join(initramfs) }
    }

    /// Finds `out/vmlinuz` and joins `initramfs` (a name in `out/`) with `out/rootfs`. The joined file is kept, and made
    /// anew when one of its parts changed.
    pub fn locate(initramfs: &str) -> Result<Self> {
        let out = paths::out();
        let (kernel, parts) = (out.join("vmlinuz"), [out.join(initramfs), out.join("rootfs")]);
        let mut stamp = stamp(&kernel)?;
        for part in &parts {
            stamp += &self::stamp(part)?;
        }
        let (initrd, note) =
            (out.join(format!("{initramfs}.initrd")), out.join(format!("{initramfs}.initrd.stamp")));
        let current = initrd.exists() && fs::read_to_string(&note).is_ok_and(|old| old == stamp);
        if !current {
            join(&parts, &initrd).with_context(|| format!("cannot write {}", initrd.display()))?;
            fs::write(&note, stamp)?;
        }
        Ok(Self { kernel, initrd })
    }
}

/// Name, size and time of a file: enough to notice another build.
fn stamp(path: &Path) -> Result<String> {
    let metadata = fs::metadata(path)
        .with_context(|| format!("{} is missing: build the image with `make image` first", path.display()))?;
    Ok(format!("{} {} {:?}\n", path.display(), metadata.len(), metadata.modified()?))
}

/// Writes the parts into `target`, each at a multiple of four bytes, where the kernel looks for the next archive.
fn join(parts: &[PathBuf], target: &Path) -> io::Result<()> {
    let draft = target.with_extension(format!("draft-{}", process::id()));
    let mut file = File::create(&draft)?;
    for part in parts {
        let length = io::copy(&mut File::open(part)?, &mut file)?;
        let padding = length.next_multiple_of(4) - length;
        io::copy(&mut io::Read::take(io::repeat(0), padding), &mut file)?;
    }
    file.flush()?;
    fs::rename(draft, target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_archive_is_aligned() {
        let folder = tempfile::tempdir().unwrap();
        let parts = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&parts[0], "12345").unwrap();
        fs::write(&parts[1], "abc").unwrap();
        let target = folder.path().join("joined.initrd");
        join(&parts, &target).unwrap();
        assert_eq!(fs::read(target).unwrap(), b"12345\0\0\0abc\0");
    }
}
