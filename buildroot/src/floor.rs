//! The bare floor that `bench` compares with: the same kernel and root image, started by a shell script.

use std::fs;

use anyhow::{Context, Result};

use crate::{
    apt::Apt,
    initrd::{Entry, cpio, write_zstd},
    lock::Locked,
    project::Project,
    spec::Packages,
};

/// Where the script lies in the source tree.
const SCRIPT: &str = "qemu-tests/floor-init.sh";

/// Builds `out/floor-initramfs`.
pub(crate) fn build(project: &Project, packages: &Packages, locked: &[Locked]) -> Result<()> {
    let package = locked.iter().find(|package| package.name == "busybox-static");
    let package =
        package.context("packages.toml names no busybox-static, which the floor's shell comes from")?;
    let folder = Apt::open(project, packages)?.unpack(&[package])?.pop().context("apt unpacked nothing")?;
    let read =
        |path: std::path::PathBuf| fs::read(&path).with_context(|| format!("cannot read {}", path.display()));
    let busybox = read(folder.join("root/usr/bin/busybox"))?;
    let script = read(project.root.join(SCRIPT))?;
    let archive = cpio(&[
        Entry::dir("bin"),
        Entry::file("bin/busybox", 0o755, &busybox),
        Entry::dir("dev"),
        Entry::console(),
        Entry::file("init", 0o755, &script),
        Entry::dir("mnt"),
        Entry::dir("proc"),
    ])?;
    project.progress.start_log("floor")?;
    write_zstd(&project.progress, "floor", &archive, &project.out.join("floor-initramfs"))
}
