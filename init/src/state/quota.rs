//! How many files one tenant may have. Quotas of volumes and layers limit bytes alone, and empty files take none: a loop that
//! makes them would take the inodes of everybody.
//!
//! XFS takes the limits of project 0 as those of every project that has none of its own of that kind, so it is of no
//! matter that the engines set limits of bytes later. Project 0 itself, which all else on the disk belongs to, is never
//! held to them.

use std::ffi::CString;

use nix::errno::Errno;
use nix::libc;
use nix::sys::statvfs::statvfs;

use super::MOUNT_POINT;
use dockos_control::error::{Context, Result};

/// Of the disk's bytes, so many for each inode. mkfs.xfs lets inodes of 512 bytes take a quarter of the disk: this is a
/// sixteenth of them. XFS writes the limit into a project once that is used, so it must be of the disk's size, which
/// stays, and not of `f_files`, which shrinks as the disk fills.
const BYTES: u64 = 32 << 10;
/// A home with a few checkouts and their packages has that many files.
const LEAST: u64 = 100_000;
/// 1 GB of inodes: these bytes count for nobody.
const MOST: u64 = 2_000_000;

/// QCMD(Q_XSETQLIM, PRJQUOTA) of linux/quota.h and linux/dqblk_xfs.h.
const SET_PROJECT_LIMITS: libc::c_int = (0x5804 << 8) | 2;
/// FS_DQUOT_VERSION.
const VERSION: i8 = 1;
/// FS_PROJ_QUOTA.
const PROJECT: i8 = 1 << 1;
/// FS_DQ_IHARD: nothing else changes.
const INODES_HARD: u16 = 1 << 1;

/// fs_disk_quota of linux/dqblk_xfs.h, whose other fields are zero here.
#[repr(C)]
struct DiskQuota {
    version: i8,
    flags: i8,
    fields: u16,
    id: u32,
    blocks: [u64; 2],
    inodes_hard: u64,
    others: [u64; 10],
}

/// Limits the inodes of each project on the XFS of that device, which is mounted with project quotas.
#[expect(unsafe_code, reason = "XFS's part of quotactl has no safe wrapper")]
pub(super) fn limit_inodes(device: &str) -> Result<()> {
    let what = || format!("limit the files of each tenant on {device}");
    let stat = statvfs(MOUNT_POINT).context(what)?;
    let mut quota = DiskQuota {
        version: VERSION,
        flags: PROJECT,
        fields: INODES_HARD,
        id: 0,
        blocks: [0; 2],
        inodes_hard: limit(stat.blocks() * stat.fragment_size()),
        others: [0; 10],
    };
    let path = CString::new(device).context(what)?;
    // SAFETY: path and structure live through the call, and the kernel reads as many bytes as the structure has.
    let result = unsafe { libc::quotactl(SET_PROJECT_LIMITS, path.as_ptr(), 0, (&raw mut quota).cast()) };
    Errno::result(result).map(drop).context(what)
}

/// The inodes that one project may have on a file system of so many bytes.
fn limit(bytes: u64) -> u64 {
    (bytes / BYTES).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use std::mem::{offset_of, size_of};

    use super::*;

    #[test]
    fn the_limit_is_a_share_of_the_disk() {
        for (gigabytes, inodes) in [(0, LEAST), (1, LEAST), (8, 262_144), (32, 1_048_576), (2048, MOST)] {
            assert_eq!(limit(gigabytes << 30), inodes, "{gigabytes} GB");
        }
    }

    #[test]
    fn the_structure_is_the_kernels() {
        assert_eq!(size_of::<DiskQuota>(), 112);
        let offsets = [offset_of!(DiskQuota, fields), offset_of!(DiskQuota, inodes_hard)];
        assert_eq!(offsets, [2, 24]);
        assert_eq!(SET_PROJECT_LIMITS, 0x58_0402);
    }
}
