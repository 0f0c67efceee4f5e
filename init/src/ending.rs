//! `power_state`: what becomes of the machine once it has booted.
//!
//! A machine that went down at each boot would be lost to its owner. So without a command as its condition it is done
//! once, which the state disk remembers, until the config says something else; and a machine that has no state disk is
//! never restarted by it. With a command that always holds it goes down at each boot: it says so a minute before it
//! restarts, and `dockos.debug` on the kernel command line keeps it on.

use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use dockos_config::{Condition, PowerMode, PowerState};
use nix::sys::signal::raise;
use tokio::time::sleep;

use crate::cgroup::Cgroup;
use crate::commands;
use crate::log;
use crate::machine::Machine;
use crate::power::Intent;
use dockos_control::error::{Context, Result};
use dockos_control::files;

/// What was done already.
const DONE: &str = "/var/lib/dockos/power_state.done";
/// How long commands that still run are waited for.
const PATIENCE: u64 = 30;
/// Time for whoever sits before a machine that restarts at each boot, in minutes.
const LEAST_DELAY: u32 = 1;

/// Ends the machine as the config says, if it does. Called when the boot has ended.
pub(crate) async fn follow(machine: Rc<Machine>) {
    let config = machine.config();
    let Some(wish) = &config.power_state else { return };
    match end(&machine, wish).await.context(|| "power_state".to_owned()) {
        Ok(()) => {}
        Err(fault) => machine.problem(fault.to_string()),
    }
}

async fn end(machine: &Machine, wish: &PowerState) -> Result<()> {
    let intent = intent(wish.mode);
    if machine.cmdline.debug {
        log::consoles("power_state: left out: `dockos.debug` is on the kernel command line\n");
        return Ok(());
    }
    match &wish.condition {
        Some(Condition::Is(false)) => return Ok(()),
        Some(Condition::Command(command)) => {
            if !commands::succeeds(machine, "power_state", command).await? {
                tracing::info!("power_state: the condition does not hold; the machine stays on");
                return Ok(());
            }
        }
        Some(Condition::Is(true)) | None => {
            if !is_due(machine, wish, intent)? {
                return Ok(());
            }
        }
    }
    let patience = wish.timeout.map_or(PATIENCE, |seconds| seconds.get().into());
    Cgroup::make("commands")?.wait_empty(Duration::from_secs(patience)).await;
    let least = if intent == Intent::Reboot { LEAST_DELAY } else { 0 };
    let minutes = wish.delay.map_or(0, |delay| delay.minutes()).max(least);
    if let Some(message) = &wish.message {
        log::consoles(&format!("\n  {message}\n"));
    }
    if minutes > 0 {
        log::consoles(&format!("power_state: {} in {minutes} min\n", intent.word()));
        sleep(Duration::from_secs(u64::from(minutes) * 60)).await;
    }
    raise(intent.signal()).context(|| intent.word().to_owned())
}

fn intent(mode: PowerMode) -> Intent {
    match mode {
        PowerMode::Poweroff => Intent::Off,
        PowerMode::Reboot => Intent::Reboot,
        PowerMode::Halt => Intent::Halt,
    }
}

/// Whether this has not been done yet; notes that it is done now.
fn is_due(machine: &Machine, wish: &PowerState, intent: Intent) -> Result<bool> {
    if !machine.state_on_disk.get() {
        if intent == Intent::Reboot {
            tracing::warn!(
                "power_state: without a state disk the machine would restart for ever; it stays on"
            );
        }
        return Ok(intent != Intent::Reboot);
    }
    // As it is written: another wish is another text.
    let text = format!("{wish:?}");
    if fs::read_to_string(DONE).is_ok_and(|done| done == text) {
        tracing::info!("power_state: done at an earlier boot; the machine stays on");
        return Ok(false);
    }
    files::write_durably(Path::new(DONE), text.as_bytes(), 0o600).map(|()| true)
}
