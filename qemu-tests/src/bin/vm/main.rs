//! `vm run` boots DockOS for a person (`make run`), `vm bench` for figures (`make bench`), `vm paths` for the time
//! that each way to boot takes (`make bench-paths`), `vm bench-desktops` for what desktops take (`make bench-desktops`).

mod bench;
mod desktops;
mod figures;
mod link;
mod paths;
mod round_trip;
mod run;
mod samples;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use qemu_tests::Machine;

#[derive(Parser)]
#[command(about = "Boots the DockOS image in QEMU")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Boot with a config and a lasting state disk: on this terminal, or, without one, to ready and off again
    Run(run::Options),
    /// Boot several times and print the figures beside their targets
    Bench(bench::Options),
    /// Measure what desktops take, beside the targets: time, memory, sizes of images
    BenchDesktops(desktops::Options),
    /// Boot by each way there is and print what takes the time
    Paths(paths::Options),
}

/// A machine that has the host for itself: what people boot, and what figures are taken on.
fn pc(name: &str) -> Machine {
    Machine::new(name).cpus(2)
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Bench(options) => bench::bench(&options),
        Command::BenchDesktops(options) => desktops::bench(&options),
        Command::Paths(options) => paths::measure(&options),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
