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
      volumes: ["data:/data:ro"]
    - { name: other, tenant: bob, image: dockos/hello }
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
    packets_reach_neither_host_nor_neighbour(&vm)?;
    vm.poweroff()
}

fn limits_are_the_cgroups(vm: &Vm) -> Result<()> {
    let find =
        "cd /sys/fs/cgroup && find services -type d -name $(docker inspect -f '{{.Id}}' desktop-hello)";
    let cgroup = vm.check(find)?;
    assert!(cgroup.contains("/tenants/"), "the tenant is in {cgroup:?}, not below the user Docker");
    for (file, expected) in [
        ("memory.max", "67108864"),
        ("memory.swap.max", "0"),
        ("cpu.max", "50000 100000"),
        ("pids.max", "64"),
    ] {
        assert_eq!(vm.check(&format!("cat /sys/fs/cgroup/{cgroup}/{file}"))?, expected, "{file}");
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

/// What listens on the machine, and what listens in another tenant's container, is out of reach for a tenant.
fn packets_reach_neither_host_nor_neighbour(vm: &Vm) -> Result<()> {
    vm.check("mkdir -p /tmp/www && echo secret > /tmp/www/index.html && httpd -p 9999 -h /tmp/www")?;
    let of = |what: &str, name: &str| {
        vm.check(&format!(
            "docker inspect -f '{{{{range .NetworkSettings.Networks}}}}{{{{.{what}}}}}{{{{end}}}}' {name}"
        ))
    };
    let gateway = of("Gateway", "desktop-hello")?;
    assert_eq!(
        vm.check(&format!("wget -q -O - http://{gateway}:9999/"))?,
        "secret",
        "the machine's own page"
    );
    let other = of("IPAddress", "desktop-other")?;
    vm.check(&format!("wget -q -O - http://{other}:8080/ | grep -q Hello"))?;
    let host = vm.check("ip -4 -o addr show dev eth0 | sed 's/.*inet \\([0-9.]*\\).*/\\1/'")?;
    for url in
        [format!("http://{gateway}:9999/"), format!("http://{host}:9999/"), format!("http://{other}:8080/")]
    {
        let page = vm.run(&format!("docker exec desktop-hello wget -q -T 5 -O - {url}"))?;
        assert_ne!(page.status, 0, "a tenant reads {url}: {}", page.stdout);
    }
    Ok(())
}
