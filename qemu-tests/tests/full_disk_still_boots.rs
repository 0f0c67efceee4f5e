//! With the state disk full the machine shuts down, boots again, says so, and can be used to make room.

use anyhow::Result;
use qemu_tests::{Disk, Machine, READY, Vm};

const CONFIG: &str = r#"#cloud-config
dockos:
  state: { create: empty-disk }
  desktops: [ { name: hello, tenant: alice, image: dockos/hello, memory: 64M } ]
"#;

#[test]
fn full_disk_still_boots() -> Result<()> {
    let disk = Disk::empty("full-disk", 2 << 30)?;
    let boot = |name: &str| Machine::new(name).config(CONFIG).disk(&disk).start();

    let vm = boot("full-disk-1")?;
    vm.wait_ready(READY)?;
    vm.check("mkdir /var/ballast")?;
    fill(&vm)?;
    vm.poweroff()?;
    disk.check_state()?;

    let vm = boot("full-disk-2")?;
    let reason = vm.wait_degraded(READY)?;
    assert!(reason.contains("full"), "{reason}");
    assert!(vm.console().contains("The state disk is full"), "no banner");
    vm.check("docker exec desktop-hello true && system-docker ps")?;
    vm.check("rm -r /var/ballast && echo room > /var/lib/dockos/room && sync")?;
    vm.poweroff()?;
    disk.check_state()
}

/// Takes all the space there is, as tenants would: what was set aside before is all that is left.
fn fill(vm: &Vm) -> Result<()> {
    for size in ["64M", "1M", "16k"] {
        vm.check(&format!(
            "i=0; while fallocate -l {size} /var/ballast/{size}.$i 2>/dev/null; do i=$((i + 1)); done"
        ))?;
    }
    let rest = vm.run("dd if=/dev/zero of=/var/ballast/rest bs=4k count=4096")?;
    assert!(rest.stdout.contains("No space left"), "the disk is not full: {}", rest.stdout);
    let free: u64 = vm.check("echo $(($(stat -f -c '%a * %S' /var)))")?.parse()?;
    assert!(free < 1 << 20, "{free} bytes are still free");
    Ok(())
}
