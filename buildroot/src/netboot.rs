//! `out/netboot/`: what a room's own DHCP, TFTP or HTTP server gives PCs that boot DockOS from it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    grub::{Loaders, template},
    manifest::BOOT_FILES,
    project::Project,
    rootfs::Record,
    spec::Packages,
    stamp::{self, Inputs},
    util::{copy_atomic, files_below, make_dir, replace, sha256_file, write_atomic},
};

/// The folder, in `out`.
const FOLDER: &str = "netboot";
/// iPXE as Debian builds it.
const IPXE: [&str; 3] = ["undionly.kpxe", "snponly.efi", "ipxe.efi"];
/// GRUB's images by their names in `grub.toml`.
const GRUB: [(&str, &str); 2] = [("bios-net", "grub/bios.0"), ("efi-net", "grub/bootx64.efi")];
/// iPXE's scripts, and whether DockOS fetches the root image itself then.
const SCRIPTS: [(&str, bool); 3] = [("dockos.ipxe", false), (AUTOEXEC, false), ("dockos-http.ipxe", true)];
/// The name that iPXE looks for beside itself on UEFI.
const AUTOEXEC: &str = "autoexec.ipxe";
/// What is looked at to tell whether the folder is as it was made.
const OUTPUTS: [&str; 4] = ["netboot/SHA256SUMS", "netboot/vmlinuz", "netboot/initramfs", "netboot/rootfs"];

/// Makes the folder of the boot files in `out` if anything in it changed.
pub(crate) fn build(project: &Project, packages: &Packages, record: &Record) -> Result<()> {
    let loaders = Loaders::open(project, packages)?;
    let key = key(project, &loaders)?;
    if !stamp::is_fresh(project, FOLDER, &key, &OUTPUTS) {
        project.progress.start_log("grub")?;
        // A server may have the folder open meanwhile.
        replace(&project.out.join(FOLDER), |folder| {
            project
                .progress
                .step("netboot: boot files, loaders and scripts", || fill(project, &loaders, record, folder))
        })?;
        stamp::mark(project, FOLDER, &key, &OUTPUTS)?;
    }
    project
        .progress
        .note(&format!("{}: README.txt says which file is for what", project.out.join(FOLDER).display()));
    Ok(())
}

fn key(project: &Project, loaders: &Loaders) -> Result<String> {
    let mut inputs = Inputs::default()
        .value("version", project.version())
        .value("loaders", &serde_json::to_string(&loaders.packages)?)
        .folder(&project.root.join("iso"))?
        .folder(&project.own("src"))?;
    for name in BOOT_FILES {
        inputs = inputs.file(&project.out.join(name))?;
    }
    Ok(inputs.key())
}

fn fill(project: &Project, loaders: &Loaders, record: &Record, folder: &Path) -> Result<()> {
    make_dir(folder)?;
    for name in BOOT_FILES {
        link(&project.out.join(name), &folder.join(name))?;
    }
    for name in IPXE {
        copy_atomic(loaders.file(&format!("usr/lib/ipxe/{name}"))?, &folder.join(name))?;
    }
    let values = [("VERSION", project.version()), ("ROOT_SHA256", record.image.sha256.as_str())];
    let with_base = |path: &str| {
        let parts = ["functions.cfg", "netboot/base.cfg", path];
        let parts = parts.iter().map(|part| template(project, part, &values)).collect::<Result<Vec<_>>>()?;
        Ok::<_, anyhow::Error>(parts.join("\n"))
    };
    let first = with_base("netboot/first.cfg")?;
    for (image, path) in GRUB {
        loaders.image(project, image, &first, record.epoch, &folder.join(path))?;
    }
    for (name, fetches) in SCRIPTS {
        // iPXE has the script by the firmware's network then, and none of its own yet.
        let address = if name == AUTOEXEC { "dhcp || goto away" } else { "isset ${ip} || dhcp || goto away" };
        let values = [values.as_slice(), &[("ADDRESS", address)]].concat();
        write_atomic(&folder.join(name), script(project, &values, fetches)?.as_bytes())?;
    }
    write_atomic(&folder.join("grub/grub.cfg"), with_base("netboot/grub.cfg")?.as_bytes())?;
    let readme = template(project, "netboot/README.txt", &values)?;
    write_atomic(&folder.join("README.txt"), readme.as_bytes())?;
    write_atomic(&folder.join("SHA256SUMS"), sums(folder)?.as_bytes())
}

/// iPXE's script: either it loads the root image, or DockOS fetches it from the same place.
fn script(project: &Project, values: &[(&str, &str)], fetches: bool) -> Result<String> {
    let how = if fetches {
        [
            ("HOW", "By HTTP: DockOS fetches the root image itself."),
            ("ONLY_IF", "isset ${cwduri} || chain --replace dockos.ipxe || goto away"),
            ("INITRD", ""),
            ("ROOT", "${cwduri}rootfs"),
            ("LOAD_ROOT", "# The root image is fetched by DockOS."),
        ]
    } else {
        [
            ("HOW", "All three files are loaded here."),
            ("ONLY_IF", "# Any iPXE can do this."),
            ("INITRD", " initrd=rootfs"),
            ("ROOT", ""),
            ("LOAD_ROOT", "initrd rootfs || goto away"),
        ]
    };
    template(project, "netboot/boot.ipxe", &[values, &how].concat())
}

/// One copy of a large file for both places; two where the file system cannot do that.
fn link(from: &Path, to: &Path) -> Result<()> {
    fs::hard_link(from, to).or_else(|_| copy_atomic(from, to))
}

fn sums(folder: &Path) -> Result<String> {
    let mut sums = String::new();
    for file in files_below(folder)? {
        let name: PathBuf = file.strip_prefix(folder).context("a file outside its folder")?.to_owned();
        sums += &format!("{}  {}\n", sha256_file(&file)?, name.display());
    }
    Ok(sums)
}
