//! A desktop's life, by the command of the machine's root: created, started, refused, stopped when nobody looks, made anew
//! from a newer image with its home kept, deleted.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use qemu_tests::{Machine, Store, Vm};

const CONFIG: &str = "#cloud-config
dockos:
  courses:
    plain: { image: dockos/base, memory: 256M }
    root: { image: dockos/base, memory: 256M, sudo: true }
    short: { image: dockos/base, memory: 256M, idle_stop: 1m }
    huge: { image: dockos/unseen, memory: 8G }
  desktops:
    - { name: plain, tenant: alice, course: plain, start: boot }
    - { name: root, tenant: bob, course: root, start: demand }
    - { name: short, tenant: carol, course: short, start: boot }
    - { name: huge, tenant: dave, course: huge, start: demand }
";
/// How long boot and desktops may take, emulated.
const BOOT: Duration = Duration::from_secs(300);
/// How long a step may take, emulated.
const STEP: Duration = Duration::from_secs(120);
/// When nobody looks, and how late the agent may notice.
const IDLE: Duration = Duration::from_secs(60);
const LATE: Duration = Duration::from_secs(30);

#[test]
fn desktops_live() -> Result<()> {
    let disk = Store::of_desktops(&["base"], 16 << 30)?.disk("desktops-live")?;
    let vm = Machine::new("desktops-live").config(CONFIG).disk(&disk).start()?;
    vm.wait_ready(BOOT)?;
    vm.wait_desktop("short", "ready", BOOT)?;
    let idle = Instant::now();
    vm.wait_desktop("plain", "ready", BOOT)?;
    what_does_not_fit_is_refused(&vm)?;
    root_is_where_the_course_says(&vm)?;
    one_more_comes_and_goes(&vm)?;
    a_newer_image_finds_the_home(&vm)?;
    nobody_looked(&vm, idle)?;
    vm.poweroff()?;
    disk.check_state()
}

fn what_does_not_fit_is_refused(vm: &Vm) -> Result<()> {
    // What an image needs that was seen before is known; of another, a share of the limit is expected.
    vm.check("docker tag dockos/base dockos/unseen")?;
    let refused = vm.run("dockos desktop start huge --wait 2>&1")?;
    assert_eq!(refused.status, 1, "{}", refused.stdout);
    assert!(refused.stdout.contains("memory"), "{}", refused.stdout);
    eprintln!("refused: {}", refused.stdout);
    assert_eq!(vm.check("docker ps -aq --filter name=desktop-huge")?, "");
    Ok(())
}

fn root_is_where_the_course_says(vm: &Vm) -> Result<()> {
    vm.check("dockos desktop start root --wait")?;
    let root = vm.inside("root", "sudo -n id -u && sudo -n sh -c 'echo 1 > /proc/sys/vm/drop_caches'")?;
    assert!(root.stdout.starts_with("0\n") && root.status != 0, "root is none, or the machine's: {root:?}");
    let plain = vm.inside("plain", "sudo -n id -u 2>&1")?;
    assert!(plain.status != 0 && plain.stdout.contains("no new privileges"), "{plain:?}");
    vm.check("dockos desktop stop root --wait").map(drop)
}

fn one_more_comes_and_goes(vm: &Vm) -> Result<()> {
    for (wrong, why) in [
        ("create plain --tenant zoe --course plain", "plain"),
        ("create ../x --tenant zoe --course plain", "name"),
        ("create more --tenant zoe --course none", "none"),
        ("delete plain --yes", "config"),
        ("start nobody", "nobody"),
    ] {
        let said = vm.run(&format!("dockos desktop {wrong} 2>&1"))?;
        assert!(said.status == 1 && said.stdout.contains(why), "{wrong}: {said:?}");
    }
    vm.check("dockos desktop create more --tenant zoe --course plain && dockos desktop start more --wait")?;
    assert_eq!(vm.inside("more", "touch ~/mine && echo $DOCKOS_TENANT")?.stdout, "zoe\n");
    vm.check("dockos desktop delete more --yes --wait")?;
    assert_eq!(vm.check("docker ps -aq --filter name=desktop-more")?, "");
    assert_eq!(vm.check("docker volume ls -q --filter name=zoe.home")?, "zoe.home", "a home was deleted");
    Ok(())
}

fn a_newer_image_finds_the_home(vm: &Vm) -> Result<()> {
    assert_eq!(vm.inside("plain", "touch ~/kept /var/tmp/outside")?.status, 0);
    vm.check(
        "docker create --name newer dockos/base && echo newer > /tmp/edition && \
         docker cp /tmp/edition newer:/etc/edition && docker commit newer dockos/base && docker rm newer",
    )?;
    let running = vm.inside("plain", "ls /var/tmp/outside")?;
    assert_eq!(running.status, 0, "a running desktop was replaced: {running:?}");
    vm.check("dockos desktop reset plain --yes --wait")?;
    vm.wait_desktop("plain", "ready", STEP)?;
    assert_eq!(vm.inside("plain", "cat /etc/edition; ls ~/kept")?.stdout, "newer\n/home/student/kept\n");
    assert_ne!(
        vm.inside("plain", "ls /var/tmp/outside")?.status,
        0,
        "what was outside of the home is still there"
    );
    Ok(())
}

fn nobody_looked(vm: &Vm, since: Instant) -> Result<()> {
    let short =
        vm.wait_desktop("short", "stopped", (IDLE + LATE).saturating_sub(since.elapsed()).max(LATE))?;
    ensure!(short.reason.as_deref().is_some_and(|why| why.contains("nobody")), "{short:?}");
    // The others have no such limit.
    vm.wait_desktop("plain", "ready", LATE).map(drop)
}
