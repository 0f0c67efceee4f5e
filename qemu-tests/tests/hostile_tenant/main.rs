//! A tenant who tries all that is known against the machine and its neighbours: each attempt is denied or contained, and
//! the system side answers throughout.

mod attempts;
mod floods;
mod pulses;

use std::{
    fmt::Write as _,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use attempts::{ATTEMPTS, Attempt, CLOSED_ATTEMPTS, Must, TOOLS};
use qemu_tests::{Machine, Server, Store, Vm};

const CONFIG: &str = "#cloud-config
dockos:
  courses:
    open: { image: dockos/base, memory: 512M, pids: 200, disk: 300M, home: 300M, shm: 64M, internet: true }
    closed: { image: dockos/base, memory: 512M, internet: false }
  desktops:
    - { name: mallory, tenant: mallory, course: open, start: boot }
    - { name: bob, tenant: bob, course: closed, start: boot }
  web: { users: [ { name: alice } ] }
";
/// How long boot and desktops may take.
const BOOT: Duration = Duration::from_secs(300);
/// How much longer than in peace the system side may take to answer.
const MORE: Duration = Duration::from_secs(1);
/// How long all small attempts together may take, emulated.
const ALL: Duration = Duration::from_secs(180);

#[test]
fn hostile_tenant() -> Result<()> {
    let store = Store::of_desktops(&["base"], 16 << 30)?;
    let disk = store.disk("hostile-tenant")?;
    let outside = Server::start(&[("/", b"outside")])?;
    let vm = Machine::new("hostile-tenant")
        .config(CONFIG)
        .disk(&disk)
        .reach(443)
        .cpus(2)
        .allow("oom")
        .allow("Out of memory")
        .allow("out of memory")
        .allow("Call Trace")
        .start()?;
    vm.wait_ready(BOOT)?;
    for desktop in ["mallory", "bob"] {
        vm.wait_desktop(desktop, "ready", BOOT)?;
    }
    let idle = pulses::of(&vm, || {
        sleep(Duration::from_secs(20));
        Ok(())
    })?;
    let bob = pids(&vm, "bob")?;
    let places = places(&vm, &outside)?;
    let mut failed = Vec::new();
    let attacked = pulses::of(&vm, || {
        failed.extend(attempt_all(&vm, "mallory", ATTEMPTS, &places)?);
        failed.extend(attempt_all(&vm, "bob", CLOSED_ATTEMPTS, &places)?);
        failed.extend(floods::flood(&vm, "mallory")?);
        Ok(())
    })?;
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    eprintln!("in peace: {idle}; attacked: {attacked}");
    // An emulated exec takes seconds by itself: what counts is what the tenant adds.
    assert!(attacked.exec <= idle.exec + MORE, "execs in the system Docker: {attacked}, in peace {idle}");
    assert!(attacked.page <= idle.page + MORE, "the page: {attacked}, in peace {idle}");
    assert_eq!(pids(&vm, "bob")?, bob, "another tenant's desktop is not as it was");
    vm.wait_desktop("bob", "ready", Duration::from_secs(10))?;
    vm.poweroff()?;
    disk.check_state()
}

/// A desktop's first process on the machine.
fn pids(vm: &Vm, desktop: &str) -> Result<String> {
    vm.check(&format!("docker inspect -f '{{{{.State.Pid}}}}' desktop-{desktop}"))
}

/// What stands for what in the attempts, with somebody listening everywhere.
fn places(vm: &Vm, outside: &Server) -> Result<Vec<(&'static str, String)>> {
    vm.check("mkdir -p /tmp/www && httpd -p 9999 -h /tmp/www")?;
    vm.check(&format!("docker exec -d desktop-bob perl -MIO::Socket::INET -e {LISTEN}"))?;
    let inspect = |desktop: &str, field: &str| {
        vm.check(&format!("docker inspect -f '{{{{range .NetworkSettings.Networks}}}}{{{{.{field}}}}}{{{{end}}}}' desktop-{desktop}"))
    };
    let other = inspect("bob", "IPAddress")?;
    vm.eventually(&format!("nc -w 2 {other} 8000 < /dev/null"), Duration::from_secs(30))?;
    Ok(vec![
        ("@GATEWAY@", inspect("mallory", "Gateway")?),
        ("@HOST@", "10.0.2.15".to_owned()),
        ("@OTHER@", other),
        ("@OUTSIDE@", outside.port().to_string()),
    ])
}

const LISTEN: &str =
    "'$s = IO::Socket::INET->new(LocalPort => 8000, Listen => 5, ReuseAddr => 1); close $s->accept while 1'";

/// Runs all attempts and returns what did not come out as it must.
fn attempt_all(
    vm: &Vm,
    desktop: &str,
    attempts: &[Attempt],
    places: &[(&str, String)],
) -> Result<Vec<String>> {
    let mut script = format!("export LC_ALL=C\n{TOOLS}");
    for (number, Attempt { script: attempt, .. }) in attempts.iter().enumerate() {
        writeln!(script, "out=$( ( {attempt}\n) 2>&1 </dev/null ); echo \"{MARK}{number} $? $out\"")?;
    }
    for (name, place) in places {
        script = script.replace(name, place);
    }
    vm.check(&format!("cat > /tmp/attempts.sh <<'END OF ATTEMPTS'\n{script}\nEND OF ATTEMPTS"))?;
    let start = Instant::now();
    let output =
        vm.run_within(&format!("docker exec -i desktop-{desktop} bash -s < /tmp/attempts.sh"), ALL)?.stdout;
    eprintln!("{} attempts in {:.0} s", attempts.len(), start.elapsed().as_secs_f64());
    let mut outcomes = output.split(MARK).skip(1);
    let mut failed = Vec::new();
    for attempt in attempts {
        let outcome = outcomes.next().with_context(|| format!("{} did not end: {output}", attempt.name))?;
        let mut words = outcome.trim_end().splitn(3, ' ');
        let (_, status, said) = (words.next(), words.next(), words.next().unwrap_or_default().trim());
        let good = match attempt.must {
            Must::Fail(why) => status != Some("0") && why.split('|').any(|why| said.contains(why)),
            Must::Say(what) => said == what,
        };
        if !good {
            let what = format!("{}: status {}, {said}", attempt.name, status.unwrap_or("?"));
            eprintln!("{what}");
            failed.push(what);
        }
    }
    Ok(failed)
}

/// Before each outcome.
const MARK: &str = "=== outcome of ";
