//! The command line.

use std::{ffi::OsString, path::PathBuf, str::FromStr, time::Duration};

use lexopt::{
    Parser,
    prelude::{Long, Short, Value},
};
use ureq::http::{HeaderName, HeaderValue};

use crate::{address::Address, pin::Sum};

/// What `--help` shows.
pub(crate) const HELP: &str = "\
dockos-fetch: fetches a URL within bounds, whole or not at all

  dockos-fetch [OPTION]... URL        http:// or https://, user:password@ may stand before the host

  --output FILE             write to FILE, durably and readable by its owner only; else to standard output
  --sha256 HEX              what the content's SHA-256 must be
  --timeout SECONDS         bound of all tries together (30)
  --attempts N              how many tries at most (5)
  --max-bytes N             how much to take at most (4194304)
  --ca FILE                 the certificates to trust (/etc/ssl/certs/ca-certificates.crt)
  --header 'NAME: VALUE'    send this too; may be repeated; not sent on to another host by a redirect
  --version
  --help

At most 5 redirects are followed, never from https to http. HTTP_PROXY, HTTPS_PROXY, ALL_PROXY name a proxy that takes
CONNECT, NO_PROXY the hosts to reach without it.

Exit status: 0 fetched, 1 failed (network, HTTP, TLS, output), 2 wrong use, 3 no such file there,
4 not what --sha256 pins, 5 larger than --max-bytes.
";

/// What to do.
pub(crate) enum Command {
    /// Show the help.
    Help,
    /// Show the version.
    Version,
    /// Fetch.
    Fetch(Box<Options>),
}

/// What to fetch, and within which bounds. Holds secrets, so it cannot be printed.
pub(crate) struct Options {
    /// From where.
    pub(crate) address: Address,
    /// Where to; standard output otherwise.
    pub(crate) output: Option<PathBuf>,
    /// What the content's sum must be.
    pub(crate) sha256: Option<Sum>,
    /// Bound of all tries together.
    pub(crate) timeout: Duration,
    /// How many tries.
    pub(crate) attempts: u32,
    /// How much to take.
    pub(crate) max_bytes: u64,
    /// The certificates to trust.
    pub(crate) ca: PathBuf,
    /// What to send along.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Reads the arguments, the program's name first. The errors repeat no value that may be secret.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = Parser::from_iter(arguments);
    let mut url = None;
    let (mut output, mut sha256, mut headers) = (None, None, Vec::new());
    let (mut timeout, mut attempts, mut max_bytes) = (30, 5, 4 << 20);
    let mut ca = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("version") => return Ok(Command::Version),
            Long("output") => output = Some(PathBuf::from(value(&mut parser)?)),
            Long("ca") => ca = PathBuf::from(value(&mut parser)?),
            Long("sha256") => sha256 = Some(Sum::parse(&text(&mut parser, "--sha256")?)?),
            Long("timeout") => timeout = number(&mut parser, "--timeout", 86_400)?,
            Long("attempts") => attempts = number(&mut parser, "--attempts", 1000)?,
            Long("max-bytes") => max_bytes = number(&mut parser, "--max-bytes", 1 << 30)?,
            Long("header") => headers.push(header(&text(&mut parser, "--header")?)?),
            Value(given) if url.is_none() => url = Some(given),
            Value(_) => return Err("more than one URL; give one".into()),
            Short(_) | Long(_) => return Err(argument.unexpected().to_string()),
        }
    }
    let url = url.ok_or("no URL; give one")?.into_string().map_err(|_| "the URL is not UTF-8")?;
    let address = Address::parse(&url)?;
    Ok(Command::Fetch(Box::new(Options {
        address,
        output,
        sha256,
        timeout: Duration::from_secs(timeout),
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        max_bytes,
        ca,
        headers,
    })))
}

fn value(parser: &mut Parser) -> Result<OsString, String> {
    parser.value().map_err(|error| error.to_string())
}

fn text(parser: &mut Parser, option: &str) -> Result<String, String> {
    value(parser)?.into_string().map_err(|_| format!("{option}: its value is not UTF-8"))
}

fn number(parser: &mut Parser, option: &str, most: u64) -> Result<u64, String> {
    let given = text(parser, option)?;
    u64::from_str(&given)
        .ok()
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| format!("{option} `{given}`: give a whole number from 1 to {most}"))
}

fn header(given: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parsed = given.split_once(':').and_then(|(name, value)| {
        let mut value = HeaderValue::from_str(value.trim()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_str(name.trim()).ok()?, value))
    });
    parsed.ok_or_else(|| "--header: give it as 'NAME: VALUE', in ASCII".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Command, String> {
        parse(["dockos-fetch"].iter().chain(arguments).map(OsString::from))
    }

    #[test]
    fn wrong_use_is_told_without_secrets() {
        let url = "http://alice:hunter2@h/?token=hunter2";
        for (arguments, message) in [
            (&[][..], "no URL"),
            (&[url, url][..], "more than one URL"),
            (&["ftp://alice:hunter2@h/"][..], "http:// or https://"),
            (&["alice:hunter2@h"][..], "http:// or https://"),
            (&["http://alice:hun/ter2@h/"][..], "port"),
            (&["http://alice:hunter2@/"][..], "not a URL"),
            (&["http://h:99999/"][..], "port"),
            (&["http://h /"][..], "not a URL"),
            (&["--timeout", "0", url][..], "--timeout `0`: give a whole number from 1 to 86400"),
            (&["--attempts", "-1", url][..], "--attempts `-1`"),
            (&["--max-bytes", "4M", url][..], "--max-bytes `4M`"),
            (&["--header", "hunter2", url][..], "--header: give it as"),
            (&["--header", "X-Token: hunter2\nX-Other: 1", url][..], "--header: give it as"),
            (&["--sha256", "abc", url][..], "--sha256"),
            (&["--colour", url][..], "--colour"),
            (&["--output"][..], "--output"),
        ] {
            let error = parsed(arguments).err().unwrap_or_default();
            assert!(error.contains(message), "{arguments:?}: {error}");
            assert!(!error.contains("hunter2") && !error.contains("ter2"), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn defaults_are_those_of_the_help() {
        let Ok(Command::Fetch(options)) = parsed(&["http://h/"]) else { panic!("not understood") };
        assert!(HELP.contains(&format!("together ({})", options.timeout.as_secs())));
        assert!(HELP.contains(&format!("tries at most ({})", options.attempts)));
        assert!(HELP.contains(&format!("take at most ({})", options.max_bytes)));
        assert!(HELP.contains(&format!("trust ({})", options.ca.display())));
    }
}
