//! The medium that the machine was booted from, or a stick beside it: the room's config and image archives in `oem/`, and
//! the boot files, for a center that boots others with them. Mounted when the first one asks, until the boot is over: then
//! it may be pulled out.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sys_mount::{MountFlags, UnmountFlags};

use crate::blockdev::BlockDevice;
use crate::machine::Machine;
use crate::mounts;
use crate::probe::Content;
use dockos_control::error::{Context, Fault, Result};

/// Labels of DockOS's own ISO, and of a stick that an admin put beside it; where each is mounted, read-only.
pub(crate) const PLACES: [(&str, &str); 2] = [(LABEL, MOUNT_POINT), ("DOCKOS_OEM", "/run/dockos/medium-oem")];
/// The label of the ISO.
const LABEL: &str = "DOCKOS";
/// Where the boot files are, if there is such a medium.
pub(crate) const MOUNT_POINT: &str = "/run/dockos/medium";
/// A medium's folder of image archives.
const IMAGES: &str = "oem/images";
/// How long it may take to be mounted.
const BOUND: Duration = Duration::from_secs(60);
/// Two phases may ask at once.
static MOUNTING: Mutex<()> = Mutex::new(());

/// The media's folders of image archives.
pub(crate) async fn images(machine: &Machine) -> Result<Vec<PathBuf>> {
    mount(machine).await?;
    Ok(PLACES
        .iter()
        .map(|(_, place)| Path::new(place).join(IMAGES))
        .filter(|folder| folder.is_dir())
        .collect())
}

/// Mounts the media; once the boot is over they may have been pulled out. True where there is one with boot files.
pub(crate) async fn mount(machine: &Machine) -> Result<bool> {
    let media = machine.media.borrow().clone();
    let names: Vec<String> = media.iter().map(BlockDevice::path).collect();
    let has_boot_files = media.iter().any(|disk| disk.label() == Some(LABEL));
    if *machine.booted.borrow() || media.is_empty() {
        return Ok(false);
    }
    let what = || format!("mount the boot medium, {}", names.join(" or "));
    // On a thread of its own: a dying disk may take minutes to say so.
    let mounting = tokio::task::spawn_blocking(move || media.iter().try_for_each(mount_now));
    tokio::time::timeout(BOUND, mounting).await.context(what)?.context(what)??;
    Ok(has_boot_files)
}

fn mount_now(disk: &BlockDevice) -> Result<()> {
    let Some((_, place)) = PLACES.iter().find(|(label, _)| disk.label() == Some(label)) else {
        return Ok(());
    };
    // A thread that died holding it mounted nothing.
    let _one_at_a_time = MOUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    if mounts.lines().any(|line| line.split(' ').nth(1) == Some(place)) {
        return Ok(());
    }
    let Content::Known { format, .. } = &disk.content else {
        return Err(Fault::new(format!("{} holds no file system", disk.path())));
    };
    fs::create_dir_all(place).context(|| format!("make {place}"))?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mounts::mount(disk.path(), place, format, flags, "")
}

/// Lets go of them at the end of the boot.
pub(crate) fn release() {
    for (_, place) in PLACES {
        // Whatever still reads from it may end first.
        let _ = sys_mount::unmount(place, UnmountFlags::DETACH);
    }
}
