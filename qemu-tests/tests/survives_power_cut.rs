//! The power fails in the middle of work: the machine boots again, and what was synced is there.

use anyhow::Result;
use qemu_tests::{Disk, Machine, READY};

const CONFIG: &str = r#"#cloud-config
dockos:
  state: { create: empty-disk }
  desktops:
    - { name: hello, tenant: alice, image: dockos/hello, memory: 64M, volumes: ["data:/data"] }
"#;

#[test]
fn survives_power_cut() -> Result<()> {
    let disk = Disk::empty("power-cut", 4 << 30)?;
    let boot = |name: &str| Machine::new(name).config(CONFIG).disk(&disk).start();

    let vm = boot("power-cut-1")?;
    vm.wait_ready(READY)?;
    vm.check("docker exec -u 0 desktop-hello sh -c 'echo acknowledged > /data/note; sync'")?;
    vm.check(
        "docker exec -d -u 0 desktop-hello sh -c 'i=0; while :; do i=$((i+1)); echo $i > /data/$i; done'",
    )?;
    vm.check("sleep 2")?;
    vm.power_cut()?;

    let vm = boot("power-cut-2")?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("docker exec desktop-hello cat /data/note")?, "acknowledged");
    vm.poweroff()?;
    disk.check_state()
}
