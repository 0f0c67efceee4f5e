//! Port mappings.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::str::FromStr;

use super::{ValueError, quoted};

/// A port of the machine that leads into a container: `[IP:]HOST:CONTAINER[/tcp|udp]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortMapping {
    /// The machine's address; none: all of them.
    pub ip: Option<IpAddr>,
    /// The machine's port.
    pub host: NonZeroU16,
    /// The container's port.
    pub container: NonZeroU16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// The protocol as Docker names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl PortMapping {
    /// Whether both mappings want the same port of the machine.
    pub fn collides(&self, other: &Self) -> bool {
        let everywhere = |ip: IpAddr, other: IpAddr| ip.is_unspecified() && ip.is_ipv4() == other.is_ipv4();
        let addresses = match (self.ip, other.ip) {
            (Some(a), Some(b)) => a == b || everywhere(a, b) || everywhere(b, a),
            _ => true,
        };
        self.host == other.host && self.protocol == other.protocol && addresses
    }
}

impl fmt::Display for PortMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            Some(IpAddr::V4(ip)) => write!(f, "{ip}:")?,
            Some(IpAddr::V6(ip)) => write!(f, "[{ip}]:")?,
            None => {}
        }
        write!(f, "{}:{}/{}", self.host, self.container, self.protocol.as_str())
    }
}

impl FromStr for PortMapping {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        parse(text).map_err(|why| {
            let hint = "[IP:]HOST:CONTAINER[/tcp|udp], such as `8080:80` or `127.0.0.1:53:53/udp`";
            ValueError::not_a("a port mapping", text, &why, hint)
        })
    }
}

fn parse(text: &str) -> Result<PortMapping, String> {
    let (rest, protocol) = match text.split_once('/') {
        None => (text, Protocol::Tcp),
        Some((rest, "tcp")) => (rest, Protocol::Tcp),
        Some((rest, "udp")) => (rest, Protocol::Udp),
        Some((_, other)) => return Err(format!("the protocol {} is neither tcp nor udp", quoted(other))),
    };
    let Some((rest, container)) = rest.rsplit_once(':') else {
        return Err("the machine's port is missing".to_owned());
    };
    let (ip, host) = match rest.rsplit_once(':') {
        Some((ip, host)) => (Some(address(ip)?), host),
        None => (None, rest),
    };
    Ok(PortMapping { ip, host: port(host)?, container: port(container)?, protocol })
}

fn address(text: &str) -> Result<IpAddr, String> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let ip = match bare {
        Some(v6) => v6.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().map(IpAddr::V4),
    };
    ip.ok_or_else(|| format!("{} is not an address (IPv6 goes in brackets)", quoted(text)))
}

fn port(text: &str) -> Result<NonZeroU16, String> {
    // `u16::from_str` takes a leading plus.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.ok_or_else(|| format!("{} is not a port from 1 to 65535", quoted(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_read_and_shown() {
        let cases = [
            ("8080:80", "8080:80/tcp"),
            ("53:53/udp", "53:53/udp"),
            ("127.0.0.1:8080:80/tcp", "127.0.0.1:8080:80/tcp"),
            ("[::1]:8080:80", "[::1]:8080:80/tcp"),
        ];
        for (text, shown) in cases {
            assert_eq!(text.parse::<PortMapping>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_not_a_mapping_says_why() {
        let cases = [
            ("8080", "the machine's port is missing"),
            ("8080:80/sctp", "the protocol `sctp` is neither tcp nor udp"),
            ("0:80", "`0` is not a port from 1 to 65535"),
            ("8080:70000", "`70000` is not a port from 1 to 65535"),
            ("+80:80", "`+80` is not a port from 1 to 65535"),
            ("::1:8080:80", "`::1` is not an address (IPv6 goes in brackets)"),
            ("lab:80:80", "`lab` is not an address (IPv6 goes in brackets)"),
        ];
        for (text, why) in cases {
            let message = text.parse::<PortMapping>().unwrap_err().message;
            assert_eq!(message, format!("`{text}` is not a port mapping: {why}"));
        }
    }

    #[test]
    fn collisions_need_port_protocol_and_address() {
        let cases = [
            ("80:1", "80:2", true),
            ("80:1", "81:1", false),
            ("80:1", "80:1/udp", false),
            ("127.0.0.1:80:1", "80:2", true),
            ("127.0.0.1:80:1", "127.0.0.2:80:2", false),
            ("127.0.0.1:80:1", "0.0.0.0:80:2", true),
            ("127.0.0.1:80:1", "[::]:80:2", false),
        ];
        for (a, b, expected) in cases {
            let (x, y): (PortMapping, PortMapping) = (a.parse().unwrap(), b.parse().unwrap());
            assert_eq!(x.collides(&y), expected, "{a} {b}");
            assert_eq!(y.collides(&x), expected, "{b} {a}");
        }
    }
}
