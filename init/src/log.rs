//! Messages: to the kernel log, always; to every console, from `info` up (or `debug` with `dockos.debug`).
//!
//! The kernel log keeps them for `dmesg`, in order with the kernel's own. The kernel itself shows only warnings on the
//! consoles (see [`quiet_kernel`]), or each line would stand there twice.

use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Mutex;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::clock;
use crate::han::Screen;

/// Longest record that /dev/kmsg takes (LOG_LINE_MAX of kernel/printk is 1024 with its prefix).
const KMSG_LINE_MAX: usize = 960;

/// Where messages go. Opened once.
struct Sinks {
    kmsg: Option<File>,
    consoles: Vec<Console>,
}

struct Console {
    file: File,
    /// Where it draws the characters itself.
    screen: Option<Screen>,
    /// It did not take the last line.
    deaf: bool,
}

static SINKS: Mutex<Sinks> = Mutex::new(Sinks { kmsg: None, consoles: Vec::new() });

/// Opens the kernel log and the consoles, and makes them the destination of every `tracing` event.
pub(crate) fn start(debug: bool) {
    open();
    let layer = ConsoleLayer { console_level: if debug { Level::DEBUG } else { Level::INFO } };
    // A second call can only come from a test; the first subscriber then stays.
    let _ = tracing::subscriber::set_global_default(Registry::default().with(layer));
}

fn open() {
    let Ok(mut sinks) = SINKS.lock() else { return };
    sinks.kmsg = OpenOptions::new().write(true).open("/dev/kmsg").ok();
    sinks.consoles = console_names().iter().filter_map(|name| open_console(name)).collect();
}

/// Names below /dev of the consoles the kernel writes to.
pub(crate) fn console_names() -> Vec<String> {
    let active = std::fs::read_to_string("/sys/class/tty/console/active").unwrap_or_default();
    let mut names: Vec<String> = active.split_whitespace().map(str::to_owned).collect();
    // tty0 is whichever virtual terminal is in front: good for messages, and always there.
    if names.is_empty() {
        names.push("console".to_owned());
    }
    names
}

fn open_console(name: &str) -> Option<Console> {
    // Non-blocking: a serial line with flow control off must not stop the boot.
    let flags = nix::libc::O_NOCTTY | nix::libc::O_NONBLOCK;
    let file = OpenOptions::new().write(true).custom_flags(flags).open(format!("/dev/{name}")).ok()?;
    Some(Console { file, screen: Screen::of(name), deaf: false })
}

/// Lets the kernel itself show only warnings and worse on the consoles (`console_loglevel` 5), and PID 1's bursts in
/// the kernel log go unlimited.
pub(crate) fn quiet_kernel(debug: bool) {
    let _ = std::fs::write("/proc/sys/kernel/printk_devkmsg", "on\n");
    if !debug {
        let _ = std::fs::write("/proc/sys/kernel/printk", "5\n");
    }
}

/// Writes text as it is to every console: banners, and the panic message. Screens get glyphs for what is Chinese in it.
pub(crate) fn consoles(text: &str) {
    let Ok(mut sinks) = SINKS.lock() else { return };
    for console in &mut sinks.consoles {
        let chinese = console.screen.as_mut().and_then(|screen| screen.load(&console.file, text));
        let text = chinese.as_deref().unwrap_or(text);
        write_slowly(console, text.replace('\n', "\r\n").as_bytes());
    }
}

/// Writes all of it, waiting a little where a slow line's buffer is full. A console that takes nothing for a second
/// (Ctrl-S, ScrollLock, no flow control) is then only tried once for each line, until it takes one again.
fn write_slowly(console: &mut Console, mut bytes: &[u8]) {
    let tries = if console.deaf { 1 } else { 200 };
    for attempt in 1..=tries {
        match console.file.write(bytes) {
            Ok(written) if written == bytes.len() => {
                console.deaf = false;
                return;
            }
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        if attempt < tries {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    console.deaf = true;
}

/// Writes one line to the kernel log under syslog's `daemon` facility.
pub(crate) fn kmsg(level: Level, text: &str) {
    const DAEMON: u8 = 3 << 3;
    // Notice at the most: the kernel would show our warnings on the consoles once more, beside its own.
    let severity = match level {
        Level::ERROR | Level::WARN => 5,
        Level::INFO => 6,
        _ => 7,
    };
    let Ok(mut sinks) = SINKS.lock() else { return };
    let Some(kmsg) = &mut sinks.kmsg else { return };
    for line in text.lines() {
        let mut cut = line.len().min(KMSG_LINE_MAX);
        while !line.is_char_boundary(cut) {
            cut -= 1;
        }
        let line = line.get(..cut).unwrap_or_default();
        let _ = kmsg.write_all(format!("<{}>dockos: {line}\n", DAEMON | severity).as_bytes());
    }
}

/// The `tracing` layer behind [`start`].
struct ConsoleLayer {
    console_level: Level,
}

impl<S: Subscriber> Layer<S> for ConsoleLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        // Crates below us log their own debug; only ours is worth a place.
        if level > Level::DEBUG || (level > Level::INFO && !event.metadata().target().starts_with("dockos")) {
            return;
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        kmsg(level, &text.0);
        if level <= self.console_level {
            let colour = match level {
                Level::ERROR => "\x1b[1;31m",
                Level::WARN => "\x1b[33m",
                _ => "",
            };
            let reset = if colour.is_empty() { "" } else { "\x1b[0m" };
            consoles(&format!("[{:>9.3}] {colour}{}{reset}\n", clock::uptime(), text.0));
        }
    }
}

/// The event's message, then its other fields as `key=value`.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
