//! How many connections there may be: altogether, and of one address, behind which a whole room may be.

use std::net::{IpAddr, Ipv6Addr};

use dockos_control::limits::Limits;

/// Connections at once.
const MOST: usize = 768;
/// Those of one address.
const MOST_OF_ONE: usize = 384;

/// No connections yet.
pub(super) fn limits() -> Limits {
    Limits::new(MOST, MOST_OF_ONE)
}

/// What counts as one address: IPv4 in IPv6 is IPv4, and of IPv6 the network, which is one client's. A network that leads
/// nowhere else is everybody's in the room, so each address of it counts.
pub(super) fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_unicast_link_local() && !address.is_unique_local() => {
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        whole => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let of = |text: &str| client(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("fe80::1"), of("fe80::2"), "everybody in the room has one of these");
        assert_ne!(of("fd00::1"), of("fd00::2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
