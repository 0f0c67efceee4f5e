//! Who may end the machine, and how it is asked.
//!
//! Signals to PID 1, as busybox and finit have them:
//!
//! | signal | from | meaning |
//! |---|---|---|
//! | SIGINT | the kernel, for Ctrl-Alt-Del | reboot |
//! | SIGTERM | `reboot` | reboot |
//! | SIGUSR1 | `halt` | halt |
//! | SIGUSR2 | `poweroff` | power off |
//! | SIGPWR | a UPS's program | power off |
//! | the power button | an input device | power off |
//!
//! Everything else that a user can send to PID 1 is ignored by the kernel, since it has no handler.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use nix::libc;
use nix::sys::reboot::{RebootMode, set_cad_enabled};
use nix::sys::signal::Signal;
use nix::unistd::read;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::spawn_local;

use crate::watch;
use dockos_control::error::{Context, Result};

/// How the machine is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    Off,
    Reboot,
    Halt,
}

impl Intent {
    /// The word for the screen.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Off => "power off",
            Self::Reboot => "reboot",
            Self::Halt => "halt",
        }
    }

    /// The signal that asks PID 1 for it.
    pub(crate) fn signal(self) -> Signal {
        match self {
            Self::Off => Signal::SIGUSR2,
            Self::Reboot => Signal::SIGTERM,
            Self::Halt => Signal::SIGUSR1,
        }
    }

    /// The kernel's word for it.
    pub(crate) fn mode(self) -> RebootMode {
        match self {
            Self::Off => RebootMode::RB_POWER_OFF,
            Self::Reboot => RebootMode::RB_AUTOBOOT,
            Self::Halt => RebootMode::RB_HALT_SYSTEM,
        }
    }
}

/// Makes Ctrl-Alt-Del a signal to PID 1 instead of the kernel's immediate reboot. Before any handler, so that there is
/// no moment in which it would end the machine with its disk mounted.
pub(crate) fn tame_ctrl_alt_del() {
    let _ = set_cad_enabled(false);
}

/// The requests to end the machine, as they come.
pub(crate) struct Requests(mpsc::UnboundedReceiver<Intent>);

impl Requests {
    /// Starts to listen.
    pub(crate) fn listen() -> Result<Self> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let contract = [
            (SignalKind::interrupt(), Intent::Reboot),
            (SignalKind::terminate(), Intent::Reboot),
            (SignalKind::user_defined1(), Intent::Halt),
            (SignalKind::user_defined2(), Intent::Off),
            (SignalKind::from_raw(libc::SIGPWR), Intent::Off),
        ];
        for (kind, intent) in contract {
            let mut signals = signal(kind).context(|| "listen for signals".to_owned())?;
            let sender = sender.clone();
            spawn_local(async move {
                while signals.recv().await.is_some() {
                    let _ = sender.send(intent);
                }
            });
        }
        for button in power_buttons() {
            spawn_local(watch_button(button, sender.clone()));
        }
        Ok(Self(receiver))
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Intent {
        match self.0.recv().await {
            Some(intent) => intent,
            // The listeners live as long as PID 1.
            None => std::future::pending().await,
        }
    }
}

/// Input devices of power buttons. ACPI's are there from the start; their driver calls both kinds so.
fn power_buttons() -> Vec<PathBuf> {
    let entries = fs::read_dir("/sys/class/input").into_iter().flatten().flatten();
    let is_button = |path: &PathBuf| {
        fs::read_to_string(path.join("device/name")).is_ok_and(|name| name.trim() == "Power Button")
    };
    entries
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("event")))
        .filter(is_button)
        .filter_map(|path| Some(PathBuf::from("/dev/input").join(path.file_name()?)))
        .collect()
}

/// Size of `struct input_event` on 64-bit Linux: two words of time, type, code, value.
const EVENT: usize = 24;
/// EV_KEY and KEY_POWER of linux/input-event-codes.h.
const EV_KEY: u16 = 1;
const KEY_POWER: u16 = 116;

async fn watch_button(path: PathBuf, sender: mpsc::UnboundedSender<Intent>) {
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&path);
    let Some(Ok(file)) = file.ok().map(watch::readable) else { return };
    let mut bytes = [0; EVENT * 16];
    while let Ok(mut ready) = file.readable().await {
        match ready.try_io(|file| read(file.get_ref(), &mut bytes).map_err(Into::into)) {
            Ok(Ok(length)) => {
                if bytes.get(..length).unwrap_or_default().chunks_exact(EVENT).any(is_press) {
                    let _ = sender.send(Intent::Off);
                }
            }
            // The device is gone.
            Ok(Err(_)) => return,
            Err(_would_block) => {}
        }
    }
}

fn is_press(event: &[u8]) -> bool {
    event.get(16..18) == Some(&EV_KEY.to_ne_bytes())
        && event.get(18..20) == Some(&KEY_POWER.to_ne_bytes())
        && event.get(20..24) == Some(&1i32.to_ne_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_press_of_the_power_key_counts() {
        let event = |kind: u16, code: u16, value: i32| {
            let mut bytes = vec![0; 16];
            bytes.extend([kind.to_ne_bytes(), code.to_ne_bytes()].concat());
            bytes.extend(value.to_ne_bytes());
            bytes
        };
        assert!(is_press(&event(EV_KEY, KEY_POWER, 1)));
        assert!(!is_press(&event(EV_KEY, KEY_POWER, 0)), "release");
        assert!(!is_press(&event(0, 0, 0)), "the report's end");
    }
}
