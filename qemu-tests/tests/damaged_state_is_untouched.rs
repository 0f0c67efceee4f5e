//! A state partition that holds no file system, and two state disks at once: named in a banner, left as they are.

use anyhow::Result;
use qemu_tests::{Disk, Machine, READY};

const CONFIG: &str = "#cloud-config\ndockos: { state: { create: empty-disk } }\n";

#[test]
fn a_state_partition_that_is_no_file_system() -> Result<()> {
    let disk = Disk::with_damaged_state("damaged-state", 2 << 30, &b"not a file system ".repeat(100_000))?;
    stays_untouched("damaged-state", &[disk], &["vda1"])
}

#[test]
fn two_state_disks_with_one_label() -> Result<()> {
    let disks = [Disk::with_state("two-states-a", 2 << 30)?, Disk::with_state("two-states-b", 2 << 30)?];
    stays_untouched("two-states", &disks, &["vda1", "vdb1"])
}

/// Boots with the disks: degraded, the partitions named on the screen, state in RAM, nothing written.
fn stays_untouched(name: &str, disks: &[Disk], named: &[&str]) -> Result<()> {
    let before = disks.iter().map(Disk::hash).collect::<Result<Vec<_>>>()?;
    let vm = disks.iter().fold(Machine::new(name).config(CONFIG), Machine::disk).start()?;
    let reason = vm.wait_degraded(READY)?;
    for partition in named {
        assert!(reason.contains(partition), "{partition} is not named: {reason}");
    }
    assert!(vm.console().contains("State is kept in RAM"), "no banner");
    assert_eq!(vm.check("stat -f -c %T /var")?, "tmpfs");
    vm.check("docker ps")?;
    vm.poweroff()?;
    assert_eq!(disks.iter().map(Disk::hash).collect::<Result<Vec<_>>>()?, before, "a disk was written to");
    Ok(())
}
