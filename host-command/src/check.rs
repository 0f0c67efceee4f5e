//! `dockos iso check`: whether an ISO of DockOS is all there, and what it carries.

use std::{fs::File, io::Read, path::Path};

use dockos_control::error::{Context, Fault, Result};
use sha2::{Digest as _, Sha256};

use crate::{
    Failure,
    oem::{self, CONFIG, IMAGES},
    progress::Progress,
    volume::Volume,
};

/// The hashes of the boot files, as sha256sum writes them.
const SUMS: &str = "boot/SHA256SUMS";
/// They are three lines.
const SUMS_MOST: u64 = 64 << 10;

/// Checks a file and says what is in it.
pub(crate) fn run(path: &Path) -> std::result::Result<(), Failure> {
    let mut volume = open(path)?;
    println!(
        "{}: {}, {} MB",
        path.display(),
        volume.application.replace("DOCKOS", "DockOS"),
        volume.has / 1_000_000
    );
    check_boot_files(&mut volume).context(|| path.display().to_string())?;
    println!("boot files: as they were built");
    let config = check_config(&mut volume)?;
    let images = check_images(&mut volume)?;
    if config && images { Ok(()) } else { Err(Failure::Told) }
}

/// Opens an ISO of DockOS; an error for one that is something else or cut short.
pub(crate) fn open(path: &Path) -> Result<Volume<File>> {
    let name = || path.display().to_string();
    let file = File::open(path).context(name)?;
    let mut volume = Volume::open(file).context(name)?;
    if volume.label != "DOCKOS" || !volume.application.starts_with("DOCKOS ") {
        return Err(Fault::new(format!("{}: an ISO, but not one of DockOS", name())));
    }
    if volume.has < volume.needs {
        return Err(Fault::new(format!(
            "{}: cut short: {} bytes of {}; copy or download it again",
            name(),
            volume.has,
            volume.needs
        )));
    }
    if volume.find(SUMS).context(name)?.is_none() {
        return Err(Fault::new(format!("{}: an ISO of DockOS without boot files", name())));
    }
    Ok(volume)
}

/// Compares the boot files with the hashes that were written when they were built.
pub(crate) fn check_boot_files(volume: &mut Volume<File>) -> Result<()> {
    let Some(sums) = volume.find(SUMS)? else { return Err(Fault::new(format!("no /{SUMS}"))) };
    let sums = String::from_utf8_lossy(&volume.read(&sums, SUMS_MOST)?).into_owned();
    let progress = Progress::start("checking the boot files");
    for (expected, name) in sums.lines().filter_map(|line| line.split_once("  ")) {
        let path = format!("boot/{name}");
        let entry = volume.find(&path)?.ok_or_else(|| Fault::new(format!("no /{path}")))?;
        let found = sha256(volume.content(&entry), entry.bytes, &progress).context(|| format!("/{path}"))?;
        if found != expected {
            return Err(Fault::new(format!(
                "/{path} is damaged: its SHA-256 is {found}, not {expected}; copy or download the ISO again"
            )));
        }
    }
    Ok(())
}

/// The SHA-256 of what is read, in hex.
pub(crate) fn sha256(mut from: impl Read, bytes: u64, progress: &Progress) -> Result<String> {
    let (mut hash, mut buffer, mut done) = (Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        let read = from.read(&mut buffer).context(|| "read".to_owned())?;
        if read == 0 {
            break;
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        done += read as u64;
        progress.percent(done.saturating_mul(100).checked_div(bytes).unwrap_or(100));
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn check_config(volume: &mut Volume<File>) -> Result<bool> {
    let Some(entry) = volume.find(CONFIG)? else {
        println!("config: none");
        return Ok(true);
    };
    println!("config: /{CONFIG}, {} bytes", entry.bytes);
    let content = volume.read(&entry, oem::CONFIG_MOST)?;
    Ok(dockos_config_command::check(&format!("/{CONFIG}"), &content))
}

fn check_images(volume: &mut Volume<File>) -> Result<bool> {
    let folder = volume.find(IMAGES)?;
    let entries = folder.map_or(Ok(Vec::new()), |folder| volume.list(&folder))?;
    if entries.is_empty() {
        println!("images: none");
    }
    let mut sound = true;
    for entry in entries {
        let bytes = entry.bytes;
        match oem::describe(&mut volume.content(&entry), bytes) {
            Ok(names) => println!("image: /{IMAGES}/{}, {} MB: {names}", entry.name, bytes / 1_000_000),
            Err(fault) => {
                eprintln!("/{IMAGES}/{}: {fault}", entry.name);
                sound = false;
            }
        }
    }
    Ok(sound)
}
