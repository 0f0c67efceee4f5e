//! Where the repository keeps what is booted and what tests leave behind.

use std::{env, path::PathBuf};

/// The repository's root.
pub fn workspace() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.clone(), PathBuf::from)
}

/// The folder of built artefacts: `out/`, or what `DOCKOS_OUT` names.
pub fn out() -> PathBuf {
    env::var_os("DOCKOS_OUT").map_or_else(|| workspace().join("out"), PathBuf::from)
}

/// Console logs, one per boot.
pub fn logs() -> PathBuf {
    out().join("test-logs")
}

/// Disks of running tests, and those kept for a look after a failure.
pub fn disks() -> PathBuf {
    out().join("test-disks")
}
