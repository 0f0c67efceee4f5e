//! `dockos config`: the config in all its files, looked at, checked, changed and tried. What it says of a file is what
//! PID 1 will say of it, for it is the same code.
//!
//! A program of its own, because PID 1 is loaded by every machine of a room at every boot and needs none of it. On a
//! machine it is `/usr/lib/dockos/config`, which `dockos config` runs. It is a library too, for the `dockos` of the machine
//! that ISOs are made on.

mod check;
mod edit;
mod files;
mod options;
mod trial;
mod verbs;

use std::process::ExitCode;

/// Runs `dockos config ...` and says what the process ends with.
pub fn run(parser: &mut lexopt::Parser) -> ExitCode {
    match verbs::run(parser) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => failure.end("dockos config"),
    }
}

/// Whether a config may be used; what `dockos config check` says of it is said, under this name.
pub fn check(name: &str, bytes: &[u8]) -> bool {
    let report = check::report_of(files::sources(name, bytes).and_then(dockos_config::load));
    check::say(name, &report)
}
