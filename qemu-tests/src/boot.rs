//! What a machine boots from, and the firmware that does it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// What a machine boots from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Boot {
    /// Kernel and initrd, given by QEMU: no boot loader.
    #[default]
    Direct,
    /// Kernel and initramfs, given by QEMU: PID 1 finds the root image by the word `dockos.root=`.
    Kernel,
    /// A CD in a SATA drive.
    Cd(PathBuf),
    /// A USB stick. What is written to it is lost with the machine; the file stays as it is.
    Stick(PathBuf),
    /// The network, by PXE: the network card's ROM or, with UEFI, the firmware.
    Network,
    /// The network, by UEFI HTTP boot; PXE is off.
    Http,
}

impl Boot {
    /// Adds the medium.
    pub(crate) fn add_medium(&self, qemu: &mut Command) {
        match self {
            Self::Direct | Self::Kernel | Self::Network | Self::Http => {}
            Self::Cd(image) => {
                qemu.args(["-drive", &drive("cd", image, "media=cdrom,readonly=on")])
                    .args(["-device", "ide-cd,drive=cd,bus=ide.0,bootindex=0"]);
            }
            Self::Stick(image) => {
                qemu.args(["-drive", &drive("stick", image, "snapshot=on")])
                    .args(["-device", "qemu-xhci,id=usb"])
                    .args(["-device", "usb-storage,bus=usb.0,drive=stick,removable=on,bootindex=0"]);
            }
        }
        if !self.is_by_qemu() {
            // Nothing but what is wanted: a boot that fails must not go on from the next disk.
            qemu.args(["-boot", "strict=on"]);
        }
    }

    /// Whether QEMU itself loads the kernel, and gives it its command line.
    pub(crate) fn is_by_qemu(&self) -> bool {
        matches!(self, Self::Direct | Self::Kernel)
    }

    /// Whether the network card comes first.
    pub(crate) fn is_by_network(&self) -> bool {
        matches!(self, Self::Network | Self::Http)
    }
}

fn drive(id: &str, image: &Path, options: &str) -> String {
    format!("if=none,id={id},file={},format=raw,{options}", escaped(image))
}

/// A path as a value of QEMU's option lists.
pub(crate) fn escaped(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// What starts the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Firmware {
    /// SeaBIOS.
    #[default]
    Bios,
    /// OVMF, with variables as new. It also speaks on the serial console.
    Uefi,
}

/// Where Debian and Ubuntu keep the firmware's code and the variables to begin with.
const OVMF: [&str; 2] = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"];

impl Firmware {
    /// Adds the firmware; its variables are kept in `folder`.
    pub(crate) fn add(self, qemu: &mut Command, boot: &Boot, folder: &Path) -> Result<()> {
        if self == Self::Bios {
            return if *boot == Boot::Http { bail!("HTTP boot needs Firmware::Uefi") } else { Ok(()) };
        }
        let [code, template] = OVMF.map(Path::new);
        let variables = folder.join("uefi-variables.fd");
        if !code.exists() {
            bail!("{} is missing: `make setup` installs it", code.display());
        }
        fs::copy(template, &variables)
            .with_context(|| format!("cannot copy {}: `make setup` installs it", template.display()))?;
        for (unit, file, access) in [(0, code, ",readonly=on"), (1, &variables, "")] {
            let drive = format!("if=pflash,format=raw,unit={unit},file={}{access}", escaped(file));
            qemu.args(["-drive", &drive]);
        }
        // By IPv6 first nobody answers, for a minute.
        let off: &[&str] = if *boot == Boot::Http { &["IPv4", "IPv6"] } else { &["IPv6"] };
        for protocol in off {
            qemu.args(["-fw_cfg", &format!("name=opt/org.tianocore/{protocol}PXESupport,string=n")]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_boot_without_uefi_is_refused() {
        let add = |firmware: Firmware| firmware.add(&mut Command::new("true"), &Boot::Http, Path::new("/"));
        assert!(add(Firmware::Bios).unwrap_err().to_string().contains("Uefi"));
    }

    #[test]
    fn media_come_first_and_alone() {
        let mut qemu = Command::new("qemu");
        Boot::Cd("/tmp/a,b.iso".into()).add_medium(&mut qemu);
        let args: Vec<_> = qemu.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
        assert!(args.iter().any(|arg| arg.contains("file=/tmp/a,,b.iso,")), "{args:?}");
        assert!(args.iter().any(|arg| arg.ends_with("bootindex=0")), "{args:?}");
        assert!(args.contains(&"strict=on".to_owned()), "{args:?}");
    }
}
