//! The machine's disks and partitions, from sysfs, with what they hold.

use std::cell::Cell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::probe::{self, Content, ReadAt};

/// Bytes of a sysfs "sector", whatever the disk's own size is.
const SECTOR: u64 = 512;

/// A disk or a partition.
#[derive(Debug, Clone)]
pub(crate) struct BlockDevice {
    /// Name below /dev.
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    /// GPT's name of the partition; "" for disks and MBR partitions.
    pub(crate) partition_name: String,
    /// The name of the disk: of a partition the one it lies on, of a disk its own.
    pub(crate) disk: String,
    pub(crate) is_partition: bool,
    /// True where nothing should ever be created: removable, read-only, or virtual (loop, RAM).
    pub(crate) is_unfit_for_state: bool,
    pub(crate) content: Content,
}

impl BlockDevice {
    /// The device file.
    pub(crate) fn path(&self) -> String {
        format!("/dev/{}", self.name)
    }

    /// The label of the file system on it, if there is one.
    pub(crate) fn label(&self) -> Option<&str> {
        match &self.content {
            Content::Known { label, .. } => Some(label),
            _ => None,
        }
    }
}

/// A device file as bytes.
struct DeviceFile {
    file: File,
    size: u64,
    /// A dying disk may take minutes for each error: after the first one it is not asked again.
    failed: Cell<bool>,
}

impl ReadAt for DeviceFile {
    fn read_at(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            if self.failed.get() {
                break;
            }
            match self.file.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Err(_) => self.failed.set(true),
                Ok(read) => filled += read,
            }
        }
        bytes.truncate(filled);
        bytes
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// All disks and partitions that hold any bytes, by name. Read on a thread of its own: a dying disk takes its time for
/// each error, and PID 1's own thread has children to reap.
pub(crate) async fn scan() -> Vec<BlockDevice> {
    // A scan that died finds nothing, and nothing is then made on any disk.
    tokio::task::spawn_blocking(scan_now).await.unwrap_or_default()
}

fn scan_now() -> Vec<BlockDevice> {
    let entries = fs::read_dir("/sys/class/block").into_iter().flatten().flatten();
    let mut devices: Vec<BlockDevice> = entries.filter_map(|entry| read(&entry.path())).collect();
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    devices
}

fn read(sysfs: &Path) -> Option<BlockDevice> {
    let name = sysfs.file_name()?.to_str()?.to_owned();
    if ["loop", "ram", "zram", "nbd", "fd"].iter().any(|prefix| name.starts_with(prefix)) {
        return None;
    }
    let size = attribute(sysfs, "size")?.parse::<u64>().ok()? * SECTOR;
    let file = File::open(format!("/dev/{name}")).ok().filter(|_| size > 0)?;
    let is_partition = sysfs.join("partition").exists();
    // A partition's folder lies in its disk's.
    let own = fs::canonicalize(sysfs).ok()?;
    let disk = if is_partition { own.parent()?.to_owned() } else { own };
    let flag = |name| attribute(&disk, name).is_some_and(|value| value != "0");
    Some(BlockDevice {
        size,
        partition_name: uevent_value(sysfs, "PARTNAME").unwrap_or_default(),
        disk: disk.file_name()?.to_str()?.to_owned(),
        is_partition,
        is_unfit_for_state: flag("removable") || flag("ro") || name.starts_with("sr"),
        content: probe::content(&DeviceFile { file, size, failed: Cell::new(false) }),
        name,
    })
}

fn attribute(sysfs: &Path, name: &str) -> Option<String> {
    Some(fs::read_to_string(sysfs.join(name)).ok()?.trim().to_owned())
}

fn uevent_value(sysfs: &Path, key: &str) -> Option<String> {
    let text = attribute(sysfs, "uevent")?;
    text.lines().find_map(|line| Some(line.split_once('=').filter(|(k, _)| *k == key)?.1.to_owned()))
}

/// True while a USB disk was found on the bus whose block device is not there yet.
pub(crate) fn usb_disks_are_coming() -> bool {
    let entries: Vec<PathBuf> = fs::read_dir("/sys/bus/usb/devices")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    // bInterfaceClass 08 is mass storage (USB class codes); its SCSI host appears below the interface.
    entries
        .iter()
        .filter(|e| attribute(e, "bInterfaceClass").as_deref() == Some("08"))
        .any(|e| !has_block_below(e, 6))
}

fn has_block_below(directory: &Path, depth: usize) -> bool {
    if directory.join("block").is_dir() {
        return true;
    }
    depth > 0
        && fs::read_dir(directory).into_iter().flatten().flatten().any(|entry| {
            entry.file_type().is_ok_and(|kind| kind.is_dir()) && has_block_below(&entry.path(), depth - 1)
        })
}

/// True on machines with a USB bus, where disks may still turn up in the first seconds.
pub(crate) fn has_usb() -> bool {
    fs::read_dir("/sys/bus/usb/devices").is_ok_and(|mut entries| entries.next().is_some())
}
