//! The pin: a SHA-256 that the content must have.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::failure::{Failure, Kind};

/// A SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sum([u8; 32]);

impl Sum {
    /// Reads 64 hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("--sha256 `{text}`: give 64 hexadecimal digits, as sha256sum prints");
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut sum = [0; 32];
        for (index, byte) in sum.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(sum))
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Gives the content back if it is what was pinned.
pub(crate) fn check(pinned: Option<&Sum>, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let Some(pinned) = pinned else { return Ok(bytes) };
    let found = Sum(Sha256::digest(&bytes).into());
    if found == *pinned {
        return Ok(bytes);
    }
    let what = format!("its SHA-256 is {found}, pinned is {pinned}");
    let hint = "if the new content is meant, pin its sum; if not, it was changed on the way or at the server";
    Err(Failure::last(what, hint).of(Kind::Mismatch))
}
