//! Unmounting all that lies on disks, deepest first, and naming who keeps the rest busy.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::syncfs;
use procfs::process::{MountInfo, Process};
use sys_mount::{MountFlags, UnmountFlags};

use crate::mounts;

/// One mount may take so long: flushing a slow disk, or waiting for a server that is gone.
const BOUND: Duration = Duration::from_secs(20);
/// File systems that hold nothing to be lost.
const PSEUDO: [&str; 13] = [
    "proc",
    "sysfs",
    "devtmpfs",
    "devpts",
    "tmpfs",
    "cgroup2",
    "mqueue",
    "securityfs",
    "pstore",
    "rootfs",
    "squashfs",
    "erofs",
    "nsfs",
];

/// Unmounts until nothing is left or nothing changes any more; what stays is made read-only, so that it is clean.
pub(crate) fn all() {
    let mut left = disks();
    loop {
        for path in &left {
            let _ = bounded(path.clone(), unmount);
        }
        let still = disks();
        if still.len() >= left.len() {
            break;
        }
        left = still;
    }
    for path in disks() {
        tracing::warn!("{} stays mounted; held by {}", path.display(), holders(&path).join(", "));
        if !bounded(path.clone(), make_read_only) {
            tracing::warn!(
                "{} cannot be made read-only: its file system will be recovered at the next boot",
                path.display()
            );
        }
    }
}

/// Mount points to be unmounted: overlays (whose layers lie on another mount) first, then the deepest.
fn disks() -> Vec<PathBuf> {
    let Ok(mounts) = Process::myself().and_then(|own| own.mountinfo()) else { return Vec::new() };
    let mut mounts: Vec<MountInfo> = mounts
        .0
        .into_iter()
        .filter(|mount| !PSEUDO.contains(&&*mount.fs_type) && mount.mount_point != Path::new("/etc"))
        .collect();
    mounts.sort_by_key(|mount| {
        (
            mount.fs_type != "overlay",
            std::cmp::Reverse(mount.mount_point.components().count()),
            std::cmp::Reverse(mount.mnt_id),
        )
    });
    mounts.into_iter().map(|mount| mount.mount_point).collect()
}

/// Runs the step on a thread and waits for it within [`BOUND`]; false when it failed or hangs.
fn bounded(path: PathBuf, step: fn(&Path) -> bool) -> bool {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = sender.send(step(&path));
    });
    receiver.recv_timeout(BOUND).unwrap_or(false)
}

fn unmount(path: &Path) -> bool {
    if let Ok(directory) = open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()) {
        let _ = syncfs(&directory);
    }
    sys_mount::unmount(path, UnmountFlags::empty()).is_ok()
}

fn make_read_only(path: &Path) -> bool {
    mounts::mount("none", path, "none", MountFlags::REMOUNT | MountFlags::RDONLY, "").is_ok()
}

/// Processes that hold something open below a mount point.
fn holders(mount_point: &Path) -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes =
        entries.filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()));
    let found: Vec<String> =
        processes.filter(|entry| holds(&entry.path(), mount_point)).map(|e| name(&e.path())).collect();
    if found.is_empty() { vec!["the kernel".to_owned()] } else { found }
}

fn holds(process: &Path, mount_point: &Path) -> bool {
    let fds = fs::read_dir(process.join("fd")).into_iter().flatten().flatten().map(|entry| entry.path());
    let own = ["cwd", "root", "exe"].map(|link| process.join(link));
    fds.chain(own).filter_map(|link| fs::read_link(link).ok()).any(|target| target.starts_with(mount_point))
}

fn name(process: &Path) -> String {
    let comm = fs::read_to_string(process.join("comm")).unwrap_or_default();
    format!("{} ({})", comm.trim(), process.file_name().unwrap_or_default().to_string_lossy())
}
