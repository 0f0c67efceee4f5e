//! The QEMU command line that makes a machine.

use std::{ffi::OsString, path::Path, process::Command};

use anyhow::Result;

use super::Machine;
use crate::{Accel, Boot, BootFiles, Nic, boot::escaped, nic::Card, paths, tool, write_cidata, write_fat};

impl Machine {
    /// QEMU with everything but its console and monitor; `folder` takes the files it needs.
    pub fn command(&self, folder: &Path) -> Result<Command> {
        let mut qemu = tool("qemu-system-x86_64");
        qemu.args(["-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none"])
            .args(Accel::choose(&paths::out().join("vmlinuz"))?.args())
            .args(["-smp", &self.cpus.to_string(), "-m", &self.memory.to_string()])
            .args(["-device", "virtio-rng-pci"]);
        self.firmware.add(&mut qemu, &self.boot, folder)?;
        self.add_words(&mut qemu)?;
        self.boot.add_medium(&mut qemu);
        if let Some(smbios) = &self.smbios {
            qemu.args(["-smbios", smbios]);
        }
        if self.display {
            qemu.args(["-vga", "std"]);
        }
        self.add_nics(&mut qemu)?;
        self.add_disks(&mut qemu, folder)?;
        qemu.args(&self.extra);
        Ok(qemu)
    }

    /// Kernel, initrd and command line, or for another's kernel just the words.
    fn add_words(&self, qemu: &mut Command) -> Result<()> {
        let words = self.append.join(" ");
        if !self.boot.is_by_qemu() {
            qemu.args(["-fw_cfg", &format!("name=opt/dockos/cmdline,string={}", words.replace(',', ",,"))]);
            return Ok(());
        }
        let files = match self.boot {
            Boot::Kernel => BootFiles::without_root(&self.initramfs),
            _ => BootFiles::locate(&self.initramfs)?,
        };
        qemu.args([OsString::from("-kernel"), files.kernel.into(), "-initrd".into(), files.initrd.into()])
            .args(["-append", &format!("console=ttyS0 {words}")]);
        Ok(())
    }

    fn add_nics(&self, qemu: &mut Command) -> Result<()> {
        let forwarder = self.nics.iter().position(Nic::is_on_user_network);
        for (number, nic) in self.nics.iter().enumerate() {
            let card = Card {
                machine: &self.name,
                number,
                firmware: self.firmware,
                boots: number == 0 && self.boot.is_by_network(),
                forwards: if forwarder == Some(number) { &self.forwards } else { &[] },
            };
            nic.add(qemu, &card)?;
        }
        Ok(())
    }

    fn add_disks(&self, qemu: &mut Command, folder: &Path) -> Result<()> {
        for (number, disk) in self.disks.iter().enumerate() {
            add_disk(qemu, &format!("disk{number}"), disk.path(), disk.serial());
        }
        if let Some(user_data) = &self.user_data {
            let cidata = folder.join("cidata.img");
            write_cidata(&cidata, user_data)?;
            add_disk(qemu, "cidata", &cidata, "cidata");
        }
        for (number, (label, files)) in self.media.iter().enumerate() {
            let image = folder.join(format!("media{number}.img"));
            let files: Vec<(&str, &[u8])> =
                files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
            write_fat(&image, label, &files)?;
            add_disk(qemu, &format!("media{number}"), &image, &format!("media{number}"));
        }
        Ok(())
    }
}

/// A virtio disk. Flushes are not passed on to the host's disk: a power cut of the guest loses nothing that QEMU was
/// given, and tests are not about the host's.
fn add_disk(qemu: &mut Command, id: &str, path: &Path, serial: &str) {
    let path = escaped(path);
    qemu.args(["-drive", &format!("if=none,id={id},file={path},format=raw,cache=unsafe,discard=unmap")])
        .args(["-device", &format!("virtio-blk-pci,drive={id},serial={serial}")]);
}
