//! Screens: a folder for each desktop, in which its X server listens, and whether it does. The folder belongs to the
//! tenant, who may put anything there.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use nix::sys::statvfs::statvfs;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::clear::clear;
use crate::reason::{Reason, Why};
use crate::say;
use crate::screen::connect;

/// What a VNC server says first.
const GREETING: &[u8] = b"RFB 003.";
/// What a screen's folder may have in it: a socket, and what an X server may come to put beside it. All screens together
/// have 1 MB and 16 thousand files.
const MOST_FILES: usize = 64;
const MOST_BYTES: u64 = 256 << 10;
const BLOCK: u64 = 512;
/// How long it may take for that.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes the folder of all screens' folders, which others may go through and not look into.
pub(crate) fn share(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711))
}

/// Makes a desktop's folder anew, its owner's only: nothing of an earlier run is left in it. Its desktop does not run.
pub(crate) fn prepare(folder: &Path, owner: u32) -> io::Result<()> {
    clear(folder)?;
    DirBuilder::new().mode(0o700).create(folder)?;
    std::os::unix::fs::lchown(folder, Some(owner), Some(owner))
}

/// Removes a desktop's folder.
pub(crate) fn remove(folder: &Path) {
    if let Err(error) = clear(folder) {
        say!("remove {}: {error}", folder.display());
    }
}

/// Whether what screens have together is used up by more than their sockets: all of them have to be looked at now.
pub(crate) fn are_filling(screens: &Path) -> bool {
    statvfs(screens).is_ok_and(|found| {
        let (files, free) = (found.files(), found.files_free());
        free < files / 4 * 3 || found.blocks_available() < found.blocks() / 4 * 3
    })
}

/// Whether something could not be made because others have used up what there is.
pub(crate) fn is_used_up(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Whether a tenant has put more into a desktop's folder than a screen has: it is in the machine's memory.
pub(crate) fn is_full(folder: &Path) -> bool {
    let mut folders = vec![folder.to_owned()];
    let (mut files, mut bytes) = (0, 0);
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            // A screen has no folders in folders that would make such a path: who makes them hides something there.
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => return true,
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            // Of the entry itself, whatever it leads to.
            let Ok(found) = entry.metadata() else { continue };
            files += 1;
            bytes += found.blocks() * BLOCK;
            if files > MOST_FILES || bytes > MOST_BYTES {
                return true;
            }
            if found.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    false
}

/// Whether the X server of a desktop answers; if not, why.
pub(crate) async fn answers(screens: &Path, name: &str) -> Result<(), Reason> {
    let stream = connect(screens, name).await;
    let mut stream = stream.map_err(|fault| Why::ScreenFault.with(&[&fault]))?;
    let mut start = [0; GREETING.len()];
    match timeout(PATIENCE, stream.read_exact(&mut start)).await {
        Err(_) => Err(Why::ScreenSilent.with(&[&PATIENCE.as_secs()])),
        Ok(Err(error)) => Err(Why::ScreenEnds.with(&[&error])),
        Ok(Ok(_)) if start == *GREETING => Ok(()),
        Ok(Ok(_)) => Err(Why::ScreenOther.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixListener;

    use super::super::clear::tests::deep;
    use super::*;

    const SOCKET: &str = "vnc";

    /// What listens says this to everybody.
    fn serve(path: &Path, words: &'static [u8]) -> tokio::task::JoinHandle<()> {
        let listener = UnixListener::bind(path).unwrap();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(words).await;
                kept.push(stream);
            }
        })
    }

    fn own() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    #[tokio::test]
    async fn a_vnc_server_answers_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a");
        prepare(&folder, own()).unwrap();
        let socket = folder.join(SOCKET);
        let refused = async || answers(dir.path(), "a").await.unwrap_err().to_string();
        assert!(refused().await.contains("ENOENT"));
        let server = serve(&socket, b"RFB 003.008\n");
        assert_eq!(answers(dir.path(), "a").await, Ok(()));
        server.abort();
        prepare(&folder, own()).unwrap();
        assert!(!socket.exists(), "nothing of an earlier run is left");
        let _other = serve(&socket, b"SSH-2.0-x\r\n");
        assert!(refused().await.contains("no VNC server"));
    }

    #[tokio::test]
    async fn links_are_not_followed_and_what_they_lead_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, other) = (dir.path().join("a"), dir.path().join("b"));
        prepare(&other, own()).unwrap();
        let _server = serve(&other.join(SOCKET), b"RFB 003.008\n");
        assert_eq!(answers(dir.path(), "b").await, Ok(()));
        symlink(&other, &folder).unwrap();
        assert!(answers(dir.path(), "a").await.is_err());
        prepare(&folder, own()).unwrap();
        assert!(other.join(SOCKET).exists() && folder.is_dir());
        symlink(&other, folder.join("link")).unwrap();
        remove(&folder);
        assert!(other.join(SOCKET).exists() && !folder.exists());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_stalls_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        let _server = serve(&dir.path().join("a").join(SOCKET), b"RFB");
        assert!(answers(dir.path(), "a").await.unwrap_err().to_string().contains("says nothing"));
    }

    #[test]
    fn a_folder_is_full_by_files_or_by_bytes() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_full(dir.path()) && !is_full(&dir.path().join("none")));
        symlink("/", dir.path().join("link")).unwrap();
        let deep = dir.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        assert!(!is_full(dir.path()), "links are not followed");
        fs::write(deep.join("big"), vec![1; 512 << 10]).unwrap();
        assert!(is_full(dir.path()));
        fs::remove_file(deep.join("big")).unwrap();
        assert!(!is_full(dir.path()));
        (0..=MOST_FILES).for_each(|i| fs::write(deep.join(i.to_string()), "").unwrap());
        assert!(is_full(dir.path()));
    }

    #[test]
    fn nothing_is_hidden_behind_a_long_path() {
        let dir = tempfile::tempdir().unwrap();
        let (levels, name) = (17, "d".repeat(255));
        assert!(levels < MOST_FILES && levels * name.len() > nix::libc::PATH_MAX as usize);
        deep(dir.path(), levels, &name);
        assert!(is_full(dir.path()));
    }
}
