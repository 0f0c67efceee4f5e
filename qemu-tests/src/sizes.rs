//! The sizes that were promised; 1 MB is a million bytes.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::paths;

/// A file, or several together, and what they may take.
#[derive(Debug, Clone)]
pub struct Size {
    /// What it is.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: u64,
    /// Its limit in bytes, if one was promised.
    pub limit: Option<u64>,
}

/// All sizes of the image as built.
pub fn measure() -> Result<Vec<Size>> {
    let out = paths::out();
    let of = |name: &str| size(out.join(name));
    let (kernel, initramfs, rootfs) = (of("vmlinuz")?, of("initramfs")?, of("rootfs")?);
    let sizes = [
        ("vmlinuz", kernel, Some(10_000_000)),
        ("initramfs", initramfs, Some(2_000_000)),
        ("root image", rootfs, None),
        ("kernel and initramfs", kernel + initramfs, Some(12_000_000)),
        ("all three", kernel + initramfs + rootfs, Some(76_000_000)),
        ("PID 1 binary", pid1()?, Some(4_100_000)),
        ("ISO", of("dockos.iso")?, Some(80_000_000)),
    ];
    Ok(sizes.into_iter().map(|(name, bytes, limit)| Size { name, bytes, limit }).collect())
}

fn size(path: PathBuf) -> Result<u64> {
    let metadata =
        fs::metadata(&path).with_context(|| format!("{} is missing: build the image first", path.display()));
    Ok(metadata?.len())
}

/// PID 1 as it went into the initramfs, uncompressed, as the image's manifest has it.
fn pid1() -> Result<u64> {
    let path = paths::out().join("manifest.json");
    let text =
        fs::read(&path).with_context(|| format!("{} is missing: build the image first", path.display()))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).with_context(|| format!("{} is not as agreed", path.display()))?;
    let init = manifest.files.iter().find(|file| file.path == "/init");
    init.map(|file| file.bytes).with_context(|| format!("{} does not list /init", path.display()))
}

#[derive(Deserialize)]
struct Manifest {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    path: String,
    bytes: u64,
}
