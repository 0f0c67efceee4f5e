//! A path to one value of the file: `dockos.desktops[name=hello].memory`.
//!
//! Keys are parted by dots. After a list stands the number of an item, from 0, or a key of the item and what it holds.
//! A word that is not plain is quoted: `dockos.sysctl."net.ipv4.ip_forward"`. In double quotes a quote is doubled or
//! has a backslash before it, and `\\ \n \r \t \u{1F600}` are what they are in Rust; in single quotes only the quote
//! itself is doubled. What [`KeyPath`] writes needs no other quoting on a kernel command line.

use std::fmt::{self, Write};
use std::str::FromStr;

use crate::value::{ValueError, quoted};

/// Steps of one path: no file nests deeper.
const MAX_SEGMENTS: usize = 64;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// The value of a key of a mapping.
    Key(String),
    /// An item of a list by its place, from 0.
    Index(usize),
    /// The first item of a list whose `key` is `value`.
    Where {
        /// A key of the item.
        key: String,
        /// The text of its value.
        value: String,
    },
}

/// The way from the top of a file to one value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath(pub Vec<Segment>);

impl KeyPath {
    /// The path and one key more.
    pub fn key(mut self, key: &str) -> Self {
        self.0.push(Segment::Key(key.to_owned()));
        self
    }

    /// The path and the item at a place.
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Segment::Index(index));
        self
    }

    /// Reads a path up to a character that cannot go on one, and tells where that is, or the error.
    pub(crate) fn parse_prefix(text: &str) -> (Result<Self, ValueError>, usize) {
        let mut reader = Reader { text, at: 0 };
        (reader.path(), reader.at)
    }
}

impl FromStr for KeyPath {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match Self::parse_prefix(text) {
            (Ok(_), at) if at < text.len() => {
                Reader { text, at }.wrong("this needs quotes", "such as `\"a b\"`, or a dot between two keys")
            }
            (path, _) => path,
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) => {
                    f.write_str(if i > 0 { "." } else { "" })?;
                    word(f, key, is_plain)?;
                }
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Where { key, value } => {
                    f.write_char('[')?;
                    word(f, key, is_plain)?;
                    f.write_char('=')?;
                    word(f, value, is_plain_in_brackets)?;
                    f.write_char(']')?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a character stands for itself in a key.
fn is_plain(c: char) -> bool {
    is_plain_in_brackets(c) && !matches!(c, '.' | '=')
}

/// Whether a character stands for itself after the `=` in brackets, where a file name needs no quotes.
fn is_plain_in_brackets(c: char) -> bool {
    !(matches!(c, '[' | ']' | '"' | '\'' | '\\') || c.is_whitespace() || c.is_control())
}

fn word(f: &mut fmt::Formatter<'_>, text: &str, plain: fn(char) -> bool) -> fmt::Result {
    if !text.is_empty() && text.chars().all(plain) {
        return f.write_str(text);
    }
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            // Doubled, not escaped: the kernel counts the quotes of a word to find its end.
            '"' => f.write_str("\"\"")?,
            '\\' => f.write_str("\\\\")?,
            c if c.is_control() => write!(f, "{}", c.escape_default())?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn path(&mut self) -> Result<KeyPath, ValueError> {
        let mut segments = Vec::new();
        if self.peek() != Some('[') {
            segments.push(Segment::Key(self.word(is_plain)?));
        }
        loop {
            if segments.len() >= MAX_SEGMENTS {
                return self.wrong("this is too deep", "no key needs this many levels");
            }
            match self.peek() {
                Some('.') => {
                    self.at += 1;
                    segments.push(Segment::Key(self.word(is_plain)?));
                }
                // Empty brackets are no item of a list that is there: they are left to the caller.
                Some('[') if !self.text[self.at..].starts_with("[]") => {
                    self.at += 1;
                    segments.push(self.brackets()?);
                }
                _ => return Ok(KeyPath(segments)),
            }
        }
    }

    fn brackets(&mut self) -> Result<Segment, ValueError> {
        let from = self.at;
        let bare = self.peek().is_some_and(|c| c.is_ascii_digit());
        let key = self.word(is_plain)?;
        let segment = match self.peek() {
            Some('=') => {
                self.at += 1;
                Segment::Where { key, value: self.word(is_plain_in_brackets)? }
            }
            _ => match key.parse() {
                Ok(index) if bare && key.bytes().all(|b| b.is_ascii_digit()) => Segment::Index(index),
                _ => {
                    self.at = from;
                    return self.wrong("this is not an item", "such as `[0]` or `[name=hello]`");
                }
            },
        };
        if self.peek() != Some(']') {
            return self.wrong("a `]` is missing", "such as `[0]` or `[name=hello]`");
        }
        self.at += 1;
        Ok(segment)
    }

    fn word(&mut self, plain: fn(char) -> bool) -> Result<String, ValueError> {
        match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quotation(quote),
            _ => {
                let rest = &self.text[self.at..];
                let end = rest.find(|c| !plain(c)).unwrap_or(rest.len());
                if end == 0 {
                    return self
                        .wrong("a word is missing", "such as `hostname`; an empty one is written `\"\"`");
                }
                self.at += end;
                Ok(rest[..end].to_owned())
            }
        }
    }

    fn quotation(&mut self, quote: char) -> Result<String, ValueError> {
        let open = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                c if c == quote && self.peek() == Some(quote) => {
                    self.at += 1;
                    text.push(quote);
                }
                c if c == quote => return Ok(text),
                '\\' if quote == '"' => text.push(self.escape()?),
                c => text.push(c),
            }
        }
        self.at = open;
        self.wrong("this quote is not closed", "close it with the same quote")
    }

    fn escape(&mut self) -> Result<char, ValueError> {
        let from = self.at - 1;
        let meant = match self.next() {
            Some(c @ ('"' | '\\')) => Some(c),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('u') => self.code_point(),
            _ => None,
        };
        meant.map(Ok).unwrap_or_else(|| {
            self.at = from;
            self.wrong("unknown escape", "a backslash itself is written `\\\\`")
        })
    }

    /// The rest of `\u{1F600}`.
    fn code_point(&mut self) -> Option<char> {
        let (digits, _) = self.text[self.at..].strip_prefix('{')?.split_once('}')?;
        self.at += digits.len() + 2;
        let few = digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        char::from_u32(u32::from_str_radix(digits, 16).ok().filter(|_| few)?)
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn wrong<T>(&self, why: &str, hint: &str) -> Result<T, ValueError> {
        let column = self.text[..self.at].chars().count() + 1;
        let message = format!("{} is not a path of keys: {why} (column {column})", quoted(self.text));
        Err(ValueError::new(message, hint))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(keys: &[&str]) -> KeyPath {
        keys.iter().fold(KeyPath::default(), |path, key| path.key(key))
    }

    fn item(path: KeyPath, key: &str, value: &str) -> KeyPath {
        let mut path = path;
        path.0.push(Segment::Where { key: key.to_owned(), value: value.to_owned() });
        path
    }

    #[test]
    fn paths_are_read_and_written() {
        let cases = [
            ("hostname", keys(&["hostname"])),
            ("dockos.desktops[0].memory", keys(&["dockos", "desktops"]).index(0).key("memory")),
            (
                "write_files[path=/etc/a.conf].content",
                item(keys(&["write_files"]), "path", "/etc/a.conf").key("content"),
            ),
            (r#"a[k="x]y"][3]"#, item(keys(&["a"]), "k", "x]y").index(3)),
            (r#"dockos.sysctl."net.ipv4.ip_forward""#, keys(&["dockos", "sysctl", "net.ipv4.ip_forward"])),
            (r#"a."b""c\\d e=[f]'"."""#, keys(&["a", r#"b"c\d e=[f]'"#, ""])),
            (r#""a\u{7}b\n""#, keys(&["a\u{7}b\n"])),
            ("桌面.名", keys(&["桌面", "名"])),
            ("[0].a", KeyPath::default().index(0).key("a")),
        ];
        for (text, path) in cases {
            assert_eq!(text.parse(), Ok(path.clone()), "{text}");
            assert_eq!(path.to_string(), text);
        }
        assert_eq!(r#"'a.''b'.c"#.parse(), Ok(keys(&["a.'b", "c"])), "single quotes are read too");
        assert_eq!(r#""a\"b""#.parse(), Ok(keys(&["a\"b"])), "and an escaped quote");
    }

    #[test]
    fn errors_tell_the_column() {
        let cases = [
            ("", "a word is missing (column 1)"),
            ("a..b", "a word is missing (column 3)"),
            ("a.", "a word is missing (column 3)"),
            ("a b", "this needs quotes (column 2)"),
            ("a]", "this needs quotes (column 2)"),
            ("a[]", "this needs quotes (column 2)"),
            ("a[x]", "this is not an item (column 3)"),
            ("a[99999999999999999999999]", "this is not an item (column 3)"),
            ("a['0']", "this is not an item (column 3)"),
            ("a[0", "a `]` is missing (column 4)"),
            ("a[n=x y]", "a `]` is missing (column 6)"),
            ("a.\"b", "this quote is not closed (column 3)"),
            (r#"a."\q""#, "unknown escape (column 4)"),
            (r#"a."\u{110000}""#, "unknown escape (column 4)"),
        ];
        for (text, why) in cases {
            let error = text.parse::<KeyPath>().expect_err(text);
            assert!(error.message.ends_with(why), "{text}: {error}");
        }
        assert!("a.".repeat(100_000).parse::<KeyPath>().is_err());
    }

    fn any_segment() -> impl Strategy<Value = Segment> {
        prop_oneof![
            any::<String>().prop_map(Segment::Key),
            "[a-z.=\"'\\[\\]\\\\ ]{0,6}".prop_map(Segment::Key),
            any::<usize>().prop_map(Segment::Index),
            (any::<String>(), any::<String>()).prop_map(|(key, value)| Segment::Where { key, value }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(segments in proptest::collection::vec(any_segment(), 1..8)) {
            let path = KeyPath(segments);
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }

        #[test]
        fn any_text_gets_an_answer(text in "([a-c.=\\[\\]\"'\\\\u{}0-9 \u{e9}]|\\PC){0,20}") {
            if let Ok(path) = text.parse::<KeyPath>() {
                prop_assert_eq!(path.to_string().parse(), Ok(path));
            }
        }
    }
}
