//! What a virtual PC has.

mod command;

use std::ffi::OsString;

use anyhow::Result;

use crate::{Boot, Disk, Firmware, Nic, ports};

/// A TCP port of the host's loopback that leads to one of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// The host's port.
    pub host: u16,
    /// The guest's port.
    pub guest: u16,
}

/// A FAT disk: its label, and its files by their paths.
type Media = (String, Vec<(String, Vec<u8>)>);

/// A description of a virtual PC. As made by [`Machine::new`]: one processor, 2 GB, a wired NIC, no disk, no config.
/// One, because as many machines run at once as the host has processors: each emulated one takes one of these, and two
/// of one machine would spend a third of their time waiting for each other.
#[derive(Debug, Clone)]
pub struct Machine {
    pub(crate) name: String,
    pub(crate) disks: Vec<Disk>,
    pub(crate) allowed: Vec<String>,
    pub(crate) forwards: Vec<Forward>,
    wanted: Vec<u16>,
    user_data: Option<Vec<u8>>,
    media: Vec<Media>,
    memory: u32,
    cpus: u32,
    append: Vec<String>,
    nics: Vec<Nic>,
    boot: Boot,
    firmware: Firmware,
    smbios: Option<String>,
    display: bool,
    initramfs: String,
    extra: Vec<OsString>,
}

impl Machine {
    /// A machine; its console is logged to `out/test-logs/NAME.console`, so let every boot have its own name.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            disks: Vec::new(),
            allowed: Vec::new(),
            forwards: Vec::new(),
            wanted: Vec::new(),
            user_data: None,
            media: Vec::new(),
            memory: 2048,
            cpus: 1,
            append: Vec::new(),
            nics: vec![Nic::user()],
            boot: Boot::Direct,
            firmware: Firmware::Bios,
            smbios: None,
            display: false,
            initramfs: "initramfs".to_owned(),
            extra: Vec::new(),
        }
    }

    /// A NoCloud disk with this cloud-config; any bytes will do.
    #[must_use]
    pub fn config(mut self, user_data: impl AsRef<[u8]>) -> Self {
        self.user_data = Some(user_data.as_ref().to_vec());
        self
    }

    /// A FAT disk of a label with these files, given by their paths on it.
    #[must_use]
    pub fn media(mut self, label: &str, files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        self.media.push((label.to_owned(), files));
        self
    }

    /// A virtio disk; the first is vda.
    #[must_use]
    pub fn disk(mut self, disk: &Disk) -> Self {
        self.disks.push(disk.clone());
        self
    }

    /// Memory in MiB.
    #[must_use]
    pub fn memory(mut self, mebibytes: u32) -> Self {
        self.memory = mebibytes;
        self
    }

    /// Processors.
    #[must_use]
    pub fn cpus(mut self, cpus: u32) -> Self {
        self.cpus = cpus;
        self
    }

    /// What it boots from, instead of kernel and initrd as QEMU gives them.
    #[must_use]
    pub fn boot(mut self, boot: Boot) -> Self {
        self.boot = boot;
        self
    }

    /// The firmware, instead of a BIOS.
    #[must_use]
    pub fn firmware(mut self, firmware: Firmware) -> Self {
        self.firmware = firmware;
        self
    }

    /// The serial number and the UUID that the firmware tells.
    #[must_use]
    pub fn smbios(mut self, serial: &str, uuid: &str) -> Self {
        self.smbios = Some(format!("type=1,serial={},uuid={uuid}", serial.replace(',', ",,")));
        self
    }

    /// More words for the kernel's command line. A boot loader has its own: then PID 1 finds them in QEMU's fw_cfg, and
    /// the kernel itself does not see them.
    #[must_use]
    pub fn append(mut self, words: &str) -> Self {
        self.append.push(words.to_owned());
        self
    }

    /// No network card at all.
    #[must_use]
    pub fn without_nic(mut self) -> Self {
        self.nics.clear();
        self
    }

    /// Network cards, in place of the one on QEMU's own network. The first is the one to boot from; ports are forwarded by
    /// the first that is on QEMU's own network.
    #[must_use]
    pub fn nics(mut self, nics: &[Nic]) -> Self {
        self.nics = nics.to_vec();
        self
    }

    /// Makes a guest port reachable at a free port of the host; [`Vm::port`] tells which.
    #[must_use]
    pub fn reach(mut self, guest: u16) -> Self {
        self.wanted.push(guest);
        self
    }

    /// Makes a guest port reachable at a chosen port of the host.
    #[must_use]
    pub fn forward(mut self, forward: Forward) -> Self {
        self.forwards.push(forward);
        self
    }

    /// A graphics card.
    #[must_use]
    pub fn display(mut self) -> Self {
        self.display = true;
        self
    }

    /// Another initramfs, by its name in `out/`.
    #[must_use]
    pub fn initramfs(mut self, name: &str) -> Self {
        self.initramfs = name.to_owned();
        self
    }

    /// More QEMU arguments.
    #[must_use]
    pub fn qemu_args(mut self, args: &[&str]) -> Self {
        self.extra.extend(args.iter().map(OsString::from));
        self
    }

    /// Console lines that contain `text` are no reason to fail.
    #[must_use]
    pub fn allow(mut self, text: &str) -> Self {
        self.allowed.push(text.to_owned());
        self
    }

    /// What the DHCP server of QEMU's own network gives as boot file.
    #[must_use]
    pub fn boot_file(mut self, name: &str) -> Self {
        self.nics = self.nics.into_iter().map(|nic| nic.boot_file(name)).collect();
        self
    }

    /// Chooses host ports for [`Machine::reach`].
    pub(crate) fn choose_ports(&mut self) -> Result<()> {
        for guest in std::mem::take(&mut self.wanted) {
            self.forwards.push(Forward { host: ports::free_port()?, guest });
        }
        Ok(())
    }
}
