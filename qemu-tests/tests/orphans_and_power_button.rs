//! PID 1 reaps a hundred orphans that die at once, and the power button switches off in an orderly way.

use std::time::Duration;

use anyhow::{Context as _, Result};
use qemu_tests::{Disk, Machine, READY, Stop};

#[test]
fn orphans_are_reaped_and_the_power_button_works() -> Result<()> {
    let disk = Disk::empty("orphans", 2 << 30)?;
    let config = "#cloud-config\ndockos: { state: { create: empty-disk } }\n";
    let vm = Machine::new("orphans").config(config).disk(&disk).start()?;
    vm.wait_ready(READY)?;

    let zombies = "grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l";
    assert_eq!(vm.check(zombies)?, "0", "zombies right after the boot");
    vm.check("for i in $(seq 100); do (sleep 777 &); done")?;
    let orphans = "for pid in $(pidof sleep); do grep -H '^PPid:.1$' /proc/$pid/status; done | wc -l";
    // Those that are not yet what they will be are not counted yet.
    vm.eventually(&format!("test \"$({orphans})\" = 100"), Duration::from_secs(10))
        .context("not all are children of PID 1")?;
    vm.check("killall -9 sleep")?;
    vm.eventually(&format!("test $({zombies}) = 0 && ! pidof sleep"), Duration::from_secs(10))?;
    assert_eq!(vm.check("system-docker ps -q >/dev/null && docker ps -q >/dev/null && echo well")?, "well");

    vm.qmp().powerdown()?;
    vm.stopped(&Stop::PowerOff)?;
    disk.check_state()
}
