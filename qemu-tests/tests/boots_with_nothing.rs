//! No config, no disk, no network card: each is a machine that is ready and says what it lacks.

use anyhow::Result;
use qemu_tests::{Machine, READY};

const DESKTOP: &str = "#cloud-config\ndockos: { desktops: [ { name: hello, tenant: alice, image: dockos/hello, memory: 64M } ] }\n";

#[test]
fn no_config_and_no_disk() -> Result<()> {
    let vm = Machine::new("nothing").start()?;
    vm.wait_ready(READY)?;
    assert!(vm.console().contains("State is kept in RAM"), "no banner");
    assert_eq!(vm.check("stat -f -c %T /var")?, "tmpfs");
    assert_eq!(vm.check("hostname")?, "dockos");
    vm.check("docker ps && system-docker ps")?;
    vm.poweroff()
}

#[test]
fn no_network_card() -> Result<()> {
    let vm = Machine::new("no-nic").config(DESKTOP).without_nic().start()?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("ls /sys/class/net | grep -E '^(eth|en)' | wc -l")?, "0", "there is a network card");
    assert!(vm.console().contains("no network"), "the screen does not say that there is no network");
    assert!(vm.check("docker exec desktop-hello wget -q -O - http://127.0.0.1:8080/")?.contains("Hello"));
    vm.poweroff()
}
