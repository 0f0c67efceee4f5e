//! Fetches one URL for PID 1, so that neither HTTP over the network nor TLS is ever inside PID 1: a fault in either ends
//! this program, not the machine.
//!
//! Everything is bounded: the time of all tries together, their number, the bytes taken. What was fetched is given
//! whole, once it has come in and matched its pin, or not at all.
//!
//! | exit status | |
//! |---|---|
//! | 0 | fetched |
//! | 1 | failed: network, HTTP, TLS, or the output could not be written |
//! | 2 | wrong use |
//! | 3 | the server says that there is no such file (404, 410) |
//! | 4 | the content is not what `--sha256` pins |
//! | 5 | larger than `--max-bytes` |

mod address;
mod certificate;
mod client;
mod date;
mod explain;
mod failure;
mod options;
mod output;
mod pin;
mod proxy;
mod retry;

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use crate::{
    failure::{Failure, Kind},
    options::{Command, Options},
};

/// How long the worker may be past the bound: it knows better what it waited for.
const GRACE: Duration = Duration::from_millis(300);

fn main() -> ExitCode {
    match options::parse(std::env::args_os()) {
        Ok(Command::Help) => show(options::HELP),
        Ok(Command::Version) => show(concat!("dockos-fetch ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Fetch(options)) => fetch(Arc::new(*options)),
        Err(text) => {
            say(&format!("fetch: {text}\nfetch: see dockos-fetch --help"));
            Kind::Usage.exit_code()
        }
    }
}

fn fetch(options: Arc<Options>) -> ExitCode {
    let done = bounded(&options)
        .and_then(|bytes| pin::check(options.sha256.as_ref(), bytes))
        .and_then(|bytes| output::write(options.output.as_deref(), &bytes));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("fetch: {}: {failure}", options.address));
            failure.kind.exit_code()
        }
    }
}

/// Fetches on another thread: should anything there wait longer than it was told to, the bound holds all the same.
fn bounded(options: &Arc<Options>) -> Result<Vec<u8>, Failure> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let worker_options = Arc::clone(options);
    let worker = move || {
        // Nobody listens any more only when the time is over.
        let _ = sender.send(retry::fetch(&worker_options));
    };
    thread::Builder::new()
        .spawn(worker)
        .map_err(|error| Failure::last(format!("cannot start a thread: {error}"), "free some memory"))?;
    receiver.recv_timeout(options.timeout + GRACE).unwrap_or_else(|_| {
        let what = format!("not there after {} s", options.timeout.as_secs());
        Err(Failure::last(what, "check the server, or allow more by --timeout"))
    })
}

/// Standard output may be closed; then there is nobody to tell.
fn show(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => Kind::Failed.exit_code(),
    }
}

/// One line on standard error, which may be closed.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
