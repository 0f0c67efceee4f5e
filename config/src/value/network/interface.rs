//! Names of interfaces, and patterns that select them.

use std::fmt;
use std::str::FromStr;

use crate::decode::{Decode, Problems, scalar};
use crate::shape::{Scalar, Shape};
use crate::value::{ValueError, from_text};
use crate::yaml::{Kind, Node};

/// What an entry of `network:` is called: the interface's name, or with `match` any word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InterfaceId(String);

/// The name of an interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InterfaceName(String);

/// A pattern as of a shell: `*`, `?` and `[a-z]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(String);

/// One pattern, or a list of which one has to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Globs(pub Vec<Glob>);

macro_rules! texts {
    ($($type:ident)*) => {$(
        impl $type {
            /// As it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

texts!(InterfaceId InterfaceName Glob);

impl FromStr for InterfaceId {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let graphic = text.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
        if text.is_empty() || text.len() > 63 || !graphic {
            let hint = "1 to 63 letters, digits and signs, no `/` and no blanks, such as `eth0`";
            return Err(ValueError::not_a("a name for an interface", text, "", hint));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for InterfaceName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let graphic = |b: u8| b.is_ascii_graphic() && !b"/:%".contains(&b);
        let why = match text {
            "" => "it is empty",
            "." | ".." => "it is a folder",
            "lo" => "that is the machine's own loopback",
            "bonding_masters" => "that is the kernel's",
            "docker0" | "docker_gwbridge" => "that is Docker's",
            _ if text.starts_with("veth") || is_docker_bridge(text) => "Docker makes names like that",
            _ if !text.bytes().all(graphic) => {
                "only letters, digits and signs other than `/`, `:` and `%` can be used"
            }
            _ if text.len() > 15 => "the kernel allows 15 letters",
            _ => return Ok(Self(text.to_owned())),
        };
        Err(ValueError::not_a("an interface's name", text, why, "such as `eth0`, `lan0` or `eth0.10`"))
    }
}

/// Docker names the bridge of a network `br-` and 12 hexadecimal digits.
fn is_docker_bridge(text: &str) -> bool {
    let digits = text.strip_prefix("br-").unwrap_or_default();
    digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

impl FromStr for Glob {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |why| ValueError::not_a("a pattern", text, why, "such as `eth*`, `enp?s0` or `e[tn]*`");
        if text.is_empty() || text.len() > 63 || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong("1 to 63 letters, digits and signs are expected"));
        }
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            rest = token(rest).ok_or_else(|| wrong("a bracket is not closed"))?.1;
        }
        Ok(Self(text.to_owned()))
    }
}

/// One sign of a pattern.
enum Token<'a> {
    Any,
    One,
    Set(&'a [u8]),
    Byte(u8),
}

/// The first sign of a pattern, and what comes after it; none at the end or in an open bracket.
fn token(pattern: &[u8]) -> Option<(Token<'_>, &[u8])> {
    let (first, rest) = pattern.split_first()?;
    Some(match first {
        b'*' => (Token::Any, rest),
        b'?' => (Token::One, rest),
        b'[' => {
            // A bracket first in a set is of it.
            let first = if rest.starts_with(b"!") || rest.starts_with(b"^") { 2 } else { 1 };
            let close = rest.iter().skip(first).position(|b| *b == b']')? + first;
            (Token::Set(rest.get(..close)?), rest.get(close + 1..)?)
        }
        byte => (Token::Byte(*byte), rest),
    })
}

fn in_set(set: &[u8], byte: u8) -> bool {
    let (not, mut set) = match set {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, set),
    };
    let mut found = false;
    while let [first, rest @ ..] = set {
        set = rest;
        found |= match rest {
            [b'-', last, tail @ ..] => {
                set = tail;
                (*first..=*last).contains(&byte)
            }
            _ => *first == byte,
        };
    }
    found != not
}

impl Glob {
    /// Whether a name is one of those that are meant. Takes time in the product of both lengths.
    pub fn matches(&self, name: &str) -> bool {
        let (mut pattern, mut name) = (self.0.as_bytes(), name.as_bytes());
        // Where to go on when the last `*` has to take one letter more.
        let mut retry: Option<(&[u8], &[u8])> = None;
        loop {
            let step = match (token(pattern), name.split_first()) {
                (None, None) => return true,
                (Some((Token::Any, rest)), _) => {
                    retry = Some((rest, name));
                    Some((rest, name))
                }
                (Some((Token::One, rest)), Some((_, tail))) => Some((rest, tail)),
                (Some((Token::Set(set), rest)), Some((b, tail))) if in_set(set, *b) => Some((rest, tail)),
                (Some((Token::Byte(byte), rest)), Some((b, tail))) if byte == *b => Some((rest, tail)),
                _ => None,
            };
            if let Some(next) = step {
                (pattern, name) = next;
                continue;
            }
            let Some((rest, [_, tail @ ..])) = retry else { return false };
            retry = Some((rest, tail));
            (pattern, name) = (rest, tail);
        }
    }
}

impl Globs {
    /// Whether one of the patterns matches.
    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|glob| glob.matches(name))
    }
}

from_text! {
    Glob: "a pattern", "pattern", "a name with `*`, `?` and `[a-z]` as in a shell", ["eth*", "enp?s0"];
    InterfaceId: "a name for an interface", "interface id", "an interface's name, or with `match` any word", ["eth0", "uplink"];
    InterfaceName: "an interface's name", "interface", "1 to 15 letters, digits and signs", ["eth0", "br0"];
}

impl Decode for Globs {
    const SHAPE: &'static Shape = &Shape::OneOf(&[Glob::SHAPE, &Shape::List(Glob::SHAPE)]);

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.kind {
            Kind::Sequence(_) => Vec::decode(node, problems).map(Self),
            _ => Glob::decode(node, problems).map(|glob| Self(vec![glob])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        let cases = [
            ("eth0", "eth0", true),
            ("eth0", "eth01", false),
            ("eth*", "eth", true),
            ("eth*", "enp0", false),
            ("*", "anything", true),
            ("*0", "eth10", true),
            ("*0", "eth01", false),
            ("e*p*s*", "enp0s3", true),
            ("enp?s0", "enp3s0", true),
            ("enp?s0", "enp13s0", false),
            ("e[tn]*", "enp0", true),
            ("e[!t]*", "eth0", false),
            ("eth[0-3]", "eth2", true),
            ("eth[0-3]", "eth4", false),
            ("a[b]c", "abc", true),
            ("*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(pattern.parse::<Glob>().unwrap().matches(name), expected, "{pattern} {name}");
        }
        for bad in ["", "eth[", "eth[0", "a b", "[]"] {
            assert!(bad.parse::<Glob>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_others_cannot_be_taken() {
        for good in ["eth0", "eth0.10", "br-lan", "lan_1", "aaaaaaaaaaaaaaa"] {
            assert!(good.parse::<InterfaceName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "lo",
            "docker0",
            "veth1a2b",
            "br-0123456789ab",
            "aaaaaaaaaaaaaaaa",
            "a/b",
            "eth%d",
            "eth0:1",
            "李",
        ] {
            assert!(bad.parse::<InterfaceName>().is_err(), "{bad}");
        }
    }
}
