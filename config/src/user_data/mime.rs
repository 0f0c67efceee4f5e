//! MIME (RFC 2045, 2046) as far as user-data goes: header fields, their parameters, the parts of a multipart body.
//!
//! Nothing here knows what a part is for. Places are offsets into the whole message, so that errors can be shown in it.

use std::ops::Range;

/// The most that the header of one part may take.
const MAX_HEADER: usize = 64 << 10;

/// The longest boundary of the standard.
const MAX_BOUNDARY: usize = 70;

/// How far a message is looked into to tell that it is one.
const SNIFFED: usize = 4096;

/// Something that is wrong, and the offset of its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) at: usize,
    pub(super) message: &'static str,
    pub(super) hint: &'static str,
}

fn wrong<T>(at: usize, message: &'static str, hint: &'static str) -> Result<T, Wrong> {
    Err(Wrong { at, message, hint })
}

/// A header field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Where its line begins.
    pub(super) at: usize,
    /// Its name in small letters.
    pub(super) name: String,
    /// Its value, unfolded.
    pub(super) value: String,
}

/// The header of a message or a part.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fields: Vec<Field>,
    /// Where the body begins.
    pub(super) body: usize,
}

/// Whether data is a message: it begins with header fields, one of them MIME's.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(SNIFFED)];
    start
        .split(|b| *b == b'\n')
        .skip_while(|line| line.starts_with(b"From "))
        .map_while(|line| match line {
            [b' ' | b'\t', ..] => Some(""),
            _ => name_of(line),
        })
        .any(|name| ["content-type", "mime-version"].iter().any(|mime| name.eq_ignore_ascii_case(mime)))
}

/// The name of the field that a line begins.
fn name_of(line: &[u8]) -> Option<&str> {
    let colon = line.iter().position(|b| *b == b':')?;
    let name = std::str::from_utf8(&line[..colon]).ok()?.trim_end();
    (!name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic())).then_some(name)
}

impl Header {
    /// Reads the header that the part begins with.
    pub(super) fn read(message: &[u8], part: Range<usize>) -> Result<Self, Wrong> {
        let mut header = Self { fields: Vec::new(), body: part.end };
        let mut at = part.start;
        for line in message[part.clone()].split_inclusive(|b| *b == b'\n') {
            let text = line.trim_ascii_end();
            let next = at + line.len();
            if text.is_empty() {
                header.body = next;
                return Ok(header);
            }
            if next - part.start > MAX_HEADER {
                return wrong(at, "this header is too long", "an empty line ends the header");
            }
            header.line(at, text)?;
            at = next;
        }
        Ok(header)
    }

    fn line(&mut self, at: usize, line: &[u8]) -> Result<(), Wrong> {
        let text = String::from_utf8_lossy(line);
        if text.starts_with([' ', '\t']) {
            let Some(field) = self.fields.last_mut() else {
                return wrong(at, "this line goes on, and none is before it", "remove the blanks before it");
            };
            field.value.push(' ');
            field.value.push_str(text.trim());
        } else if let Some(name) = name_of(line) {
            let name = name.to_ascii_lowercase();
            if name.starts_with("content-") && self.fields.iter().any(|field| field.name == name) {
                return wrong(at, "this header field is there twice", "remove one of them");
            }
            let value = text.split_once(':').map_or("", |(_, value)| value.trim()).to_owned();
            self.fields.push(Field { at, name, value });
        } else if !(self.fields.is_empty() && text.starts_with("From ")) {
            return wrong(
                at,
                "this is not a header field",
                "write `Name: value`; an empty line ends the header",
            );
        }
        Ok(())
    }

    /// A field by its name in small letters.
    pub(super) fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    /// What stands before the first `;`, in small letters.
    pub(super) fn word(&self) -> String {
        self.value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// A parameter that is a name, perhaps written as `; NAME*=utf-8'LANGUAGE'%E6%A1%8C` (RFC 2231).
    pub(super) fn name(&self, name: &str) -> Option<String> {
        let extended = self.parameter(&format!("{name}*"));
        let extended = extended.and_then(|text| text.splitn(3, '\'').nth(2).map(percent_decoded));
        extended.or_else(|| self.parameter(name))
    }

    /// A parameter: `; NAME=VALUE` or `; NAME="VALUE"`.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let mut rest = self.value.split_once(';')?.1;
        loop {
            let (key, value) = rest.split_once('=')?;
            let (value, after) = parameter_value(value.trim_start());
            if key.trim_matches([' ', '\t', ';']).eq_ignore_ascii_case(name) {
                return Some(value);
            }
            rest = after;
        }
    }
}

/// `%E6%A1%8C` as the text that it stands for.
fn percent_decoded(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        match piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&piece.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(piece.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A value with its quotes undone, and what follows it.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(inner) = text.strip_prefix('"') else {
        let (value, after) = text.split_once(';').unwrap_or((text, ""));
        return (value.trim().to_owned(), after);
    };
    let mut value = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => value.extend(chars.next()),
            c => value.push(c),
        }
    }
    (value, chars.as_str())
}

/// The parts of a multipart body, at most `most` of them.
pub(super) fn parts(
    message: &[u8],
    body: Range<usize>,
    content_type: &Field,
    most: usize,
) -> Result<Vec<Range<usize>>, Wrong> {
    let boundary = content_type.parameter("boundary").unwrap_or_default();
    if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
        let message = "this multipart has no `boundary` of 1 to 70 letters";
        return wrong(
            content_type.at,
            message,
            "such as `Content-Type: multipart/mixed; boundary=\"MIDDLE\"`",
        );
    }
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut at = body.start;
    for line in message[body.clone()].split_inclusive(|b| *b == b'\n') {
        let next = at + line.len();
        if let Some(closing) = delimiter(line, boundary.as_bytes()) {
            if let Some(open) = parts.last_mut() {
                open.end = before_line_end(message, open.start, at);
            }
            match (closing, parts.len()) {
                (true, 0) => return wrong(at, "the multipart has no part", "put one before this line"),
                (true, _) => return Ok(parts),
                (false, count) if count == most => {
                    return wrong(at, "there are too many parts", "put several into one `#cloud-config`");
                }
                (false, _) => parts.push(next..body.end),
            }
        }
        at = next;
    }
    let hint = "the last part ends with a line of `--`, the boundary and `--`";
    match parts.is_empty() {
        true => wrong(
            content_type.at,
            "no line is this multipart's boundary",
            "each part begins with `--` and the boundary",
        ),
        false => wrong(content_type.at, "this multipart has no end: it may be cut short", hint),
    }
}

/// Whether a line parts (`false`) or ends (`true`) the parts of a multipart.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.trim_ascii_end().strip_prefix(b"--")?.strip_prefix(boundary)?;
    match rest {
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}

/// The end of a part: the line end before the boundary belongs to the boundary.
fn before_line_end(message: &[u8], start: usize, end: usize) -> usize {
    let part = &message[start..end.max(start)];
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    start + part.strip_suffix(b"\r").unwrap_or(part).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Header {
        Header::read(text.as_bytes(), 0..text.len()).unwrap()
    }

    #[test]
    fn fields_are_unfolded() {
        let header = header("A: b\r\nContent-Type : multipart/Mixed;\r\n\tboundary=x\r\n y\r\n\r\nbody\r\n");
        let field = header.get("content-type").unwrap();
        assert_eq!((field.at, &*field.value), (6, "multipart/Mixed; boundary=x y"));
        assert_eq!((field.word().as_str(), header.body), ("multipart/mixed", 58));
    }

    #[test]
    fn parameters_are_unquoted() {
        let cases = [
            ("a; n=b", Some("b")),
            ("a; x=1; N = \"b; c\\\"\" ; y=2", Some("b; c\"")),
            ("a; x=\"n=1\"; n=2", Some("2")),
            ("a; n*=utf-8''%E6%A1%8C%zz", Some("桌%zz")),
            ("a; n*=%41; n=b", Some("b")),
            ("a; n=\"b", Some("b")),
            ("a; m=b", None),
            ("n=b", None),
        ];
        for (value, name) in cases {
            let field = Field { at: 0, name: String::new(), value: value.to_owned() };
            assert_eq!(field.name("n").as_deref(), name, "{value}");
        }
    }

    #[test]
    fn a_message_is_told_by_its_fields() {
        let cases = [
            ("Content-Type: multipart/mixed\n\n", true),
            ("mime-version: 1.0\r\n", true),
            ("From nobody Sat\nSubject: hi\nContent-Type: text/plain\n", true),
            ("Subject: a\n  b\nMIME-Version: 1.0", true),
            ("Subject: a\n\nMIME-Version: 1.0", false),
            ("#cloud-config\nContent-Type: a\n", false),
            ("hostname: a\n", false),
            ("", false),
        ];
        for (text, message) in cases {
            assert_eq!(is_message(text.as_bytes()), message, "{text:?}");
        }
    }
}
