//! The `dockos` command, and `poweroff`, `reboot`, `halt`, `shutdown`: the same binary by other names.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lexopt::prelude::{Long, Short, Value};
use nix::sys::reboot::reboot;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::power::Intent;
use crate::timeline::{self, Timeline};
use crate::{subinit, svg};

/// `dockos config` (see `config-command/`).
pub(crate) const CONFIG_COMMAND: &str = "/usr/lib/dockos/config";
/// `dockos netboot` (see `system-services/netboot/`).
const NETBOOT_COMMAND: &str = "/usr/lib/dockos/netboot";
/// `dockos desktop` (see `system-services/desktops/`).
const DESKTOP_COMMAND: &str = "/usr/lib/dockos/desktops";

const HELP: &str = "\
dockos: the command of DockOS

  dockos boot [--json | --svg FILE]   how the boot went: each phase's time and result
  dockos config ...                   check, show, change and try the config (dockos config --help)
  dockos desktop ...                  tenants' desktops: list, start, stop, reset (dockos desktop --help)
  dockos netboot ...                  machines that boot from this one (dockos netboot --help)
  dockos poweroff | reboot | halt     end the machine in an orderly way
                  [--force]           at once: sync, no orderly stop
  dockos --version
  dockos --help

Exit status: 0 done, 1 failed, 2 wrong use.
";

/// What is wrong with how the command was called, or what failed.
enum Failure {
    Usage(String),
    Failed(String),
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Runs the command that the arguments name; returns the exit status.
pub(crate) fn run(args: impl Iterator<Item = OsString>) -> i32 {
    let mut args = args.peekable();
    let name = args.next().map(PathBuf::from).unwrap_or_default();
    let name = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut parser = lexopt::Parser::from_args(args);
    let done = match name.as_str() {
        "poweroff" => end(&mut parser, Intent::Off),
        "reboot" => end(&mut parser, Intent::Reboot),
        "halt" => end(&mut parser, Intent::Halt),
        "shutdown" => shutdown(&mut parser),
        _ => command(&mut parser),
    };
    match done {
        Ok(status) => status,
        Err(Failure::Usage(what)) => {
            eprintln!("{name}: {what}\nTry `dockos --help`.");
            2
        }
        Err(Failure::Failed(what)) => {
            eprintln!("{name}: {what}");
            1
        }
    }
}

fn command(parser: &mut lexopt::Parser) -> Result<i32, Failure> {
    let verb = match parser.next()? {
        Some(Long("help") | Short('h')) | None => "help".to_owned(),
        Some(Long("version") | Short('V')) => "version".to_owned(),
        Some(Value(verb)) => verb.to_string_lossy().into_owned(),
        Some(other) => return Err(other.unexpected().into()),
    };
    match verb.as_str() {
        "boot" => boot(parser),
        "config" => exec(CONFIG_COMMAND, parser),
        "desktop" => exec(DESKTOP_COMMAND, parser),
        "netboot" => exec(NETBOOT_COMMAND, parser),
        "poweroff" => end(parser, Intent::Off),
        "reboot" => end(parser, Intent::Reboot),
        "halt" => end(parser, Intent::Halt),
        "engine" => Ok(subinit::run()),
        "help" => {
            print!("{HELP}");
            Ok(0)
        }
        "version" => {
            println!("dockos {}", env!("CARGO_PKG_VERSION"));
            Ok(0)
        }
        other => Err(Failure::Usage(format!("there is no command `{other}`"))),
    }
}

fn boot(parser: &mut lexopt::Parser) -> Result<i32, Failure> {
    let (mut json, mut picture) = (false, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("json") => json = true,
            Long("svg") => picture = Some(PathBuf::from(parser.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    let timeline = Timeline::load(Path::new(timeline::FILE)).map_err(Failure::Failed)?;
    match picture {
        Some(path) => std::fs::write(&path, svg::draw(&timeline))
            .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?,
        None if json => println!("{}", serde_json::to_string_pretty(&timeline).unwrap_or_default()),
        None => print!("{}", timeline.table()),
    }
    Ok(0)
}

/// What looks at configs and what serves other machines are programs of their own: PID 1 is small, and does without.
fn exec(program: &str, parser: &mut lexopt::Parser) -> Result<i32, Failure> {
    use std::os::unix::process::CommandExt;
    let error = std::process::Command::new(program).args(parser.raw_args()?).exec();
    Err(Failure::Failed(format!("{program}: {error}")))
}

/// `shutdown [-h | -P | -r | -H] [now]`: only "now" is known.
fn shutdown(parser: &mut lexopt::Parser) -> Result<i32, Failure> {
    let mut intent = Intent::Off;
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h' | 'P') => intent = Intent::Off,
            Short('r') => intent = Intent::Reboot,
            Short('H') => intent = Intent::Halt,
            Value(when) if when == "now" || when == "+0" => {}
            other => return Err(other.unexpected().into()),
        }
    }
    ask(intent)
}

fn end(parser: &mut lexopt::Parser, intent: Intent) -> Result<i32, Failure> {
    let mut force = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Short('f') | Long("force") => force = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if force {
        nix::unistd::sync();
        return reboot(intent.mode()).map(|_| 0).map_err(|error| Failure::Failed(error.to_string()));
    }
    ask(intent)
}

fn ask(intent: Intent) -> Result<i32, Failure> {
    let asked = kill(Pid::from_raw(1), intent.signal());
    asked.map(|()| 0).map_err(|error| Failure::Failed(format!("ask PID 1 to {}: {error}", intent.word())))
}
