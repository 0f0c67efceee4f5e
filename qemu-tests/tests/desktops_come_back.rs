//! Ten desktops start together, outlive their agent, and are there again after a reboot, with their homes.

use std::{
    fmt::Write as _,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use qemu_tests::{Disk, Machine, Store, Vm};

/// How many start at once.
const COUNT: usize = 10;
/// How long boot and desktops may take, emulated.
const BOOT: Duration = Duration::from_secs(420);
/// How long the agent may take to be back.
const BACK: Duration = Duration::from_secs(60);

#[test]
fn desktops_come_back() -> Result<()> {
    let disk = Store::of_desktops(&["base"], 16 << 30)?.disk("desktops-come-back")?;
    let vm = boot("desktops-come-back", &disk)?;
    all_are_ready(&vm)?;
    vm.inside("d3", "echo 'int main(void) { return 0; }' > ~/homework.c && touch /var/tmp/outside")?;
    let titles = vm.inside_eventually("d3", "xprop -root _NET_SUPPORTING_WM_CHECK | grep 0x", BACK)?;
    ensure!(!titles.is_empty(), "no window manager");
    the_agent_is_killed(&vm)?;
    vm.poweroff()?;
    disk.check_state()?;
    let vm = boot("desktops-come-back-again", &disk)?;
    all_are_ready(&vm)?;
    let homework = vm.check("docker exec desktop-d3 cat /home/student/homework.c")?;
    assert_eq!(homework, "int main(void) { return 0; }");
    let other = vm.run("docker exec desktop-d4 ls /home/student/homework.c")?;
    assert_ne!(other.status, 0, "another tenant has the file too");
    vm.poweroff()?;
    disk.check_state()
}

fn boot(name: &str, disk: &Disk) -> Result<Vm> {
    let mut config = "#cloud-config\ndockos:\n  courses:\n    base: { image: dockos/base, memory: 256M }\n  \
                      desktops:\n"
        .to_owned();
    for number in 0..COUNT {
        writeln!(config, "    - {{ name: d{number}, tenant: t{number}, course: base, start: boot }}")?;
    }
    let vm = Machine::new(name).config(config).disk(disk).memory(3072).cpus(2).start()?;
    vm.wait_ready(BOOT)?;
    Ok(vm)
}

fn all_are_ready(vm: &Vm) -> Result<()> {
    let start = Instant::now();
    for number in 0..COUNT {
        vm.wait_desktop(&format!("d{number}"), "ready", BOOT)?;
    }
    eprintln!("{COUNT} desktops are ready {:.0} s after the machine", start.elapsed().as_secs_f64());
    Ok(())
}

/// Desktops run on without their agent, and the next one knows them again.
fn the_agent_is_killed(vm: &Vm) -> Result<()> {
    let before = containers(vm)?;
    let old = vm.pids("/usr/lib/dockos/desktops agent")?;
    let [pid] = old[..] else { anyhow::bail!("one agent was expected, there are {old:?}") };
    vm.check(&format!("touch /tmp/killed; kill -9 {pid}"))?;
    let deadline = Instant::now() + BACK;
    while vm.pids("/usr/lib/dockos/desktops agent")?.len() != 1
        || vm.run("test /run/dockos/desktops/status.json -nt /tmp/killed")?.status != 0
    {
        ensure!(Instant::now() < deadline, "the agent did not come back in {BACK:?}");
        sleep(Duration::from_millis(500));
    }
    all_are_ready(vm)?;
    assert_eq!(containers(vm)?, before, "desktops are others since the agent was killed");
    Ok(())
}

/// Each desktop's first process, and since when it runs.
fn containers(vm: &Vm) -> Result<String> {
    vm.check("docker ps -aq --filter name=desktop- | sort | xargs docker inspect -f '{{.Name}} {{.State.Pid}} {{.State.StartedAt}}'")
}
