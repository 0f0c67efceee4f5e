//! The state disk's config files.

use std::fs;
use std::path::{Path, PathBuf};

use dockos_config::Layer;

/// All of them in the order of their names.
const CONF_D: &str = "/var/lib/dockos/conf.d";
/// Then the one that the `dockos config` commands change.
pub const STATE_FILE: &str = "/var/lib/dockos/cloud-config.yml";

/// The files that may be there, lower ones first.
pub fn state_files() -> Vec<(Layer, PathBuf)> {
    let entries = fs::read_dir(CONF_D).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "yml" || end == "yaml"));
    paths.sort_unstable();
    let mut files: Vec<(Layer, PathBuf)> = paths.into_iter().map(|path| (Layer::ConfD, path)).collect();
    files.push((Layer::StateFile, Path::new(STATE_FILE).to_owned()));
    files
}
