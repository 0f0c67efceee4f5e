//! The initramfs: PID 1 and the console, nothing else.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    initrd::{Entry, cpio, write_zstd},
    programs::PID1,
    project::Project,
    rootfs::FileRecord,
    stamp::{self, Inputs},
    util::sha256,
};

/// Builds `out/initramfs` around PID 1's binary if that changed.
pub(crate) fn build(project: &Project, binary: &Path) -> Result<FileRecord> {
    let bytes = fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let sha256 = sha256(&bytes);
    let key = Inputs::default().value("init", &sha256).folder(&project.own("src"))?.key();
    if !stamp::is_fresh(project, "initramfs", &key, &["initramfs"]) {
        project.progress.start_log("initramfs")?;
        project.progress.step("initramfs: compress", || {
            let archive = cpio(&[Entry::dir("dev"), Entry::console(), Entry::file("init", 0o755, &bytes)])?;
            write_zstd(&project.progress, "initramfs", &archive, &project.out.join("initramfs"))
        })?;
        stamp::mark(project, "initramfs", &key, &["initramfs"])?;
    }
    Ok(FileRecord { path: "/init".into(), bytes: bytes.len() as u64, component: PID1.package.into(), sha256 })
}
