//! Unmounting all that lies on disks, deepest first, and naming who keeps the rest busy.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::syncfs;
use procfs::process::{self, FDTarget, Process};
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
    stop_swapping();
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

/// Swap files keep the file system that they are on busy.
#[expect(unsafe_code, reason = "swapoff has no safe wrapper")]
fn stop_swapping() {
    let text = fs::read_to_string("/proc/swaps").unwrap_or_default();
    for path in text.lines().skip(1).filter_map(|line| line.split_whitespace().next()) {
        let Ok(name) = std::ffi::CString::new(path) else { continue };
        // SAFETY: the path is a string that lives through the call.
        let result = unsafe { nix::libc::swapoff(name.as_ptr()) };
        if let Err(error) = nix::errno::Errno::result(result) {
            tracing::warn!("stop swapping to {path}: {error}");
        }
    }
}

/// Mount points to be unmounted: overlays (whose layers lie on another mount) first, then the deepest, then the latest.
fn disks() -> Vec<PathBuf> {
    let text = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mut mounts = mounts_in(&text);
    mounts.retain(|mount| !PSEUDO.contains(&&*mount.fstype) && mount.point != Path::new("/etc"));
    mounts.sort_by_key(|mount| {
        (mount.fstype != "overlay", Reverse(mount.point.components().count()), Reverse(mount.number))
    });
    mounts.into_iter().map(|mount| mount.point).collect()
}

/// A line of mountinfo (proc(5)).
struct MountLine {
    /// The line's number: later mounts may lie on earlier ones.
    number: usize,
    point: PathBuf,
    fstype: String,
}

/// Reads mountinfo as bytes: a mount point may be no UTF-8. What is no mount line is passed over, the others count.
fn mounts_in(text: &[u8]) -> Vec<MountLine> {
    let lines = text.split(|&byte| byte == b'\n').enumerate();
    lines
        .filter_map(|(number, line)| {
            let mut fields = line.split(|&byte| byte == b' ');
            let point = unescape(fields.nth(4)?);
            let fstype = fields.skip_while(|field| *field != b"-").nth(1)?;
            let point = PathBuf::from(OsString::from_vec(point));
            Some(MountLine { number, point, fstype: String::from_utf8_lossy(fstype).into_owned() })
        })
        .collect()
}

/// Decodes `\ooo`, which stands for blanks, tabs, line ends and backslashes.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let octal =
            after.get(..3).filter(|_| first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

/// Runs the step on a thread and waits for it within [`BOUND`]; false when it failed or hangs.
fn bounded(path: PathBuf, step: fn(&Path) -> bool) -> bool {
    let (sender, receiver) = mpsc::channel();
    let own = path.clone();
    let thread = std::thread::Builder::new().spawn(move || {
        let _ = sender.send(step(&own));
    });
    match thread {
        Ok(_) => receiver.recv_timeout(BOUND).unwrap_or(false),
        // No thread to be had: better without a bound than not at all.
        Err(_) => step(&path),
    }
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
    let processes = process::all_processes().into_iter().flatten().flatten();
    let found: Vec<String> =
        processes.filter(|process| holds(process, mount_point)).map(|p| name(&p)).collect();
    if found.is_empty() { vec!["the kernel".to_owned()] } else { found }
}

fn holds(process: &Process, mount_point: &Path) -> bool {
    let own = [process.cwd(), process.root(), process.exe()].into_iter().flatten();
    let files = process.fd().into_iter().flatten().flatten().filter_map(|fd| match fd.target {
        FDTarget::Path(path) => Some(path),
        _ => None,
    });
    own.chain(files).any(|path| path.starts_with(mount_point))
}

fn name(process: &Process) -> String {
    let name = process.stat().map(|stat| stat.comm).unwrap_or_default();
    format!("{name} ({})", process.pid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_with_blanks_and_odd_bytes_are_read() {
        let text = b"23 1 7:0 / / ro,relatime shared:1 - squashfs /dev/loop0 ro\nnonsense\n\
            40 23 8:17 / /mnt/my\\040disk\\134x rw shared:2 master:3 - vfat /dev/sdb1 rw\n\
            41 23 8:18 / /mnt/\xff rw - xfs /dev/sdb2 rw\n";
        let mounts = mounts_in(text);
        let points: Vec<&[u8]> =
            mounts.iter().map(|m| std::os::unix::ffi::OsStrExt::as_bytes(m.point.as_os_str())).collect();
        assert_eq!(points, [&b"/"[..], b"/mnt/my disk\\x", b"/mnt/\xff"]);
        assert_eq!(mounts[1].fstype, "vfat");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(text: Vec<u8>) {
            let _ = mounts_in(&text);
        }
    }
}
