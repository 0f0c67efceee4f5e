//! The way to a desktop's screen: a socket in a folder that the tenant owns, who may put anything else there.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use dockos_control::error::{Context, Fault, Result};
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, SFlag, fstat};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Where the screens' folders are on the machine.
pub(crate) const SCREENS: &str = "/run/user-docker/screens";
/// The socket in each of them.
const SOCKET: &str = "vnc";
/// How long a connection may take: the kernel makes it at once, or the other side's queue is full.
const BOUND: Duration = Duration::from_secs(5);

/// Whether a name can be a desktop's, as the config has it: no path is ever made of another one.
pub(crate) fn is_name(name: &str) -> bool {
    name.parse::<dockos_config::Name>().is_ok()
}

/// Connects to the screen of a desktop below a folder of screens.
///
/// The agent made the desktop's folder and gave it to the tenant's user; a socket of anybody else in it, a link or
/// another file is refused. What was looked at is what is connected to: nothing is looked up by its name twice.
pub(crate) async fn connect(screens: &Path, name: &str) -> Result<UnixStream> {
    let socket = find(screens, name).context(|| format!("the screen of `{name}`"))?;
    let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
    let connected = timeout(BOUND, UnixStream::connect(path)).await;
    let connected =
        connected.map_err(|_| Fault::new(format!("the screen of `{name}`: it does not answer")))?;
    connected.context(|| format!("the screen of `{name}`"))
}

fn find(screens: &Path, name: &str) -> Result<OwnedFd> {
    if !is_name(name) {
        return Err(Fault::new("no name of a desktop"));
    }
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let all = open(screens, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty());
    let all = all.context(|| screens.display().to_string())?;
    let folder = openat(&all, name, flags | OFlag::O_DIRECTORY, Mode::empty());
    let folder = folder.context(|| "its folder".to_owned())?;
    let socket = openat(&folder, SOCKET, flags, Mode::empty()).context(|| "its socket".to_owned())?;
    let owner = fstat(&folder).context(|| "its folder".to_owned())?.st_uid;
    let found = fstat(&socket).context(|| "its socket".to_owned())?;
    if SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT != SFlag::S_IFSOCK {
        return Err(Fault::new("what is in the place of its socket is none"));
    }
    if found.st_uid != owner {
        return Err(Fault::new("its socket belongs to somebody else"));
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;

    #[test]
    fn names_are_no_paths() {
        for good in ["alice-c", "a", "0", &"a".repeat(63)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", ".", "..", "../a", "a/b", "a\0", ".a", "a.b", "a_b", "A", "李", &"a".repeat(64)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn only_a_socket_in_its_place_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            std::fs::create_dir(dir.path().join(name)).unwrap();
            dir.path().join(name).join(SOCKET)
        };
        let _listener = UnixListener::bind(make("good")).unwrap();
        symlink("../good/vnc", make("link")).unwrap();
        std::fs::write(make("file"), "x").unwrap();
        make("empty");
        symlink("good", dir.path().join("folder-link")).unwrap();
        assert!(find(dir.path(), "good").is_ok());
        for (bad, why) in [
            ("link", "none"),
            ("file", "none"),
            ("empty", "its socket"),
            ("folder-link", "its folder"),
            ("missing", "its folder"),
            ("../good", "no name"),
        ] {
            let error = find(dir.path(), bad).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn a_socket_of_somebody_else_is_refused() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        let _listener = UnixListener::bind(dir.path().join("a/vnc")).unwrap();
        std::os::unix::fs::chown(dir.path().join("a"), Some(1000), None).unwrap();
        let error = find(dir.path(), "a").unwrap_err().to_string();
        assert!(error.contains("somebody else"), "{error}");
        std::os::unix::fs::chown(dir.path().join("a/vnc"), Some(1000), None).unwrap();
        assert!(find(dir.path(), "a").is_ok());
    }
}
