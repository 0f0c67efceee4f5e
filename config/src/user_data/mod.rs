//! User-data in all its forms: a cloud-config, a script, several of them in a MIME message, each perhaps in gzip.
//!
//! [`unpack`] only takes the wrapping off. What comes out is bounded, whatever goes in.

mod form;
mod gzip;
mod mime;
mod transfer;

use std::borrow::Cow;
use std::ops::Range;

use crate::MAX_SIZE;
use crate::decode::Problems;
use crate::diagnostic::{Diagnostic, Report};
use crate::input::utf8;
use crate::value::{ValueError, quoted};
use crate::yaml;

use form::Form;
pub(crate) use gzip::gunzip;
use mime::{Header, Wrong};

/// The most user-data that is read, and the most that is unpacked of it.
pub const MAX_USER_DATA: usize = 4 * MAX_SIZE;

/// The most parts, those with several parts of their own counted too.
const MAX_PARTS: usize = 128;

/// Wrappings within each other: gzip, multipart, gzip, and so on.
const MAX_DEPTH: usize = 8;

/// Errors told at once.
const MAX_ERRORS: usize = 20;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// User-data without its wrapping, in the order in which it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserData {
    /// Its parts; none if there was nothing in it.
    pub parts: Vec<Part>,
}

/// One part of user-data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What messages call it, such as `user-data (part 2: web.yml)`.
    pub source: String,
    /// Lines of the file before the part's own, unless it was encoded: places in messages count from the part's start.
    pub lines_before: u32,
    /// What it holds.
    pub content: Content,
}

/// What a part holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The text of a cloud-config.
    CloudConfig(String),
    /// A program with its `#!` line, run after `runcmd`.
    Script(Vec<u8>),
}

/// Takes user-data apart. `source` is what messages call it.
pub fn unpack(source: &str, bytes: &[u8]) -> Result<UserData, Report> {
    let mut unpacker = Unpacker {
        source,
        parts: Vec::new(),
        count: 0,
        entities: 0,
        left: MAX_USER_DATA,
        errors: Vec::new(),
    };
    let data = Data { source: Cow::Borrowed(source), bytes };
    match bytes.len() {
        size if size > MAX_USER_DATA => {
            let message = format!("this user-data has {size} bytes; at most {MAX_USER_DATA} are read");
            unpacker.error(
                &data,
                0,
                ValueError::new(message, "large files belong into an image or onto a volume"),
            );
        }
        _ => unpacker.open(&data, Form::Unknown, 0, 0),
    }
    match unpacker.errors.is_empty() {
        true => Ok(UserData { parts: unpacker.parts }),
        false => Err(Report { diagnostics: unpacker.errors }),
    }
}

/// A text that messages point into.
struct Data<'a> {
    source: Cow<'a, str>,
    bytes: &'a [u8],
}

struct Unpacker<'a> {
    source: &'a str,
    parts: Vec<Part>,
    /// Parts with content of their own so far.
    count: usize,
    /// All parts so far.
    entities: usize,
    /// Bytes that may still be unpacked.
    left: usize,
    errors: Vec<Diagnostic>,
}

impl Unpacker<'_> {
    /// Looks at a piece of data that has no header around it, or none any more.
    fn open(&mut self, data: &Data<'_>, form: Form, lines_before: u32, depth: usize) {
        let data = &Data {
            source: Cow::Borrowed(&data.source),
            bytes: data.bytes.strip_prefix(BOM).unwrap_or(data.bytes),
        };
        if depth > MAX_DEPTH {
            let hint = "one message and one gzip are enough";
            self.error(data, 0, ValueError::new("the user-data is wrapped too many times", hint));
        } else if data.bytes.starts_with(&gzip::MAGIC) {
            self.gunzip(data, form, depth);
        } else if form == Form::Unknown && mime::is_message(data.bytes) {
            self.entity(data, 0..data.bytes.len(), depth);
        } else {
            self.keep(data, form, lines_before);
        }
    }

    fn gunzip(&mut self, data: &Data<'_>, form: Form, depth: usize) {
        match gunzip(data.bytes, self.left) {
            Ok(unpacked) => {
                self.left -= unpacked.len();
                let inner = Data { source: data.source.clone(), bytes: &unpacked };
                self.open(&inner, form, 0, depth + 1);
            }
            Err(error) => self.error(data, 0, error),
        }
    }

    /// Keeps what needs no more unpacking.
    fn keep(&mut self, data: &Data<'_>, form: Form, lines_before: u32) {
        let bytes = data.bytes;
        let by_line = form::of_first_line(bytes);
        let blank = bytes.trim_ascii().is_empty();
        let content = match (form, by_line) {
            _ if blank => return,
            (_, Form::Refused(why, hint)) | (Form::Refused(why, hint), _) => Err(ValueError::new(why, hint)),
            (Form::CloudConfig, _) | (Form::Unknown, Form::CloudConfig) => match utf8(&data.source, bytes) {
                Ok(text) => Ok(Content::CloudConfig(text.to_owned())),
                Err(report) => return self.errors.extend(report.diagnostics),
            },
            (_, Form::Script) => Ok(Content::Script(unix_lines(bytes))),
            (Form::Script, _) => {
                Err(ValueError::new("this script does not say what runs it", "begin it with `#!/bin/sh`"))
            }
            _ if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") => {
                Err(ValueError::new("this is UTF-16 text", "save the file as UTF-8"))
            }
            (Form::Unknown, _) => Err(ValueError::new(
                "the first line is not `#cloud-config`",
                "begin the file with the line `#cloud-config`",
            )),
        };
        match content {
            Ok(content) => self.parts.push(Part { source: data.source.to_string(), lines_before, content }),
            Err(error) => self.error(data, 0, error),
        }
    }

    /// Reads a message or a part of one: header, empty line, body.
    fn entity(&mut self, data: &Data<'_>, range: Range<usize>, depth: usize) {
        if let Err(wrong) = self.try_entity(data, range, depth) {
            self.error(data, wrong.at, ValueError::new(wrong.message, wrong.hint));
        }
    }

    fn try_entity(&mut self, data: &Data<'_>, range: Range<usize>, depth: usize) -> Result<(), Wrong> {
        let header = Header::read(data.bytes, range.clone())?;
        refuse_fields(&header)?;
        let encoding = header.get("content-transfer-encoding");
        let body = header.body..range.end;
        if let Some(field) = header.get("content-type").filter(|field| field.word().starts_with("multipart/"))
        {
            if let Some(encoding) =
                encoding.filter(|e| !matches!(&*e.word(), "" | "7bit" | "8bit" | "binary"))
            {
                let message = "a multipart itself cannot be encoded";
                return Err(Wrong { at: encoding.at, message, hint: "encode its parts in place of it" });
            }
            for part in mime::parts(data.bytes, body, field, MAX_PARTS)? {
                self.nested(data, part, depth)?;
            }
            return Ok(());
        }
        self.leaf(data, &header, body, depth);
        Ok(())
    }

    fn nested(&mut self, data: &Data<'_>, part: Range<usize>, depth: usize) -> Result<(), Wrong> {
        let (at, hint) = (part.start, "put several into one `#cloud-config`");
        self.entities += 1;
        if self.entities > MAX_PARTS {
            return Err(Wrong { at, message: "there are too many parts", hint });
        }
        if depth >= MAX_DEPTH {
            return Err(Wrong { at, message: "multiparts are nested too deeply", hint });
        }
        self.entity(data, part, depth + 1);
        Ok(())
    }

    /// A part with content of its own.
    fn leaf(&mut self, data: &Data<'_>, header: &Header, body: Range<usize>, depth: usize) {
        self.count += 1;
        let content_type = header.get("content-type");
        let form = content_type.map_or(Form::Unknown, |field| form::of_type(&field.word()));
        if let (Form::Refused(why, hint), Some(field)) = (form, content_type) {
            let message = format!("{}: {why}", quoted(&field.word()));
            return self.error(data, field.at, ValueError::new(message, hint));
        }
        let encoding = header.get("content-transfer-encoding");
        let name = encoding.map(|field| field.word()).unwrap_or_default();
        match transfer::decode(&name, &data.bytes[body.clone()]) {
            Ok(bytes) => {
                let lines_before = match bytes {
                    Cow::Borrowed(_) => lines_before(data.bytes, body.start),
                    Cow::Owned(_) => 0,
                };
                let part = Data { source: Cow::Owned(self.name(header)), bytes: &bytes };
                self.open(&part, form, lines_before, depth + 1);
            }
            Err(error) => self.error(data, encoding.map_or(body.start, |field| field.at), error),
        }
    }

    /// What messages call the part that was begun last.
    fn name(&self, header: &Header) -> String {
        let name = |field, name| header.get(field).and_then(|field| field.name(name));
        let file = name("content-disposition", "filename").or_else(|| name("content-type", "name"));
        let file: String = file.unwrap_or_default().chars().filter(|c| !c.is_control()).take(60).collect();
        let colon = if file.is_empty() { "" } else { ": " };
        format!("{} (part {}{colon}{file})", self.source, self.count)
    }

    fn error(&mut self, data: &Data<'_>, at: usize, error: ValueError) {
        if self.errors.len() >= MAX_ERRORS {
            return;
        }
        // Nobody can read packed data: none of it is shown.
        let shown = if data.bytes.starts_with(&gzip::MAGIC) { b"" } else { data.bytes };
        let text = String::from_utf8_lossy(shown);
        let before = String::from_utf8_lossy(&data.bytes[..at.min(data.bytes.len())]);
        let mut problems = Problems::default();
        problems.value(yaml::end_of(0, &before), error);
        self.errors.extend(Report::new(&[(&data.source, &text)], problems).diagnostics);
    }
}

/// Fields that change what cloud-init does with a part: left unread, it would do something else here.
fn refuse_fields(header: &Header) -> Result<(), Wrong> {
    for field in &header.fields {
        let (message, hint) = match field.name.as_str() {
            "merge-type" | "x-merge-type" => (
                "cloud-init's merge types are not supported",
                "remove the line: DockOS merges each key in its own way, which the reference names",
            ),
            "launch-index" => (
                "cloud-init's launch index is not supported",
                "remove the line, and give each machine its own user-data",
            ),
            _ => continue,
        };
        return Err(Wrong { at: field.at, message, hint });
    }
    Ok(())
}

/// A script with the line ends that an interpreter knows, if it was written on Windows or sent by mail.
fn unix_lines(bytes: &[u8]) -> Vec<u8> {
    let first = bytes.split_inclusive(|b| *b == b'\n').next().unwrap_or_default();
    if !first.ends_with(b"\r\n") {
        return bytes.to_vec();
    }
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(text) => out.extend(text.iter().chain(b"\n")),
            None => out.extend(line),
        }
    }
    out
}

/// Lines of a text that end before a byte.
fn lines_before(bytes: &[u8], at: usize) -> u32 {
    let lines = bytes[..at].iter().filter(|b| **b == b'\n').count();
    u32::try_from(lines).unwrap_or(u32::MAX)
}
