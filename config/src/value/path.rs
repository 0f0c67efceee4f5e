//! Absolute paths.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::ValueError;

/// An absolute path with no `..` and no control character in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AbsPath(String);

impl AbsPath {
    /// The path.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// The path as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AbsPath {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let why = match text {
            _ if !text.starts_with('/') => "it does not begin with `/`",
            _ if text.split('/').any(|part| part == "..") => "`..` is not allowed in it",
            _ if text.contains(char::is_control) => "it has a control character",
            _ if text.len() > 4095 => "it is longer than 4095 bytes",
            _ => return Ok(Self(text.to_owned())),
        };
        Err(ValueError::not_a("an absolute path", text, why, "a path from the root, such as `/etc/motd`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_at_the_root() {
        for good in ["/", "/etc/motd", "/a..b", "/中文"] {
            assert_eq!(good.parse::<AbsPath>().unwrap().as_str(), good);
        }
        for bad in ["", "etc", "~/x", "/etc/../x", "/..", "/a\0", "/a\nb"] {
            assert!(bad.parse::<AbsPath>().is_err(), "{bad:?}");
        }
    }
}
