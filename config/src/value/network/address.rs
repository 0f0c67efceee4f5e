//! Addresses of machines, networks and cards.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::decode::{Decode, Problems, scalar};
use crate::shape::{Scalar, Shape};
use crate::value::{ValueError, from_text};
use crate::yaml::{Kind, Node};

/// An IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ip(pub IpAddr);

/// An address and the length of its network's prefix: `192.168.1.10/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    /// The address.
    pub ip: IpAddr,
    /// How many of its bits name the network.
    pub prefix: u8,
}

/// Where a route leads: a network, one address, or `default`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination(pub Option<Cidr>);

/// The address of a network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacAddress(pub [u8; 6]);

/// A domain in which short names are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchDomain(String);

impl Cidr {
    /// Whether the network holds an address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        bits(self.ip, self.prefix) == bits(ip, self.prefix) && self.ip.is_ipv4() == ip.is_ipv4()
    }

    /// The network's own address.
    pub fn network(&self) -> Self {
        let ip = match self.ip {
            IpAddr::V4(v4) => {
                let host = u32::MAX.checked_shr(self.prefix.into()).unwrap_or(0);
                IpAddr::from((u32::from(v4) & !host).to_be_bytes())
            }
            IpAddr::V6(v6) => {
                let host = u128::MAX.checked_shr(self.prefix.into()).unwrap_or(0);
                IpAddr::from((u128::from(v6) & !host).to_be_bytes())
            }
        };
        Self { ip, prefix: self.prefix }
    }
}

/// The first bits of an address.
fn bits(ip: IpAddr, prefix: u8) -> u128 {
    let (number, width) = match ip {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    number.checked_shr(width - u32::from(prefix).min(width)).unwrap_or(0)
}

impl Destination {
    /// Whether the route is for all that no other route is for.
    pub fn is_default(&self) -> bool {
        self.0.is_none_or(|net| net.prefix == 0)
    }
}

impl SearchDomain {
    /// The domain.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Ip {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let why = if text.contains('/') { "no prefix length belongs here" } else { "" };
        text.parse().map(Self).map_err(|_| {
            ValueError::not_a("an IP address", text, why, "such as `192.168.1.1` or `2001:db8::1`")
        })
    }
}

impl FromStr for Cidr {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let hint = "an address, `/` and the length of its network's prefix, such as `192.168.1.10/24`";
        let wrong = |why| ValueError::not_a("an address with its prefix", text, why, hint);
        let Some((ip, prefix)) = text.split_once('/') else {
            return Err(wrong("the prefix length is missing"));
        };
        let ip: IpAddr = ip.parse().map_err(|_| wrong(""))?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        // `u8::from_str` takes a leading plus.
        let digits = prefix.bytes().all(|b| b.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix| digits && *prefix <= most);
        let why =
            if ip.is_ipv4() { "the prefix is 0 to 32 bits long" } else { "the prefix is 0 to 128 bits long" };
        Ok(Self { ip, prefix: prefix.ok_or_else(|| wrong(why))? })
    }
}

impl FromStr for Destination {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == "default" {
            return Ok(Self(None));
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self(Some(Cidr { ip, prefix: if ip.is_ipv4() { 32 } else { 128 } })));
        }
        let net: Cidr = text.parse().map_err(|ValueError { message, .. }| {
            ValueError::new(message, "a network such as `10.0.0.0/8`, an address, or `default`")
        })?;
        if net != net.network() {
            let why = format!("the network is `{}`", net.network());
            return Err(ValueError::not_a("a network", text, &why, "write the network's own address"));
        }
        Ok(Self(Some(net)))
    }
}

impl FromStr for MacAddress {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = || {
            let hint = "six pairs of hexadecimal digits, such as `52:54:00:12:34:56`";
            ValueError::not_a("a card's address", text, "", hint)
        };
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2 && !part.starts_with('+'));
            *byte = part.and_then(|part| u8::from_str_radix(part, 16).ok()).ok_or_else(wrong)?;
        }
        if parts.next().is_some() { Err(wrong()) } else { Ok(Self(bytes)) }
    }
}

impl FromStr for SearchDomain {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let label = |label: &str| {
            let ends = label.starts_with('-') || label.ends_with('-');
            let known = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            (1..=63).contains(&label.len()) && !ends && label.bytes().all(known)
        };
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.len() > 253 || !name.split('.').all(label) {
            let hint = "names of letters, digits and `-` with dots between them, such as `lab.example`";
            return Err(ValueError::not_a("a domain", text, "", hint));
        }
        Ok(Self(name.to_owned()))
    }
}

from_text! {
    Destination: "a network", "destination", "a network, an address, or `default`", ["10.0.0.0/8", "default", "2001:db8::/32"];
    Ip: "an IP address", "ip address", "an IPv4 or IPv6 address", ["192.168.1.1", "2001:db8::1"];
    MacAddress: "a card's address", "mac address", "six pairs of hexadecimal digits", ["52:54:00:12:34:56"];
    SearchDomain: "a domain", "domain", "names with dots between them", ["lab.example"];
}

impl Decode for Cidr {
    const SHAPE: &'static Shape = &Shape::Scalar(&Scalar {
        name: "address with prefix",
        doc: "an IPv4 or IPv6 address, `/` and the length of its network's prefix",
        examples: &["192.168.1.10/24", "2001:db8::10/64"],
    });

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        // netplan's longer form, `ADDRESS: {label: ..., lifetime: 0}`.
        if let Kind::Mapping(entries) = &node.kind {
            let address = entries.first().map(|entry| entry.key.as_str()).unwrap_or_default();
            let hint = format!("write the address alone: `- {address}`");
            problems.add(node.mark, "an address's `label` and `lifetime` cannot be set", hint);
            return None;
        }
        let text = scalar(node, "an address", problems)?;
        text.parse().map_err(|error| problems.value(node.mark, error)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let cases = [
            ("192.168.1.10/24", "192.168.1.1", true),
            ("192.168.1.10/24", "192.168.2.1", false),
            ("10.0.0.1/0", "8.8.8.8", true),
            ("10.0.0.1/0", "::1", false),
            ("10.0.0.1/32", "10.0.0.1", true),
            ("10.0.0.1/31", "10.0.0.2", false),
            ("2001:db8::1/64", "2001:db8::ffff", true),
            ("2001:db8::1/64", "2001:db8:0:1::1", false),
            ("::/0", "2001:db8::1", true),
        ];
        for (net, ip, expected) in cases {
            assert_eq!(net.parse::<Cidr>().unwrap().contains(ip.parse().unwrap()), expected, "{net} {ip}");
        }
    }

    #[test]
    fn prefixes_are_within_their_family() {
        for bad in
            ["10.0.0.1", "10.0.0.1/33", "10.0.0.1/+8", "10.0.0.1/", "::1/129", "lab/8", "10.0.0/8", "/8"]
        {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
        assert_eq!("2001:DB8::1/64".parse::<Cidr>().unwrap().to_string(), "2001:db8::1/64");
    }

    #[test]
    fn destinations_are_networks() {
        assert!("default".parse::<Destination>().unwrap().is_default());
        assert!("0.0.0.0/0".parse::<Destination>().unwrap().is_default());
        assert!("::/0".parse::<Destination>().unwrap().is_default());
        assert!(!"10.0.0.0/8".parse::<Destination>().unwrap().is_default());
        assert_eq!("10.0.0.1".parse::<Destination>().unwrap().0.unwrap().prefix, 32);
        let error = "10.1.2.3/8".parse::<Destination>().unwrap_err();
        assert_eq!(error.message, "`10.1.2.3/8` is not a network: the network is `10.0.0.0/8`");
    }

    #[test]
    fn card_addresses_have_six_pairs() {
        let mac = "52-54-00-AB-cd-ef".parse::<MacAddress>().unwrap();
        assert_eq!(mac.to_string(), "52:54:00:ab:cd:ef");
        for bad in [
            "",
            "52:54:00:12:34",
            "52:54:00:12:34:56:78",
            "52:54:00:12:34:+6",
            "52:54:00:12:34:g6",
            "525400123456",
        ] {
            assert!(bad.parse::<MacAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn domains_cannot_add_lines() {
        assert_eq!("lab.example.".parse::<SearchDomain>().unwrap().as_str(), "lab.example");
        for bad in ["", ".", "a..b", "-a", "a b", "lab\nnameserver 6.6.6.6", "~."] {
            assert!(bad.parse::<SearchDomain>().is_err(), "{bad:?}");
        }
    }
}
