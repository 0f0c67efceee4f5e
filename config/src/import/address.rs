//! Addresses, and the parts of a network that other systems write differently.

use std::net::{IpAddr, Ipv4Addr};

use super::tree::{self, entries, scalar};
use crate::yaml::{Mark, Node};

/// An address with its prefix length, from an address and perhaps a netmask or a prefix length.
pub(super) fn with_prefix(address: &str, mask: Option<&str>) -> Option<String> {
    if address.contains('/') {
        return Some(address.to_owned());
    }
    Some(format!("{address}/{}", prefix(mask?)?))
}

/// The prefix length of a netmask, or of what is one already.
fn prefix(mask: &str) -> Option<u32> {
    if let Ok(length) = mask.trim_start_matches('/').parse::<u32>() {
        return (length <= 128).then_some(length);
    }
    match mask.parse::<IpAddr>().ok()? {
        IpAddr::V4(mask) => whole(mask),
        IpAddr::V6(mask) => {
            let bits = u128::from(mask);
            (bits.leading_ones() == bits.count_ones()).then(|| bits.count_ones())
        }
    }
}

fn whole(mask: Ipv4Addr) -> Option<u32> {
    let bits = u32::from(mask);
    (bits.leading_ones() == bits.count_ones()).then(|| bits.count_ones())
}

/// A route of netplan.
pub(super) fn route(to: &str, via: &Node, metric: Option<&Node>) -> Node {
    let mut route = tree::map(via.mark);
    tree::place(&mut route, "to", tree::text(via.mark, to));
    tree::place(&mut route, "via", via.clone());
    if let Some(metric) = metric {
        tree::place(&mut route, "metric", metric.clone());
    }
    route
}

/// Where the kernel's and netplan's names for a bond's parameters differ.
const BOND: [(&str, &str); 20] = [
    ("mode", "mode"),
    ("miimon", "mii-monitor-interval"),
    ("lacp_rate", "lacp-rate"),
    ("downdelay", "down-delay"),
    ("updelay", "up-delay"),
    ("xmit_hash_policy", "transmit-hash-policy"),
    ("ad_select", "ad-select"),
    ("min_links", "min-links"),
    ("primary", "primary"),
    ("primary_reselect", "primary-reselect-policy"),
    ("arp_interval", "arp-interval"),
    ("arp_ip_target", "arp-ip-targets"),
    ("arp_validate", "arp-validate"),
    ("arp_all_targets", "arp-all-targets"),
    ("fail_over_mac", "fail-over-mac-policy"),
    ("num_grat_arp", "gratuitous-arp"),
    ("packets_per_slave", "packets-per-member"),
    ("all_slaves_active", "all-members-active"),
    ("resend_igmp", "resend-igmp"),
    ("lp_interval", "learn-packet-interval"),
];

const MODES: [&str; 7] =
    ["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"];

/// A bond's parameters in netplan's words; a name that is not known stays as it is.
pub(super) fn bond_parameters(params: &Node) -> Node {
    let mut out = tree::map(params.mark);
    for entry in entries(params) {
        let plain = entry.key.replace('-', "_");
        let plain = plain.strip_prefix("bond_").unwrap_or(&plain);
        let name =
            BOND.iter().find(|(kernel, _)| *kernel == plain).map_or(entry.key.as_str(), |(_, name)| name);
        let value = bond_value(plain, &entry.value);
        tree::place(&mut out, name, value);
    }
    out
}

fn bond_value(name: &str, value: &Node) -> Node {
    let text = scalar(value).unwrap_or_default();
    let word = match (name, text) {
        ("mode", number) => number.parse::<usize>().ok().and_then(|number| MODES.get(number)).copied(),
        ("lacp_rate", "0") => Some("slow"),
        ("lacp_rate", "1") => Some("fast"),
        _ => None,
    };
    match (name, word) {
        (_, Some(word)) => tree::text(value.mark, word),
        ("arp_ip_target", _) => tree::list(value.mark, tree::words(value)),
        _ => value.clone(),
    }
}

/// A name for what is matched: letters, digits and `-` of a pattern or a hardware address.
pub(super) fn id_of(pattern: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let id: String = pattern.replace('*', "-any").replace('?', "-one").chars().map(plain).collect();
    id.trim_matches('-').replace("--", "-")
}

/// `match: {KEY: TEXT}`.
pub(super) fn matching(key: &str, text: &str, mark: Mark) -> Node {
    let mut map = tree::map(mark);
    tree::place(&mut map, key, tree::text(mark, text));
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netmasks_become_prefix_lengths() {
        let cases = [
            ("10.0.0.2", Some("255.255.255.0"), Some("10.0.0.2/24")),
            ("10.0.0.2/8", None, Some("10.0.0.2/8")),
            ("10.0.0.2", Some("20"), Some("10.0.0.2/20")),
            ("10.0.0.2", Some("0.0.0.0"), Some("10.0.0.2/0")),
            ("fd00::2", Some("64"), Some("fd00::2/64")),
            ("fd00::2", Some("ffff:ffff:ffff:ffff::"), Some("fd00::2/64")),
            ("10.0.0.2", Some("255.0.255.0"), None),
            ("10.0.0.2", Some("x"), None),
            ("10.0.0.2", None, None),
        ];
        for (address, mask, expected) in cases {
            assert_eq!(with_prefix(address, mask).as_deref(), expected, "{address} {mask:?}");
        }
    }

    #[test]
    fn patterns_become_names() {
        for (pattern, id) in [("eth*", "eth-any"), ("*", "any"), ("52:54:00:aB:00:01", "52-54-00-ab-00-01")] {
            assert_eq!(id_of(pattern), id);
        }
    }
}
