//! The kernel command line, and the words that QEMU adds to it where a boot loader writes the line itself.

use std::fs::{self, File};
use std::io::Read;

/// `-fw_cfg name=opt/dockos/cmdline,string=WORDS`.
const FW_CFG: &str = "/sys/firmware/qemu_fw_cfg/by_name/opt/dockos/cmdline/raw";
/// More than this no kernel command line has.
const MOST_BYTES: u64 = 32 << 10;

/// All words that are for PID 1. What is no text counts as none.
pub(crate) fn text() -> String {
    let line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let mut added = String::new();
    // What is cut off is missed by whoever wrote it, in his own virtual machine.
    let _ = File::open(FW_CFG).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut added));
    let (line, added) = (line.trim_end_matches('\n'), added.trim_matches(['\n', '\0']));
    if added.is_empty() { line.to_owned() } else { format!("{line} {added}") }
}
