//! The end of PID 1 by its own fault: said on every console, readable for ten seconds, then a reboot.
//!
//! A panic in PID 1 would be a kernel panic whose reason nobody sees. `panic=0` on the kernel command line means "stop
//! and keep the message", as it does for the kernel.

use std::sync::OnceLock;
use std::time::Duration;

use nix::sys::reboot::{RebootMode, reboot};

use crate::log;

/// How the machine ends when PID 1 fails on its way down: as it was asked to.
static INTENT: OnceLock<RebootMode> = OnceLock::new();

/// Notes how the machine was asked to end.
pub(crate) fn intend(mode: RebootMode) {
    // The first request holds.
    let _ = INTENT.set(mode);
}

/// How long the message stays readable.
const COUNTDOWN: u32 = 10;

/// Routes panics of PID 1 through [`die`].
pub(crate) fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        die(&format!("panic: {info}"));
    }));
}

/// Says why, syncs, counts down, reboots; stops for ever where `panic=0` asks for that.
pub(crate) fn die(reason: &str) -> ! {
    log::kmsg(tracing::Level::ERROR, reason);
    log::consoles(&format!("\n\x1b[1;41m DockOS stopped: {reason} \x1b[0m\n"));
    // A dead disk must not keep the countdown from running.
    let _ = std::thread::Builder::new().spawn(nix::unistd::sync);
    if stop_on_panic() {
        log::consoles("panic=0 is set: the machine stays as it is. Switch it off when you have read this.\n");
        wait_for_ever();
    }
    for left in (1..=COUNTDOWN).rev() {
        log::consoles(&format!("\rrebooting in {left} s "));
        std::thread::sleep(Duration::from_secs(1));
    }
    let _ = reboot(INTENT.get().copied().unwrap_or(RebootMode::RB_AUTOBOOT));
    wait_for_ever()
}

fn stop_on_panic() -> bool {
    std::fs::read_to_string("/proc/cmdline")
        .is_ok_and(|line| line.split_whitespace().any(|word| word == "panic=0"))
}

/// PID 1 must not return: the kernel would panic.
pub(crate) fn wait_for_ever() -> ! {
    loop {
        nix::unistd::pause();
    }
}
