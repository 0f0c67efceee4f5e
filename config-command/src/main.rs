//! `dockos config` as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    dockos_config_command::run(&mut lexopt::Parser::from_env())
}
