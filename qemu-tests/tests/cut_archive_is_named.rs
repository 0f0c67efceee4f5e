//! An image archive that ends too early is named, stays where it is, and spoils nothing else.

use anyhow::Result;
use qemu_tests::{Machine, READY};

const CONFIG: &str = r#"#cloud-config
bootcmd: ["head -c 900000 /usr/share/dockos/images/hello.tar > /var/lib/dockos/images/aaa-cut.tar"]
dockos:
  state: { ram: true }
  desktops: [ { name: hello, tenant: alice, image: dockos/hello, memory: 64M } ]
"#;

#[test]
fn cut_archive_is_named() -> Result<()> {
    let vm = Machine::new("cut-archive").config(CONFIG).start()?;
    let reason = vm.wait_degraded(READY)?;
    assert!(reason.contains("aaa-cut.tar"), "the archive is not named: {reason}");
    assert_eq!(vm.check("stat -c %s /var/lib/dockos/images/aaa-cut.tar")?, "900000");
    vm.check("docker exec desktop-hello true")?;
    vm.poweroff()
}
