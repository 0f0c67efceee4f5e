//! `dockos config`: the config in all its files, looked at, checked, changed and tried. What it says of a file is what
//! PID 1 will say of it, for it is the same code.
//!
//! A program of its own, because PID 1 is loaded by every machine of a room at every boot and needs none of it. On a
//! machine it is `/usr/lib/dockos/config`, which `dockos config` runs; it runs on any other Linux too.

mod check;
mod edit;
mod files;
mod options;
mod trial;
mod verbs;

use std::process::ExitCode;

use dockos_control::error::Fault;

/// What is wrong with how the command was called, or what failed.
enum Failure {
    Usage(String),
    Failed(String),
    /// It failed, and what failed was said already.
    Told,
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault.to_string())
    }
}

fn main() -> ExitCode {
    match verbs::run(&mut lexopt::Parser::from_env()) {
        Ok(status) => ExitCode::from(status),
        Err(Failure::Usage(what)) => {
            eprintln!("dockos config: {what}\nTry `dockos config --help`.");
            ExitCode::from(2)
        }
        Err(Failure::Failed(what)) => {
            eprintln!("dockos config: {what}");
            ExitCode::FAILURE
        }
        Err(Failure::Told) => ExitCode::FAILURE,
    }
}
