//! A PC that nobody has assigned boots to a screen that shows who it is. Assigned on the center, it boots on by itself,
//! with the name that it was given there.

use std::{thread::sleep, time::Duration};

use anyhow::{Result, ensure};
use qemu_tests::{Boot, Center, Machine, Nic, READY, Room, Segment};

const MAC: &str = "52:54:00:d1:00:07";
const UUID: &str = "01234567-89ab-cdef-0123-456789abcd07";

#[test]
fn netboot_unknown_machine() -> Result<()> {
    let (room, segment) = (Room::new()?, Segment::new()?);
    let center = Center::server("netboot-unknown-center", "10.0.6.1");
    let center = center.machines("groups: {lab: {config: lab.yml}}\n");
    let center = center.config("lab.yml", "write_files: [{path: /etc/group-is, content: lab}]\n");
    let server = center.start(&room, &segment)?;

    let pc = Machine::new("netboot-unknown").boot(Boot::Network).memory(1024).smbios("PF3X 1234", UUID);
    let vm = pc.nics(&[Nic::on(&segment).mac(MAC)]).display().start_in(&room)?;
    for text in ["does not know this machine yet", MAC, "PF3X 1234", UUID, "dockos netboot assign"] {
        vm.wait_for(text, READY)?;
    }
    sleep(Duration::from_secs(1));
    ensure!(vm.screenshot("identity")?.colours() > 2, "the screen shows no banner");
    let list = server.check("dockos netboot list")?;
    let line = list.lines().find(|line| line.contains(MAC)).unwrap_or_default();
    ensure!(line.starts_with("waits to be assigned") && line.contains("PF3X 1234"), "{list}");

    let pid1 = vm.console().position();
    let refused = server.run(&format!("dockos netboot assign {MAC} --group lob"))?;
    ensure!(refused.status == 1 && refused.stdout.contains("did you mean `lab`"), "{}", refused.stdout);
    server.check(&format!("dockos netboot assign {MAC} --group lab --hostname lab-07"))?;
    vm.wait_ready(READY)?;
    ensure!(
        !vm.console().lines().iter().skip(pid1).any(|line| line.text.contains("Linux version")),
        "it restarted"
    );
    assert_eq!(vm.check("hostname; cat /etc/group-is")?, "lab-07\nlab");
    ensure!(server.check("dockos netboot list")?.contains("group lab"), "the list does not know it");
    vm.poweroff()?;
    server.poweroff()
}
