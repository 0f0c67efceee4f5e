//! Tenants' desktops: the agent that runs them (`agent/`), the page that shows them in a browser (`web/`), and the command
//! `dockos desktop` (`command/`): one program, so that what they share is in memory once.

mod agent;
mod client;
mod command;
mod reason;
mod screen;
mod told;
mod web;

use std::process::ExitCode;

dockos_control::say_as!("desktops");

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let _name = words.next();
    match words.next().as_deref().and_then(|word| word.to_str()) {
        Some("agent") => agent::run(words),
        Some("link") => web::link::run(words),
        Some("web") => web::run(words),
        _ => command::run(std::env::args_os()),
    }
}
