//! Files of disks that are labelled to carry config.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use sys_mount::{MountFlags, UnmountFlags};

use crate::blockdev::BlockDevice;
use crate::mounts;
use crate::probe::Content;
use dockos_control::error::{Context, Fault, Result};

/// Where a disk is mounted while it is read.
const MOUNT_POINT: &str = "/run/dockos/media";
/// A larger file is no config: reading stops there, and the parser says so.
const MOST_BYTES: u64 = dockos_config::MAX_USER_DATA as u64 + 1;

/// How long a disk may take.
const BOUND: Duration = Duration::from_secs(60);

/// A file of a disk.
pub(super) struct MediaFile {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Those of the files that are on the disk. On a thread of its own: a dying disk may take minutes to say so.
pub(super) async fn read(disk: &BlockDevice, names: &'static [&'static str]) -> Result<Vec<MediaFile>> {
    let disk = disk.clone();
    let reading = tokio::task::spawn_blocking(move || read_now(&disk, names));
    let read = tokio::time::timeout(BOUND, reading).await.context(|| "read a config disk".to_owned())?;
    read.context(|| "read a config disk".to_owned())?
}

fn read_now(disk: &BlockDevice, names: &'static [&'static str]) -> Result<Vec<MediaFile>> {
    fs::create_dir_all(MOUNT_POINT).context(|| format!("make {MOUNT_POINT}"))?;
    let Content::Known { format, .. } = &disk.content else {
        return Err(Fault::new(format!("{} holds no file system", disk.path())));
    };
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mounts::mount(disk.path(), MOUNT_POINT, format, flags, "")?;
    let found = names.iter().filter_map(|name| read_file(name).transpose()).collect();
    let _ = sys_mount::unmount(MOUNT_POINT, UnmountFlags::DETACH);
    found
}

fn read_file(name: &'static str) -> Result<Option<MediaFile>> {
    let bytes = read_bounded(&Path::new(MOUNT_POINT).join(name)).context(|| format!("read {name}"))?;
    Ok(bytes.map(|bytes| MediaFile { name, bytes }))
}

/// A file, or as much of it as the parser needs to say that it is too large; `None` where there is none.
pub(super) fn read_bounded(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    // A pipe or a terminal of that name would be waited for, for ever; a link may lead out of the disk.
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOFOLLOW;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("not a file"));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
