//! What a tenant can take of the machine: all of its own share, and not a bit more.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use qemu_tests::Vm;

/// Something that takes as much as it gets, for some seconds or until it is stopped.
struct Flood {
    name: &'static str,
    /// Run as the tenant; what it says at the end is looked at.
    script: &'static str,
    /// One of these words, divided by `|`, says that it came to an end of its share.
    ends_with: &'static str,
    /// What the machine itself finds afterwards: a command that succeeds. `$cgroup` is the desktop's folder.
    machine_finds: &'static str,
}

const FLOODS: &[Flood] = &[
    Flood {
        name: "processors",
        script: "for i in 1 2 3 4; do timeout 10 sh -c 'while :; do :; done' & done; wait; echo done",
        ends_with: "done",
        machine_finds: "true",
    },
    Flood {
        name: "memory",
        script: "perl -e '$x .= \"x\" x 1048576 while 1'; echo status $?",
        ends_with: "status 137|Out of memory",
        machine_finds: "awk '$1 == \"oom_kill\" { exit $2 == 0 }' $cgroup/memory.events",
    },
    Flood {
        name: "shared memory",
        script: "dd if=/dev/zero of=/dev/shm/fill bs=1M; rm /dev/shm/fill",
        ends_with: "No space left",
        machine_finds: "true",
    },
    Flood {
        name: "the disk outside of the home",
        script: "dd if=/dev/zero of=/var/tmp/fill bs=1M; rm /var/tmp/fill",
        ends_with: "No space left|quota exceeded",
        machine_finds: ROOM,
    },
    Flood {
        name: "the home",
        script: "dd if=/dev/zero of=$HOME/fill bs=1M; rm $HOME/fill",
        ends_with: "No space left|quota exceeded",
        machine_finds: ROOM,
    },
    Flood {
        name: "the log",
        script: "timeout 10 yes 'a line of no use' > /proc/1/fd/1; echo done",
        ends_with: "done",
        machine_finds: "test $(du -sm /var/lib/docker/*.*/containers | awk '{ print $1 }') -lt 100",
    },
    // Last: what it made is still there.
    Flood {
        name: "processes",
        // exec: there will be no process left for a shell to start.
        script: "bash -c 'bomb() { bomb | bomb & }; bomb' > /dev/null 2>&1 & exec perl -e 'sleep 12; print \"done\"'",
        ends_with: "done",
        machine_finds: "awk '$1 == \"max\" { exit $2 == 0 }' $cgroup/pids.events && test $(cat $cgroup/pids.current) -le $(cat $cgroup/pids.max)",
    },
];
/// The state disk has gigabytes left.
const ROOM: &str = "test $(df -m /var | awk 'END { print $4 }') -gt 4000";
/// How long one may take, emulated.
const ONE: Duration = Duration::from_secs(120);

/// Has the tenant do all of it, one after the other, and returns what was not contained.
pub(crate) fn flood(vm: &Vm, desktop: &str) -> Result<Vec<String>> {
    let id = vm.check(&format!("docker inspect -f '{{{{.Id}}}}' desktop-{desktop}"))?;
    let cgroup = vm.check(&format!("find /sys/fs/cgroup/services -type d -name {id}"))?;
    ensure!(!cgroup.is_empty(), "the desktop has no cgroup");
    let mut failed = Vec::new();
    for Flood { name, script, ends_with, machine_finds } in FLOODS {
        let start = Instant::now();
        let script = format!("docker exec -e LC_ALL=C desktop-{desktop} bash -c {}", quoted(script));
        let said = vm.run_within(&script, ONE).with_context(|| format!("flood of {name}"))?.stdout;
        eprintln!("flood of {name}: {:.0} s", start.elapsed().as_secs_f64());
        if !ends_with.split('|').any(|wanted| said.contains(wanted)) {
            eprintln!("{name}: {said}");
            failed.push(format!("{name}: {said}"));
        }
        let found = vm.run(&format!("cgroup={cgroup}; {machine_finds}"))?;
        if found.status != 0 {
            eprintln!("{name}: {machine_finds}");
            failed.push(format!("{name}: {machine_finds}: {}", found.stdout));
        }
    }
    Ok(failed)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
