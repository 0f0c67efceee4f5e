//! The root image: `out/rootfs`, and a record of what went into it.

use std::{env, fs, path::PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{
    apt::{self, Apt},
    check::check,
    lock::Locked,
    pool::Pool,
    programs::Program,
    progress::missing,
    project::Project,
    spec::{Layout, Packages},
    squash, stage, stamp,
    stamp::Inputs,
    tree::{Kind, Tree},
    util::{read_text, sha256, sha256_file, size, write_atomic},
};

/// The name of the record in `out/.stamp`.
const RECORD: &str = ".stamp/rootfs-record.json";

/// What went into a root image.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The date that the image bears.
    pub(crate) epoch: u64,
    /// The image itself, which `rootfs` wraps.
    pub(crate) image: Image,
    /// Packages of which it holds files.
    pub(crate) packages: Vec<Locked>,
    /// Its files.
    pub(crate) files: Vec<FileRecord>,
}

/// The squashfs in `out/rootfs`: what a machine checks that did not bring it along itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Image {
    /// Its size.
    pub(crate) bytes: u64,
    /// Its hash.
    pub(crate) sha256: String,
}

/// One file of the root image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    /// Absolute path in the image.
    pub(crate) path: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// The package or crate that it comes from, or `dockos`.
    pub(crate) component: String,
    /// Its hash.
    pub(crate) sha256: String,
}

/// Builds `out/rootfs` if anything that it is made of changed, our programs among it.
pub(crate) fn build(
    project: &Project,
    packages: &Packages,
    locked: &[Locked],
    programs: &[(&Program, PathBuf)],
) -> Result<Record> {
    let outputs = ["rootfs", RECORD];
    let key = key(project, locked, programs)?;
    if stamp::is_fresh(project, "rootfs", &key, &outputs) {
        let text = read_text(&project.out.join(RECORD))?;
        return serde_json::from_str(&text).context("out/.stamp is damaged; run `buildroot clean`");
    }
    let image_packages: Vec<_> =
        locked.iter().filter(|package| package.name != packages.kernel_source).collect();
    let folders = Apt::open(project, packages)?.unpack(&image_packages)?;
    let epoch = date(&folders)?;
    let pool =
        Pool::new(image_packages.iter().map(|p| p.name.as_str()).zip(folders.iter().map(PathBuf::as_path)))?;
    let layout = Layout::load(&project.own("layout.toml"))?;
    let tree = project.progress.step("rootfs: put together", || {
        let tree = stage::stage(project, packages, &layout, &pool, epoch, programs)?;
        check(&tree)?;
        Ok(tree)
    })?;
    let image = project.progress.step("rootfs: compress", || pack(project, &tree, epoch))?;
    let record = record(&tree, &image_packages, epoch, image)?;
    write_atomic(&project.out.join(RECORD), &serde_json::to_vec_pretty(&record)?)?;
    stamp::mark(project, "rootfs", &key, &outputs)?;
    Ok(record)
}

fn key(project: &Project, locked: &[Locked], programs: &[(&Program, PathBuf)]) -> Result<String> {
    let packer = std::process::Command::new("mksquashfs").arg("-version").output();
    let packer = packer.with_context(|| missing("mksquashfs"))?.stdout;
    let inputs = programs.iter().try_fold(Inputs::default(), |inputs, (_, built)| inputs.file(built))?;
    Ok(inputs
        .value("version", project.version())
        .value("date", &env::var("SOURCE_DATE_EPOCH").unwrap_or_default())
        .value("packages", &serde_json::to_string(locked)?)
        .value("packer", &String::from_utf8_lossy(&packer))
        .file(&project.own("packages.toml"))?
        .file(&project.own("layout.toml"))?
        .file(&project.own("han16.txt"))?
        .folder(&project.own("files"))?
        .folder(&project.own("src"))?
        .folder(&project.root.join("system-services"))?
        .key())
}

/// `SOURCE_DATE_EPOCH`, else the day the newest package was made: the inputs' own date, whoever builds and when.
fn date(folders: &[PathBuf]) -> Result<u64> {
    if let Ok(text) = env::var("SOURCE_DATE_EPOCH") {
        return text
            .trim()
            .parse()
            .with_context(|| format!("SOURCE_DATE_EPOCH `{text}` is no number of seconds"));
    }
    let dates = folders.iter().map(|folder| apt::epoch(folder)).collect::<Result<Vec<_>>>()?;
    Ok(dates.into_iter().max().unwrap_or_default())
}

fn record(tree: &Tree, packages: &[&Locked], epoch: u64, image: Image) -> Result<Record> {
    let mut files = Vec::new();
    for (path, node) in tree.nodes() {
        if let Some(content) = node.content()? {
            files.push(FileRecord {
                path: format!("/{path}"),
                bytes: content.len() as u64,
                component: node.component.clone(),
                sha256: sha256(&content),
            });
        }
    }
    let used = |package: &&&Locked| {
        tree.nodes().values().any(|node| node.component == package.name && !matches!(node.kind, Kind::Dir))
    };
    let packages = packages.iter().filter(used).map(|package| (*package).clone()).collect();
    Ok(Record { epoch, image, packages, files })
}

fn pack(project: &Project, tree: &Tree, epoch: u64) -> Result<Image> {
    let file = project.out.join(".stamp/root.img");
    squash::write(project, tree, epoch, &file)?;
    let image = Image { bytes: size(&file)?, sha256: sha256_file(&file)? };
    squash::wrap(&file, "root.img", &project.out.join("rootfs"))?;
    fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    Ok(image)
}
