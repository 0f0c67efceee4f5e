//! Consent to use an empty disk is no consent to use one with anything on it.

use anyhow::Result;
use qemu_tests::{Disk, Machine, READY};

/// More than the least that a state disk needs, so that it is not size that protects a disk.
const SIZE: u64 = 2 << 30;

#[test]
fn foreign_disks_are_untouched() -> Result<()> {
    let disks = [ext4()?, noise()?, partition_table()?, data_at_its_end()?];
    let before = disks.each_ref().map(|disk| disk.hash().expect("the disk can be read"));

    let config = "#cloud-config\ndockos: { state: { create: empty-disk } }\n";
    let machine = disks.iter().fold(Machine::new("foreign-disks").config(config), Machine::disk);
    let vm = machine.start()?;
    let reason = vm.wait_degraded(READY)?;
    assert!(reason.contains("state:"), "{reason}");
    assert!(vm.console().contains("State is kept in RAM"), "no banner");
    assert_eq!(vm.check("stat -f -c %T /var")?, "tmpfs");
    vm.check("docker ps")?;
    vm.poweroff()?;

    for (disk, before) in disks.iter().zip(before) {
        assert_eq!(disk.hash()?, before, "{} was written to", disk.path().display());
    }
    Ok(())
}

fn ext4() -> Result<Disk> {
    Disk::ext4("foreign-ext4", SIZE)
}

/// No known format: an encrypted disk looks like this.
fn noise() -> Result<Disk> {
    let disk = Disk::empty("foreign-noise", SIZE)?;
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(4 << 20)
    .collect();
    disk.write_at(0, &noise)?;
    Ok(disk)
}

/// An MBR with one Linux partition of zeros.
fn partition_table() -> Result<Disk> {
    let disk = Disk::empty("foreign-mbr", SIZE)?;
    let entry =
        [&[0, 0, 0, 0, 0x83, 0, 0, 0][..], &2048_u32.to_le_bytes(), &1_000_000_u32.to_le_bytes()].concat();
    disk.write_at(446, &entry)?;
    disk.write_at(510, &[0x55, 0xaa])?;
    Ok(disk)
}

/// Zeros up to the last sectors: there lie the second partition table, and the marks of software RAID.
fn data_at_its_end() -> Result<Disk> {
    let disk = Disk::empty("foreign-end", SIZE)?;
    disk.write_at(SIZE - 512, b"EFI PART")?;
    Ok(disk)
}
