//! Whether an output is still what its inputs would give: a key over the inputs, kept beside the output's size and time.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    project::Project,
    util::{files_below, sha256, write_atomic},
};

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    key: String,
    outputs: Vec<(String, u64, u128)>,
}

/// Collects what an output depends on.
#[derive(Default)]
pub(crate) struct Inputs(Sha256);

impl Inputs {
    /// Adds a value under a name.
    pub(crate) fn value(mut self, name: &str, value: &str) -> Self {
        self.0.update(format!("{name} {} {value}\n", value.len()));
        self
    }

    /// Adds the contents of a file.
    pub(crate) fn file(self, path: &Path) -> Result<Self> {
        let data = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(self.value(&path.file_name().unwrap_or_default().to_string_lossy(), &sha256(&data)))
    }

    /// Adds names, modes and contents of all files below a folder, which may be missing. Links are what they say.
    pub(crate) fn folder(mut self, path: &Path) -> Result<Self> {
        for file in files_below(path)? {
            let name = file.strip_prefix(path).unwrap_or(&file).display().to_string();
            if let Ok(target) = file.read_link() {
                self = self.value(&name, "link").value("to", &target.to_string_lossy());
                continue;
            }
            let runs = file.metadata().is_ok_and(|data| data.permissions().mode() & 0o100 != 0);
            self = self.value(&name, if runs { "program" } else { "text" }).file(&file)?;
        }
        Ok(self)
    }

    /// The key of all that was added.
    pub(crate) fn key(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Whether the outputs, files in `out`, were made from inputs with this key and not touched since.
pub(crate) fn is_fresh(project: &Project, name: &str, key: &str, outputs: &[&str]) -> bool {
    let stored =
        fs::read(stamp_path(project, name)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    stored.is_some_and(|stored: Stamp| current(project, key, outputs).is_ok_and(|current| current == stored))
}

/// Notes that the outputs were just made from inputs with this key.
pub(crate) fn mark(project: &Project, name: &str, key: &str, outputs: &[&str]) -> Result<()> {
    let stamp = current(project, key, outputs)?;
    write_atomic(&stamp_path(project, name), &serde_json::to_vec_pretty(&stamp)?)
}

fn stamp_path(project: &Project, name: &str) -> std::path::PathBuf {
    project.out.join(".stamp").join(format!("{name}.json"))
}

fn current(project: &Project, key: &str, outputs: &[&str]) -> Result<Stamp> {
    let describe = |name: &&str| {
        let data = fs::metadata(project.out.join(name)).with_context(|| format!("there is no {name}"))?;
        let time =
            data.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        Ok(((*name).to_owned(), data.len(), time.as_nanos()))
    };
    Ok(Stamp { key: key.to_owned(), outputs: outputs.iter().map(describe).collect::<Result<_>>()? })
}
