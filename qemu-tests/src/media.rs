//! DockOS's ISO, as machines boot from it, and what a room puts into it.

use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{Vm, paths, tool};

/// How long firmware and GRUB may take to the menu, emulated, on a busy host.
const MENU: Duration = Duration::from_secs(90);
/// How often the key is pressed meanwhile: firmware swallows what comes before the menu does.
const PRESS: Duration = Duration::from_millis(400);
/// Where the root image begins in `rootfs`: behind one cpio header with the name `root.img`.
const ROOT_IMAGE_AT: &str = "120";

/// `out/dockos.iso`.
pub fn iso() -> Result<PathBuf> {
    let iso = paths::out().join("dockos.iso");
    ensure!(iso.exists(), "{} is missing: build it with `make iso` first", iso.display());
    Ok(iso)
}

/// Chooses the entry of GRUB's menu that has the machine's console on the serial port.
pub fn choose_serial(vm: &Vm) -> Result<()> {
    choose(vm, "s")
}

/// Chooses an entry of GRUB's menu by its key.
pub fn choose(vm: &Vm, key: &str) -> Result<()> {
    let deadline = Instant::now() + MENU;
    while !vm.console().contains("Loading DockOS") {
        if Instant::now() > deadline {
            return Err(vm.report(anyhow::anyhow!("GRUB's menu did not come in {MENU:?}")));
        }
        vm.type_serial(key)?;
        sleep(PRESS);
    }
    Ok(())
}

/// `dockos iso customize`, as an admin runs it.
pub fn customize(arguments: &[&Path], config: &str, to: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("room.yml");
    fs::write(&file, config)?;
    let mut command = tool(&paths::out().join("dockos").display().to_string());
    command.args(["iso", "customize", "--config"]).arg(&file);
    for archive in arguments {
        command.arg("--image").arg(archive);
    }
    tool::run(command.arg(iso()?).arg(to)).map(drop)
}

/// The root image's example as an archive of another name, such as a room would bring along.
pub fn archive(name: &str, to: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let original = tool("unsquashfs")
        .args(["-o", ROOT_IMAGE_AT, "-cat"])
        .arg(paths::out().join("rootfs"))
        .arg("usr/share/dockos/images/hello.tar")
        .output()
        .context("cannot run unsquashfs")?;
    ensure!(original.status.success(), "unsquashfs: {}", String::from_utf8_lossy(&original.stderr));
    let packed = folder.path().join("hello.tar");
    fs::write(&packed, original.stdout)?;
    let unpacked = folder.path().join("files");
    fs::create_dir(&unpacked)?;
    tool::run(tool("tar").arg("-xf").arg(&packed).arg("-C").arg(&unpacked))?;
    for file in ["manifest.json", "index.json"] {
        let path = unpacked.join(file);
        if path.exists() {
            fs::write(&path, fs::read_to_string(&path)?.replace("dockos/hello:latest", name))?;
        }
    }
    if !fs::read_to_string(unpacked.join("manifest.json"))?.contains(name) {
        bail!("the example's archive has not the name dockos/hello:latest");
    }
    let mut entries =
        fs::read_dir(&unpacked)?.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
    entries.sort();
    tool::run(tool("tar").args(["--format=ustar", "-cf"]).arg(to).arg("-C").arg(&unpacked).args(entries))
        .map(drop)
}
