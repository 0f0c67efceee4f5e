//! Where the content goes: a file that survives a power cut, or standard output.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::failure::Failure;

/// Writes all, or leaves the file as it was.
pub(crate) fn write(to: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
    let Some(path) = to else {
        let mut output = io::stdout().lock();
        return output.write_all(bytes).and_then(|()| output.flush()).map_err(|error| {
            Failure::last(format!("cannot write to standard output: {error}"), "see who closed it")
        });
    };
    replace(path, bytes).map_err(|error| {
        let what = format!("fetched, but cannot write {}: {error}", path.display());
        Failure::last(what, "check that its directory is there, writable and not full")
    })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = directory.join(format!(".{name}.{}", std::process::id()));
    let written = write_new(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.and_then(|()| File::open(directory)?.sync_all())
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A run that was cut off may have left one with the same process number.
    let _ = fs::remove_file(path);
    // Configs hold password hashes.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
