//! A desktop that cannot run says why, in a sentence; the one beside it never notices.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use qemu_tests::{Machine, Store, Vm};

/// How long boot and desktops may take, emulated.
const BOOT: Duration = Duration::from_secs(300);
/// How long a desktop may take to be known as failed.
const FAIL: Duration = Duration::from_secs(150);

/// A desktop that fails: its name, how its image is made in the guest, and words of the reason, divided by `|`.
const BAD: &[(&str, &str, &str)] = &[
    ("nowhere", "true", "no such image|not found|pull|registry|lookup"),
    (
        "alien",
        "tar -cf - -C / usr/bin/busybox | docker import --platform linux/arm64 -c 'CMD [\"/usr/bin/busybox\", \"sleep\", \"99\"]' - test/alien",
        "arm64|architecture|platform",
    ),
    (
        "blind",
        "commit 'LABEL dockos.screen=vnc' 'CMD [\"busybox\", \"sleep\", \"9999\"]' dockos/hello test/blind",
        "screen",
    ),
    (
        "brief",
        "commit 'LABEL dockos.screen=vnc' 'CMD [\"busybox\", \"echo\", \"no licence found\"]' dockos/hello test/brief",
        "no licence found|ended",
    ),
    (
        "stalled",
        "commit 'ENTRYPOINT [\"perl\", \"-MIO::Socket::UNIX\", \"-e\", \"$s = IO::Socket::UNIX->new(Local => q(/run/dockos/screen/vnc), Listen => 5); push @c, $s->accept while 1\"]' 'CMD []' dockos/base test/stalled",
        "screen|says nothing",
    ),
];
/// `commit CHANGE CHANGE IMAGE NAME` makes an image of another.
const COMMIT: &str = "commit() { id=$(docker create \"$3\" true) && docker commit -c \"$1\" -c \"$2\" $id \"$4\" && docker rm $id; }";

#[test]
fn desktops_say_what_is_wrong() -> Result<()> {
    let disk = Store::of_desktops(&["base"], 16 << 30)?.disk("desktops-say")?;
    let vm = Machine::new("desktops-say").config(config()).disk(&disk).start()?;
    vm.wait_ready(BOOT)?;
    vm.wait_desktop("good", "ready", BOOT)?;
    let good = vm.check("docker inspect -f '{{.State.Pid}}' desktop-good")?;
    for (name, make, _) in BAD {
        vm.check(&format!("{COMMIT}; {make}"))?;
        vm.run(&format!("dockos desktop start {name}"))?;
    }
    for (name, _, words) in BAD {
        let reason = failure(&vm, name)?;
        eprintln!("{name}: {reason}");
        assert!(words.split('|').any(|word| reason.contains(word)), "{name}: {reason}");
    }
    vm.wait_desktop("good", "ready", Duration::from_secs(5))?;
    assert_eq!(vm.check("docker inspect -f '{{.State.Pid}}' desktop-good")?, good);
    vm.poweroff()?;
    disk.check_state()
}

fn config() -> String {
    let mut config = "#cloud-config\ndockos:\n  desktops:\n    \
                      - { name: good, tenant: good, image: dockos/base, start: boot }\n"
        .to_owned();
    for (name, ..) in BAD {
        config += &format!("    - {{ name: {name}, tenant: {name}, image: test/{name}, start: demand }}\n");
    }
    config
}

/// The reason, once the desktop has failed.
fn failure(vm: &Vm, name: &str) -> Result<String> {
    let deadline = Instant::now() + FAIL;
    loop {
        let found = vm.desktops()?.into_iter().find(|desktop| desktop.name == name);
        if let Some(desktop) = found.clone().filter(|desktop| desktop.state == "failed") {
            return Ok(desktop.reason.unwrap_or_default());
        }
        if Instant::now() > deadline {
            bail!("{name} did not fail in {FAIL:?}: {found:?}");
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}
