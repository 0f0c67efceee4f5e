//! `desktops/debian.toml`: what holds for all desktop images.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use glob::Pattern;
use serde::{Deserialize, Serialize};

use crate::util::read_text;

/// The file's keys.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Packages of the Debian root file system.
    pub(crate) include: Vec<String>,
    /// Paths that dpkg skips.
    pub(crate) exclude: Vec<String>,
    /// Exceptions from them.
    pub(crate) keep: Vec<String>,
    /// Globs of files that no layer holds.
    pub(crate) traces: Vec<String>,
    /// Setuid programs that an image may have, and what for.
    pub(crate) setuid: BTreeMap<String, String>,
}

impl Settings {
    /// Reads the file.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let settings: Self =
            toml::from_str(&read_text(path)?).with_context(|| format!("{} is wrong", path.display()))?;
        settings.patterns().with_context(|| format!("{} is wrong", path.display()))?;
        Ok(settings)
    }

    /// The traces as patterns.
    pub(crate) fn patterns(&self) -> Result<Vec<Pattern>> {
        let pattern = |glob: &String| Pattern::new(glob).with_context(|| format!("`{glob}` is no glob"));
        self.traces.iter().map(pattern).collect()
    }

    /// dpkg's configuration, for the first image and those built on it.
    pub(crate) fn dpkg_options(&self) -> String {
        let excluded = self.exclude.iter().map(|path| format!("path-exclude={path}\n"));
        excluded.chain(self.keep.iter().map(|path| format!("path-include={path}\n"))).collect()
    }
}
