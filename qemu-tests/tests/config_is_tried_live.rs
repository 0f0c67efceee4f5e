//! `dockos config`: a config tried on a running machine goes away unless it is confirmed, and stays if it is; the file
//! is changed with its comments, and never into one with errors.

use std::time::Duration;

use anyhow::Result;
use qemu_tests::{Disk, Machine, READY, Vm};

const STATE: &str = "dockos.state.create=empty-disk";
/// The state disk's own file.
const FILE: &str = "/var/lib/dockos/cloud-config.yml";

/// What is tried: something of each part that follows the config while the machine runs.
const TRIED: &str = r#"#cloud-config
hostname: tried
write_files:
  - { path: /etc/motd, content: "tried\n" }
  - { path: /etc/new, content: "new\n" }
network:
  ethernets:
    nics: { match: { name: "*" }, dhcp4: true, addresses: [ 10.9.0.1/24 ] }
dockos:
  docker: { log_level: warn, memory: 1G }
  sysctl: { vm.swappiness: "7" }
  services:
    clock: { command: [ busybox, sleep, 1d ], volumes: [ "/usr:/usr:ro" ] }
  desktops:
    - { name: hello, tenant: alice, image: dockos/hello, memory: 64M }
"#;

/// How long a trial lasts: time to take the config, and to look at it, emulated.
const TRIAL: Duration = Duration::from_secs(75);

#[test]
fn config_is_tried_live() -> Result<()> {
    let disk = Disk::empty("tried", 16 << 30)?;
    let vm = Machine::new("tried-1").disk(&disk).append(STATE).start()?;
    vm.wait_ready(READY)?;
    let before = vm.check("cat /etc/motd 2>/dev/null; hostname; cat /proc/sys/vm/swappiness")?;
    vm.check(&format!("cat > /root/new.yml <<'EOF'\n{TRIED}EOF"))?;

    // Not confirmed: everything is as it was.
    let said =
        vm.check(&format!("dockos config try --no-wait --seconds {} /root/new.yml", TRIAL.as_secs()))?;
    assert!(said.contains("+ hostname: tried"), "{said}");
    is_in_force(&vm)?;
    let soon = TRIAL * 2;
    vm.eventually("test \"$(hostname)\" = dockos", soon)?;
    vm.eventually("! docker ps -a --format '{{.Names}}' | grep -q desktop-hello", soon)?;
    vm.eventually("! system-docker ps -a --format '{{.Names}}' | grep -q clock", soon)?;
    vm.eventually("! ip -4 addr | grep -q 10.9.0.1 && ip -4 addr | grep -q 10.0.2.15", soon)?;
    assert_eq!(vm.check("cat /etc/motd 2>/dev/null; hostname; cat /proc/sys/vm/swappiness")?, before);
    vm.check(&format!("! test -e /etc/new && ! test -e {FILE}"))?;

    // Confirmed: it stays, at the next boot too.
    vm.check("dockos config try --no-wait /root/new.yml && dockos config confirm")?;
    is_in_force(&vm)?;
    assert_eq!(vm.run("dockos config confirm")?.status, 1, "there is nothing to confirm any more");

    changes_its_file(&vm)?;
    vm.poweroff()?;
    let vm = Machine::new("tried-2").disk(&disk).append(STATE).start()?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("hostname && cat /etc/motd")?, "edited\ntried");
    vm.check("docker exec desktop-hello true && system-docker exec clock true")?;
    vm.poweroff()
}

fn is_in_force(vm: &Vm) -> Result<()> {
    assert_eq!(
        vm.check("hostname && cat /etc/motd /etc/new /proc/sys/vm/swappiness")?,
        "tried\ntried\nnew\n7"
    );
    vm.check("ip -4 addr | grep -q 10.9.0.1")?;
    vm.check("system-docker exec clock true")?;
    // A trial does not wait for desktops: their agent starts them in its own time.
    vm.eventually("docker exec desktop-hello true", Duration::from_secs(30))?;
    vm.check("grep -q '\"log-level\": \"warn\"' /run/user-docker/dockerd.json")?;
    assert_eq!(vm.check("cat /sys/fs/cgroup/services/*/memory.max | sort -n | tail -1; dockos config get dockos.docker.memory")?.lines().last(), Some("1G"));
    Ok(())
}

fn changes_its_file(vm: &Vm) -> Result<()> {
    vm.check(&format!("sed -i 's/^hostname: tried/hostname: tried # by the teacher/' {FILE}"))?;
    vm.check("dockos config set hostname edited")?;
    vm.check("dockos config set 'dockos.desktops[name=hello].memory' 96M")?;
    vm.check("dockos config set 'ssh_authorized_keys[]' 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxYV0n1kZ0m2e8y2m6C5cZ6qgJw0w0n1kZ0m2e8y2m6 me'")?;
    vm.check("dockos config unset ssh_authorized_keys")?;
    let file = vm.check(&format!("cat {FILE}"))?;
    assert!(file.contains("hostname: edited # by the teacher"), "{file}");
    assert!(file.contains("memory: 96M") && !file.contains("ssh_authorized_keys"), "{file}");
    let refused = vm.run("dockos config set dockos.docker.memory lots")?;
    assert_eq!(refused.status, 1);
    assert_eq!(vm.check(&format!("cat {FILE}"))?, file, "a refused change left a trace");
    let diff = vm.run("dockos config diff")?;
    assert_eq!(diff.status, 1);
    assert!(diff.stdout.contains("~ hostname: tried -> edited"), "{diff:?}");
    vm.check("dockos config schema | head -c 2000 | grep -q draft-07")?;
    let exported = vm.check(
        "dockos config export > /root/all.yml && dockos config check /root/all.yml 2>&1; cat /root/all.yml",
    )?;
    assert!(exported.contains("hostname: tried"), "{exported}");
    Ok(())
}
