//! Networks of addresses, for the containers of an engine.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::ValueError;

/// A network: its first address and the length of its prefix, `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Its first address.
    pub address: IpAddr,
    /// The bits that all its addresses share.
    pub prefix: u8,
}

impl Subnet {
    /// Whether any address is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let shorter = self.prefix.min(other.prefix);
        let same_kind = self.address.is_ipv4() == other.address.is_ipv4();
        same_kind && first(self.address, shorter) == first(other.address, shorter)
    }

    /// The bits of an address.
    pub fn width(&self) -> u8 {
        if self.address.is_ipv4() { 32 } else { 128 }
    }
}

/// The bits of an address that a prefix keeps, at the top of a number.
fn first(address: IpAddr, prefix: u8) -> u128 {
    let bits = match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    };
    bits & !u128::MAX.checked_shr(u32::from(prefix)).unwrap_or(0)
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Subnet {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |why| {
            ValueError::not_a(
                "a network",
                text,
                why,
                "its first address and `/` bits, such as `10.128.0.0/16`",
            )
        };
        let (address, prefix) =
            text.split_once('/').ok_or_else(|| wrong("`/` and the number of bits are missing"))?;
        let address: IpAddr =
            address.parse().map_err(|_| wrong("what stands before `/` is not an address"))?;
        let subnet =
            Self { address, prefix: prefix.parse().map_err(|_| wrong("its bits are not a number"))? };
        if prefix.starts_with('+') || subnet.prefix > subnet.width() {
            return Err(wrong("an address has no more than 32 bits, or 128 with IPv6"));
        }
        if first(address, subnet.width()) != first(address, subnet.prefix) {
            return Err(wrong("its address is not the first one of the network"));
        }
        Ok(subnet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_begin_with_their_first_address() {
        for good in ["10.0.0.0/8", "192.168.4.0/22", "0.0.0.0/0", "10.1.2.3/32", "fd00::/8", "::1/128"] {
            assert_eq!(good.parse::<Subnet>().unwrap().to_string(), good);
        }
        for (bad, why) in [
            ("10.0.0.0", "`/` and the number of bits are missing"),
            ("10.0.0/8", "what stands before `/` is not an address"),
            ("10.0.0.0/x", "its bits are not a number"),
            ("10.0.0.0/33", "an address has no more than 32 bits, or 128 with IPv6"),
            ("10.0.0.0/+8", "an address has no more than 32 bits, or 128 with IPv6"),
            ("10.0.0.1/8", "its address is not the first one of the network"),
            ("fd00::1/64", "its address is not the first one of the network"),
        ] {
            let message = bad.parse::<Subnet>().unwrap_err().message;
            assert_eq!(message, format!("`{bad}` is not a network: {why}"));
        }
    }

    #[test]
    fn overlaps_have_the_shorter_prefix_in_common() {
        for (a, b, expected) in [
            ("10.0.0.0/8", "10.128.0.0/16", true),
            ("10.0.0.0/16", "10.1.0.0/16", false),
            ("0.0.0.0/0", "192.168.0.0/16", true),
            ("0.0.0.0/0", "::/0", false),
            ("fd00::/8", "fd12::/16", true),
        ] {
            let (x, y): (Subnet, Subnet) = (a.parse().unwrap(), b.parse().unwrap());
            assert_eq!((x.overlaps(&y), y.overlaps(&x)), (expected, expected), "{a} {b}");
        }
    }
}
