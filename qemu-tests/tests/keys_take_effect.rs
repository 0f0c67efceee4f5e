//! Keys that describe the machine are seen from inside it, and its users log in by ssh as the config says.

use std::{fs, path::Path, process::Output, thread::sleep, time::Duration};

use anyhow::{Context, Result, ensure};
use qemu_tests::{Disk, Machine, READY, Stop, Vm, tool};

/// `openssl passwd -6 -salt saltsalt sesame`
const HASH: &str =
    "$6$saltsalt$g3uPFdehVnKoLXdidvSAg1zlVgYomPr0X/xgdXSBn2LuxZUOGgYW4IULZkguZ77fzYteIur49AGHmF9iek6Sf1";

const CONFIG: &str = r#"#cloud-config
hostname: lab-09
fqdn: lab-09.school.example
timezone: Asia/Shanghai
locale: zh_CN.UTF-8
groups: [teachers]
users:
  - default
  - { name: alice, gecos: Alice Li, groups: [teachers, video], ssh_authorized_keys: ["KEY"] }
  - { name: bob, uid: 1500, passwd: "HASH", lock_passwd: false }
  - { name: carol, passwd: "HASH", lock_passwd: true }
ssh_pwauth: true
disable_root: true
ssh_authorized_keys: ["KEY"]
write_files:
  - { path: /home/alice/late, owner: "alice:alice", permissions: "0600", defer: true, content: "late\n" }
  - { path: /var/early, owner: "bob:teachers", content: "early\n" }
bootcmd: ['test ! -e /home/alice/late']
runcmd: ['test -s /home/alice/late', 'echo "room $ROOM lang $LANG proxy $http_proxy" > /run/variables']
mounts:
  - [LABEL=cidata, /mnt/config, auto, "ro,nofail"]
  - [tmpfs, /mnt/scratch, tmpfs, "size=8m,mode=0700"]
swap: { size: 64M }
ca_certs:
  trusted:
    - |
      -----BEGIN CERTIFICATE-----
      MIIBszCCAVmgAwIBAgIUXg==
      -----END CERTIFICATE-----
final_message: The lab is open.
power_state: { mode: poweroff, condition: "test -e /nowhere" }
dockos:
  state: { create: empty-disk }
  sysctl: { vm.swappiness: 33, net/ipv4/tcp_syncookies: 2 }
  environment: { ROOM: "3" }
  proxies: { http: "http://proxy.lab:3128", no_proxy: [.lab] }
  system_docker:
    labels: { side: system }
  docker:
    labels: [room=3]
    log_opts: { max-size: 5M, max-file: 2 }
    address_pools: [{ base: 10.200.0.0/16, size: 24 }]
    default_ulimits: { nofile: 4096 }
  services:
    well:
      volumes: ["/usr:/usr:ro"]
      command: [sh, -c, "sleep 1; touch /run/well; sleep 1d"]
      healthcheck: { test: test -e /run/well, interval: 1s }
      hostname: inside
      extra_hosts: { center.lab: 10.0.0.1 }
      init: true
      logging: { driver: json-file, options: { max-size: 1m } }
      group_add: ["44"]
      security_opt: [no-new-privileges]
      ipc: shareable
      shm_size: 8M
      sysctls: { net.ipv4.ping_group_range: 0 100 }
      ulimits: { nofile: { soft: 100, hard: 200 } }
      stop_signal: SIGINT
      mem_limit: 64M
      mem_reservation: 32M
      cpu_shares: 512
      cpuset: "0"
    job: { volumes: ["/usr:/usr:ro"], command: [sleep, "1"] }
    last:
      volumes: ["/usr:/usr:ro"]
      command: [sleep, 1d]
      depends_on:
        well: { condition: service_healthy }
        job: { condition: service_completed_successfully }
  desktops:
    - { name: hello, tenant: alice, image: dockos/hello }
"#;

#[test]
fn keys_take_effect() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let key = folder.path().join("key");
    let made = tool("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status()?;
    ensure!(made.success(), "ssh-keygen failed");
    let public = fs::read_to_string(key.with_extension("pub"))?;
    let config = CONFIG.replace("KEY", public.trim()).replace("HASH", HASH);
    let disk = Disk::empty("keys", 8 << 30)?;
    let vm = Machine::new("keys").config(config).disk(&disk).reach(22).start()?;
    vm.wait_ready(READY)?;

    the_machine(&vm)?;
    users(&vm)?;
    disks(&vm)?;
    engines(&vm)?;
    services(&vm)?;
    logins(&vm, &key)?;
    vm.poweroff()?;
    disk.check_state()
}

fn the_machine(vm: &Vm) -> Result<()> {
    assert_eq!(
        vm.check("hostname && grep 127.0.1.1 /etc/hosts")?,
        "lab-09\n127.0.1.1 lab-09.school.example lab-09"
    );
    assert_eq!(vm.check("cat /etc/timezone && date -d @0 +%H:%M")?, "Asia/Shanghai\n08:00");
    assert_eq!(vm.check("cat /etc/default/locale")?, "LANG=zh_CN.UTF-8");
    assert_eq!(vm.check("cat /run/variables")?, "room 3 lang zh_CN.UTF-8 proxy http://proxy.lab:3128");
    assert_eq!(vm.check("sh -lc 'echo $ROOM'")?, "3");
    assert_eq!(vm.check("cat /proc/sys/vm/swappiness /proc/sys/net/ipv4/tcp_syncookies")?, "33\n2");
    assert_eq!(vm.check("grep -c MIIBszCCAVmgAwIBAgIUXg /etc/ssl/certs/ca-certificates.crt")?, "1");
    assert!(vm.console().contains("The lab is open."), "no final message");
    assert!(vm.console().contains("the condition does not hold"), "power_state's condition was not asked");
    Ok(())
}

fn users(vm: &Vm) -> Result<()> {
    assert_eq!(vm.check("grep ^alice: /etc/passwd")?, "alice:x:1000:1000:Alice Li:/home/alice:/bin/sh");
    assert_eq!(vm.check("id -nG alice | tr ' ' '\\n' | sort | xargs")?, "alice teachers video");
    assert_eq!(
        vm.check("stat -c %a:%U:%G /home/alice /home/alice/.ssh/authorized_keys")?,
        "750:alice:alice\n600:alice:alice"
    );
    assert_eq!(
        vm.check("stat -c %a:%U:%G /home/alice/late /var/early")?,
        "600:alice:alice\n644:bob:teachers"
    );
    assert_eq!(vm.check("stat -c %a /etc/shadow && grep -c '^carol:!\\$6' /etc/shadow")?, "600\n1");
    Ok(())
}

fn disks(vm: &Vm) -> Result<()> {
    vm.check("grep -q cloud-config /mnt/config/user-data")?;
    let mounts = vm.check("grep ' /mnt/' /proc/mounts")?;
    assert!(mounts.contains("/mnt/config vfat ro") && mounts.contains("/mnt/scratch tmpfs"), "{mounts}");
    // A page of it is the header.
    assert_eq!(vm.check("tail -n 1 /proc/swaps | awk '{ print $1, $3 }'")?, "/var/swap 65532");
    Ok(())
}

fn engines(vm: &Vm) -> Result<()> {
    let info = "info --format '{{.HTTPProxy}} {{.NoProxy}} {{.Labels}}'";
    assert_eq!(vm.check(&format!("docker {info}"))?, "http://proxy.lab:3128 .lab [room=3]");
    assert_eq!(vm.check(&format!("system-docker {info}"))?, "http://proxy.lab:3128 .lab [side=system]");
    let subnet = vm.check("docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge")?;
    assert_eq!(subnet, "10.200.0.0/24");
    let limits = vm.check("docker exec desktop-hello grep 'open files' /proc/1/limits")?;
    assert_eq!(limits.split_whitespace().nth(3), Some("4096"));
    assert_eq!(vm.check("docker exec desktop-hello sh -c 'echo $ROOM $LANG'")?, "3 zh_CN.UTF-8");
    let kept = vm.check("docker inspect -f '{{json .HostConfig.LogConfig.Config}}' desktop-hello")?;
    assert_eq!(kept, r#"{"max-file":"2","max-size":"5242880"}"#);
    Ok(())
}

fn services(vm: &Vm) -> Result<()> {
    assert_eq!(vm.check("system-docker exec last echo runs")?, "runs");
    assert_eq!(vm.check("system-docker inspect -f '{{.State.Health.Status}}' well")?, "healthy");
    let seen = vm.check(
        "system-docker exec well sh -c 'hostname; grep -c center.lab /etc/hosts; cat /proc/1/comm; echo $ROOM; \
         cat /proc/sys/net/ipv4/ping_group_range; df -m /dev/shm | tail -n 1' | xargs",
    )?;
    assert!(seen.starts_with("inside 1 docker-init 3 0 100 shm 8 "), "{seen}");
    let described = vm.check(
        "system-docker inspect -f '{{.Config.StopSignal}} {{.HostConfig.LogConfig.Type}} {{.HostConfig.GroupAdd}} \
         {{.HostConfig.SecurityOpt}} {{.HostConfig.IpcMode}} {{.HostConfig.MemoryReservation}} {{.HostConfig.CpuShares}} \
         {{.HostConfig.CpusetCpus}} {{range .HostConfig.Ulimits}}{{.Name}}={{.Soft}}:{{.Hard}}{{end}}' well",
    )?;
    assert_eq!(
        described,
        "SIGINT json-file [44] [no-new-privileges] shareable 33554432 512 0 nofile=100:200"
    );
    Ok(())
}

fn logins(vm: &Vm, key: &Path) -> Result<()> {
    let seen = by_key(vm, "alice", key, "id -un; pwd; cat late; touch mine")?;
    assert_eq!(seen, "alice\n/home/alice\nlate\n");
    assert_eq!(vm.check("stat -c %U /home/alice/mine")?, "alice");
    let root = ssh(vm, "root", &["-i", &key.display().to_string()], "true")?;
    assert!(!root.status.success(), "root logged in, though disabled");
    let asking = key.with_file_name("ask");
    fs::write(&asking, "#!/bin/sh\necho sesame\n")?;
    fs::set_permissions(&asking, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let bob = by_password(vm, "bob", &asking, "id -u")?;
    assert_eq!(String::from_utf8_lossy(&bob.stdout), "1500\n", "{bob:?}");
    let carol = by_password(vm, "carol", &asking, "id -u")?;
    assert!(!carol.status.success(), "a locked password opened");
    Ok(())
}

/// Tries for a while: the first login makes the host key, which takes its time on an emulated CPU.
fn by_key(vm: &Vm, user: &str, key: &Path, command: &str) -> Result<String> {
    let mut last = None;
    for _ in 0..5 {
        let output = ssh(vm, user, &["-i", &key.display().to_string(), "-o", "BatchMode=yes"], command)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        last = Some(output);
        sleep(Duration::from_secs(3));
    }
    Err(vm.report(anyhow::anyhow!("no login: {last:?}")))
}

fn by_password(vm: &Vm, user: &str, asking: &Path, command: &str) -> Result<Output> {
    let options = ["-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1"];
    let mut ssh = command_of(vm, user, &options, command)?;
    ssh.env("SSH_ASKPASS", asking).env("SSH_ASKPASS_REQUIRE", "force");
    ssh.output().context("run ssh")
}

fn ssh(vm: &Vm, user: &str, options: &[&str], command: &str) -> Result<Output> {
    command_of(vm, user, options, command)?.output().context("run ssh")
}

fn command_of(vm: &Vm, user: &str, options: &[&str], command: &str) -> Result<std::process::Command> {
    let mut ssh = tool("ssh");
    ssh.args(["-F", "/dev/null", "-p", &vm.port(22)?.to_string()]);
    for option in [
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "IdentitiesOnly=yes",
        "ConnectTimeout=20",
    ] {
        ssh.args(["-o", option]);
    }
    ssh.args(options).args([&format!("{user}@127.0.0.1"), command]);
    Ok(ssh)
}

const ONCE: &str = r#"#cloud-config
mounts: [[LABEL=gone, /mnt/gone]]
power_state: { mode: reboot, message: See you. }
dockos: { state: { create: empty-disk } }
"#;

/// A machine that went down at each boot would be lost to its owner; one that lacks a disk still boots.
#[test]
fn power_state_ends_the_machine_once() -> Result<()> {
    let disk = Disk::empty("ends-once", 8 << 30)?;
    let vm = Machine::new("ends-once-1").config(ONCE).disk(&disk).start()?;
    let reason = vm.wait_degraded(READY)?;
    assert!(reason.contains("/mnt/gone"), "{reason}");
    vm.wait_for("See you.", Duration::from_secs(30))?;
    vm.wait_for("power_state: reboot in 1 min", Duration::from_secs(30))?;
    vm.wait_for("dockos: reboot", Duration::from_secs(90))?;
    vm.stopped(&Stop::Reset)?;

    let vm = Machine::new("ends-once-2").config(ONCE).disk(&disk).start()?;
    vm.wait_degraded(READY)?;
    vm.wait_for("done at an earlier boot", Duration::from_secs(30))?;
    vm.poweroff()
}
