//! The data files: which packages, which of their files, and what else is in the root image.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::util::read_text;

/// `packages.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Packages {
    /// The Debian release.
    pub(crate) suite: String,
    /// The package that holds the kernel's source.
    pub(crate) kernel_source: String,
    /// What is taken from which package.
    pub(crate) package: Vec<Package>,
    /// What is put beside the root image.
    #[serde(default)]
    pub(crate) tool: Vec<Tool>,
    /// What counts as installed.
    pub(crate) provided: Vec<Provided>,
}

/// A package that the builder runs or copies from, and that leaves no file in the root image.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tool {
    /// Its Debian name.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) why: String,
}

/// A package of which files are taken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Package {
    /// Its Debian name.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) why: String,
    /// Globs of the files taken.
    pub(crate) files: Vec<String>,
}

/// Packages that apt takes for installed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provided {
    /// Why the image does without them.
    pub(crate) why: String,
    /// Their names.
    pub(crate) names: Vec<String>,
}

/// `layout.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layout {
    /// Directories and their octal modes.
    pub(crate) dirs: BTreeMap<String, String>,
    /// Symbolic links.
    pub(crate) links: BTreeMap<String, String>,
    /// Files with a mode of their own.
    pub(crate) modes: BTreeMap<String, String>,
    /// How busybox is installed.
    pub(crate) busybox: Busybox,
}

/// How busybox is installed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Busybox {
    /// Applets without a link.
    pub(crate) skip: Vec<String>,
}

impl Packages {
    /// Reads `packages.toml`; a reason may not be empty.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let packages: Self = load(path)?;
        let reasons = packages.package.iter().map(|package| &package.why);
        let reasons = reasons.chain(packages.tool.iter().map(|tool| &tool.why));
        let reasons = reasons.chain(packages.provided.iter().map(|provided| &provided.why));
        anyhow::ensure!(
            reasons.into_iter().all(|why| !why.trim().is_empty()),
            "{}: each `why` must say something",
            path.display()
        );
        Ok(packages)
    }

    /// The names of what counts as installed.
    pub(crate) fn provided_names(&self) -> impl Iterator<Item = &str> {
        self.provided.iter().flat_map(|provided| &provided.names).map(String::as_str)
    }
}

impl Layout {
    /// Reads `layout.toml`.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        load(path)
    }
}

/// An octal mode such as `1777`.
pub(crate) fn octal(text: &str) -> Result<u32> {
    u32::from_str_radix(text, 8).with_context(|| format!("`{text}` is no octal mode such as 0755"))
}

fn load<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    toml::from_str(&read_text(path)?).with_context(|| format!("{} is wrong", path.display()))
}
