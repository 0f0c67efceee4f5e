//! Names: of hosts, tenants, desktops and services.

use std::fmt;
use std::str::FromStr;

use super::ValueError;

/// Letters in a label of a host name (RFC 1123).
const MAX_LABEL: usize = 63;

/// A name of a tenant, desktop or service: one lower-case host name label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// A machine's name: one host name label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hostname(String);

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Hostname {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let hint = "1 to 63 lower-case letters, digits and `-`, such as `alice` or `lab-2`";
        let why = if text.contains(|c: char| c.is_ascii_uppercase()) {
            Some("it has upper-case letters")
        } else {
            not_a_label(text)
        };
        match why {
            None => Ok(Self(text.to_owned())),
            Some(why) => Err(ValueError::not_a("a name", text, why, hint)),
        }
    }
}

impl FromStr for Hostname {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (why, hint) = match text.split_once('.') {
            Some(_) => (Some("it has dots"), "write its first part here, and the whole name as `fqdn`"),
            None => (not_a_label(text), "1 to 63 letters, digits and `-`, such as `lab-01`"),
        };
        match why {
            None => Ok(Self(text.to_owned())),
            Some(why) => Err(ValueError::not_a("a host name", text, why, hint)),
        }
    }
}

/// Why a text is not a host name label, if it is not.
fn not_a_label(text: &str) -> Option<&'static str> {
    match text {
        "" => Some("it is empty"),
        _ if !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => {
            Some("only letters of a to z, digits and `-` can be used")
        }
        _ if text.len() > MAX_LABEL => Some("it is longer than 63 letters"),
        _ if text.starts_with('-') || text.ends_with('-') => Some("`-` may not be first or last"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_labels() {
        let long = "a".repeat(63);
        for good in ["a", "alice", "lab-2", "0", &long] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        let too_long = "a".repeat(64);
        for bad in ["", "-a", "a-", "Alice", "a.b", "a_b", "李", "a b", "../x", &too_long] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn host_names_may_have_upper_case() {
        assert!("PC-01".parse::<Hostname>().is_ok());
        let error = "pc.lab".parse::<Hostname>().unwrap_err();
        assert_eq!(error.message, "`pc.lab` is not a host name: it has dots");
    }
}
