//! The state disk: which device it is, for limits of reading and writing, and whether it gives quotas.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::stat::{major, minor};

/// What the disk below the agent's folder gives, which is the engine's disk too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Disk {
    /// The whole device, which control groups limit; `None` where state is in RAM.
    pub(crate) device: Option<String>,
    /// Whether folders can have quotas: XFS, mounted for it.
    pub(crate) quota: bool,
}

impl Disk {
    /// Looks at the disk below a folder.
    pub(crate) fn below(folder: &Path) -> Self {
        let Ok(found) = fs::metadata(folder) else { return Self::default() };
        let number = format!("{}:{}", major(found.dev()), minor(found.dev()));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        Self { device: device(Path::new("/sys/dev/block"), &number), quota: has_quota(&mounts, &number) }
    }

    /// What of a course's limits does not hold here, for the log.
    pub(crate) fn lacks(&self) -> Vec<&'static str> {
        let mut lacks = Vec::new();
        if !self.quota {
            lacks.push(
                "`disk` and `home` of courses do not hold: the state disk gives no quotas (it is not XFS)",
            );
        }
        if self.device.is_none() {
            lacks.push("`io` of courses does not hold: state is in RAM");
        }
        lacks
    }
}

/// The whole device that a number, a partition's maybe, belongs to.
fn device(block: &Path, number: &str) -> Option<String> {
    let own = block.join(number).canonicalize().ok()?;
    let whole = if own.join("partition").exists() { own.parent()?.to_owned() } else { own };
    let uevent = fs::read_to_string(whole.join("uevent")).ok()?;
    let name = uevent.lines().find_map(|line| line.strip_prefix("DEVNAME="))?;
    Some(format!("/dev/{name}"))
}

/// Whether the file system of a number is XFS with project quotas.
fn has_quota(mounts: &str, number: &str) -> bool {
    mounts.lines().any(|line| {
        let Some((mount, file_system)) = line.split_once(" - ") else { return false };
        let options = || file_system.rsplit(' ').next().unwrap_or_default().split(',');
        mount.split(' ').nth(2) == Some(number)
            && file_system.split(' ').next() == Some("xfs")
            && options().any(|option| matches!(option, "prjquota" | "pquota"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
36 35 254:1 /lib/dockos/desktops /var/lib/dockos/desktops rw,relatime shared:1 - xfs /dev/vda1 rw,attr2,prjquota
37 35 254:2 / /a rw - xfs /dev/vda2 rw,noquota
38 35 0:20 / /b rw - tmpfs tmpfs rw,prjquota
x
";

    #[test]
    fn quotas_are_those_of_xfs() {
        let found = ["254:1", "254:2", "0:20", "9:9"].map(|number| has_quota(MOUNTS, number));
        assert_eq!(found, [true, false, false, false]);
    }

    #[test]
    fn a_partition_is_limited_by_its_disk() {
        let dir = tempfile::tempdir().unwrap();
        let part = dir.path().join("devices/vda/vda1");
        fs::create_dir_all(&part).unwrap();
        fs::write(part.join("partition"), "1\n").unwrap();
        fs::write(part.join("uevent"), "DEVNAME=vda1\n").unwrap();
        fs::write(dir.path().join("devices/vda/uevent"), "MAJOR=254\nDEVNAME=vda\n").unwrap();
        let block = dir.path().join("block");
        fs::create_dir(&block).unwrap();
        std::os::unix::fs::symlink(&part, block.join("254:1")).unwrap();
        std::os::unix::fs::symlink(part.parent().unwrap(), block.join("254:0")).unwrap();
        for number in ["254:0", "254:1"] {
            assert_eq!(device(&block, number).as_deref(), Some("/dev/vda"), "{number}");
        }
        assert_eq!(device(&block, "0:20"), None, "tmpfs has no device");
    }
}
