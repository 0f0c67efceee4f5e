//! An ISO that is cut short, and one with a byte of the root image altered: each ends in words that say what to do.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result};
use qemu_tests::{
    Boot, Machine, Vm,
    media::{choose_serial, iso},
    paths::out,
};

/// How long until the fault is noticed.
const NOTICED: Duration = Duration::from_secs(90);

#[test]
fn cut_before_the_menu() -> Result<()> {
    let vm = boot_cut("iso-cut-early", 5_000_000)?;
    vm.wait_for("DockOS: the files of this medium cannot be read.", NOTICED)?;
    vm.wait_for("write the ISO to it again", NOTICED)?;
    vm.power_cut()
}

/// A BIOS may give zeros for what is not there, and say nothing.
#[test]
fn cut_in_the_root_image() -> Result<()> {
    let vm = boot_cut("iso-cut-root", 40_000_000)?;
    choose_serial(&vm)?;
    vm.wait_for("The root image is not the one that was asked for", NOTICED)?;
    vm.power_cut()
}

fn boot_cut(name: &str, bytes: u64) -> Result<Vm> {
    let folder = tempfile::tempdir()?;
    let cut = folder.path().join("cut.iso");
    fs::copy(iso()?, &cut)?;
    File::options().write(true).open(&cut)?.set_len(bytes)?;
    // QEMU has the file open when the folder goes.
    Machine::new(name).boot(Boot::Cd(cut)).start()
}

#[test]
fn altered() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let altered = folder.path().join("altered.iso");
    fs::copy(iso()?, &altered)?;
    flip_a_byte_of_the_root_image(&altered)?;
    let vm = Machine::new("iso-altered").boot(Boot::Cd(altered)).start()?;
    choose_serial(&vm)?;
    vm.wait_for("The root image is not the one that was asked for", NOTICED)?;
    vm.power_cut()
}

/// Finds the root image by its first bytes and changes one in its middle.
fn flip_a_byte_of_the_root_image(iso: &Path) -> Result<()> {
    let mut start = [0; 4096];
    File::open(out().join("rootfs"))?.read_exact(&mut start)?;
    let whole = fs::read(iso)?;
    // A file of an ISO begins at a multiple of 2048.
    let at =
        whole.chunks(2048).position(|block| start.starts_with(block)).context("no root image in the ISO")?;
    let at = at * 2048 + 30_000_000;
    let byte = whole.get(at).context("the ISO is too short")?;
    let mut file = File::options().write(true).open(iso)?;
    file.seek(SeekFrom::Start(at as u64))?;
    Ok(file.write_all(&[!byte])?)
}
