//! The state phase: the disk that outlives a boot, found by its label, made only on an empty disk and by consent.
//!
//! Without one the machine runs from RAM and says so. Nothing that was on a disk is ever formatted or deleted.

mod quota;

use std::fs;
use std::path::Path;
use std::rc::Rc;

use dockos_config::CreateState;
use sys_mount::MountFlags;

use crate::blockdev::BlockDevice;
use crate::machine::Machine;
use crate::phases::{Ended, Step};
use crate::probe::Content;
use crate::{banner, config, mounts, reserve, root, seed, state_create};
use dockos_control::error::{Context, Fault, Result};

/// Label of the file system, and name of the partition. XFS allows twelve characters: these are twelve.
pub(crate) const LABEL: &str = "DOCKOS_STATE";
/// Where it is mounted.
pub(crate) const MOUNT_POINT: &str = "/var";
/// None: `nodev`, `nosuid` or `noatime` here could not be dropped by a remapped tenant, whose read-only volumes would
/// then fail to mount. Tenants' own mounts have those flags from their engine.
const FLAGS: MountFlags = MountFlags::empty();
/// File systems that may carry state. XFS is what DockOS makes; ext4 is accepted.
const FORMATS: [&str; 2] = ["xfs", "ext4"];
/// Directories that everything else counts on.
const DIRECTORIES: [&str; 6] =
    ["/var/lib/docker", "/var/lib/dockos/images", "/var/home", "/var/log", "/var/tmp", "/run/dockos/log"];

/// The phase's word for state that is on no disk.
const RAM: &str = "RAM";

/// Where state will be kept.
enum Choice {
    Disk(BlockDevice),
    /// In RAM, and what a person should know about that.
    Ram(String),
}

/// The phase. A disk that cannot be used is a problem that is named, and the machine runs from RAM.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    let note = match mount_disk(machine).await {
        Ok(note) => note,
        Err(fault) => {
            mount_ram()?;
            machine.problem(format!("state: {fault}"));
            banner::red("State is kept in RAM and will be lost at power-off.", &fault);
            RAM.to_owned()
        }
    };
    make_directories()?;
    machine.state_on_disk.set(note != RAM);
    if note != RAM {
        machine.check(reserve::tend(machine));
    }
    machine.check(seed::renew());
    Ok(Step::Done(note))
}

/// Mounts the state disk, or RAM where that is what the config or the machine implies.
async fn mount_disk(machine: &Machine) -> Result<String> {
    match choose(machine).await? {
        Choice::Disk(disk) => {
            let Content::Known { format, .. } = disk.content else {
                return Err(Fault::new(format!("{} holds no file system", disk.path())));
            };
            machine.waits_for("state", format!("{} to be mounted", disk.path()));
            root::let_go(machine).await;
            let path = disk.path();
            // On a thread of its own: after a power cut the journal is replayed first, which a slow disk takes long for.
            let mount = move || {
                mounts::mount(&path, MOUNT_POINT, format, FLAGS, quota_option(format))?;
                limit_tenants(&path, format);
                Ok(())
            };
            let mounted = tokio::task::spawn_blocking(mount).await.context(|| "mount".to_owned())?;
            mounted.map_err(|fault| hint_repair(&fault, format))?;
            Ok(format!("{} ({format})", disk.path()))
        }
        Choice::Ram(why) => {
            mount_ram()?;
            banner::yellow("State is kept in RAM and will be lost at power-off.", &why);
            Ok(RAM.to_owned())
        }
    }
}

/// What a file system of that format is mounted with.
pub(crate) fn quota_option(format: &str) -> &'static str {
    if format == "xfs" { "prjquota" } else { "" }
}

/// Without that limit the machine works as well, as long as nobody means it harm.
fn limit_tenants(device: &str, format: &str) {
    if format == "xfs"
        && let Err(fault) = quota::limit_inodes(device)
    {
        tracing::warn!("state: {fault}");
    }
}

fn hint_repair(fault: &Fault, format: &str) -> Fault {
    let tool = if format == "xfs" { "xfs_repair" } else { "fsck.ext4" };
    Fault::new(format!("{fault}; nothing was changed on it: try {tool}, or use another disk"))
}

async fn choose(machine: &Machine) -> Result<Choice> {
    let wish = &machine.config().dockos.state;
    if machine.cmdline.state_ram || wish.ram {
        return Ok(Choice::Ram("As asked for.".to_owned()));
    }
    let disks = config::wait_for_disks(machine, |disks| disks.iter().any(is_state)).await;
    let found: Vec<&BlockDevice> = disks.iter().filter(|disk| is_state(disk)).collect();
    match found.as_slice() {
        [disk] if is_usable(disk) => Ok(Choice::Disk((*disk).clone())),
        [disk] => finish_or_refuse(machine, disk).await,
        [] => none_found(machine, &disks).await,
        many => {
            let names: Vec<String> = many.iter().map(|disk| disk.path()).collect();
            let names = names.join(" and ");
            Err(Fault::new(format!(
                "{names} are all labelled {LABEL}; none is used: unplug or relabel all but one"
            )))
        }
    }
}

/// Whether a partition or file system carries the label, whatever it holds. A whole disk is counted by what is on it, not
/// by its partitions, so that no disk is counted twice.
pub(crate) fn is_state(disk: &BlockDevice) -> bool {
    disk.label() == Some(LABEL) || disk.partition_name == LABEL
}

/// Whether it can be mounted.
pub(crate) fn is_usable(disk: &BlockDevice) -> bool {
    matches!(&disk.content, Content::Known { format, .. } if FORMATS.contains(format))
}

/// A labelled partition without a file system: ours, cut off while it was made, or something that must stay as it is.
async fn finish_or_refuse(machine: &Machine, disk: &BlockDevice) -> Result<Choice> {
    let unfinished = disk.content == Content::Empty
        || matches!(&disk.content, Content::Known { format, .. } if *format == state_create::UNFINISHED);
    if unfinished && disk.is_partition && consents(machine, disk) {
        return state_create::format_partition(machine, disk).await.map(Choice::Disk);
    }
    let (name, what) = (disk.path(), disk.content.word());
    Err(Fault::new(format!("{name} is named {LABEL} but holds {what}; it is left as it is")))
}

async fn none_found(machine: &Machine, disks: &[BlockDevice]) -> Result<Choice> {
    if machine.config().dockos.state.create == CreateState::Never {
        let advice = "No disk is labelled DOCKOS_STATE; `dockos: {state: {create: empty-disk}}` lets an empty one be used.";
        return Ok(Choice::Ram(advice.to_owned()));
    }
    let empty: Vec<&BlockDevice> =
        disks.iter().filter(|disk| is_empty_disk(disk) && consents(machine, disk)).collect();
    match empty.as_slice() {
        [disk] => state_create::create(machine, disk).await.map(Choice::Disk),
        [] => {
            Err(Fault::new(format!("no disk is labelled {LABEL}, and none is empty{}", what_is_there(disks))))
        }
        many => {
            let names: Vec<String> = many.iter().map(|disk| disk.path()).collect();
            let first = names.first().cloned().unwrap_or_default();
            let names = names.join(", ");
            Err(Fault::new(format!(
                "{names} are all empty: say which may be used, as `dockos: {{state: {{device: {first}}}}}`"
            )))
        }
    }
}

fn is_empty_disk(disk: &BlockDevice) -> bool {
    !disk.is_partition
        && !disk.is_unfit_for_state
        && disk.size >= state_create::SMALLEST
        && disk.content == Content::Empty
}

/// The config's consent for this disk, or for this partition's disk.
fn consents(machine: &Machine, disk: &BlockDevice) -> bool {
    let wish = &machine.config().dockos.state;
    wish.create == CreateState::EmptyDisk
        && wish.device.as_ref().is_none_or(|device| {
            let path =
                fs::canonicalize(device.as_str()).unwrap_or_else(|_| Path::new(device.as_str()).to_owned());
            [&disk.name, &disk.disk].iter().any(|name| path == Path::new("/dev").join(name))
        })
}

fn what_is_there(disks: &[BlockDevice]) -> String {
    let whole = disks.iter().filter(|disk| !disk.is_partition && !disk.is_unfit_for_state);
    let list: Vec<String> =
        whole.map(|disk| format!("{} holds {}", disk.path(), disk.content.word())).collect();
    if list.is_empty() { String::new() } else { format!(" ({})", list.join(", ")) }
}

fn mount_ram() -> Result<()> {
    mounts::mount("state", MOUNT_POINT, "tmpfs", FLAGS, "mode=0755,size=50%")
}

fn make_directories() -> Result<()> {
    for directory in DIRECTORIES {
        fs::create_dir_all(directory).context(|| format!("make {directory}"))?;
    }
    if !Path::new("/var/run").exists() {
        std::os::unix::fs::symlink("/run", "/var/run").context(|| "link /var/run".to_owned())?;
    }
    mounts::bind("/var/home", "/home")
}
