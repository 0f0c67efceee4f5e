//! A config that does not parse leaves a machine that can be used, and a banner with line and column.

use anyhow::Result;
use qemu_tests::{Machine, READY};

/// The bracket of line 4 is never closed, and line 5 cannot go on there.
const BROKEN: &str =
    "#cloud-config\nhostname: lab-01\ndockos:\n  desktops: [ { name: hello\n  state: { ram: true }\n";

#[test]
fn broken_config_still_boots() -> Result<()> {
    let report =
        dockos_config::parse_user_data("user-data", BROKEN.as_bytes()).expect_err("the config is broken");
    let short = report.short();
    let place = short.split(": error").next().unwrap_or_default();
    assert!(place.starts_with("user-data:4:") || place.starts_with("user-data:5:"), "{short}");

    let vm = Machine::new("broken-config").config(BROKEN).start()?;
    let reason = vm.wait_degraded(READY)?;
    assert!(reason.contains(place), "the reason does not name {place}: {reason}");
    assert!(vm.console().contains("The cloud-config has errors"), "no banner");
    assert_eq!(vm.check("hostname")?, "dockos");
    vm.check("docker ps && system-docker ps && dockos boot")?;
    vm.poweroff()
}
