//! A machine that reached ready once keeps that config: a bad one later changes nothing but the banner.

use anyhow::Result;
use qemu_tests::{Disk, Machine, READY, Vm};

const GOOD: &str = "#cloud-config\nhostname: lab-21\nlocale: zh_CN.UTF-8\ndockos:\n  state: { create: empty-disk }\n  \
                    desktops: [ { name: hello, tenant: alice, image: dockos/hello, memory: 64M } ]\n";
/// Two mistakes, both to be told.
const BAD: &str =
    "#cloud-config\nhostname: lab-22\nlocale: zh_CN.UTF-8\nhostnme: x\ndockos:\n  desktop: []\n";

#[test]
fn bad_config_runs_the_last_good() -> Result<()> {
    let disk = Disk::empty("last-good", 16 << 30)?;
    let vm = boot("last-good-1", GOOD, &disk)?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("stat -c %a /var/lib/dockos/last-good.json /run/dockos/config.json")?, "600\n600");
    vm.poweroff()?;

    let vm = boot("last-good-2", BAD, &disk)?;
    let reason = vm.wait_degraded(READY)?;
    assert!(reason.contains("user-data:4:1: error: unknown key `hostnme`"), "{reason}");
    assert_eq!(vm.check("hostname")?, "lab-21");
    vm.check("docker exec desktop-hello true && system-docker ps")?;
    let console = vm.console();
    for said in [
        "the machine runs with its last good one",
        "user-data:6:3: error: unknown key `desktop`; did you mean `desktops`?",
        "本机正使用上一次正确的配置运行",
        "user-data:4:1: 错误",
    ] {
        assert!(console.contains(said), "the console does not say {said}");
    }
    // The same words as on the screen, and the exit status tells.
    let check = vm.run("LANG=C dockos config check")?;
    assert_eq!(check.status, 1);
    assert!(
        check.stdout.contains("user-data:4:1: error: unknown key `hostnme`; did you mean `hostname`?"),
        "{check:?}"
    );
    assert!(vm.check("dockos config get hostname 2>/dev/null")?.contains("lab-21"));
    vm.poweroff()?;

    // What is no config at all is no better, and what is mended is used.
    let vm = boot("last-good-3", "\u{1f}\u{8b}not gzip", &disk)?;
    vm.wait_degraded(READY)?;
    assert_eq!(vm.check("hostname")?, "lab-21");
    assert_eq!(vm.run("dockos config check")?.status, 1);
    vm.poweroff()?;
    let vm = boot("last-good-4", &GOOD.replace("lab-21", "lab-23"), &disk)?;
    vm.wait_ready(READY)?;
    assert_eq!(vm.check("hostname")?, "lab-23");
    vm.poweroff()
}

fn boot(name: &str, config: &str, disk: &Disk) -> Result<Vm> {
    Machine::new(name).config(config).disk(disk).start()
}
