//! `vm run` boots DockOS for a person (`make run`), `vm bench` for figures (`make bench`).

mod bench;
mod figures;
mod run;
mod samples;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Bench(options) => bench::bench(&options),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
