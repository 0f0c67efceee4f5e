//! Permissions and owners of files.

use std::str::FromStr;

use super::{ValueError, quoted};

/// Permission bits of a file; `0644` unless said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(u32);

/// The owner of a file, by names or numbers; `root:root` unless said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: String,
    /// The group; none: the user's own.
    pub group: Option<String>,
}

impl Mode {
    /// The bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl Default for Mode {
    fn default() -> Self {
        Self(0o644)
    }
}

impl Default for Owner {
    fn default() -> Self {
        Self { user: "root".to_owned(), group: Some("root".to_owned()) }
    }
}

impl FromStr for Mode {
    type Err = ValueError;

    /// Reads octal digits. YAML versions disagree on what an unquoted `0644` is; its digits are what is meant.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let octal = matches!(digits.len(), 3..=5) && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
        let bits = u32::from_str_radix(digits, 8).ok().filter(|bits| octal && *bits <= 0o7777);
        bits.map(Self).ok_or_else(|| {
            ValueError::new(
                format!("{} are not permissions", quoted(text)),
                "three or four octal digits, such as \"0644\"",
            )
        })
    }
}

impl FromStr for Owner {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        if !is_account(user) || !group.is_none_or(is_account) {
            return Err(ValueError::not_a("an owner", text, "", "USER or USER:GROUP, such as `root:root`"));
        }
        Ok(Self { user: user.to_owned(), group: group.map(str::to_owned) })
    }
}

fn is_account(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_octal_digits() {
        for (text, bits) in [("0644", 0o644), ("644", 0o644), ("0o644", 0o644), ("4755", 0o4755), ("000", 0)]
        {
            assert_eq!(text.parse::<Mode>().unwrap().bits(), bits, "{text}");
        }
        for bad in ["", "0", "0888", "rw-r--r--", "77777", "0x1ff", "+644", "0o"] {
            assert!(bad.parse::<Mode>().is_err(), "{bad}");
        }
    }

    #[test]
    fn owners_have_a_user_and_perhaps_a_group() {
        let both = "alice:users".parse::<Owner>().unwrap();
        assert_eq!((both.user.as_str(), both.group.as_deref()), ("alice", Some("users")));
        assert_eq!("1000".parse::<Owner>().unwrap().group, None);
        for bad in ["", ":", "root:", ":root", "a b", "a:b:c"] {
            assert!(bad.parse::<Owner>().is_err(), "{bad}");
        }
    }
}
