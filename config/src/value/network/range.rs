//! Ranges of addresses.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::value::ValueError;

/// Addresses that a DHCP server gives away: `10.0.0.100-10.0.0.199`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    /// The first of them.
    pub first: Ipv4Addr,
    /// The last of them.
    pub last: Ipv4Addr,
}

/// Addresses in a range: more are a typing error.
const MOST: u32 = 1 << 16;

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl FromStr for AddressRange {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |why| {
            let hint = "the first and the last address, such as `10.0.0.100-10.0.0.199`";
            ValueError::not_a("a range of addresses", text, why, hint)
        };
        let address = |text: &str| text.trim().parse::<Ipv4Addr>().map_err(|_| wrong(""));
        let (first, last) = text.split_once('-').ok_or_else(|| wrong("the last address is missing"))?;
        let (first, last) = (address(first)?, address(last)?);
        match u32::from(last).checked_sub(u32::from(first)) {
            None => Err(wrong("its last address is before its first")),
            Some(more) if more >= MOST => Err(wrong("it has more than 65536 addresses")),
            Some(_) => Ok(Self { first, last }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_comes_first() {
        let range: AddressRange = "10.0.0.100 - 10.0.0.199".parse().unwrap();
        assert_eq!(range.to_string(), "10.0.0.100-10.0.0.199");
        assert!("10.0.0.1-10.0.0.1".parse::<AddressRange>().is_ok());
        for bad in
            ["", "10.0.0.1", "10.0.0.9-10.0.0.1", "10.0.0.1-9", "a-b", "10.0.0.1-11.0.0.1", "fd00::1-fd00::2"]
        {
            assert!(bad.parse::<AddressRange>().is_err(), "{bad}");
        }
    }
}
