//! Config by URL: fetched by a program outside PID 1, and kept on the state disk for the day its server is away.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::commands;
use crate::machine::Machine;
use crate::reaper::Exit;
use crate::root::checksum;
use crate::spawn::Program;
use dockos_control::error::{Context, Fault, Result};
use dockos_control::files;

use super::media::read_bounded;

/// The program (see `fetch/`). It bounds its own time, tries and bytes.
const PROGRAM: &str = "/usr/lib/dockos/fetch";
/// Its exit status for a server that answers that there is no such file.
const NOT_FOUND: Exit = Exit::Code(3);
/// Seconds for all tries of one URL.
const SECONDS: u32 = 30;
/// Where it puts what it fetched; what stands in for such a file is there too.
const FETCHED: &str = "/run/dockos/fetched";
/// Copies of what was fetched, by the sum of their URL and pin: a copy never stands in for what another pin names.
const CACHE: &str = "/var/lib/dockos/fetched";

/// What became of a URL.
pub(super) enum Fetched {
    /// Its bytes, as the server has them now, and the copy to be made of them.
    New(Vec<u8>, Copy),
    /// It could not be fetched: its bytes of last time, and why.
    Cached(Vec<u8>, Fault),
    /// The server says that there is none, and there need not be.
    Missing,
}

/// A copy to be made.
pub(crate) struct Copy {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Copy {
    /// A copy of what a URL holds.
    pub(super) fn of(url: &str, bytes: Vec<u8>) -> Self {
        Self { path: Path::new(CACHE).join(file_name(url)), bytes }
    }

    /// What was copied of it at another boot.
    pub(super) fn last_of(url: &str) -> Result<Option<Vec<u8>>> {
        stand_in(&file_name(url))
    }
}

/// The copy of last time. It is noted beside what was fetched: this boot named it, so it stays.
fn stand_in(key: &Path) -> Result<Option<Vec<u8>>> {
    let bytes = read(&Path::new(CACHE).join(key))?;
    if let Some(bytes) = &bytes {
        files::write_durably(&Path::new(FETCHED).join(key), bytes, 0o600)?;
    }
    Ok(bytes)
}

/// Whether a file is what the pin tells, if there is one: disks forget.
fn is_pinned(path: &Path, sha256: Option<&str>) -> bool {
    sha256.is_none_or(|sum| checksum(path).is_ok_and(|found| found == sum))
}

/// Fetches a URL; where that fails, takes the copy of last time. A server that has no file which is `needed` fails too:
/// a center in the middle of an update must not empty a room.
pub(super) async fn fetch(
    machine: &Machine,
    url: &str,
    sha256: Option<&str>,
    needed: bool,
) -> Result<Fetched> {
    fs::create_dir_all(FETCHED).context(|| format!("make {FETCHED}"))?;
    let key = file_name(&format!("{url}#{}", sha256.unwrap_or_default()));
    let (fetched, cached) = (Path::new(FETCHED).join(&key), Path::new(CACHE).join(&key));
    let fault = match run(machine, url, sha256, &fetched).await {
        Ok(true) => {
            let bytes = read(&fetched)?.unwrap_or_default();
            return Ok(Fetched::New(bytes.clone(), Copy { path: cached, bytes }));
        }
        Ok(false) if !needed => return Ok(Fetched::Missing),
        Ok(false) => Fault::new("the server has no such file: check the URL"),
        Err(fault) => fault,
    };
    match stand_in(&key)? {
        Some(bytes) if is_pinned(&cached, sha256) => Ok(Fetched::Cached(bytes, fault)),
        Some(_) => Err(Fault::new(format!("{fault}; the copy of last time is damaged, and is not used"))),
        None => Err(fault),
    }
}

/// Keeps copies of what has shown to be good, unless the very same is there: state disks wear. Where anything new came,
/// those go that this boot did not name: a config that changes has another name each time.
pub(super) fn keep(copies: &[Copy]) -> Result<()> {
    for Copy { path, bytes } in copies {
        if read(path)?.as_ref() != Some(bytes) {
            files::write_durably(path, bytes, 0o600)?;
        }
    }
    if !copies.is_empty() {
        forget_others(Path::new(CACHE), Path::new(FETCHED), copies);
    }
    Ok(())
}

fn forget_others(cache: &Path, named: &Path, copies: &[Copy]) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let path = entry.path();
        if !named.join(entry.file_name()).exists() && !copies.iter().any(|copy| copy.path == path) {
            let _ = fs::remove_file(path);
        }
    }
}

/// True when the file is there now, false when the server has none.
async fn run(machine: &Machine, url: &str, sha256: Option<&str>, to: &Path) -> Result<bool> {
    let mut argv = vec![PROGRAM.to_owned(), "--timeout".to_owned(), SECONDS.to_string()];
    if let Some(sum) = sha256 {
        argv.extend(["--sha256".to_owned(), sum.to_owned()]);
    }
    argv.extend(["--output".to_owned(), to.display().to_string(), url.to_owned()]);
    // The program's own bound comes first; this one is for a program that hangs.
    let bound = Duration::from_secs(u64::from(SECONDS) + 10);
    let ended = commands::run_program(machine, "fetch", Program::new(argv), bound).await?;
    match ended.exit {
        exit if exit.success() => Ok(true),
        NOT_FOUND => Ok(false),
        exit if ended.last_line.is_empty() => Err(Fault::new(format!("{PROGRAM}: {exit}"))),
        _ => Err(Fault::new(ended.last_line)),
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    read_bounded(path).context(|| format!("read {}", path.display()))
}

/// A file name for a URL: FNV-1a of 128 bits, in hexadecimal. Who could forge a collision gives the config anyway.
fn file_name(url: &str) -> PathBuf {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let sum = url.bytes().fold(BASIS, |sum, byte| (sum ^ u128::from(byte)).wrapping_mul(PRIME));
    format!("{sum:032x}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_is_not_what_its_pin_tells_is_none() {
        let copy = std::env::temp_dir().join(format!("dockos-copy-{}", std::process::id()));
        let sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        for (bytes, pinned) in [("hello", true), ("hellp", false)] {
            fs::write(&copy, bytes).unwrap();
            assert_eq!((is_pinned(&copy, Some(sum)), is_pinned(&copy, None)), (pinned, true), "{bytes}");
        }
        fs::remove_file(copy).unwrap();
    }

    #[test]
    fn copies_go_that_this_boot_did_not_name() {
        let dir = std::env::temp_dir().join(format!("dockos-fetched-{}", std::process::id()));
        let (cache, named) = (dir.join("cache"), dir.join("named"));
        for file in ["cache/new", "cache/stood-in", "cache/of-last-week", "named/stood-in"] {
            files::write_durably(&dir.join(file), b"x", 0o600).unwrap();
        }
        forget_others(&cache, &named, &[Copy { path: cache.join("new"), bytes: Vec::new() }]);
        let mut left: Vec<_> =
            fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["new", "stood-in"]);
        fs::remove_dir_all(dir).unwrap();
    }
}
