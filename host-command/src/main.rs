//! `dockos` on the machine that ISOs are made on: any Linux, with nothing of DockOS but this one static file.

mod check;
mod customize;
mod oem;
mod options;
mod progress;
mod volume;
mod window;
mod xorriso;

use std::process::ExitCode;

use dockos_control::Failure;
use lexopt::prelude::{Long, Short, Value};

use options::{HELP, ISO_HELP};

fn main() -> ExitCode {
    let mut parser = lexopt::Parser::from_env();
    run(&mut parser).unwrap_or_else(|failure| failure.end("dockos"))
}

fn run(parser: &mut lexopt::Parser) -> Result<ExitCode, Failure> {
    match parser.next()? {
        Some(Value(word)) if word == "config" => Ok(dockos_config_command::run(parser)),
        Some(Value(word)) if word == "iso" => iso(parser).map(|()| ExitCode::SUCCESS),
        Some(Long("version")) => Ok(say(&format!("dockos {}\n", env!("CARGO_PKG_VERSION")))),
        Some(Long("help") | Short('h')) | None => Ok(say(HELP)),
        Some(Value(word)) if word == "help" => Ok(say(HELP)),
        Some(Value(word)) => Err(Failure::Usage(format!("there is no command `{}`", word.to_string_lossy()))),
        Some(other) => Err(other.unexpected().into()),
    }
}

fn iso(parser: &mut lexopt::Parser) -> Result<(), Failure> {
    let verb = match parser.next()? {
        Some(Value(verb)) => verb.to_string_lossy().into_owned(),
        Some(Long("help") | Short('h')) | None => "help".to_owned(),
        Some(other) => return Err(other.unexpected().into()),
    };
    match verb.as_str() {
        "customize" => match options::customize(parser)? {
            Some(options) => customize::run(&options)?,
            None => drop(say(ISO_HELP)),
        },
        "check" => match options::file(parser)? {
            Some(file) => check::run(&file)?,
            None => drop(say(ISO_HELP)),
        },
        "help" => drop(say(ISO_HELP)),
        other => return Err(Failure::Usage(format!("there is no command `iso {other}`"))),
    }
    Ok(())
}

/// Prints; whoever reads may have gone, which is no failure.
fn say(text: &str) -> ExitCode {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
