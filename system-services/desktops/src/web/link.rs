//! `dockos desktop link`: makes a link that logs a user in once, and prints it.

use std::ffi::OsString;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dockos_control::error::{Fault, Result};
use dockos_control::wanted::{self, Announced, Web};
use lexopt::Parser;
use lexopt::prelude::{Long, Short, Value};

use crate::web::options::STATE;
use crate::web::{certificate, links};

const HELP: &str = "\
dockos desktop link: makes a link that logs a user of the page in, once

  dockos desktop link USER [--for TIME]
      --for TIME    how long it is good: 30m, 24h, 7d (24h)

The user is one of `web: users:`. The page must be running.

Exit status: 0 done, 1 failed, 2 wrong use.
";
/// How long a link is good unless it is said otherwise, and the longest.
const DAY: u64 = 24 * 3600;
const LONGEST: u64 = 90 * DAY;

/// What the command line says.
struct Wish {
    user: String,
    seconds: u64,
    wanted: String,
    announced: String,
    state: PathBuf,
}

/// Makes a link, from the words after `link`.
pub(crate) fn run(words: impl Iterator<Item = OsString>) -> ExitCode {
    let wish = match parse(words) {
        Ok(Some(wish)) => wish,
        Ok(None) => return show(HELP),
        Err(why) => {
            let _ = writeln!(
                std::io::stderr(),
                "desktop link: {why}\ndesktop link: see `dockos desktop link --help`"
            );
            return ExitCode::from(2);
        }
    };
    match make(&wish) {
        Ok(link) => show(&format!("{link}\n")),
        Err(fault) => {
            let _ = writeln!(std::io::stderr(), "desktop link: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn show(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn parse(words: impl Iterator<Item = OsString>) -> std::result::Result<Option<Wish>, String> {
    let mut parser = Parser::from_args(words);
    let (mut user, mut seconds) = (None, DAY);
    let (mut wanted, mut announced) = (wanted::WEB.to_owned(), wanted::ANNOUNCED.to_owned());
    let mut state = PathBuf::from(STATE);
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        let text = |parser: &mut Parser| {
            let value = parser.value().map_err(|error| error.to_string())?;
            value.into_string().map_err(|_| "a value is not UTF-8".to_owned())
        };
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("for") => seconds = time(&text(&mut parser)?)?,
            // For tests, as the web server has them.
            Long("wanted") => wanted = text(&mut parser)?,
            Long("announced") => announced = text(&mut parser)?,
            Long("state") => state = text(&mut parser)?.into(),
            Value(name) if user.is_none() => user = Some(name.to_string_lossy().into_owned()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let user = user.ok_or("say for whom: dockos desktop link USER")?;
    Ok(Some(Wish { user, seconds, wanted, announced, state }))
}

fn time(text: &str) -> std::result::Result<u64, String> {
    let wrong = || format!("--for `{text}`: give a time such as 30m, 24h or 7d, up to 90d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let unit = match unit {
        "m" => 60,
        "h" => 3600,
        "d" => DAY,
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    seconds.filter(|seconds| (1..=LONGEST).contains(seconds)).ok_or_else(wrong)
}

fn make(wish: &Wish) -> Result<String> {
    let off =
        |_| Fault::new("there is no page: give the config `web:` with users, or wait until it has started");
    let web: Web = wanted::read(&wish.wanted).map_err(off)?;
    let announced: Announced = wanted::read(&wish.announced).map_err(off)?;
    if !web.users.iter().any(|user| user.name == wish.user) {
        let names: Vec<&str> = web.users.iter().map(|user| user.name.as_str()).take(12).collect();
        let names = names.join(", ");
        return Err(Fault::new(format!(
            "there is no user `{}` in `web: users:`; there are: {names}",
            wish.user
        )));
    }
    let word = links::make(Path::new(&wish.state), &wish.user, wish.seconds)?;
    let port = if announced.port == 443 { String::new() } else { format!(":{}", announced.port) };
    Ok(format!("https://{}{port}/link/{word}", host()))
}

/// What this machine is reached by: its first address that is no loopback's, or its name.
fn host() -> String {
    let known = certificate::addresses();
    let outer = known.iter().find(|address| address.is_ipv4() && !address.is_loopback());
    match outer.or_else(|| known.iter().find(|address| !address.is_loopback())) {
        Some(IpAddr::V6(address)) => format!("[{address}]"),
        Some(IpAddr::V4(address)) => address.to_string(),
        None => "localhost".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_bounded() {
        assert_eq!((time("30m"), time("24h"), time("7d")), (Ok(1800), Ok(DAY), Ok(7 * DAY)));
        for bad in ["", "5", "h", "0h", "91d", "-1h", "1w", "99999999999999999999h", "1小时", "时"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
