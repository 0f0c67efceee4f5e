//! The copy of the root image on the state disk: for the day the netboot server is away, and to spare the room the transfer
//! on all others. Kept once a boot with the image has come to ready.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::timeout;

use sys_mount::{MountFlags, UnmountFlags};

use dockos_control::error::{Context, Fault, Result};

use super::image;
use crate::blockdev::BlockDevice;
use crate::machine::Machine;
use crate::probe::Content;
use crate::{config, mounts, state};

/// Its folder on the state disk.
const FOLDER: &str = "lib/dockos/root";
/// After its SHA-256.
const SUFFIX: &str = ".img";
/// How long the state disk may take.
const BOUND: Duration = Duration::from_secs(60);
/// What the state disk keeps free beside the image.
const SPARE: u64 = 64 << 20;
/// The unit of `st_blocks`.
const BLOCK: u64 = 512;
/// Where the state disk is mounted before the root image is there.
const EARLY_MOUNT: &str = "/run/dockos/state";

/// What was found.
pub(super) enum Kept {
    /// Nothing.
    None,
    /// Images other than the one that was looked for.
    Others,
    /// The image, which is in its place now, and its SHA-256.
    Taken(String),
}

/// Puts the kept image in place: the one with this SHA-256, or else whichever is kept.
pub(super) async fn take(machine: &Machine, wanted: Option<&str>) -> Result<Kept> {
    if machine.cmdline.state_ram {
        return Ok(Kept::None);
    }
    let disks = config::wait_for_disks(machine, |disks| disks.iter().any(state::is_state)).await;
    let mut found = disks.into_iter().filter(|disk| state::is_state(disk) && state::is_usable(disk));
    // Of two state disks none is used.
    let (Some(disk), None) = (found.next(), found.next()) else { return Ok(Kept::None) };
    let wanted = wanted.map(str::to_owned);
    let_go(machine).await;
    let given_up = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&given_up);
    let mut taking = spawn_blocking(move || take_from(&disk, wanted.as_deref(), &flag));
    // A dying disk may take minutes for each error, and the server is there.
    let taken = timeout(BOUND, &mut taking).await;
    if taken.is_err() {
        given_up.store(true, Ordering::Relaxed);
        machine.state_reader.replace(Some(spawn_local(async move { drop(taking.await) })));
    }
    let what = || "read the state disk".to_owned();
    taken.context(what)?.context(what)?
}

/// Waits until nobody reads the state disk any more who was given up: until then it cannot be mounted with other options.
pub(crate) async fn let_go(machine: &Machine) {
    let Some(reader) = machine.state_reader.take() else { return };
    if timeout(BOUND, reader).await.is_err() {
        tracing::warn!("root image: the state disk is slow, and is still being read");
    }
}

fn take_from(disk: &BlockDevice, wanted: Option<&str>, given_up: &AtomicBool) -> Result<Kept> {
    let Content::Known { format, .. } = &disk.content else { return Ok(Kept::None) };
    fs::create_dir_all(EARLY_MOUNT).context(|| format!("make {EARLY_MOUNT}"))?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    // With the options of later: XFS forgets its quotas where it is mounted without, and counts them anew the next time.
    mounts::mount(disk.path(), EARLY_MOUNT, format, flags, state::quota_option(format))?;
    let taken = take_out_of(&Path::new(EARLY_MOUNT).join(FOLDER), wanted, given_up);
    // Not lazily: the state phase mounts it with other options.
    let unmounted = sys_mount::unmount(EARLY_MOUNT, UnmountFlags::empty());
    unmounted.context(|| format!("unmount {EARLY_MOUNT}"))?;
    taken
}

fn take_out_of(folder: &Path, wanted: Option<&str>, given_up: &AtomicBool) -> Result<Kept> {
    let mut found = Kept::None;
    for path in kept_in(folder) {
        let Some(sha256) = sha256_of(&path) else { continue };
        if wanted.is_some_and(|wanted| wanted != sha256) {
            found = Kept::Others;
            continue;
        }
        let file = File::open(&path).context(|| format!("open {}", path.display()))?;
        if image::take_copy(&file, &sha256, given_up)? {
            return Ok(Kept::Taken(sha256));
        }
        tracing::warn!("root image: the copy on the state disk is damaged and is not used");
    }
    Ok(found)
}

fn kept_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// The SHA-256 that a copy's name tells.
fn sha256_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    (name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit())).then(|| name.to_owned())
}

/// Keeps an image on the state disk, in place of the one before. On a thread of its own.
pub(super) fn keep(mut image: &File, sha256: &str) -> Result<()> {
    let folder = Path::new(state::MOUNT_POINT).join(FOLDER);
    fs::create_dir_all(&folder).context(|| format!("make {}", folder.display()))?;
    let path = folder.join(format!("{sha256}{SUFFIX}"));
    make_room(image, &folder)?;
    let beside = folder.join("new");
    // Even where the file is there: it would not have been fetched if that were whole.
    let written = write(&mut image, &beside)
        .and_then(|()| fs::rename(&beside, &path).context(|| format!("rename {}", beside.display())));
    if let Err(fault) = written {
        let _ = fs::remove_file(&beside);
        return Err(Fault::new(format!("keep the root image: {fault}")));
    }
    File::open(&folder).and_then(|folder| folder.sync_all()).context(|| "keep the root image".to_owned())?;
    remove_others(&folder, Some(&path));
    Ok(())
}

/// Gives up the copy of before where there is no room for two, if there is room for one.
fn make_room(image: &File, folder: &Path) -> Result<()> {
    let size = image.metadata().context(|| "look at the root image".to_owned())?.len();
    let others =
        kept_in(folder).into_iter().filter_map(|other| Some(other.metadata().ok()?.blocks() * BLOCK));
    let (free_now, freed) = (free(folder)?, others.sum::<u64>());
    if free_now < size + SPARE && size + SPARE <= free_now + freed {
        remove_others(folder, None);
    }
    match free(folder)? < size + SPARE {
        true => Err(Fault::new("the root image is not kept: the state disk has no room for it")),
        false => Ok(()),
    }
}

fn free(folder: &Path) -> Result<u64> {
    let found = nix::sys::statvfs::statvfs(folder).context(|| format!("look at {}", folder.display()))?;
    Ok(found.blocks_available() * found.fragment_size())
}

fn remove_others(folder: &Path, keep: Option<&Path>) {
    for other in kept_in(folder).iter().filter(|other| Some(other.as_path()) != keep) {
        let _ = fs::remove_file(other);
    }
}

fn write(image: &mut &File, to: &Path) -> Result<()> {
    let mut file = File::create(to).context(|| format!("make {}", to.display()))?;
    image::for_each_chunk(image, |chunk| {
        file.write_all(chunk).context(|| format!("write {}", to.display()))
    })?;
    file.sync_all().context(|| format!("write {}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_checksum_names_a_copy() {
        let sum = "ab".repeat(32);
        assert_eq!(sha256_of(Path::new(&format!("/x/{sum}.img"))), Some(sum.clone()));
        for name in [format!("/x/{sum}"), format!("/x/{sum}0.img"), "/x/new".to_owned(), "/x/.img".to_owned()]
        {
            assert_eq!(sha256_of(Path::new(&name)), None, "{name}");
        }
    }
}
