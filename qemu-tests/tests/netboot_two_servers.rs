//! Two centers on one segment: PCs boot all the same, and each center says that there is another.

use std::time::Duration;

use anyhow::{Result, ensure};
use qemu_tests::{Boot, Center, Machine, Nic, READY, Room, Segment};

/// A center asks every minute whether there is another.
const NOTICED: Duration = Duration::from_secs(120);

#[test]
fn netboot_two_servers() -> Result<()> {
    let (room, segment) = (Room::new()?, Segment::new()?);
    let of_lab = |center: Center, hostname: &str| {
        let center = center.machines("default: lab\ngroups: {lab: {config: lab.yml}}\n");
        center.config("lab.yml", &format!("hostname: {hostname}\n"))
    };
    let first = of_lab(Center::server("netboot-two-first", "10.0.4.1"), "of-first");
    let second = of_lab(Center::proxy("netboot-two-second", "10.0.4.2"), "of-second");
    let servers = (first.boot(&room, &segment)?, second.boot(&room, &segment)?);
    first.wait(&servers.0)?;
    second.wait(&servers.1)?;

    let pc = Machine::new("netboot-two-pc").boot(Boot::Network).memory(1024).nics(&[Nic::on(&segment)]);
    let vm = pc.start_in(&room)?;
    vm.wait_ready(READY)?;
    let hostname = vm.check("hostname")?;
    ensure!(hostname.starts_with("of-"), "{hostname}");
    vm.poweroff()?;

    for (vm, other) in [(&servers.0, "10.0.4.2"), (&servers.1, "10.0.4.1")] {
        let warning = format!("warning: {other} tells machines where to boot from");
        vm.eventually(&format!("dockos netboot list | grep '{warning} too'"), NOTICED)?;
        vm.check(&format!("system-docker logs netboot 2>&1 | grep '{warning}, as this server does'"))?;
    }
    servers.0.poweroff()?;
    servers.1.poweroff()
}
