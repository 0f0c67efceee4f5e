//! GRUB, from Debian's packages: images that have all in them that they need, made by the grub-mkimage of the very same
//! version, which runs with its own libraries whatever the build machine has.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{
    apt::Apt,
    lock::Locked,
    pool::Pool,
    project::Project,
    spec::Packages,
    tree::{Kind, Node, Tree},
    util::{make_dir, read_text, write_atomic},
};

/// Runs a program of a package whose libraries are not the build machine's.
const LOADER: &str = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";
const MKIMAGE: &str = "usr/bin/grub-mkimage";

/// What GRUB does before it knows `if`: notes where the firmware started it from, and turns to its own archive.
const START: &str = "set booted=$root\nset prefix=(memdisk)/boot/grub\n";

/// `iso/grub.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    modules: BTreeMap<String, Vec<String>>,
    image: BTreeMap<String, Image>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    folder: String,
    format: String,
    /// Names of lists of modules.
    modules: Vec<String>,
}

/// The boot loaders' packages, unpacked.
pub(crate) struct Loaders {
    /// Which they are.
    pub(crate) packages: Vec<Locked>,
    pool: Pool,
    folders: Vec<PathBuf>,
    spec: Spec,
}

impl Loaders {
    /// Fetches and unpacks what is missing.
    pub(crate) fn open(project: &Project, packages: &Packages) -> Result<Self> {
        let apt = Apt::open(project, packages)?;
        let locked = apt.lock_tools()?;
        let folders = apt.unpack(&locked.iter().collect::<Vec<_>>())?;
        let names = locked.iter().map(|package| package.name.as_str());
        let pool = Pool::new(names.zip(folders.iter().map(PathBuf::as_path)))?;
        let file = project.root.join("iso/grub.toml");
        let spec =
            toml::from_str(&read_text(&file)?).with_context(|| format!("{} is wrong", file.display()))?;
        Ok(Self { packages: locked, pool, folders, spec })
    }

    /// Where a file of the packages lies.
    pub(crate) fn file(&self, path: &str) -> Result<&Path> {
        self.pool.host_path(path)
    }

    /// Makes the image `name` of `grub.toml`, which runs `config` first.
    pub(crate) fn image(
        &self,
        project: &Project,
        name: &str,
        config: &str,
        epoch: u64,
        to: &Path,
    ) -> Result<()> {
        let image =
            self.spec.image.get(name).with_context(|| format!("iso/grub.toml has no image {name}"))?;
        let memdisk = memdisk(project, name, config, epoch)?;
        let start = project.out.join(".stamp/start.cfg");
        write_atomic(&start, START.as_bytes())?;
        let modules = self.file(&format!("usr/lib/grub/{}/moddep.lst", image.folder))?;
        to.parent().map_or(Ok(()), make_dir)?;
        let mut command = Command::new(self.file(LOADER)?);
        command
            .arg("--library-path")
            .arg(env::join_paths(self.libraries()).context("the cache's path has a colon in it")?)
            .arg(self.file(MKIMAGE)?)
            .args(["--format", &image.format, "--prefix", "/boot/grub", "--directory"])
            .arg(modules.parent().unwrap_or(modules))
            .arg("--config")
            .arg(&start)
            .arg("--memdisk")
            .arg(&memdisk)
            .arg("--output")
            .arg(to)
            .args(self.modules(name, image)?);
        project.progress.run("grub", &mut command)
    }

    fn libraries(&self) -> impl Iterator<Item = PathBuf> {
        let below = ["root/usr/lib/x86_64-linux-gnu", "root/lib/x86_64-linux-gnu"];
        self.folders
            .iter()
            .flat_map(move |folder| below.map(|below| folder.join(below)))
            .filter(|l| l.is_dir())
    }

    fn modules(&self, name: &str, image: &Image) -> Result<Vec<&str>> {
        let mut modules = Vec::new();
        for list in &image.modules {
            let list = self
                .spec
                .modules
                .get(list)
                .with_context(|| format!("iso/grub.toml has no list {list} for the image {name}"))?;
            modules.extend(list.iter().map(String::as_str));
        }
        Ok(modules)
    }
}

/// An archive with the first grub.cfg. A config that is built in without one knows neither `if` nor functions.
fn memdisk(project: &Project, name: &str, config: &str, epoch: u64) -> Result<PathBuf> {
    let mut tree = Tree::default();
    tree.add("boot/grub/grub.cfg", Node::own(0o644, Kind::Bytes(config.as_bytes().to_vec())))?;
    let mut archive = Vec::new();
    tree.write_tar(&mut archive, epoch)?;
    let path = project.out.join(format!(".stamp/{name}.tar"));
    write_atomic(&path, &archive)?;
    Ok(path)
}

/// A text of the folder `iso/`, with each `@NAME@` filled in.
pub(crate) fn template(project: &Project, path: &str, values: &[(&str, &str)]) -> Result<String> {
    let text = read_text(&project.root.join("iso").join(path))?;
    let filled = values.iter().fold(text, |text, (name, value)| text.replace(&format!("@{name}@"), value));
    let left = filled.split_whitespace().find(|word| word.split('@').count() > 2);
    ensure!(left.is_none(), "iso/{path}: nothing fills in `{}`", left.unwrap_or_default());
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_is_of_lists_that_exist() {
        let spec: Spec = toml::from_str(include_str!("../../iso/grub.toml")).unwrap();
        assert_eq!(spec.image.len(), 4);
        for (name, image) in &spec.image {
            for list in &image.modules {
                assert!(spec.modules.contains_key(list), "{name} wants the list {list}");
            }
            assert!(image.modules.iter().any(|list| list == "common"), "{name}");
        }
    }
}
