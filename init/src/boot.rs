//! PID 1 from its first instruction to the machine's end.

use std::rc::Rc;

use dockos_config::Cmdline;
use tokio::task::{LocalSet, spawn_local};

use crate::machine::Machine;
use crate::power_on::{PowerOn, Start};
use crate::timeline::{Entry, Outcome, Timeline};
use crate::uevent::Listener;
use crate::{
    banner, cgroup, clock, cmdline, config, control, ending, fatal, log, logs, medium, mounts, phases, power,
    root, shells, shutdown, sysctls,
};
use dockos_control::error::{Context, Fault, Result};

/// Runs the machine. Does not return.
pub(crate) fn run() -> ! {
    let started = clock::uptime();
    let start = Start::look();
    power::tame_ctrl_alt_del();
    fatal::install_hook();
    let early_faults = mounts::make_all(&mounts::EARLY);
    let cmdline = Cmdline::parse(&cmdline::text());
    log::quiet_kernel(cmdline.debug);
    log::start(cmdline.debug);
    report(&early_faults);
    log::consoles(&format!("\nDockOS {} on {}\n", env!("CARGO_PKG_VERSION"), kernel()));
    let mut timeline = Timeline { kernel: kernel(), result: "booting".to_owned(), ..Timeline::default() };
    timeline.phases.push(past("kernel", 0.0, started, "", ""));
    let machine = Rc::new(Machine::new(cmdline, timeline));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => fatal::die(&format!("start the runtime: {error}")),
    };
    let fault = LocalSet::new().block_on(&runtime, live(&machine, &start));
    fatal::die(&fault.to_string())
}

fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

fn past(name: &str, start: f64, end: f64, after: &str, note: &str) -> Entry {
    let after = Some(after).filter(|name| !name.is_empty()).map(str::to_owned);
    Entry {
        name: name.to_owned(),
        start,
        end,
        result: Outcome::Ok,
        after: after.into_iter().collect(),
        note: note.to_owned(),
    }
}

fn report(faults: &[Fault]) {
    for fault in faults {
        tracing::error!("{fault}");
    }
}

/// From the initramfs into the root image, with all that every process there expects.
async fn enter_root(machine: &Rc<Machine>, start: &Start) -> Result<()> {
    let started = clock::uptime();
    let origin = root::obtain(machine).await?;
    machine.root_image.replace(root::open());
    root::switch()?;
    report(&mounts::make_all(&mounts::IN_ROOT));
    std::fs::create_dir_all("/run/dockos/log").context(|| "make /run/dockos".to_owned())?;
    make_resolv_conf()?;
    root::overlay_etc()?;
    if clock::raise_to(clock::image_epoch()) {
        tracing::warn!("the clock stood before this DockOS was built and was set to that time");
    }
    sysctls::set_all();
    // Worth a word, not a reboot: containers then fail with words of their own.
    report(&Vec::from_iter(cgroup::set_up_host().err()));
    let ended = clock::uptime();
    tracing::info!("{:<18} {:6.3} s  {origin}", "root", ended - started);
    let entry = past("root", started, ended, "kernel", &origin);
    let before_kernel = PowerOn::of(start).phases(machine.cmdline.loader.as_ref());
    let phases = &mut machine.timeline.borrow_mut().phases;
    phases.push(entry);
    phases.splice(0..0, before_kernel);
    Ok(())
}

/// Services have it bound in, so it is there before the network is; where the network brought the root image, it is full.
fn make_resolv_conf() -> Result<()> {
    let file = std::fs::OpenOptions::new().append(true).create(true).open(crate::network::RESOLV_CONF);
    file.map(drop).context(|| "make resolv.conf".to_owned())
}

/// Boots, and lives until it is told to go down. Returns only with what PID 1 cannot live without.
async fn live(machine: &Rc<Machine>, start: &Start) -> Fault {
    let (devices, mut requests) = match (Listener::open(), power::Requests::listen()) {
        (Ok(devices), Ok(requests)) => (devices, requests),
        (Err(fault), _) | (_, Err(fault)) => return fault,
    };
    let reaping = Rc::clone(machine);
    spawn_local(async move { reaping.reaper.reap().await });
    let watching = Rc::clone(machine);
    spawn_local(async move { watch_disks(&watching, &devices).await });
    tokio::select! {
        // A netboot server that is away is waited for, and nobody has to wait with it.
        intent = requests.next() => shutdown::run(machine, intent).await,
        entered = enter_root(machine, start) => if let Err(fault) = entered { return fault },
    }
    spawn_local(logs::keep_small());
    spawn_local(control::serve(Rc::clone(machine)));
    spawn_local(shells::start_when_booted(Rc::clone(machine)));
    let booting = Rc::clone(machine);
    let boot = spawn_local(async move { boot(&booting).await });
    let intent = requests.next().await;
    // Whatever the boot still wanted to start stays away.
    boot.abort();
    shutdown::run(machine, intent).await
}

async fn boot(machine: &Rc<Machine>) {
    phases::run(machine).await;
    medium::release();
    let seconds = clock::uptime();
    {
        let mut timeline = machine.timeline.borrow_mut();
        timeline.ready = seconds;
        timeline.result =
            machine.degraded().map_or("ready".to_owned(), |reason| format!("degraded: {reason}"));
        timeline.save();
    }
    banner::ready(machine, seconds);
    if machine.degraded().is_none() {
        machine.check(config::keep_as_good(machine));
    }
    machine.booted.send_replace(true);
    spawn_local(ending::follow(Rc::clone(machine)));
    if machine.degraded().is_none() {
        spawn_local(root::keep(Rc::clone(machine)));
    }
    give_back_memory();
}

/// Returns to the kernel what the boot needed and an idle PID 1 does not: glibc keeps it otherwise.
#[expect(unsafe_code, reason = "glibc's malloc_trim has no safe wrapper")]
fn give_back_memory() {
    // SAFETY: malloc_trim may be called at any time; zero keeps no slack.
    unsafe { nix::libc::malloc_trim(0) };
}

/// Tells those who wait for a disk that one came or went; when events were lost, too.
async fn watch_disks(machine: &Machine, devices: &Listener) {
    loop {
        let event = devices.next().await;
        if event.is_none_or(|event| event.subsystem == "block") {
            machine.disks.send_modify(|count| *count += 1);
        }
        tokio::task::yield_now().await;
    }
}
