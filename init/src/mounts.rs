//! The mounts every boot makes, as data, and the one way to make a mount.

use std::fmt;
use std::path::Path;

use nix::mount::MsFlags;
use sys_mount::{Mount, MountFlags};

use dockos_control::error::{Context, Result};

/// A mount that does not depend on the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FixedMount {
    pub(crate) fstype: &'static str,
    pub(crate) target: &'static str,
    pub(crate) flags: MountFlags,
    pub(crate) data: &'static str,
}

impl fmt::Display for FixedMount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} on {}", self.fstype, self.target)
    }
}

const NOTHING_RUNS: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);
const NO_DEVICES: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// Made in the initramfs; they move to the root image with the switch.
#[rustfmt::skip]
pub(crate) const EARLY: [FixedMount; 4] = [
    FixedMount { fstype: "devtmpfs", target: "/dev",  flags: MountFlags::NOSUID, data: "mode=0755" },
    FixedMount { fstype: "proc",     target: "/proc", flags: NOTHING_RUNS,       data: "" },
    FixedMount { fstype: "sysfs",    target: "/sys",  flags: NOTHING_RUNS,       data: "" },
    FixedMount { fstype: "tmpfs",    target: "/run",  flags: NO_DEVICES,         data: "mode=0755" },
];

/// Made once the root image is the root. /run must run programs (runc's copies), /root is small: keys and history, and
/// /mnt holds only folders to mount on. Each tenant writes to a folder of screens, so they are not in /run itself: whoever
/// fills them up keeps nobody else from making a socket, which takes no space.
#[rustfmt::skip]
pub(crate) const IN_ROOT: [FixedMount; 9] = [
    FixedMount { fstype: "devpts",  target: "/dev/pts",          flags: MountFlags::NOSUID.union(MountFlags::NOEXEC), data: "mode=0620,gid=5,ptmxmode=0666" },
    FixedMount { fstype: "tmpfs",   target: "/dev/shm",          flags: NO_DEVICES,   data: "mode=1777" },
    FixedMount { fstype: "mqueue",  target: "/dev/mqueue",       flags: NOTHING_RUNS, data: "" },
    FixedMount { fstype: "cgroup2", target: "/sys/fs/cgroup",    flags: NOTHING_RUNS, data: "nsdelegate,memory_recursiveprot" },
    FixedMount { fstype: "tmpfs",   target: "/tmp",              flags: NO_DEVICES,   data: "mode=1777,size=25%" },
    FixedMount { fstype: "tmpfs",   target: "/root",             flags: NO_DEVICES,   data: "mode=0700,size=16m" },
    FixedMount { fstype: "tmpfs",   target: "/mnt",              flags: NO_DEVICES,   data: "mode=0755,size=1m" },
    FixedMount { fstype: "tmpfs",   target: "/run/user-docker/screens", flags: NOTHING_RUNS, data: "mode=0700,size=1m,nr_inodes=16k" },
    FixedMount { fstype: "securityfs", target: "/sys/kernel/security", flags: NOTHING_RUNS, data: "" },
];

/// Makes each mount, and its directory first; goes on after a failure and returns all of them.
pub(crate) fn make_all(mounts: &[FixedMount]) -> Vec<dockos_control::error::Fault> {
    mounts.iter().filter_map(|m| make_fixed(m).err()).collect()
}

fn make_fixed(fixed: &FixedMount) -> Result<()> {
    // A directory of sysfs exists or cannot be made; the mount then tells.
    let _ = std::fs::create_dir_all(fixed.target);
    mount(fixed.fstype, fixed.target, fixed.fstype, fixed.flags, fixed.data)
}

/// Mounts `source` on `target`; the error names both, the type and the flags' data.
pub(crate) fn mount(
    source: impl AsRef<Path>,
    target: impl AsRef<Path>,
    fstype: &str,
    flags: MountFlags,
    data: &str,
) -> Result<()> {
    let (source, target) = (source.as_ref(), target.as_ref());
    // `Mount` unmounts only through its own methods, so dropping it keeps the mount.
    Mount::builder()
        .fstype(fstype)
        .flags(flags)
        .data(data)
        .mount(source, target)
        .map(drop)
        .context(|| format!("mount {} on {} as {fstype} ({data})", source.display(), target.display()))
}

/// Moves a mount to another place.
pub(crate) fn move_to(source: &str, target: &str) -> Result<()> {
    mount(source, target, "none", MountFlags::MOVE, "")
}

/// Shows `source` at `target` too, with all mounts below it.
pub(crate) fn bind(source: &str, target: &str) -> Result<()> {
    mount(source, target, "none", MountFlags::BIND | MountFlags::REC, "")
}

/// Makes mounts propagate to and from the system services' containers, from here on down.
pub(crate) fn share_all() -> Result<()> {
    let flags = MsFlags::MS_SHARED | MsFlags::MS_REC;
    nix::mount::mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)
        .context(|| "share all mounts".to_owned())
}
