//! The config phase: finds the cloud-config, reads it, and lets a bad one harm nothing.

use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use sys_mount::{MountFlags, UnmountFlags};

use crate::blockdev::{self, BlockDevice};
use crate::clock::uptime;
use crate::error::{Context, Result};
use crate::machine::Machine;
use crate::phases::{Ended, Step};
use crate::{banner, mounts};

/// Label of a NoCloud disk (cloud-init's documentation names both spellings).
const LABELS: [&str; 2] = ["cidata", "CIDATA"];
/// Where a config disk is mounted while it is read.
const MOUNT_POINT: &str = "/run/dockos/cidata";
/// The file on it that is the cloud-config.
const FILE: &str = "user-data";
/// A larger one is no config: reading stops there, and the parser says so.
const MOST_BYTES: u64 = 4 << 20;

/// With USB on board, disks may turn up until so many seconds after the kernel's start.
const USB_UNTIL: f64 = 4.0;
/// A USB disk that was announced gets until then to spin up.
const USB_DISK_UNTIL: f64 = 12.0;

/// The phase.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    for word in &machine.cmdline.unknown {
        tracing::warn!("kernel command line: unknown word {word}");
    }
    let found = wait_for_disks(machine, |disks| disks.iter().any(is_config_disk)).await;
    let disks: Vec<&BlockDevice> = found.iter().filter(|disk| is_config_disk(disk)).collect();
    let step = match disks.as_slice() {
        [] => Ok(Step::Skipped("no disk labelled cidata: built-in defaults".to_owned())),
        [disk, rest @ ..] => {
            for other in rest {
                machine.problem(format!(
                    "config: {} is labelled cidata too, {} is used",
                    other.path(),
                    disk.path()
                ));
            }
            load(machine, disk)
        }
    };
    set_hostname(machine);
    step
}

fn is_config_disk(disk: &BlockDevice) -> bool {
    disk.label().is_some_and(|label| LABELS.contains(&label))
}

/// Reads a config disk. A config with errors leaves the defaults in force and shows a banner that names each.
fn load(machine: &Machine, disk: &BlockDevice) -> Result<Step> {
    let bytes = read_file(disk)?;
    let source = format!("{FILE} on {}", disk.path());
    match dockos_config::parse_user_data(FILE, &bytes) {
        Ok(config) => {
            machine.set_config(config);
            Ok(Step::Done(source))
        }
        Err(report) => {
            banner::red(
                "The cloud-config has errors and is not used; the machine runs with its defaults.",
                &report,
            );
            machine.problem(format!("config: {}", report.short()));
            Ok(Step::Done(format!("{source} has errors: built-in defaults")))
        }
    }
}

fn read_file(disk: &BlockDevice) -> Result<Vec<u8>> {
    fs::create_dir_all(MOUNT_POINT).context(|| format!("make {MOUNT_POINT}"))?;
    let fstype = match &disk.content {
        crate::probe::Content::Known { format, .. } => *format,
        _ => "vfat",
    };
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mounts::mount(disk.path(), MOUNT_POINT, fstype, flags, "")?;
    let path = Path::new(MOUNT_POINT).join(FILE);
    let bytes = fs::File::open(&path).and_then(|file| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(file, MOST_BYTES), &mut bytes)?;
        Ok(bytes)
    });
    let _ = sys_mount::unmount(MOUNT_POINT, UnmountFlags::DETACH);
    bytes.context(|| format!("read {FILE} on {}", disk.path()))
}

fn set_hostname(machine: &Machine) {
    let config = machine.config();
    let name = config.hostname.as_ref().map_or("dockos", |name| name.as_str());
    machine.check(nix::unistd::sethostname(name).context(|| format!("set the host name {name}")));
    let hosts = format!("127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.1.1 {name}\n");
    machine
        .check(fs::write("/etc/hostname", format!("{name}\n")).context(|| "write /etc/hostname".to_owned()));
    machine.check(fs::write("/etc/hosts", hosts).context(|| "write /etc/hosts".to_owned()));
}

/// The disks as soon as `enough` says so, or once no more can be expected.
pub(crate) async fn wait_for_disks(
    machine: &Machine,
    enough: impl Fn(&[BlockDevice]) -> bool,
) -> Vec<BlockDevice> {
    let mut changes = machine.disks.subscribe();
    loop {
        changes.mark_unchanged();
        let disks = blockdev::scan().await;
        let until = match (blockdev::usb_disks_are_coming(), blockdev::has_usb()) {
            (true, _) => USB_DISK_UNTIL,
            (false, true) => USB_UNTIL,
            (false, false) => 0.0,
        };
        let left = until - uptime();
        if enough(&disks) || left <= 0.0 {
            return disks;
        }
        // Looked at again twice a second: an interface may be announced before its disk is.
        let pause = Duration::from_secs_f64(left.min(0.5));
        let _ = tokio::time::timeout(pause, changes.changed()).await;
    }
}
