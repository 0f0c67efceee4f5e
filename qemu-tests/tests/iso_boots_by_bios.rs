//! The ISO in a CD drive, started by BIOS, beside a state disk: to ready, with the loader's share of the boot in the timeline,
//! and all that is written goes to the disk.

use anyhow::Result;
use qemu_tests::{
    Boot, Disk, Machine, READY,
    media::{choose_serial, iso},
};

#[test]
fn iso_boots_by_bios() -> Result<()> {
    let disk = Disk::with_state("iso-by-bios", 2 << 30)?;
    let vm = Machine::new("iso-by-bios").boot(Boot::Cd(iso()?)).disk(&disk).start()?;
    choose_serial(&vm)?;
    vm.wait_ready(READY)?;
    assert_eq!(
        vm.check("ls -d /sys/firmware/efi || true")?,
        "ls: /sys/firmware/efi: No such file or directory"
    );
    let words = vm.check("cat /proc/cmdline")?;
    // When GRUB began and when it began to load, a few seconds apart: both are dates, with all their zeros.
    let times = words.split_once("dockos.loader=grub,").and_then(|(_, rest)| rest.split(' ').next());
    let times: Vec<_> = times.unwrap_or_default().split(',').collect();
    assert!(times.len() == 2 && times.iter().all(|time| time.len() == 19), "{words}");
    vm.check("test -b /dev/sr0")?;
    let boot = vm.check("dockos boot")?;
    for phase in ["firmware", "grub", "load", "loaded with the kernel"] {
        assert!(boot.contains(phase), "no {phase} in\n{boot}");
    }
    assert_eq!(vm.check("grep ' /var ' /proc/mounts | cut -d ' ' -f 1,3")?, "/dev/vda1 xfs");
    assert_eq!(vm.check("grep -c ' iso9660 ' /proc/mounts || true")?, "0", "the CD may be taken out");
    vm.poweroff()?;
    disk.check_state()
}
