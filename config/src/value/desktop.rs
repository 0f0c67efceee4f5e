//! Values of desktops and of the page that shows them.

use std::fmt;
use std::str::FromStr;

use super::ValueError;

/// The size of a screen in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScreenSize {
    /// Its width.
    pub width: u16,
    /// Its height.
    pub height: u16,
}

/// The SHA-256 of the secret word in a link, in lower-case hex.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSum(String);

/// What a screen can be: less shows no window, more no VNC client is asked for (RFB counts in 16 bits, memory in bytes).
const WIDTHS: std::ops::RangeInclusive<u16> = 640..=7680;
const HEIGHTS: std::ops::RangeInclusive<u16> = 480..=4320;

impl FromStr for ScreenSize {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let number = |text: &str| text.parse().ok().filter(|_| !text.starts_with(['+', '0']));
        let size = text.split_once('x').and_then(|(width, height)| Some((number(width)?, number(height)?)));
        match size {
            Some((width, height)) if WIDTHS.contains(&width) && HEIGHTS.contains(&height) => {
                Ok(Self { width, height })
            }
            _ => {
                let hint = "WIDTHxHEIGHT in pixels, such as `1280x800`, from 640x480 to 7680x4320";
                Err(ValueError::not_a("the size of a screen", text, "", hint))
            }
        }
    }
}

impl fmt::Display for ScreenSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl LinkSum {
    /// The digits.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LinkSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSum(...)")
    }
}

impl FromStr for LinkSum {
    type Err = ValueError;

    /// Never quotes what is written: it may be the word itself.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        let hint = "64 hex digits, as `printf %s WORD | sha256sum` prints them";
        Err(ValueError::new("this is not a SHA-256", hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn screens_have_a_size_that_can_be_shown() {
        assert_eq!("1920x1080".parse::<ScreenSize>().unwrap().to_string(), "1920x1080");
        for bad in
            ["", "x", "1280", "1280*800", "0x0", "639x480", "1280x800x24", "+1280x800", "99999x99999", "-1x5"]
        {
            assert!(bad.parse::<ScreenSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_word_in_place_of_its_sum_is_refused_and_not_repeated() {
        let error = "sesame".parse::<LinkSum>().unwrap_err();
        assert!(!format!("{error:?}").contains("sesame"));
        assert_eq!("AB".repeat(32).parse::<LinkSum>().unwrap().reveal(), "ab".repeat(32));
    }
}
