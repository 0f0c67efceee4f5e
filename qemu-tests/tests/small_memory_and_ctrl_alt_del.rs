//! 512 MB of memory run a tenant, PID 1 takes little of it, and Ctrl-Alt-Del reboots in an orderly way.

use std::time::Duration;

use anyhow::Result;
use qemu_tests::{Disk, Machine, READY, Stop, get};

const CONFIG: &str = r#"#cloud-config
dockos:
  state: { create: empty-disk }
  desktops: [ { name: hello, tenant: alice, image: dockos/hello, memory: 64M, ports: ["8080:8080"] } ]
"#;

#[test]
fn small_memory_and_ctrl_alt_del() -> Result<()> {
    let disk = Disk::empty("small-memory", 4 << 30)?;
    let vm = Machine::new("small-memory").config(CONFIG).disk(&disk).memory(512).reach(8080).start()?;
    vm.wait_ready(READY)?;
    let page = get(vm.port(8080)?, "/", Duration::from_secs(30)).map_err(|error| vm.report(error))?;
    assert!(page.contains("Hello from a desktop"), "{page}");
    let pid1: u32 = vm.check("awk '/^VmRSS:/ {print $2}' /proc/1/status")?.parse()?;

    vm.qmp().press(&["ctrl", "alt", "delete"])?;
    vm.stopped(&Stop::Reset)?;
    disk.check_state()?;
    assert!(pid1 <= 8_000_000 / 1024, "PID 1 takes {pid1} KiB of memory");
    Ok(())
}
