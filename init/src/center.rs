//! What a center offers to its room: the keys of `dockos.center` as system services.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dockos_config::{CenterNetboot, Config, Service};

use crate::machine::Machine;
use crate::{medium, services};
use dockos_control::error::{Context, Fault, Result};

/// The service that boots other machines.
pub(crate) const NETBOOT: &str = "netboot";
/// Its folders: boot files, and configs for machines.
const BOOT: &str = "/var/lib/dockos/netboot/boot";
const CONFIGS: &str = "/var/lib/dockos/netboot/configs";
/// What a machine boots.
const BOOT_FILES: [&str; 3] = ["vmlinuz", "initramfs", "rootfs"];
/// How long the medium may take to be read.
const BOUND: Duration = Duration::from_secs(300);
/// Sums of boot files that somebody put there: they tell nothing of others.
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

/// Copies the files that differ, if all of them are there.
fn copy_boot_files(from: &Path, to: &Path) -> Result<()> {
    if !BOOT_FILES.iter().all(|name| from.join(name).is_file()) {
        return Ok(());
    }
    let mut new = Vec::new();
    for name in BOOT_FILES {
        let (source, target) = (from.join(name), to.join(name));
        let what = || format!("copy {} to {}", source.display(), target.display());
        if !is_same(&source, &target).context(what)? {
            new.push((copy(&source, &target).context(what)?, target));
        }
    }
    // Together, as one build's kernel does not know another's root image.
    for (beside, target) in &new {
        let _ = fs::remove_file(to.join(SUMS));
        fs::rename(beside, target).context(|| format!("write {}", target.display()))?;
    }
    // The names too outlive a power cut.
    File::open(to).and_then(|folder| folder.sync_all()).context(|| format!("write {}", to.display()))
}

fn is_same(a: &Path, b: &Path) -> io::Result<bool> {
    let (mut a, mut b) = match (File::open(a)?, File::open(b)) {
        (a, Ok(b)) if a.metadata()?.len() == b.metadata()?.len() => (a, b),
        _ => return Ok(false),
    };
    let mut parts = [vec![0; 64 << 10], vec![0; 64 << 10]];
    loop {
        let [part_a, part_b] = &mut parts;
        let length = a.read(part_a)?;
        if length == 0 {
            return Ok(true);
        }
        match b.read_exact(&mut part_b[..length]) {
            Ok(()) if part_a[..length] == part_b[..length] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// Copies a file to a name beside the one that it will have, which it returns.
fn copy(from: &Path, to: &Path) -> io::Result<PathBuf> {
    let beside = to.with_extension("new");
    let copied = File::create(&beside).and_then(|mut target| {
        io::copy(&mut File::open(from)?, &mut target)?;
        target.sync_all()
    });
    if copied.is_err() {
        let _ = fs::remove_file(&beside);
    }
    copied.map(|()| beside)
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn boot_files_that_differ_are_copied_and_only_all_together() {
        let dir = std::env::temp_dir().join(format!("dockos-center-{}", std::process::id()));
        let (from, to) = (dir.join("from"), dir.join("to"));
        fs::create_dir_all(&from).unwrap();
        fs::create_dir_all(&to).unwrap();
        for name in BOOT_FILES {
            assert!(fs::read_dir(&to).unwrap().next().is_none(), "one is missing: nothing is copied");
            fs::write(from.join(name), name.repeat(30_000)).unwrap();
            copy_boot_files(&from, &to).unwrap();
        }
        fs::write(to.join(SUMS), "x").unwrap();
        copy_boot_files(&from, &to).unwrap();
        assert!(to.join(SUMS).exists(), "nothing differed");
        // The same length, another end.
        fs::write(from.join("rootfs"), "rootfs".repeat(29_999) + "ROOTFS").unwrap();
        copy_boot_files(&from, &to).unwrap();
        assert!(fs::read(to.join("rootfs")).unwrap().ends_with(b"ROOTFS"));
        assert!(!to.join(SUMS).exists());
        assert_eq!(fs::read_dir(&to).unwrap().count(), 3, "nothing is left beside them");
        fs::remove_dir_all(dir).unwrap();
    }
}
