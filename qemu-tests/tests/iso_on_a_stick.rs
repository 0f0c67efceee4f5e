//! The ISO written to a USB stick, started by either firmware, without the menu being touched: what a PC in a room does.

use std::time::Duration;

use anyhow::Result;
use qemu_tests::{Boot, Firmware, Machine, READY, media::iso};

/// How long firmware, menu and loading may take until a root shell of the machine answers.
const SHELL: Duration = Duration::from_secs(120);

#[test]
fn by_bios() -> Result<()> {
    boots("iso-stick-bios", Firmware::Bios)
}

#[test]
fn by_uefi() -> Result<()> {
    boots("iso-stick-uefi", Firmware::Uefi)
}

fn boots(name: &str, firmware: Firmware) -> Result<()> {
    let vm = Machine::new(name).boot(Boot::Stick(iso()?)).firmware(firmware).start()?;
    // The first entry has no console on the serial port, so PID 1 is asked on its shell.
    vm.wait_for("Starting DockOS", SHELL)?;
    vm.eventually("grep -q dockos.medium=DOCKOS /proc/cmdline", SHELL)?;
    vm.eventually("dockos boot | grep -q ': ready at '", READY)?;
    assert_eq!(
        vm.check("test -d /sys/firmware/efi && echo efi || echo bios")?,
        match firmware {
            Firmware::Bios => "bios",
            Firmware::Uefi => "efi",
        }
    );
    vm.power_cut()
}
