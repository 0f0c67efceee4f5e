//! Whichever daemon is killed comes back, and tenants' containers never notice.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use qemu_tests::{Disk, Machine, READY, Vm};

const CONFIG: &str = r#"#cloud-config
dockos:
  state: { create: empty-disk }
  services:
    clock:
      image: dockos/skeleton
      command: [/usr/bin/busybox, sleep, "86400"]
      volumes: ["/usr:/usr:ro"]
      restart: always
  desktops:
    - { name: hello, tenant: alice, image: dockos/hello, ports: ["8080:8080"] }
"#;

/// How long a daemon may take to answer again, emulated.
const BACK: Duration = Duration::from_secs(60);

#[test]
fn killed_daemons_come_back() -> Result<()> {
    let disk = Disk::empty("killed-daemons", 4 << 30)?;
    let vm = Machine::new("killed-daemons").config(CONFIG).disk(&disk).reach(8080).start()?;
    vm.wait_ready(READY)?;
    let before = tenant(&vm)?;
    for (name, client, system) in [
        ("/dockerd ", "docker", false),
        ("/containerd ", "docker", false),
        ("/dockerd ", "system-docker", true),
        ("/containerd ", "system-docker", true),
    ] {
        kill_and_wait(&vm, name, |pid| is_of_system(&vm, pid).is_ok_and(|found| found == system))?;
        vm.eventually(&format!("{client} ps -q"), BACK)?;
        vm.eventually("docker exec desktop-hello true", BACK)?;
        assert_eq!(
            tenant(&vm)?,
            before,
            "the tenant's container is another since{name}of {client} was killed"
        );
    }
    kill_and_wait(&vm, "sleep 86400", |_| true)?;
    vm.eventually("system-docker ps --format '{{.Names}}' | grep clock", BACK)?;
    let page = qemu_tests::get(vm.port(8080)?, "/", Duration::from_secs(20))?;
    assert!(page.contains("Hello from a desktop"), "{page}");
    assert_eq!(tenant(&vm)?, before);
    // The supervisor of the user Docker is its container's first process: with it goes all of the tenants' side.
    kill_and_wait(&vm, "/dockos engine", |_| true)?;
    vm.eventually("docker ps -q", BACK)?;
    vm.eventually("docker exec desktop-hello true", BACK)?;
    vm.check("system-docker ps --format '{{.Names}}' | grep clock")?;
    vm.poweroff()?;
    disk.check_state()
}

/// The tenant's process on the host, and since when its container runs.
fn tenant(vm: &Vm) -> Result<(Vec<u32>, String)> {
    let started =
        vm.eventually("docker inspect -f '{{.State.StartedAt}} {{.RestartCount}}' desktop-hello", BACK)?;
    Ok((vm.pids("httpd -f")?, started))
}

/// Whether a process belongs to the system's engine.
fn is_of_system(vm: &Vm, pid: u32) -> Result<bool> {
    Ok(vm.check(&format!("cat /proc/{pid}/cgroup"))?.contains("::/engines/"))
}

/// Kills the one process with these arguments that is wanted, and waits for another in its place.
fn kill_and_wait(vm: &Vm, arguments: &str, wanted: impl Fn(u32) -> bool) -> Result<()> {
    let find =
        || -> Result<Vec<u32>> { Ok(vm.pids(arguments)?.into_iter().filter(|pid| wanted(*pid)).collect()) };
    let old = find()?;
    let [pid] = old[..] else { bail!("one process {arguments} was expected, there are {old:?}") };
    vm.check(&format!("kill -9 {pid}"))?;
    let deadline = Instant::now() + BACK;
    loop {
        let new = find()?;
        if new.len() == 1 && new != old {
            return Ok(());
        }
        assert!(
            Instant::now() < deadline,
            "{arguments} did not come back in {BACK:?}: {new:?} after {old:?}"
        );
        sleep(Duration::from_millis(500));
    }
}
