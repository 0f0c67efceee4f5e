//! The reserve: space on the state disk that tenants cannot take, given up when the disk is full, so that the engines,
//! the config and the logs still work and an admin can make room.

use std::fs::{self, OpenOptions};
use std::path::Path;

use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::statvfs::statvfs;

use crate::banner;
use crate::machine::Machine;
use crate::state::MOUNT_POINT;
use dockos_control::error::{Context, Result};

const FILE: &str = "/var/lib/dockos/reserve";
/// Bytes set aside.
const SIZE: u64 = 64 << 20;
/// With less than that free the disk counts as full.
const FULL_BELOW: u64 = 32 << 20;
/// The reserve is taken again only when so much is left beside it.
const PLENTY: u64 = 512 << 20;

/// Looks at the space that is left: sets the reserve aside while there is plenty, gives it up when there is none.
pub(crate) fn tend(machine: &Machine) -> Result<()> {
    let free = free_bytes()?;
    let reserved = Path::new(FILE).exists();
    if free < FULL_BELOW {
        let _ = fs::remove_file(FILE);
        let advice = "Remove what is not needed (docker system df, docker image prune), then reboot.";
        banner::red("The state disk is full.", &advice);
        machine.problem(format!("state: the disk is full ({} MB free)", free >> 20));
    } else if !reserved && free > SIZE + PLENTY {
        let file =
            OpenOptions::new().write(true).create_new(true).open(FILE).context(|| format!("make {FILE}"))?;
        // A file system without fallocate keeps an empty file: nothing is reserved there.
        let _ = fallocate(&file, FallocateFlags::empty(), 0, SIZE.cast_signed());
    }
    Ok(())
}

fn free_bytes() -> Result<u64> {
    let stat = statvfs(MOUNT_POINT).context(|| format!("look at the space on {MOUNT_POINT}"))?;
    Ok(stat.blocks_available() * stat.fragment_size())
}
