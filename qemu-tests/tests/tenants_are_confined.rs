//! A tenant has the limits of the config, and its root is nobody on the host.

use std::time::Duration;

use anyhow::{Result, bail};
use qemu_tests::{Machine, READY, Vm};

const CONFIG: &str = r#"#cloud-config
dockos:
  state: { ram: true }
  desktops:
    - name: hello
      tenant: alice
      image: dockos/hello
      cpus: 0.5
      memory: 64M
      pids: 64
"#;

/// Where the ids of tenants begin on the host.
const FIRST_ID: &str = "231072";

#[test]
fn tenants_are_confined() -> Result<()> {
    let vm = Machine::new("confined").config(CONFIG).start()?;
    vm.wait_ready(READY)?;
    limits_are_the_cgroups(&vm)?;
    root_is_nobody_outside(&vm)?;
    the_host_is_out_of_reach(&vm)?;
    vm.poweroff()
}

fn limits_are_the_cgroups(vm: &Vm) -> Result<()> {
    let pids = vm.pids("httpd -f")?;
    assert_eq!(pids.len(), 1, "the tenant's processes: {pids:?}");
    let cgroup = vm.check(&format!("cut -d: -f3 /proc/{}/cgroup", pids[0]))?;
    assert!(cgroup.starts_with("/services/"), "the tenant is in {cgroup}, not below the user Docker");
    for (file, expected) in [
        ("memory.max", "67108864"),
        ("memory.swap.max", "0"),
        ("cpu.max", "50000 100000"),
        ("pids.max", "64"),
    ] {
        assert_eq!(vm.check(&format!("cat /sys/fs/cgroup{cgroup}/{file}"))?, expected, "{file}");
    }
    let forks = vm.run("docker exec desktop-hello sh -c 'for i in $(seq 80); do sleep 5 & done; wait'")?;
    assert!(forks.stdout.contains("fork"), "80 processes fit in 64: {}", forks.stdout);
    Ok(())
}

fn root_is_nobody_outside(vm: &Vm) -> Result<()> {
    // The processes that filled the limit need a moment to end.
    vm.eventually("docker exec -d -u 0 desktop-hello sleep 4242", Duration::from_secs(30))?;
    let pids = vm.pids("sleep 4242")?;
    let [pid] = pids[..] else { bail!("one process was started in the tenant, there are {pids:?}") };
    let map = vm.check(&format!("cat /proc/{pid}/uid_map /proc/{pid}/gid_map"))?;
    for line in map.lines() {
        assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["0", FIRST_ID, "65536"]);
    }
    assert_eq!(vm.check(&format!("stat -c %u:%g /proc/{pid}"))?, format!("{FIRST_ID}:{FIRST_ID}"));
    Ok(())
}

fn the_host_is_out_of_reach(vm: &Vm) -> Result<()> {
    let inside = "docker exec -u 0 desktop-hello";
    for attempt in [
        "sh -c 'echo b > /proc/sysrq-trigger'",
        "sh -c 'echo /tmp/x > /proc/sys/kernel/core_pattern'",
        "mount -t tmpfs none /mnt",
        "mknod /tmp/vda b 254 0",
        "test -e /run/docker.sock",
        "test -e /var/run/docker.sock",
        "test -e /run/system-docker.sock",
    ] {
        let output = vm.run(&format!("{inside} {attempt}"))?;
        assert_ne!(output.status, 0, "a tenant's root can: {attempt}");
    }
    let bound = vm.run("docker run --rm -u 0 -v /etc:/host dockos/hello touch /host/broken-into")?;
    assert_ne!(bound.status, 0, "root in a container of the user Docker writes the host's /etc");
    assert_ne!(vm.run("test -e /etc/broken-into")?.status, 0);
    Ok(())
}
