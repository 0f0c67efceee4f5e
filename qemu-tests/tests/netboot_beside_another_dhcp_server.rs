//! In a room with a DHCP server of its own, a center gives no addresses: PCs have theirs from that server, and what they
//! boot from the center, by BIOS and by UEFI.

use anyhow::{Result, ensure};
use qemu_tests::{Boot, Center, Firmware, Machine, Nic, READY, Room, Segment};

#[test]
fn netboot_beside_another_dhcp_server() -> Result<()> {
    let (room, segment) = (Room::new()?, Segment::new()?);
    let _router = segment.uplink("net=10.0.8.0/24,dhcpstart=10.0.8.50")?;
    let center = Center::proxy("netboot-proxy-center", "10.0.8.10");
    let center = center.machines("default: lab\ngroups: {lab: {config: lab.yml}}\n");
    let center = center.config("lab.yml", "hostname: pupil\n");
    let server = center.start(&room, &segment)?;

    let pc = |name: &str| Machine::new(name).boot(Boot::Network).memory(1024).nics(&[Nic::on(&segment)]);
    let bios = pc("netboot-proxy-bios").start_in(&room)?;
    let uefi = pc("netboot-proxy-uefi").firmware(Firmware::Uefi).start_in(&room)?;
    for vm in [bios, uefi] {
        vm.wait_ready(READY)?;
        assert_eq!(vm.check("hostname")?, "pupil");
        ensure!(vm.check("ip -4 addr show eth0")?.contains(" 10.0.8.5"), "its address is not the router's");
        ensure!(vm.check("ip route")?.contains("default via 10.0.8.2"), "its way out is not the router's");
        println!("{}", vm.check("dockos boot")?);
        vm.poweroff()?;
    }
    let list = server.check("dockos netboot list")?;
    ensure!(!list.contains("warning"), "a DHCP server that boots nobody is no rival: {list}");
    server.poweroff()
}
