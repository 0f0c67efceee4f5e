//! Users and groups: their names, what is said of them, and their passwords.

use std::fmt;
use std::str::FromStr;

use super::{ValueError, quoted};
use crate::decode::{Decode, Problems, sequence};
use crate::shape::Shape;
use crate::yaml::{Kind, Node};

/// Bytes in the name of a user or group: what utmp holds.
const MAX_NAME: usize = 32;

/// The name of a user or a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account(String);

/// Names of groups: a list, or cloud-init's text with commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts(pub Vec<Account>);

/// What is said of a user: a full name, as a field of `/etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gecos(String);

/// A hash of a password, as `/etc/shadow` has it. Never shown, not even when debugging.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// Rules of sudo for a user; none: no sudo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sudo(pub Vec<String>);

impl Account {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Gecos {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PasswordHash {
    /// The hash. For `/etc/shadow` only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(...)")
    }
}

impl FromStr for Account {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let first = |c: char| c.is_ascii_lowercase() || c == '_';
        let why = match text {
            "" => "it is empty",
            _ if text.contains(|c: char| c.is_ascii_uppercase()) => "it has upper-case letters",
            _ if !text.starts_with(first) => "it does not begin with a letter of a to z or `_`",
            _ if text.len() > MAX_NAME => "it is longer than 32 letters",
            _ if !text.chars().all(|c| first(c) || c.is_ascii_digit() || c == '-') => {
                "only letters of a to z, digits, `-` and `_` can be used"
            }
            _ => return Ok(Self(text.to_owned())),
        };
        let hint = "1 to 32 lower-case letters, digits, `-` and `_`, such as `alice`";
        Err(ValueError::not_a("a name of a user or group", text, why, hint))
    }
}

impl FromStr for Gecos {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.contains(|c: char| c == ':' || c.is_control()) {
            let hint = "a full name, such as `Alice Li`, on one line and with no `:`";
            return Err(ValueError::new(format!("{} cannot stand in /etc/passwd", quoted(text)), hint));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for PasswordHash {
    type Err = ValueError;

    /// Never quotes what is written: it may be the password.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let why = match not_a_hash(text) {
            None => return Ok(Self(text.to_owned())),
            Some(why) => why,
        };
        let hint = "make one with `openssl passwd -6` or `mkpasswd`, and write it in single quotes: '$6$...'";
        Err(ValueError::new(format!("this is not the hash of a password: {why}"), hint))
    }
}

/// Why a text is not a password's hash in the form of crypt(5), if it is not.
fn not_a_hash(text: &str) -> Option<&'static str> {
    let mut parts = text.split('$');
    let digest = text.rsplit('$').next().unwrap_or_default().len();
    let (empty, method) = (parts.next().unwrap_or_default(), parts.next());
    let length = match method {
        _ if !empty.is_empty() => return Some("a plain text stands here"),
        Some("y" | "gy" | "7" | "5") => 43..=43,
        Some("6") => 86..=86,
        // bcrypt writes salt and digest as one.
        Some("2a" | "2b" | "2y") => 53..=53,
        Some("1") => return Some("MD5 (`$1$`) is too weak"),
        _ => return Some("a plain text stands here"),
    };
    let good = |c: char| c.is_ascii_alphanumeric() || "./$=,".contains(c);
    match () {
        () if !text.chars().all(good) => Some("it has a letter that no hash has"),
        () if parts.count() < 2 || !length.contains(&digest) => Some("a part of it is missing"),
        () => None,
    }
}

impl Decode for Accounts {
    const SHAPE: &'static Shape = &Shape::OneOf(&[&Shape::List(Account::SHAPE), String::SHAPE]);
    const REQUIRED: bool = false;

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Scalar(text) = &node.kind else {
            return Vec::decode(node, problems).map(Self);
        };
        let names: Result<Vec<Account>, ValueError> =
            text.split(',').map(|name| name.trim().parse()).collect();
        names.map(Self).map_err(|error| problems.value(node.mark, error)).ok()
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

impl Decode for Sudo {
    const SHAPE: &'static Shape = &Shape::OneOf(&[&Shape::List(String::SHAPE), String::SHAPE, &Shape::Bool]);
    const REQUIRED: bool = false;

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let one = std::slice::from_ref(node);
        let items = match &node.kind {
            Kind::Scalar(text) if ["false", "no", "off"].contains(&text.to_ascii_lowercase().as_str()) => {
                return Some(Self::default());
            }
            Kind::Scalar(_) => one,
            _ => sequence(node, problems)?,
        };
        let rules: Vec<String> = items.iter().filter_map(|item| sudo_rule(item, problems)).collect();
        (rules.len() == items.len()).then_some(Self(rules))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

/// What stands after the user's name in a line of sudoers.
fn sudo_rule(node: &Node, problems: &mut Problems) -> Option<String> {
    let text = String::decode(node, problems)?;
    if text.contains(char::is_control) || !text.contains('=') {
        let hint = "a rule such as `ALL=(ALL) NOPASSWD:ALL`, or `false` for none";
        problems.value(node.mark, ValueError::not_a("a rule of sudo", &text, "", hint));
        return None;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_a_unix_account() {
        for good in ["alice", "_apt", "lab-2", "a_b", &"a".repeat(32)] {
            assert!(good.parse::<Account>().is_ok(), "{good}");
        }
        for bad in ["", "Alice", "1st", "-a", "a.b", "a b", "李", "a:b", "a\n", &"a".repeat(33)] {
            assert!(bad.parse::<Account>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn hashes_of_crypt_are_taken() {
        let digest = |n| "a".repeat(n);
        for good in [
            format!("$6$salt${}", digest(86)),
            format!("$6$rounds=4096$salt${}", digest(86)),
            format!("$5$salt${}", digest(43)),
            format!("$y$j9T$salt${}", digest(43)),
            format!("$2b$12${}", digest(53)),
        ] {
            assert!(good.parse::<PasswordHash>().is_ok(), "{good}");
        }
    }

    #[test]
    fn a_plain_password_is_refused_and_not_quoted() {
        let cut = format!("$6$sesame${}", "a".repeat(80));
        for (bad, why) in [
            ("sesame", "a plain text stands here"),
            ("sesame$6$x$y", "a plain text stands here"),
            ("$9$sesame", "a plain text stands here"),
            ("$1$sesame$x", "MD5 (`$1$`) is too weak"),
            (&cut, "a part of it is missing"),
            ("$6$sesame", "a part of it is missing"),
            ("$6$ses:ame$", "it has a letter that no hash has"),
            ("", "a plain text stands here"),
        ] {
            let error = bad.parse::<PasswordHash>().unwrap_err();
            assert_eq!(error.message, format!("this is not the hash of a password: {why}"), "{bad}");
            assert!(!error.to_string().contains("sesame"));
        }
        let hash: PasswordHash = format!("$5$sesame${}", "a".repeat(43)).parse().unwrap();
        assert!(!format!("{hash:?}").contains("sesame"));
    }

    #[test]
    fn gecos_is_one_field_of_passwd() {
        assert_eq!("Alice Li, room 3".parse::<Gecos>().unwrap().as_str(), "Alice Li, room 3");
        assert!("a:b".parse::<Gecos>().is_err() && "a\nb".parse::<Gecos>().is_err());
    }
}
