//! Where the tests find their files.

use std::fs;
use std::path::{Path, PathBuf};

/// A path in the repository.
pub(crate) fn repo(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[allow(dead_code, reason = "not each test wants them")]
/// The YAML files of a folder of the repository, in order.
pub(crate) fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let folder = repo(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    assert!(!files.is_empty(), "{}: no files", folder.display());
    files
}
