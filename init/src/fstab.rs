//! `mounts` and `swap`: file systems of other disks, and a file on the state disk that the machine swaps to.
//!
//! Nothing is ever formatted, and nothing of this stops the boot: what cannot be mounted is a problem that is named.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use dockos_config::{Config, Mount, Size, Swap, SwapSize, is_own_folder};
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::statvfs::statvfs;
use procfs::{Current, Meminfo};

use crate::blockdev::BlockDevice;
use crate::commands;
use crate::config::wait_for_disks;
use crate::machine::Machine;
use crate::phases::{Ended, Step, count};
use crate::spawn::Program;
use dockos_control::error::{Context, Fault, Result};

/// Its `mount` finds labels, and tells the type of a file system from its bytes.
const BUSYBOX: &str = "/usr/bin/busybox";
/// A disk that does not answer keeps the boot no longer.
const BOUND: Duration = Duration::from_secs(60);
/// Words for other programs than mount.
const NOT_FOR_MOUNT: [&str; 6] = ["defaults", "nofail", "auto", "_netdev", "user", "users"];
/// Where swap is if the config does not say.
const SWAP_FILE: &str = "/var/swap";
/// `auto` is as much as memory, but at most this, and at most this part of the disk's free space.
const SWAP_MOST: u64 = 4 << 30;
const SWAP_PART: u64 = 8;
/// Less is not worth it.
const SWAP_LEAST: u64 = 64 << 20;
/// A swap file is made beside its place, and moved there once mkswap is done with it.
const UNFINISHED: &str = ".swap.new";
/// What mkswap writes at the end of the first page.
const SIGNATURE: &[u8] = b"SWAPSPACE2";
const PAGE: usize = 4096;

/// The phase.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    let config = machine.config();
    let mut mounted = 0;
    for each in &config.mounts {
        machine.waits_for("mounts", each.target.to_string());
        match mount(machine, &config, each).await.context(|| format!("mounts: {}", each.target)) {
            Ok(done) => mounted += usize::from(done),
            Err(fault) => machine.problem(fault.to_string()),
        }
    }
    if let Some(size) = config.swap.size {
        machine.check(swap(machine, &config.swap, size).await.context(|| "swap".to_owned()));
    }
    match (mounted, config.swap.size) {
        (0, None) => Ok(Step::Skipped("none".to_owned())),
        (mounted, _) => Ok(Step::Done(count(mounted, "mount"))),
    }
}

/// Mounts one of them; false for one that is not to be mounted now.
async fn mount(machine: &Rc<Machine>, config: &Config, mount: &Mount) -> Result<bool> {
    let defaults = &config.mount_default_fields.0;
    let spec = mount.spec.as_str();
    let fstype =
        mount.fields.fstype.as_ref().or(defaults.fstype.as_ref()).map_or("auto", |kind| kind.as_str());
    let wish = mount.fields.options.as_ref().or(defaults.options.as_ref()).map_or("", |text| text.as_str());
    if is_share(spec, fstype) {
        return Err(Fault::new(format!("{spec} is a share of the network, which is not mounted yet")));
    }
    let Some(options) = options(wish) else { return Ok(false) };
    wait_for_disks(machine, |disks| is_there(spec, disks)).await;
    fs::create_dir_all(mount.target.as_str())
        .context(|| "make the folder (those below /mnt, /var and /home can be made)".to_owned())?;
    // The config check saw the name alone: links lead elsewhere.
    let target = fs::canonicalize(mount.target.as_str()).context(|| "follow its links".to_owned())?;
    let target = target.to_string_lossy();
    if is_own_folder(&target) {
        return Err(Fault::new(format!("{target} is the machine's own; mount it elsewhere")));
    }
    let mut argv = vec![BUSYBOX, "mount"];
    if fstype != "auto" {
        argv.extend(["-t", fstype]);
    }
    if !options.is_empty() {
        argv.extend(["-o", &options]);
    }
    argv.extend([spec, &target]);
    run(machine, "mount", &argv).await.map(|()| true)
}

async fn run(machine: &Machine, name: &str, argv: &[&str]) -> Result<()> {
    let ended = commands::run_program(machine, name, Program::new(argv.iter().copied()), BOUND).await?;
    match ended.exit {
        exit if exit.success() => Ok(()),
        exit if ended.last_line.is_empty() => Err(Fault::new(format!("{name} failed ({exit})"))),
        _ => Err(Fault::new(ended.last_line)),
    }
}

/// True for what another machine serves.
fn is_share(spec: &str, fstype: &str) -> bool {
    spec.starts_with("//") || spec.contains(":/") || ["nfs", "nfs4", "cifs"].contains(&fstype)
}

/// The options that are the kernel's; none: it is not to be mounted at boot.
fn options(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(',').collect();
    let ours = |word: &&str| !word.is_empty() && !word.starts_with("x-") && !NOT_FOR_MOUNT.contains(word);
    (!words.contains(&"noauto")).then(|| words.into_iter().filter(ours).collect::<Vec<_>>().join(","))
}

/// Whether a disk that a mount is of has turned up; what is on no disk always has.
fn is_there(spec: &str, disks: &[BlockDevice]) -> bool {
    match spec.split_once('=') {
        Some(("LABEL", label)) => disks.iter().any(|disk| disk.label() == Some(label)),
        // Told only by mount itself: waited for until no more disks are to be expected.
        Some(("UUID" | "PARTUUID" | "PARTLABEL", _)) => false,
        _ => !spec.starts_with("/dev/") || Path::new(spec).exists(),
    }
}

/// Swaps to a file on the state disk, which is made if it is not there.
async fn swap(machine: &Machine, swap: &Swap, size: SwapSize) -> Result<()> {
    if !machine.state_on_disk.get() {
        return Err(Fault::new("there is no state disk to keep it on"));
    }
    let file = swap.filename.as_ref().map_or(SWAP_FILE, |path| path.as_str());
    let there = swap_size(file);
    let wanted = match size {
        SwapSize::Bytes(size) => Some(size.bytes() / PAGE as u64 * PAGE as u64),
        // The free space of the disk changes; a file that is there stays.
        SwapSize::Auto if there.is_some() => None,
        SwapSize::Auto => Some(suggest(file, swap.maxsize)?),
    };
    if let Some(wanted) = wanted.filter(|wanted| there != Some(*wanted)) {
        if there.is_none() && fs::symlink_metadata(file).is_ok() {
            return Err(Fault::new(format!("{file} is there and is no swap; choose another filename")));
        }
        let _ = fs::remove_file(file);
        let beside = Path::new(file).with_file_name(UNFINISHED).display().to_string();
        make_swap(&beside, wanted)?;
        run(machine, "mkswap", &[BUSYBOX, "mkswap", &beside]).await?;
        fs::rename(&beside, file).context(|| format!("make {file}"))?;
    }
    run(machine, "swapon", &[BUSYBOX, "swapon", file]).await
}

/// The size of a file that was made to swap to.
fn swap_size(file: &str) -> Option<u64> {
    use std::os::unix::fs::FileExt;
    // Others, such as pipes, keep whoever opens them.
    let length = fs::metadata(file).ok().filter(fs::Metadata::is_file)?.len();
    let opened = fs::File::open(file).ok()?;
    let mut end = [0; SIGNATURE.len()];
    opened.read_exact_at(&mut end, (PAGE - SIGNATURE.len()) as u64).ok()?;
    (end == SIGNATURE).then_some(length)
}

fn suggest(file: &str, most: Option<Size>) -> Result<u64> {
    let folder = Path::new(file).parent().unwrap_or(Path::new("/var"));
    fs::create_dir_all(folder).context(|| format!("make {}", folder.display()))?;
    let disk = statvfs(folder).context(|| format!("look at {}", folder.display()))?;
    let memory = Meminfo::current().context(|| "ask for the memory".to_owned())?.mem_total;
    let free = disk.blocks_available() * disk.fragment_size();
    let size = auto_size(memory, free, most.map(Size::bytes));
    if size < SWAP_LEAST {
        Err(Fault::new("the state disk has too little free space for it"))
    } else {
        Ok(size)
    }
}

fn auto_size(memory: u64, free: u64, most: Option<u64>) -> u64 {
    let size = memory.min(SWAP_MOST).min(free / SWAP_PART).min(most.unwrap_or(u64::MAX));
    size >> 20 << 20
}

/// A file without holes. XFS and ext4 swap to space that is allocated and was never written.
fn make_swap(file: &str, size: u64) -> Result<()> {
    let what = || format!("make {file}");
    if let Some(folder) = Path::new(file).parent() {
        fs::create_dir_all(folder).context(what)?;
    }
    let _ = fs::remove_file(file);
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).context(what)?;
    let length = i64::try_from(size).context(what)?;
    let made = fallocate(&opened, FallocateFlags::empty(), 0, length);
    if made.is_err() {
        let _ = fs::remove_file(file);
    }
    made.context(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_kernels_options_are_handed_on() {
        assert_eq!(options("defaults,nofail"), Some(String::new()));
        assert_eq!(options("ro,nofail,x-systemd.automount,noexec"), Some("ro,noexec".to_owned()));
        assert_eq!(options("noauto,ro"), None);
        assert_eq!(options(""), Some(String::new()));
    }

    #[test]
    fn shares_are_told_from_devices() {
        assert!(
            is_share("center:/home", "auto") && is_share("//center/home", "auto") && is_share("x", "nfs4")
        );
        assert!(
            !is_share("/dev/vdb1", "auto") && !is_share("LABEL=data", "ext4") && !is_share("tmpfs", "tmpfs")
        );
    }

    #[test]
    fn only_what_mkswap_made_is_swap() {
        let file = std::env::temp_dir().join(format!("dockos-swap-{}", std::process::id()));
        let path = file.to_str().unwrap();
        assert_eq!(swap_size(path), None, "there is none");
        let mut bytes = vec![0; 2 * PAGE];
        fs::write(&file, &bytes).unwrap();
        assert_eq!(swap_size(path), None, "somebody's file");
        bytes[PAGE - SIGNATURE.len()..PAGE].copy_from_slice(SIGNATURE);
        fs::write(&file, &bytes).unwrap();
        assert_eq!(swap_size(path), Some(2 * PAGE as u64));
        assert_eq!(swap_size("/dev/zero"), None);
        fs::remove_file(file).unwrap();
    }

    #[test]
    fn swap_is_bounded_by_memory_disk_and_config() {
        const GB: u64 = 1 << 30;
        assert_eq!(auto_size(2 * GB, 100 * GB, None), 2 * GB);
        assert_eq!(auto_size(64 * GB, 1000 * GB, None), 4 * GB);
        assert_eq!(auto_size(8 * GB, 8 * GB, None), GB);
        assert_eq!(auto_size(8 * GB, 100 * GB, Some(GB / 2)), GB / 2);
    }
}
