//! Files that survive a power cut: written beside, flushed, renamed, and the directory flushed too.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::error::{Context, Fault, Result};

/// Puts `bytes` at `path` with `mode`, whole or not at all, whatever happens to the power. Makes missing directories.
pub fn write_durably(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let directory =
        path.parent().ok_or_else(|| Fault::new(format!("{}: not a file's path", path.display())))?;
    fs::create_dir_all(directory).context(|| format!("make {}", directory.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = directory.join(format!(".{name}.new"));
    let written = write_new(&beside, bytes, mode).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.and_then(|()| File::open(directory)?.sync_all()).context(|| format!("write {}", path.display()))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    // After the content, and past the umask: a secret is never readable on its way.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_with_the_mode_asked_for() {
        let dir = std::env::temp_dir().join(format!("dockos-files-{}", std::process::id()));
        let path = dir.join("a/b");
        write_durably(&path, b"one", 0o644).unwrap();
        write_durably(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(dir.join("a")).unwrap().count(), 1, "nothing is left beside it");
        fs::remove_dir_all(dir).unwrap();
    }
}
