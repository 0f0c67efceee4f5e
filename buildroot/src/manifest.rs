//! `out/manifest.json`: what the image is made of, file by file and package by package.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use crate::{
    lock::Locked,
    project::Project,
    rootfs::{FileRecord, Image, Record},
    stamp::{self, Inputs},
    util::{self, sha256_file, write_atomic},
};

/// The three boot files, in the order a boot loader names them.
pub(crate) const BOOT_FILES: [&str; 3] = ["vmlinuz", "initramfs", "rootfs"];

#[derive(Serialize)]
struct Manifest<'a> {
    version: &'a str,
    epoch: u64,
    components: BTreeMap<&'a str, Component>,
    /// What is inside `rootfs`: its hash goes with `dockos.root=` on the kernel command line.
    root_image: &'a Image,
    files: Vec<FileRecord>,
    packages: Vec<&'a Locked>,
}

#[derive(Serialize)]
struct Component {
    bytes: u64,
    sha256: String,
}

/// Writes the manifest if anything changed; returns a line on the sizes.
pub(crate) fn write(project: &Project, record: &Record, init: FileRecord, kernel: &Locked) -> Result<String> {
    let sizes = BOOT_FILES.iter().map(|name| size(project, name)).collect::<Result<Vec<_>>>()?;
    let key = key(project)?;
    if !stamp::is_fresh(project, "manifest", &key, &["manifest.json"]) {
        let manifest = collect(project, record, init, kernel, &sizes)?;
        let mut text = serde_json::to_vec_pretty(&manifest)?;
        text.push(b'\n');
        write_atomic(&project.out.join("manifest.json"), &text)?;
        stamp::mark(project, "manifest", &key, &["manifest.json"])?;
    }
    Ok(summary(&sizes))
}

/// The boot files are what is described, so their stamps are the inputs.
fn key(project: &Project) -> Result<String> {
    let mut inputs = Inputs::default().value("version", project.version()).folder(&project.own("src"))?;
    for name in ["kernel", "initramfs", "rootfs"] {
        inputs = inputs.file(&project.out.join(format!(".stamp/{name}.json")))?;
    }
    Ok(inputs.key())
}

fn collect<'a>(
    project: &Project,
    record: &'a Record,
    init: FileRecord,
    kernel: &'a Locked,
    sizes: &[u64],
) -> Result<Manifest<'a>> {
    let mut components = BTreeMap::new();
    for (name, bytes) in BOOT_FILES.into_iter().zip(sizes) {
        components.insert(name, Component { bytes: *bytes, sha256: sha256_file(&project.out.join(name))? });
    }
    let files = std::iter::once(init).chain(record.files.iter().cloned()).collect();
    let packages = record.packages.iter().chain([kernel]).collect();
    let root_image = &record.image;
    Ok(Manifest { version: project.version(), epoch: record.epoch, components, root_image, files, packages })
}

fn size(project: &Project, name: &str) -> Result<u64> {
    util::size(&project.out.join(name))
}

fn summary(sizes: &[u64]) -> String {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let parts = BOOT_FILES.iter().zip(sizes).map(|(name, bytes)| format!("{name} {:.1}", megabytes(*bytes)));
    format!("{}: {:.1} MB", parts.collect::<Vec<_>>().join(" + "), megabytes(sizes.iter().sum()))
}
