//! The ways in: from a file's name and text to a checked configuration.

use crate::check;
use crate::decode::{Decode, Problems};
use crate::diagnostic::Report;
use crate::schema::{Config, Service};
use crate::yaml::{self, Mark, Node};

/// The largest file that is read.
pub const MAX_SIZE: usize = 1 << 20;

/// Reads a cloud-config. An empty text is the default configuration.
pub fn parse(source: &str, text: &str) -> Result<Config, Report> {
    read(source, text, check::config)
}

/// Reads a cloud-config from bytes that may not be UTF-8.
pub fn parse_bytes(source: &str, bytes: &[u8]) -> Result<Config, Report> {
    parse(source, utf8(source, bytes)?)
}

/// Reads a datasource's user-data: a cloud-config that says so in its first line.
pub fn parse_user_data(source: &str, bytes: &[u8]) -> Result<Config, Report> {
    let text = utf8(source, bytes)?;
    match header_problem(text) {
        None => parse(source, text),
        Some(message) => {
            let mut problems = Problems::default();
            problems.add(Mark::START, message, "begin the file with the line `#cloud-config`");
            Err(Report::new(&[(source, text)], problems))
        }
    }
}

/// Reads a service.yml: one system service, as it would be under `dockos: services:`.
pub fn parse_service(source: &str, text: &str) -> Result<Service, Report> {
    read(source, text, |_, _, _| {})
}

fn read<T: Decode>(source: &str, text: &str, check: impl Fn(&T, &Node, &mut Problems)) -> Result<T, Report> {
    let mut problems = Problems::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = yaml::load(0, text, &mut problems).and_then(|root| {
        let value = if root.is_null() { T::absent() } else { T::decode(&root, &mut problems) }?;
        check(&value, &root, &mut problems);
        Some(value)
    });
    match value {
        Some(value) if !problems.any_error() => Ok(value),
        _ => Err(Report::new(&[(source, text)], problems)),
    }
}

fn utf8<'a>(source: &str, bytes: &'a [u8]) -> Result<&'a str, Report> {
    std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let mut problems = Problems::default();
        let (mark, message, hint) = match bytes {
            [0x1f, 0x8b, ..] => (Mark::START, "this is gzip-compressed data", "give the file uncompressed"),
            _ => (yaml::end_of(0, &good), "this byte is not UTF-8 text", "save the file as UTF-8"),
        };
        problems.add(mark, message, hint);
        Report::new(&[(source, &good)], problems)
    })
}

/// What the first line is in place of `#cloud-config`; a blank file needs no header.
fn header_problem(text: &str) -> Option<&'static str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().next().unwrap_or_default();
    match first.trim_end() {
        "#cloud-config" => None,
        _ if text.trim().is_empty() => None,
        line if line.starts_with("#!") => Some("this user-data is a script, not a cloud-config"),
        line if line.starts_with("## template:") => Some("cloud-init's templates are not supported"),
        line if line.starts_with("Content-Type:") || line.starts_with("MIME-Version:") => {
            Some("this user-data is a MIME message, not a cloud-config")
        }
        _ => Some("the first line is not `#cloud-config`"),
    }
}
