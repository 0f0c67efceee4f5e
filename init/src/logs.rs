//! Logs of daemons and commands lie in RAM: none may grow without end.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// Folders of logs: the system side's, the user Docker's.
const FOLDERS: [&str; 2] = ["/run/dockos/log", "/run/user-docker/log"];
/// A log that is larger becomes `NAME.old` and begins anew.
const LARGEST: u64 = 1 << 20;
const INTERVAL: Duration = Duration::from_secs(60);

/// Keeps logs small, for ever.
pub(crate) async fn keep_small() {
    loop {
        tokio::time::sleep(INTERVAL).await;
        for folder in FOLDERS {
            trim_folder(Path::new(folder), LARGEST);
        }
    }
}

/// The writers hold the files open to append, so they are emptied, not replaced.
fn trim_folder(folder: &Path, largest: u64) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_log = path.extension().is_some_and(|extension| extension == "log");
        if is_log && entry.metadata().is_ok_and(|meta| meta.len() > largest) {
            let emptied = fs::copy(&path, path.with_extension("old")).and_then(|_| fs::File::create(&path));
            if let Err(error) = emptied {
                tracing::warn!("trim {}: {error}", path.display());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_large_log_moves_aside_and_its_writer_goes_on() {
        let folder = std::env::temp_dir().join(format!("dockos-logs-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("dockerd.log");
        let mut writer = fs::File::options().append(true).create(true).open(&path).unwrap();
        writer.write_all(&[b'x'; 100]).unwrap();
        trim_folder(&folder, 99);
        writer.write_all(b"more").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"more");
        assert_eq!(fs::metadata(folder.join("dockerd.old")).unwrap().len(), 100);
        fs::remove_dir_all(folder).unwrap();
    }
}
