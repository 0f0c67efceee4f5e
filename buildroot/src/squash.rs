//! Packs a tree as squashfs, and wraps that as an initrd.

use std::{
    fs::{self, File},
    io::BufWriter,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{
    initrd::{Entry, cpio},
    progress::{missing, tail},
    project::Project,
    tree::Tree,
    util::write_atomic,
};

/// Large blocks find more that repeats; the kernel has enough memory to unpack one at a time.
const BLOCK: &str = "1M";
/// Higher levels take longer and gain less than 0.1 % (docs/decisions/0002-root-image-format.md).
const LEVEL: &str = "19";

/// Writes the tree as a squashfs file. The tree goes in as a tar, so what is stored does not depend on who builds.
pub(crate) fn write(project: &Project, tree: &Tree, epoch: u64, image: &Path) -> Result<()> {
    let log = project.progress.log("rootfs");
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let time = epoch.to_string();
    let mut child = Command::new("mksquashfs")
        // Not sqfstar, which is the same program: version 4.5.1 of that refuses -Xcompression-level.
        .arg("-")
        .arg(image)
        .args([
            "-tar",
            "-noappend",
            "-comp",
            "zstd",
            "-Xcompression-level",
            LEVEL,
            "-b",
            BLOCK,
            "-reproducible",
            "-no-xattrs",
        ])
        .args(["-no-progress", "-exit-on-error", "-mkfs-time", &time, "-all-time", &time])
        // Not -root-uid, which 4.5.1 forgets when it reads a tar: / would belong to whoever builds.
        .args(["-root-mode", "755", "-all-root"])
        // It refuses time options when this is set too.
        .env_remove("SOURCE_DATE_EPOCH")
        .stdin(Stdio::piped())
        .stdout(output.try_clone().with_context(|| format!("cannot write {}", log.display()))?)
        .stderr(output)
        .spawn()
        .with_context(|| missing("mksquashfs"))?;
    let packed = match child.stdin.take() {
        Some(pipe) => tree.write_tar(BufWriter::with_capacity(1 << 20, pipe), epoch),
        None => Ok(()),
    };
    let status = child.wait().context("cannot wait for mksquashfs")?;
    if !status.success() {
        bail!("mksquashfs failed ({status}); the end of {}:\n{}", log.display(), tail(&log));
    }
    packed
}

/// Packs one file as an initrd of its own, which the kernel unpacks beside PID 1.
pub(crate) fn wrap(image: &Path, name: &str, initrd: &Path) -> Result<()> {
    let bytes = fs::read(image).with_context(|| format!("cannot read {}", image.display()))?;
    write_atomic(initrd, &cpio(&[Entry::file(name, 0o444, &bytes)])?)
}
