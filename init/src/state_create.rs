//! Making a state disk: a partition table and an XFS, on a disk that holds nothing.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek};
use std::os::fd::AsRawFd;
use std::time::Duration;

use gptman::{GPT, GPTPartitionEntry};

use crate::blockdev::{self, BlockDevice};
use crate::machine::Machine;
use crate::probe::Content;
use crate::spawn::{Io, Program};
use crate::state::LABEL;
use dockos_control::error::{Context, Fault, Result};

/// A smaller disk is not worth it: XFS itself wants 300 MB.
pub(crate) const SMALLEST: u64 = 1 << 30;
/// What [`crate::probe`] calls an XFS whose mkfs was cut off (`sb_inprogress`).
pub(crate) const UNFINISHED: &str = "unfinished xfs";

/// UEFI's alignment of partitions by custom: 1 MiB.
const ALIGNMENT: u64 = 1 << 20;
/// "Linux filesystem data", 0FC63DAF-8483-4772-8E79-3D69D8477DE4, as GPT stores it.
const LINUX_DATA: [u8; 16] =
    [0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4];
/// How long the kernel may take to show a new partition.
const PARTITION_BOUND: Duration = Duration::from_secs(10);

/// Makes the empty disk the state disk; returns its partition.
pub(crate) async fn create(machine: &Machine, disk: &BlockDevice) -> Result<BlockDevice> {
    tracing::info!("state: {} is empty and becomes the state disk", disk.path());
    partition(disk).context(|| format!("partition {}", disk.path()))?;
    let made = wait_for_partition(machine, &disk.name).await?;
    if made.content != Content::Empty {
        return Err(Fault::new(format!("{} is not empty; it is left as it is", made.path())));
    }
    format_partition(machine, &made).await
}

/// Puts the file system on a partition that is empty or whose mkfs was cut off.
pub(crate) async fn format_partition(machine: &Machine, partition: &BlockDevice) -> Result<BlockDevice> {
    machine.waits_for("state", format!("mkfs.xfs {}", partition.path()));
    let mut argv = vec!["/usr/sbin/mkfs.xfs", "-q", "-K", "-L", LABEL];
    // Without -f mkfs.xfs itself refuses what is not empty; only our own unfinished work is overwritten.
    if partition.content != Content::Empty {
        argv.push("-f");
    }
    let path = partition.path();
    argv.push(&path);
    let mut program = Program::new(argv);
    program.io = Io::Log("/run/dockos/log/mkfs.log".into());
    machine.reaper.run(&program).await?;
    let again = blockdev::scan().await.into_iter().find(|device| device.name == partition.name);
    again.ok_or_else(|| Fault::new(format!("{path} is gone")))
}

fn partition(disk: &BlockDevice) -> Result<()> {
    let path = disk.path();
    let mut file = OpenOptions::new().read(true).write(true).open(&path).context(|| "open".to_owned())?;
    let sector = logical_block_size(&disk.name);
    let mut gpt = GPT::new_from(&mut file, sector, random_guid()?).context(|| "lay out".to_owned())?;
    let first = ALIGNMENT / sector;
    let end = gpt.header.last_usable_lba + 1;
    gpt[1] = GPTPartitionEntry {
        partition_type_guid: LINUX_DATA,
        unique_partition_guid: random_guid()?,
        starting_lba: first,
        ending_lba: end - end % first - 1,
        attribute_bits: 0,
        partition_name: LABEL.into(),
    };
    gpt.write_into(&mut file).context(|| "write the table".to_owned())?;
    file.rewind().context(|| "rewind".to_owned())?;
    GPT::write_protective_mbr_into(&mut file, sector).context(|| "write the protective MBR".to_owned())?;
    file.sync_all().context(|| "flush".to_owned())?;
    reread(&file).map(drop).context(|| "let the kernel read the table".to_owned())
}

/// BLKRRPART of linux/fs.h.
#[expect(unsafe_code, reason = "an ioctl without a safe wrapper")]
fn reread(disk: &File) -> nix::Result<i32> {
    nix::ioctl_none_bad!(blkrrpart, 0x125F);
    // SAFETY: the request takes no argument and the descriptor is open.
    unsafe { blkrrpart(disk.as_raw_fd()) }
}

fn logical_block_size(name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/sys/class/block/{name}/queue/logical_block_size"));
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(512)
}

/// A random (version 4) GUID.
fn random_guid() -> Result<[u8; 16]> {
    let mut guid = [0; 16];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut guid));
    read.context(|| "read /dev/urandom".to_owned())?;
    guid[7] = (guid[7] & 0x0f) | 0x40;
    guid[8] = (guid[8] & 0x3f) | 0x80;
    Ok(guid)
}

async fn wait_for_partition(machine: &Machine, disk: &str) -> Result<BlockDevice> {
    let mut changes = machine.disks.subscribe();
    let end = tokio::time::Instant::now() + PARTITION_BOUND;
    loop {
        changes.mark_unchanged();
        let ours = |device: &BlockDevice| {
            device.is_partition && device.disk == disk && device.partition_name == LABEL
        };
        if let Some(device) = blockdev::scan().await.into_iter().find(ours) {
            return Ok(device);
        }
        if tokio::time::timeout_at(end, changes.changed()).await.is_err() {
            return Err(Fault::new(format!("the new partition of {disk} did not appear")));
        }
    }
}
