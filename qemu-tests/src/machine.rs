//! What a virtual PC has, and the QEMU command line that makes it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{Accel, BootFiles, Disk, Vm, ports, tool, write_cidata, write_fat};

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

/// A description of a virtual PC. As made by [`Machine::new`]: two processors, 2 GB, a wired NIC, no disk, no config.
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
    nic: bool,
    boot_file: Option<String>,
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
            cpus: 2,
            append: vec!["console=ttyS0".to_owned()],
            nic: true,
            boot_file: None,
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

    /// More words for the kernel's command line.
    #[must_use]
    pub fn append(mut self, words: &str) -> Self {
        self.append.push(words.to_owned());
        self
    }

    /// No network card at all.
    #[must_use]
    pub fn without_nic(mut self) -> Self {
        self.nic = false;
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

    /// What the network's DHCP server gives as boot file.
    #[must_use]
    pub fn boot_file(mut self, name: &str) -> Self {
        self.boot_file = Some(name.to_owned());
        self
    }

    /// Boots the machine, once no other runs.
    pub fn start(self) -> Result<Vm> {
        Vm::start(self)
    }

    /// Chooses host ports for [`Machine::reach`].
    pub(crate) fn choose_ports(&mut self) -> Result<()> {
        for guest in std::mem::take(&mut self.wanted) {
            self.forwards.push(Forward { host: ports::free_port()?, guest });
        }
        Ok(())
    }

    /// QEMU with everything but its console and monitor; `folder` takes the files it needs.
    pub fn command(&self, folder: &Path) -> Result<Command> {
        let files = BootFiles::locate(&self.initramfs)?;
        let mut qemu = tool("qemu-system-x86_64");
        qemu.args(["-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none"])
            .args(Accel::choose(&files.kernel)?.args())
            .args(["-smp", &self.cpus.to_string(), "-m", &self.memory.to_string()])
            .args(["-device", "virtio-rng-pci"])
            .args([OsString::from("-kernel"), files.kernel.into(), "-initrd".into(), files.initrd.into()])
            .args(["-append", &self.append.join(" ")]);
        if self.display {
            qemu.args(["-vga", "std"]);
        }
        if self.nic {
            qemu.args(["-netdev", &self.netdev(), "-device", "virtio-net-pci,netdev=net,id=nic"]);
        }
        for (number, disk) in self.disks.iter().enumerate() {
            add_disk(&mut qemu, &format!("disk{number}"), disk.path(), disk.serial());
        }
        if let Some(user_data) = &self.user_data {
            let cidata = folder.join("cidata.img");
            write_cidata(&cidata, user_data)?;
            add_disk(&mut qemu, "cidata", &cidata, "cidata");
        }
        for (number, (label, files)) in self.media.iter().enumerate() {
            let image = folder.join(format!("media{number}.img"));
            let files: Vec<(&str, &[u8])> =
                files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
            write_fat(&image, label, &files)?;
            add_disk(&mut qemu, &format!("media{number}"), &image, &format!("media{number}"));
        }
        qemu.args(&self.extra);
        Ok(qemu)
    }

    fn netdev(&self) -> String {
        let forwards = self.forwards.iter();
        let forwards =
            forwards.map(|Forward { host, guest }| format!(",hostfwd=tcp:127.0.0.1:{host}-:{guest}"));
        let boot_file = self.boot_file.iter().map(|name| format!(",bootfile={name}"));
        format!("user,id=net{}", forwards.chain(boot_file).collect::<String>())
    }
}

/// A virtio disk. Flushes are not passed on to the host's disk: a power cut of the guest loses nothing that QEMU was
/// given, and tests are not about the host's.
fn add_disk(qemu: &mut Command, id: &str, path: &Path, serial: &str) {
    let path = PathBuf::from(path).display().to_string().replace(',', ",,");
    qemu.args(["-drive", &format!("if=none,id={id},file={path},format=raw,cache=unsafe,discard=unmap")])
        .args(["-device", &format!("virtio-blk-pci,drive={id},serial={serial}")]);
}
