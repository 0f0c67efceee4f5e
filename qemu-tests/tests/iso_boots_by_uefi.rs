//! The ISO in a CD drive, started by UEFI.

use anyhow::Result;
use qemu_tests::{
    Boot, Firmware, Machine, READY,
    media::{choose_serial, iso},
};

#[test]
fn iso_boots_by_uefi() -> Result<()> {
    let vm = Machine::new("iso-by-uefi").boot(Boot::Cd(iso()?)).firmware(Firmware::Uefi).display().start()?;
    choose_serial(&vm)?;
    vm.wait_ready(READY)?;
    vm.check("test -d /sys/firmware/efi")?;
    let screen = vm.screenshot("ready")?;
    assert!(screen.colours() > 1, "the screen is blank");
    vm.poweroff()
}
