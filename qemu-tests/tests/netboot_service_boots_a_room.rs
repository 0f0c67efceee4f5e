//! A center boots the PCs of its room: one by BIOS and one by UEFI, each with its own name and config, pinned by SHA-256.

use anyhow::{Context as _, Result, ensure};
use qemu_tests::{Boot, Center, Firmware, Machine, Nic, READY, Room, Segment, Vm, sha256};

const MAC: &str = "52:54:00:d1:00:01";
const UUID: &str = "01234567-89ab-cdef-0123-456789abcd01";
const MACHINES: &str = "
groups: {lab: {config: lab.yml}}
machines:
  - {mac: '52:54:00:d1:00:01', group: lab, hostname: lab-01}
  - {uuid: 01234567-89ab-cdef-0123-456789abcd01, config: teacher.yml, hostname: teacher}
";
const LAB: &str = "write_files: [{path: /etc/role, content: pupil}]\n";
const TEACHER: &str = "write_files: [{path: /etc/role, content: teacher}]\n";

#[test]
fn netboot_service_boots_a_room() -> Result<()> {
    let (room, segment) = (Room::new()?, Segment::new()?);
    let center = Center::server("netboot-service-center", "10.0.9.1").machines(MACHINES);
    let center = center.config("lab.yml", LAB).config("teacher.yml", TEACHER);
    let server = center.start(&room, &segment)?;

    let pc = |name: &str| Machine::new(name).boot(Boot::Network).memory(1024);
    let bios = pc("netboot-service-bios").nics(&[Nic::on(&segment).mac(MAC)]).start_in(&room)?;
    let uefi = pc("netboot-service-uefi").nics(&[Nic::on(&segment)]).firmware(Firmware::Uefi);
    let uefi = uefi.smbios("PF3X1234", UUID).start_in(&room)?;
    booted(&center, &bios, "lab-01", "pupil", LAB)?;
    booted(&center, &uefi, "teacher", "teacher", TEACHER)?;
    uefi.check("test -d /sys/firmware/efi")?;

    let list = server.check("dockos netboot list")?;
    for (who, gets) in [(MAC, "group lab"), (UUID, "teacher.yml")] {
        let line = list.lines().find(|line| line.contains(who)).with_context(|| format!("{who}: {list}"))?;
        ensure!(line.starts_with(gets) && line.contains(" 10.0.9.1"), "{list}");
    }
    bios.poweroff()?;
    uefi.poweroff()?;
    server.poweroff()
}

/// The PC is ready, is who it should be, and says how it was booted.
fn booted(center: &Center, vm: &Vm, hostname: &str, role: &str, config: &str) -> Result<()> {
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("hostname; cat /etc/role")?, format!("{hostname}\n{role}"));
    let sum = sha256(format!("#cloud-config\n{config}").as_bytes());
    let words = vm.check("cat /proc/cmdline")?;
    let pinned = format!("cloud-config-url={}#sha256={sum}", center.url(&format!("/config/{sum}.yml")));
    ensure!(words.contains(&pinned), "{words}");
    let boot = vm.check("dockos boot")?;
    println!("{hostname}:\n{boot}");
    for phase in ["firmware", "ipxe", "load", "kernel"] {
        ensure!(boot.contains(&format!("  ok       {phase} ")), "{boot}");
    }
    let timeline = vm.boot_json()?;
    let root = timeline.phase("root").and_then(|phase| phase.note.clone());
    assert_eq!(root, Some(center.url("/rootfs")));
    Ok(())
}
