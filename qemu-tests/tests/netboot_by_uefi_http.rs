//! UEFI HTTP boot: the firmware fetches the boot loader from the center by HTTP, and no TFTP is needed.

use anyhow::{Result, ensure};
use qemu_tests::{Boot, Center, Firmware, Machine, Nic, READY, Room, Segment};

#[test]
fn netboot_by_uefi_http() -> Result<()> {
    let (room, segment) = (Room::new()?, Segment::new()?);
    let center = Center::server("netboot-http-center", "10.0.7.1");
    let center = center.machines("default: lab\ngroups: {lab: {config: lab.yml}}\n");
    let center = center.config("lab.yml", "hostname: pupil\n");
    let server = center.start(&room, &segment)?;

    let pc = Machine::new("netboot-http").boot(Boot::Http).firmware(Firmware::Uefi).memory(1024);
    let vm = pc.nics(&[Nic::on(&segment)]).start_in(&room)?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("hostname")?, "pupil");
    vm.check("test -d /sys/firmware/efi")?;
    let boot = vm.check("dockos boot")?;
    println!("{boot}");
    ensure!(boot.contains(&center.url("/rootfs")), "{boot}");
    vm.poweroff()?;
    let said = server.check("system-docker logs netboot 2>&1")?;
    ensure!(!said.contains("sent /"), "something came by TFTP: {said}");
    server.poweroff()
}
