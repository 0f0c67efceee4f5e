//! What a center offers to its room: the keys of `dockos.center` as system services.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dockos_config::{CenterNetboot, Config, Service};

use crate::machine::Machine;
use crate::root::checksum;
use crate::{medium, services};
use dockos_control::error::{Context, Fault, Result};
use dockos_control::files;

/// The service that boots other machines.
pub(crate) const NETBOOT: &str = "netboot";
/// Its folders: boot files, and configs for machines.
const BOOT: &str = "/var/lib/dockos/netboot/boot";
const CONFIGS: &str = "/var/lib/dockos/netboot/configs";
/// What a machine boots.
const BOOT_FILES: [&str; 3] = ["vmlinuz", "initramfs", "rootfs"];
/// How long the medium may take to be read.
const BOUND: Duration = Duration::from_secs(300);
/// Sums of the boot files beside it, by which the service looks at them too.
const SUMS: &str = "SHA256SUMS";

/// What the config says of netboot, if the machine shall do it.
pub(crate) fn netboot(config: &Config) -> Option<&CenterNetboot> {
    config.dockos.center.as_ref()?.netboot.as_ref()
}

/// The service as the config wants it.
pub(crate) fn service(wish: &CenterNetboot) -> Result<Service> {
    let mut service = services::built_in(NETBOOT)?;
    if let Some(command) = &mut service.command {
        command.0.extend(arguments(wish));
    }
    Ok(service)
}

fn arguments(wish: &CenterNetboot) -> Vec<String> {
    let mut words = vec!["--dhcp".to_owned(), wish.dhcp.as_str().to_owned()];
    let options = [
        ("--interface", wish.interface.as_ref().map(|name| name.as_str().to_owned())),
        ("--range", wish.range.map(|range| range.to_string())),
        ("--port", wish.port.map(|port| port.get().to_string())),
    ];
    for (option, value) in options {
        words.extend(value.into_iter().flat_map(|value| [option.to_owned(), value]));
    }
    words
}

/// Makes the folders. The boot files are those of the medium that this machine was booted from; without one, those that
/// somebody put there.
pub(crate) async fn prepare(machine: &Machine) -> Result<()> {
    for folder in [BOOT, CONFIGS] {
        fs::create_dir_all(folder).context(|| format!("make {folder}"))?;
    }
    if medium::mount(machine).await? {
        let from = Path::new(medium::MOUNT_POINT).join("boot");
        let copying = tokio::task::spawn_blocking(move || copy_boot_files(&from, Path::new(BOOT)));
        let copied = tokio::time::timeout(BOUND, copying).await;
        let copied = copied.context(|| "copy the boot files of the medium".to_owned())?;
        copied.context(|| "copy the boot files of the medium".to_owned())??;
    }
    match BOOT_FILES.iter().find(|name| !Path::new(BOOT).join(name).exists()) {
        None => Ok(()),
        Some(name) => Err(Fault::new(format!(
            "there is no {BOOT}/{name}: boot this machine from DockOS's ISO or stick, or put vmlinuz, initramfs and \
             rootfs of one build into that folder"
        ))),
    }
}

/// Copies the files that are others there, if all of them are here and are what their sums tell; else those of before
/// stay.
fn copy_boot_files(from: &Path, to: &Path) -> Result<()> {
    if !BOOT_FILES.iter().all(|name| from.join(name).is_file()) {
        return Ok(());
    }
    let (theirs, ours) = (from.join(SUMS), to.join(SUMS));
    let sums = theirs.exists().then(|| fs::read_to_string(&theirs)).transpose();
    let sums = sums.context(|| format!("read {}", theirs.display()))?;
    let new = copy_beside(from, to, sums.as_deref().unwrap_or_default()).inspect_err(|_| {
        for name in BOOT_FILES {
            let _ = fs::remove_file(beside(&to.join(name)));
        }
    })?;
    // The sums first, and each name on the disk before the next: what a power cut leaves of two builds is refused until
    // the rest is copied. One build's kernel does not know another's root image.
    match sums {
        Some(sums) if fs::read_to_string(&ours).ok().as_ref() == Some(&sums) => {}
        Some(sums) => files::write_durably(&ours, sums.as_bytes(), 0o644)?,
        None if new.is_empty() => {}
        // They tell nothing of others.
        None => _ = fs::remove_file(&ours),
    }
    for target in &new {
        let renamed = fs::rename(beside(target), target).and_then(|()| File::open(to)?.sync_all());
        renamed.context(|| format!("write {}", target.display()))?;
    }
    Ok(())
}

/// Copies the files that are others there to names beside those that they will have, which it returns.
fn copy_beside(from: &Path, to: &Path, sums: &str) -> Result<Vec<PathBuf>> {
    let mut new = Vec::new();
    for name in BOOT_FILES {
        let (source, target) = (from.join(name), to.join(name));
        let told = sums.lines().filter_map(|line| line.split_once("  ")).find(|(_, file)| *file == name);
        let wanted = told.map_or_else(|| checksum(&source), |(sum, _)| Ok(sum.to_owned()))?;
        if checksum(&target).is_ok_and(|found| found == wanted) {
            continue;
        }
        let copy = beside(&target);
        copy_durably(&source, &copy)
            .context(|| format!("copy {} to {}", source.display(), copy.display()))?;
        let found = checksum(&copy)?;
        if found != wanted {
            return Err(Fault::new(format!(
                "{} is damaged: its SHA-256 is {found}, not {wanted}. What {} had stays: write the medium again",
                source.display(),
                to.display()
            )));
        }
        new.push(target);
    }
    Ok(new)
}

/// The name of a file while it is not known to be whole.
fn beside(target: &Path) -> PathBuf {
    target.with_extension("new")
}

fn copy_durably(from: &Path, to: &Path) -> io::Result<()> {
    let mut target = File::create(to)?;
    io::copy(&mut File::open(from)?, &mut target)?;
    target.sync_all()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_command_says_what_the_config_says() {
        let config = |text: &str| dockos_config::parse("test.yml", text).unwrap();
        let all = config(
            "dockos: {center: {netboot: {interface: eth0, dhcp: server, range: 10.0.0.9-10.0.0.99, port: 8080}}}",
        );
        let words = arguments(netboot(&all).unwrap()).join(" ");
        assert_eq!(words, "--dhcp server --interface eth0 --range 10.0.0.9-10.0.0.99 --port 8080");
        assert_eq!(
            arguments(netboot(&config("dockos: {center: {netboot: {}}}")).unwrap()),
            ["--dhcp", "proxy"]
        );
        assert!(netboot(&config("dockos: {center: {}}")).is_none());
    }

    /// Folders of a medium and of a center; the boot files of the medium are whole.
    fn folders(name: &str) -> (PathBuf, PathBuf) {
        let dir = std::env::temp_dir().join(format!("dockos-center-{name}-{}", std::process::id()));
        let (from, to) = (dir.join("from"), dir.join("to"));
        fs::create_dir_all(&from).unwrap();
        fs::create_dir_all(&to).unwrap();
        (from, to)
    }

    /// Writes the boot files of a build, with their sums.
    fn build(from: &Path, version: &str) {
        let mut sums = String::new();
        for name in BOOT_FILES {
            fs::write(from.join(name), format!("{version} of {name}")).unwrap();
            sums += &format!("{}  {name}\n", checksum(&from.join(name)).unwrap());
        }
        fs::write(from.join(SUMS), sums).unwrap();
    }

    /// All files of a folder.
    fn all(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let name = |entry: &fs::DirEntry| entry.file_name().into_string().unwrap();
        entries.map(|entry| (name(&entry), fs::read(entry.path()).unwrap())).collect()
    }

    #[test]
    fn boot_files_that_differ_are_copied_and_only_all_together() {
        let (from, to) = folders("differ");
        for name in BOOT_FILES {
            assert!(all(&to).is_empty(), "one is missing: nothing is copied");
            fs::write(from.join(name), name.repeat(30_000)).unwrap();
            copy_boot_files(&from, &to).unwrap();
        }
        fs::write(to.join(SUMS), "x").unwrap();
        copy_boot_files(&from, &to).unwrap();
        assert!(to.join(SUMS).exists(), "nothing differed");
        // The same length, another end.
        fs::write(from.join("rootfs"), "rootfs".repeat(29_999) + "ROOTFS").unwrap();
        copy_boot_files(&from, &to).unwrap();
        assert_eq!(all(&to), all(&from), "nothing is left beside them, and sums of others are gone");
        fs::remove_dir_all(from.parent().unwrap()).unwrap();
    }

    #[test]
    fn what_is_not_as_its_sums_tell_replaces_nothing() {
        let (from, to) = folders("damaged");
        build(&from, "1");
        copy_boot_files(&from, &to).unwrap();
        let before = all(&from);
        assert_eq!(all(&to), before, "the sums too");
        build(&from, "2");
        fs::write(from.join("initramfs"), "2 of inutramfs").unwrap();
        let fault = copy_boot_files(&from, &to).unwrap_err().to_string();
        assert!(fault.contains("from/initramfs is damaged: its SHA-256 is "), "{fault}");
        assert_eq!(all(&to), before);
        build(&from, "2");
        // What a power cut leaves: the sums and a file of the new build, the rest of the old one.
        for name in [SUMS, "vmlinuz"] {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
        copy_boot_files(&from, &to).unwrap();
        assert_eq!(all(&to), all(&from));
        fs::remove_dir_all(from.parent().unwrap()).unwrap();
    }

    #[test]
    fn what_is_left_of_two_builds_has_the_sums_of_the_new_one() {
        let (from, to) = folders("order");
        build(&from, "1");
        copy_boot_files(&from, &to).unwrap();
        build(&from, "2");
        // The first rename fails, as if the power went.
        fs::remove_file(to.join("vmlinuz")).unwrap();
        fs::create_dir(to.join("vmlinuz")).unwrap();
        copy_boot_files(&from, &to).unwrap_err();
        assert_eq!(fs::read(to.join(SUMS)).unwrap(), fs::read(from.join(SUMS)).unwrap());
        assert!(fs::read(to.join("rootfs")).unwrap().starts_with(b"1 "));
        fs::remove_dir_all(from.parent().unwrap()).unwrap();
    }
}
