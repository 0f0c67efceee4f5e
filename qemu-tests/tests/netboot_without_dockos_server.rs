//! The files of `out/netboot` on a server that knows nothing of DockOS: DHCP and TFTP by QEMU. By BIOS undionly.kpxe
//! comes by TFTP and all else by HTTP; by UEFI snponly.efi and all that it loads come by TFTP, as GRUB does by both.

use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use qemu_tests::{Boot, Firmware, Machine, Nic, READY, Server, Vm, paths::out};

/// How long the loader may take until a root shell of the machine answers.
const SHELL: Duration = Duration::from_secs(120);

#[test]
fn by_bios_and_http() -> Result<()> {
    let (server, folder) = (Server::start(&[])?, tempfile::tempdir()?);
    for name in ["vmlinuz", "initramfs", "rootfs", "dockos-http.ipxe"] {
        server.put_file(&format!("/boot/{name}"), &out().join("netboot").join(name))?;
    }
    // The card's ROM is iPXE too, and is given the same script: what it is told here is what other ROMs do.
    let script = "#!ipxe\niseq ${net0/chip} undionly && chain URL || chain undionly.kpxe\n";
    let script = script.replace("URL", &server.url("/boot/dockos-http.ipxe"));
    fs::write(folder.path().join("first.ipxe"), script)?;
    link(folder.path(), "undionly.kpxe")?;
    let nic = Nic::user().tftp(folder.path(), "first.ipxe");
    let vm = Machine::new("netboot-files-bios").boot(Boot::Network).nics(&[nic]).start()?;
    booted(&vm, "ipxe", &server.url("/boot/rootfs"))?;
    assert_eq!(server.requests("/boot/rootfs").len(), 1, "the root image is fetched once");
    // Its last words go to the screen.
    vm.quit()
}

#[test]
fn by_uefi_and_tftp() -> Result<()> {
    by_tftp("netboot-files-uefi", Firmware::Uefi, "snponly.efi", "ipxe")
}

#[test]
fn by_bios_and_grub() -> Result<()> {
    by_tftp("netboot-grub-bios", Firmware::Bios, "grub/bios.0", "grub")
}

#[test]
fn by_uefi_and_grub() -> Result<()> {
    by_tftp("netboot-grub-uefi", Firmware::Uefi, "grub/bootx64.efi", "grub")
}

/// All of it by TFTP, from a loader on.
fn by_tftp(name: &str, firmware: Firmware, first: &str, loader: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    for name in ["vmlinuz", "initramfs", "rootfs", "snponly.efi", "autoexec.ipxe", "grub"] {
        link(folder.path(), name)?;
    }
    let nic = Nic::user().tftp(folder.path(), first);
    let vm = Machine::new(name).boot(Boot::Network).firmware(firmware).nics(&[nic]).start()?;
    booted(&vm, loader, "loaded with the kernel")?;
    // Its last words go to the screen.
    vm.quit()
}

/// QEMU's TFTP server follows links out of its folder.
fn link(folder: &Path, name: &str) -> Result<()> {
    let from = out().join("netboot").join(name);
    ensure!(from.exists(), "{} is missing: build it with `make netboot` first", from.display());
    symlink(&from, folder.join(name)).with_context(|| format!("cannot link {name}"))
}

/// The scripts give no console on the serial port, so PID 1 is asked on its shell.
fn booted(vm: &Vm, loader: &str, root: &str) -> Result<()> {
    vm.eventually("true", SHELL)?;
    vm.eventually("dockos boot | grep -q ': ready at '", READY)?;
    let boot = vm.check("dockos boot")?;
    println!("{boot}");
    let timeline = vm.boot_json()?;
    ensure!(timeline.phase(loader).is_some(), "{}\n{boot}", vm.check("cat /proc/cmdline")?);
    assert_eq!(timeline.phase("root").and_then(|phase| phase.note.as_deref()), Some(root));
    Ok(())
}
