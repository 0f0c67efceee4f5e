//! What a person at the screen must not miss.

use std::fmt::Display;

use crate::machine::Machine;
use crate::phases::count;
use crate::{desktops, log, users};

/// A red banner with a headline and what it is about, on every console and in the kernel log.
pub(crate) fn red(headline: &str, detail: &dyn Display) {
    show("\x1b[1;37;41m", headline, detail);
}

/// A yellow one: nothing is broken, but it should be known.
pub(crate) fn yellow(headline: &str, detail: &dyn Display) {
    show("\x1b[30;43m", headline, detail);
}

fn show(colour: &str, headline: &str, detail: &dyn Display) {
    log::kmsg(tracing::Level::WARN, &format!("{headline}\n{detail}"));
    let mut text = format!("\n{colour} {headline} \x1b[0m\n");
    for line in detail.to_string().lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text.push('\n');
    log::consoles(&text);
}

/// The last words of the boot: what the machine is, where it is reached, and the line that tests and people wait for.
pub(crate) fn ready(machine: &Machine, seconds: f64) {
    let hostname =
        nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let addresses = machine.addresses.borrow().join(", ");
    let reached = if addresses.is_empty() { "no network" } else { &addresses };
    let mut text = format!("\n  DockOS {} · {hostname} · {reached}\n", env!("CARGO_PKG_VERSION"));
    for desktop in &machine.config().dockos.desktops {
        let ports: Vec<String> = desktop.ports.iter().map(ToString::to_string).collect();
        let at = if ports.is_empty() { String::new() } else { format!(", port {}", ports.join(" ")) };
        text.push_str(&format!("  desktop {} of {}{at}\n", desktop.name, desktop.tenant));
    }
    text.push_str(&page(machine));
    text.push_str(&format!("  {}\n\n", how_to_log_in(machine)));
    if let Some(message) = &machine.config().final_message {
        text.push_str(&format!("  {}\n\n", message.trim_end()));
    }
    let last = match machine.degraded() {
        None => format!("dockos: ready in {seconds:.3} s"),
        Some(reason) => format!("dockos: degraded: {reason}"),
    };
    log::kmsg(tracing::Level::INFO, &last);
    log::consoles(&format!("{text}{last}\n"));
}

/// Where desktops are seen in a browser, and by what to know that it is this machine.
fn page(machine: &Machine) -> String {
    let Some(page) = machine.config().dockos.web.as_ref().and_then(|_| desktops::announced()) else {
        return String::new();
    };
    let port = if page.port == 443 { String::new() } else { format!(":{}", page.port) };
    let addresses = machine.addresses.borrow();
    let hosts = addresses.iter().filter_map(|address| address.split('/').next());
    let urls: Vec<String> = hosts.map(|host| format!("https://{host}{port}/")).collect();
    format!("  desktops at {}\n  certificate SHA-256 {}\n", urls.join(" "), page.fingerprint)
}

/// No shell stands open unless it was asked for; the screen says which way there is.
fn how_to_log_in(machine: &Machine) -> String {
    let config = machine.config();
    match (machine.cmdline.shells.as_slice(), users::logins(&config).as_slice()) {
        ([], [one]) => format!("log in by ssh as {one}"),
        ([], [first, others @ ..]) => {
            format!("log in by ssh as {first}, or one of {}", count(others.len(), "other user"))
        }
        ([], []) => {
            "no login: give the config an ssh_authorized_keys, or boot with dockos.shell=tty1".to_owned()
        }
        (shells, _) => format!("root shell on {}", shells.join(", ")),
    }
}
