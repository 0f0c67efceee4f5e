//! Where a machine is: its time zone, its language, and names of machines beyond it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{Hostname, ValueError};

/// A time zone by its IANA name, such as `Asia/Shanghai`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone(String);

/// A locale, such as `zh_CN.UTF-8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locale(String);

/// A machine's name with its domain, such as `lab-01.school.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainName(String);

/// A machine somewhere: its name or its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAddr(String);

/// One word, such as a field of `/etc/fstab`: no blank, no control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field(String);

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

texts!(TimeZone Locale DomainName HostAddr Field);

impl FromStr for TimeZone {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let word = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "_+-".contains(c))
        };
        if text.len() > 64 || text.split('/').count() > 3 || !text.split('/').all(word) {
            let hint = "AREA/CITY as in the IANA list, such as `Asia/Shanghai`, or `UTC`";
            return Err(ValueError::not_a("a time zone", text, "", hint));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Locale {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (rest, modifier) = text.split_once('@').unwrap_or((text, "x"));
        let (language, codeset) = rest.split_once('.').unwrap_or((rest, "x"));
        let word = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let all = language.split('_').chain([codeset, modifier]);
        if text.len() > 64
            || language.split('_').count() > 2
            || !all.into_iter().all(|p| !p.is_empty() && word(p))
        {
            let hint = "LANGUAGE_COUNTRY.UTF-8, such as `zh_CN.UTF-8` or `en_US.UTF-8`, or `C.UTF-8`";
            return Err(ValueError::not_a("a locale", text, "", hint));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for DomainName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let label = |label: &str| label.parse::<Hostname>().is_ok();
        let why = match () {
            () if text.len() > 253 => "it is longer than 253 letters",
            () if !text.split('.').all(label) => {
                "each part between dots has 1 to 63 letters of a to z, digits and `-`"
            }
            () => return Ok(Self(text.to_owned())),
        };
        Err(ValueError::not_a("a name with a domain", text, why, "such as `lab-01.school.example`"))
    }
}

impl FromStr for HostAddr {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        // A name of digits and dots alone is an address with a typing error.
        let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if text.parse::<IpAddr>().is_ok() || (!digits && text.parse::<DomainName>().is_ok()) {
            return Ok(Self(text.to_owned()));
        }
        let hint = "such as `time.school.example`, `10.0.0.1` or `fd00::1`";
        Err(ValueError::not_a("a name or an address of a machine", text, "", hint))
    }
}

impl FromStr for Field {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.is_empty()
            || text.len() > 4095
            || text.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return Err(ValueError::not_a("one word", text, "", "a text with no blank in it"));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_zones_are_like_those_of_iana() {
        for good in ["UTC", "Asia/Shanghai", "America/Argentina/Buenos_Aires", "Etc/GMT+8", "PRC"] {
            assert!(good.parse::<TimeZone>().is_ok(), "{good}");
        }
        for bad in ["", "/etc/passwd", "Asia/../x", "Asia/", "GMT 8", "+08:00", "a/b/c/d", "北京"] {
            assert!(bad.parse::<TimeZone>().is_err(), "{bad}");
        }
    }

    #[test]
    fn locales_have_up_to_four_parts() {
        for good in ["C", "C.UTF-8", "zh_CN", "zh_CN.UTF-8", "de_DE.UTF-8@euro", "en_US.utf8", "POSIX"] {
            assert!(good.parse::<Locale>().is_ok(), "{good}");
        }
        for bad in ["", "zh_CN.", "zh CN", "zh_CN.UTF-8\n", "a_b_c", "../x", ".UTF-8", "@euro"] {
            assert!(bad.parse::<Locale>().is_err(), "{bad}");
        }
    }

    #[test]
    fn machines_have_names_or_addresses() {
        for good in ["lab-01", "time.lab.example", "10.0.0.1", "::1"] {
            assert!(good.parse::<HostAddr>().is_ok(), "{good}");
        }
        for bad in
            ["", "10.0.0", "10.0.0.256", "a..b", "a b", "-a.b", "http://x", "[::1]", "x.", &"a.".repeat(130)]
        {
            assert!(bad.parse::<HostAddr>().is_err(), "{bad}");
        }
    }
}
