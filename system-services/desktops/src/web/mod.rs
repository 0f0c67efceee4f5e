//! The page that shows desktops in a browser: TLS, logins, the bridge from websockets to screens, files.
//!
//! | address | what |
//! |---|---|
//! | `/login`, `/logout`, `/link/WORD` | sessions |
//! | `/language/CODE` | the language of the page |
//! | `/desktops` | one's desktops; all of them for a teacher |
//! | `/desktops/NAME` | a desktop's screen |
//! | `/desktops/NAME/screen` | its RFB stream, as a websocket |
//! | `/desktops/NAME/{start,stop,reset}` | its life, by POST |
//! | `/desktops/NAME/{state,picture,files,file}` | how it is, what it shows, what is in its home |
//! | `/desktops/NAME/room` | whether a file can be put there |
//! | `/assets/NAME` | style, scripts, noVNC |
//!
//! It faces the network, so everything has a bound: connections, headers, bodies, waiting, hashing, what is kept.

mod access;
mod agent;
mod answer;
mod assets;
mod attempts;
mod body;
mod bridge;
mod certificate;
mod connection;
mod crowd;
mod desk;
mod entry;
mod filter;
mod form;
mod html;
mod limits;
pub(crate) mod link;
mod links;
mod options;
mod pages;
mod password;
mod picture;
mod plain;
mod random;
mod rfb;
mod route;
mod server;
mod sessions;
mod settings;
mod site;
mod stall;
mod transfer;
mod viewers;
mod visit;
mod websocket;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use dockos_control::error::{Context, Result};

dockos_control::say_as!("web");

/// Threads that answer; screens are mostly waited for.
const THREADS: usize = 2;
/// Threads for passwords, pictures and the disk.
const MOST_BLOCKING: usize = 4;

/// Runs it until it is told to end.
pub(crate) fn run(words: impl Iterator<Item = OsString>) -> ExitCode {
    let places = match options::parse(words) {
        Ok(Some(places)) => places,
        Ok(None) => {
            use std::io::Write;
            let _ = std::io::stdout().write_all(options::HELP.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            say!("{why}\nweb: see `desktops web --help`");
            return ExitCode::from(2);
        }
    };
    give_memory_back();
    match serve(places) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn serve(places: options::Places) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .max_blocking_threads(MOST_BLOCKING)
        .enable_all()
        .build()
        .context(|| "start".to_owned())?;
    runtime.block_on(server::run(places))
}

/// Large pieces of memory go back to the machine when they are done with: 16 MB for each password of yescrypt would
/// stay otherwise, since the C library expects to need again what was freed once.
#[expect(unsafe_code, reason = "the C library has no other way to be told")]
fn give_memory_back() {
    const LARGE: libc::c_int = 256 << 10;
    // SAFETY: it changes a setting of malloc, before there is a second thread.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE) };
}
