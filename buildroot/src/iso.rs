//! `out/dockos.iso`: the three boot files with GRUB, for CD drives and, written as it is, for USB sticks, started by BIOS
//! and by UEFI.

use std::{collections::BTreeMap, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::{
    esp,
    grub::{Loaders, template},
    lock::Locked,
    manifest::BOOT_FILES,
    programs::{self, HOST},
    progress::missing,
    project::Project,
    rootfs::Record,
    spec::Packages,
    stamp::{self, Inputs},
    util::{copy_atomic, fresh_dir, replace, rfc3339, sha256, sha256_file, size, write_atomic},
};

/// The volume's label, by which a running machine finds its medium.
const LABEL: &str = "DOCKOS";
/// The results, in `out`.
const OUTPUTS: [&str; 2] = ["dockos.iso", "iso-manifest.json"];
/// Where the files that are only in the ISO are put together, in `out`.
const STAGE: &str = ".stamp/iso";

/// `out/iso-manifest.json`.
#[derive(Serialize)]
struct Manifest<'a> {
    version: &'a str,
    epoch: u64,
    bytes: u64,
    sha256: String,
    /// What takes how many of those bytes.
    components: BTreeMap<&'a str, u64>,
    /// The packages that the boot loaders are of.
    packages: Vec<&'a Locked>,
}

/// Builds the ISO of the boot files in `out` if anything that it is made of changed.
pub(crate) fn build(project: &Project, packages: &Packages, record: &Record) -> Result<()> {
    let loaders = Loaders::open(project, packages)?;
    let key = key(project, &loaders)?;
    if !stamp::is_fresh(project, "iso", &key, &OUTPUTS) {
        project.progress.start_log("grub")?;
        project.progress.start_log("iso")?;
        let epoch = record.epoch;
        replace(&project.out.join("dockos.iso"), |iso| {
            project.progress.step("iso: boot loaders and menu", || stage(project, &loaders, record))?;
            project.progress.step("iso: write", || write(project, &loaders, &key, epoch, iso))?;
            describe(project, &loaders, epoch, iso)
        })?;
        stamp::mark(project, "iso", &key, &OUTPUTS)?;
    }
    // With it a room's config gets into the ISO.
    copy_atomic(&programs::build(project, &HOST)?, &project.out.join("dockos"))?;
    project.progress.note(&summary(project)?);
    Ok(())
}

fn key(project: &Project, loaders: &Loaders) -> Result<String> {
    let mut inputs = Inputs::default()
        .value("version", project.version())
        .value("loaders", &serde_json::to_string(&loaders.packages)?)
        .value("xorriso", &tool_version("xorriso")?)
        .value("mtools", &tool_version("mtools")?)
        .folder(&project.root.join("iso"))?
        .folder(&project.own("src"))?;
    for name in BOOT_FILES {
        inputs = inputs.file(&project.out.join(name))?;
    }
    Ok(inputs.key())
}

fn tool_version(tool: &str) -> Result<String> {
    let output = Command::new(tool).arg("--version").output().with_context(|| missing(tool))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Makes what is in the ISO beside the boot files.
fn stage(project: &Project, loaders: &Loaders, record: &Record) -> Result<()> {
    let stage = project.out.join(STAGE);
    fresh_dir(&stage)?;
    let (sums, id) = sums(project)?;
    let put = |path: &str, text: &str| {
        let path = stage.join(path);
        path.parent().map_or(Ok(()), crate::util::make_dir)?;
        write_atomic(&path, text.as_bytes())
    };
    let bytes = BOOT_FILES.iter().map(|name| size(&project.out.join(name))).sum::<Result<u64>>()?;
    let values = [
        ("VERSION", project.version()),
        ("ID", &id),
        ("ROOT_SHA256", &record.image.sha256),
        ("MEGABYTES", &(bytes / 1_000_000).to_string()),
    ];
    put("boot/SHA256SUMS", &sums)?;
    put(&format!("boot/{id}"), &format!("DockOS {}\n", project.version()))?;
    put("boot/grub/grub.cfg", &template(project, "grub.cfg", &values)?)?;
    put("oem/README.txt", &template(project, "oem-README.txt", &values)?)?;
    let first =
        template(project, "functions.cfg", &values)? + "\n" + &template(project, "medium.cfg", &values)?;
    loaders.image(project, "bios-disk", &first, record.epoch, &stage.join("boot/grub/bios.img"))?;
    let efi = stage.join(esp::PROGRAM);
    loaders.image(project, "efi-disk", &first, record.epoch, &efi)?;
    let serial = sha256(id.as_bytes());
    esp::write(project, &efi, &serial[..8], record.epoch, &project.out.join(".stamp/esp.img"))
}

/// The hashes of the boot files, and a name made of them: the file of that name is on this medium and on no other.
fn sums(project: &Project) -> Result<(String, String)> {
    let mut sums = String::new();
    for name in BOOT_FILES {
        sums += &format!("{}  {name}\n", sha256_file(&project.out.join(name))?);
    }
    let id = format!("dockos-{}", &sha256(sums.as_bytes())[..16]);
    Ok((sums, id))
}

/// The file system, with a BIOS image that drives and the MBR load, and the EFI partition that is both a partition of
/// the stick and the image that UEFI starts from CD.
fn write(project: &Project, loaders: &Loaders, key: &str, epoch: u64, iso: &Path) -> Result<()> {
    let date: String = rfc3339(epoch).chars().filter(char::is_ascii_digit).collect();
    let mut command = Command::new("xorriso");
    command
        .env_remove("SOURCE_DATE_EPOCH")
        .env("TZ", "UTC")
        .args(["-no_rc", "-as", "mkisofs", "-r", "-J", "-volid", LABEL])
        .args(["-appid", &format!("DOCKOS {}", project.version()), "-publisher", "", "-p", "BUILDROOT"])
        .args([&format!("--modification-date={date}00"), "--set_all_file_dates", &format!("{date}00")])
        .args(["--gpt_disk_guid", &key[..32]])
        .arg("--grub2-mbr")
        .arg(loaders.file("usr/lib/grub/i386-pc/boot_hybrid.img")?)
        .args(["--mbr-force-bootable", "-partition_offset", "16", "-appended_part_as_gpt"])
        .args(["-append_partition", "2", "0xef"])
        .arg(project.out.join(".stamp/esp.img"))
        .args(["-c", "/boot/boot.cat", "--boot-catalog-hide"])
        .args(["-b", "/boot/grub/bios.img", "-no-emul-boot", "-boot-load-size", "4"])
        .args(["-boot-info-table", "--grub2-boot-info"])
        .args(["-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot"])
        // The largest comes last: a medium that lacks its end still starts, and says so.
        .args(["--sort-weight", "2", "/boot/vmlinuz", "--sort-weight", "1", "/boot/initramfs"])
        .args(["--sort-weight", "-1", "/boot/rootfs"])
        .args(["-graft-points", "-o"])
        .arg(iso);
    for name in BOOT_FILES {
        command.arg(graft(&format!("/boot/{name}"), &project.out.join(name))?);
    }
    command.arg(graft("/", &project.out.join(STAGE))?);
    project.progress.run("iso", &mut command)
}

fn graft(inside: &str, outside: &Path) -> Result<String> {
    let outside = outside.to_str().context("the output folder's path is not UTF-8")?;
    ensure!(!outside.contains(['=', '\\']), "xorriso cannot read from a path with `=` or `\\`: {outside}");
    Ok(format!("{inside}={outside}"))
}

fn describe(project: &Project, loaders: &Loaders, epoch: u64, iso: &Path) -> Result<()> {
    let stage = project.out.join(STAGE);
    let mut components = BTreeMap::new();
    for name in BOOT_FILES {
        components.insert(name, size(&project.out.join(name))?);
    }
    components.insert("GRUB for BIOS", size(&stage.join("boot/grub/bios.img"))?);
    components.insert(
        "GRUB for UEFI",
        size(&stage.join(esp::PROGRAM))? + size(&project.out.join(".stamp/esp.img"))?,
    );
    let bytes = size(iso)?;
    components.insert("file system and menu", bytes.saturating_sub(components.values().sum()));
    let used = |package: &&Locked| package.name.starts_with("grub-");
    let packages = loaders.packages.iter().filter(used).collect();
    let manifest = Manifest {
        version: project.version(),
        epoch,
        bytes,
        sha256: sha256_file(iso)?,
        components,
        packages,
    };
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    text.push(b'\n');
    write_atomic(&project.out.join("iso-manifest.json"), &text)
}

/// A line on the sizes.
fn summary(project: &Project) -> Result<String> {
    let text = crate::util::read_text(&project.out.join("iso-manifest.json"))?;
    let manifest: serde_json::Value =
        serde_json::from_str(&text).context("out/iso-manifest.json is damaged")?;
    let megabytes = |value: &serde_json::Value| value.as_u64().unwrap_or_default() as f64 / 1e6;
    let parts = manifest["components"].as_object().into_iter().flatten();
    let parts: Vec<_> = parts.map(|(name, bytes)| format!("{name} {:.2}", megabytes(bytes))).collect();
    Ok(format!("dockos.iso: {} = {:.2} MB", parts.join(" + "), megabytes(&manifest["bytes"])))
}
