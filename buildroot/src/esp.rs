//! The EFI system partition of CD and stick: a small FAT with one program.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result};

use crate::{project::Project, util::size};

/// Where firmware looks on media that it has no entry for.
pub(crate) const PROGRAM: &str = "EFI/BOOT/BOOTX64.EFI";
/// What a FAT takes beside the files: boot sector, tables, root folder, two folders.
const OVERHEAD: u64 = 64 << 10;
/// The size is a multiple of this, as xorriso aligns partitions.
const ALIGNMENT: u64 = 64 << 10;

/// Writes the FAT with `program` in it. `serial` is eight hexadecimal digits, all dates are `epoch`.
pub(crate) fn write(project: &Project, program: &Path, serial: &str, epoch: u64, to: &Path) -> Result<()> {
    let bytes = (size(program)? + OVERHEAD).next_multiple_of(ALIGNMENT);
    if to.exists() {
        fs::remove_file(to).with_context(|| format!("cannot remove {}", to.display()))?;
    }
    let image = File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    image.set_len(bytes).with_context(|| format!("cannot write {}", to.display()))?;
    let run = |arguments: &[&str], last: &[&Path]| {
        let (tool, rest) = arguments.split_first().context("no tool")?;
        let mut command = Command::new(tool);
        // mtools stores local time.
        command.env("TZ", "UTC").env("SOURCE_DATE_EPOCH", epoch.to_string()).env("MTOOLSRC", "/dev/null");
        project.progress.run("iso", command.arg("-i").arg(to).args(rest).args(last))
    };
    let sectors = (bytes / 512).to_string();
    run(&["mformat", "-T", &sectors, "-h", "16", "-s", "32", "-N", serial, "-v", "DOCKOS_EFI", "::"], &[])?;
    run(&["mmd", "::EFI", "::EFI/BOOT"], &[])?;
    run(&["mcopy"], &[program, Path::new(&format!("::{PROGRAM}"))])
}
