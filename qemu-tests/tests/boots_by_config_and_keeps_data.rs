//! A machine boots to ready by its cloud-config, switches off cleanly, and finds its tenants' data again.

use std::time::Duration;

use anyhow::Result;
use qemu_tests::{Disk, Machine, READY, Timeline, Vm, get};

const CONFIG: &str = r#"#cloud-config
hostname: lab-07
write_files:
  - { path: /etc/motd, content: "welcome\n", permissions: "0640" }
  - { path: /var/lib/dockos/seal, content: "d2F4Cg==", encoding: b64 }
bootcmd:
  - echo early > /run/early
  - [sh, -c, "echo 'as a list' >> /run/early"]
runcmd: ['echo runcmd says $((6 * 7))']
dockos:
  state: { create: empty-disk }
  desktops:
    - name: hello
      tenant: alice
      image: dockos/hello
      memory: 64M
      ports: ["8080:8080"]
      volumes: ["data:/data"]
"#;

#[test]
fn boots_by_config_and_keeps_data() -> Result<()> {
    let disk = Disk::empty("keeps-data", 16 << 30)?;

    let vm = boot("keeps-data-1", &disk)?;
    obeys_the_config(&vm)?;
    vm.check("docker exec -u 0 desktop-hello sh -c 'echo homework > /data/note'")?;
    vm.poweroff()?;
    disk.check_state()?;

    let vm = boot("keeps-data-2", &disk)?;
    assert_eq!(vm.check("docker exec desktop-hello cat /data/note")?, "homework");
    assert_eq!(vm.check("docker volume ls -q")?, "alice.data");
    vm.poweroff()?;
    disk.check_state()
}

/// Boots to ready and sees the tenant's page from outside.
fn boot(name: &str, disk: &Disk) -> Result<Vm> {
    let vm = Machine::new(name).config(CONFIG).disk(disk).reach(8080).start()?;
    let ready = vm.wait_ready(READY)?;
    let page = get(vm.port(8080)?, "/", Duration::from_secs(20)).map_err(|error| vm.report(error))?;
    assert!(page.contains("Hello from a desktop"), "{page}");
    tells_its_boot(&vm.boot_json()?, ready);
    Ok(vm)
}

fn obeys_the_config(vm: &Vm) -> Result<()> {
    assert_eq!(vm.check("hostname")?, "lab-07");
    assert_eq!(vm.check("cat /etc/motd && stat -c %a:%u:%g /etc/motd")?, "welcome\n640:0:0");
    assert_eq!(vm.check("cat /var/lib/dockos/seal")?, "wax");
    assert_eq!(vm.check("cat /run/early")?, "early\nas a list");
    assert!(vm.console().contains("runcmd says 42"), "runcmd's output is not on the console");
    assert!(vm.check("cat /run/dockos/log/commands.log")?.contains("runcmd says 42"));
    assert_eq!(vm.check("stat -f -c %T /var")?, "xfs");
    assert!(vm.check("ip -4 addr show")?.contains("10.0.2.15/24"), "no address by DHCP");
    assert!(vm.check("cat /etc/resolv.conf")?.contains("10.0.2.3"), "no name server by DHCP");
    assert!(vm.check("dockos boot --svg /run/boot.svg && head -c 400 /run/boot.svg")?.contains("<svg"));
    Ok(())
}

fn tells_its_boot(boot: &Timeline, ready: f64) {
    assert_eq!(boot.result.as_deref(), Some("ready"));
    assert!(boot.ready.is_some_and(|said| (said - ready).abs() < 0.1), "{:?} and {ready}", boot.ready);
    for phase in &boot.phases {
        assert!(["ok", "skipped"].contains(&phase.result.as_str()), "{phase:?}");
        assert!(phase.end >= phase.start, "{phase:?}");
    }
    let state = boot.phase("state").and_then(|phase| phase.note.clone()).unwrap_or_default();
    assert!(state.contains("/dev/vda1"), "state is on {state}");
    assert!(boot.desktop_running("hello").is_some_and(|at| at > 0.0 && at <= ready), "{:?}", boot.marks);
}
