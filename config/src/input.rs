//! The ways in: from a file's name and text to a checked configuration.

use crate::check;
use crate::decode::{Decode, Problems};
use crate::diagnostic::Report;
use crate::layers::{Form, Layer, Source, load};
use crate::schema::{Config, Service};
use crate::shape::Stage;
use crate::user_data::{Content, unpack};
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

/// Reads user-data in any of its forms (see [`unpack`]), as that of a disk. Scripts in it are not run by this.
pub fn parse_user_data(source: &str, bytes: &[u8]) -> Result<Config, Report> {
    let parts = unpack(source, bytes)?.parts;
    let sources = parts.into_iter().filter_map(|part| match part.content {
        Content::CloudConfig(text) => Some(Source {
            layer: Layer::Datasource,
            stage: Stage::Local,
            form: Form::CloudConfig,
            name: part.source,
            text,
        }),
        Content::Script(_) => None,
    });
    Ok(load(sources.collect())?.config)
}

/// Reads a service.yml: one system service, as it would be under `dockos: services:`.
pub fn parse_service(source: &str, text: &str) -> Result<Service, Report> {
    read(source, text, |_, _, _| {})
}

fn read<T: Decode>(source: &str, text: &str, check: impl Fn(&T, &Node, &mut Problems)) -> Result<T, Report> {
    read_with_warnings(source, text, check).map(|(value, _)| value)
}

/// The value of a file, and what its writer should know besides.
pub(crate) fn read_with_warnings<T: Decode>(
    source: &str,
    text: &str,
    check: impl Fn(&T, &Node, &mut Problems),
) -> Result<(T, Report), Report> {
    let mut problems = Problems::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = yaml::load(0, text, &mut problems).and_then(|root| {
        let value = if root.is_null() { T::absent() } else { T::decode(&root, &mut problems) }?;
        check(&value, &root, &mut problems);
        Some(value)
    });
    let failed = problems.any_error();
    let report = Report::new(&[(source, text)], problems);
    match value {
        Some(value) if !failed => Ok((value, report)),
        _ => Err(report),
    }
}

/// Bytes as the text they must be, or what they are instead and where.
pub fn utf8<'a>(source: &str, bytes: &'a [u8]) -> Result<&'a str, Report> {
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
