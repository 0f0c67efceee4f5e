//! What `network:` means, and that no network takes long to check.

use std::time::{Duration, Instant};

use dockos_config::{BondMode, DhcpIdentifier, Link, Network, Report, RouteKind, parse};
use proptest::prelude::*;

fn network() -> Network {
    parse("network.yml", include_str!("good/network.yml")).unwrap_or_default().network
}

#[test]
fn cards_are_selected_and_have_addresses() {
    let network = network();
    let uplink = network.ethernets.iter().find(|(id, _)| id.as_str() == "uplink").unwrap().1;
    let matching = uplink.matching.as_ref().unwrap();
    assert_eq!(matching.macaddress.unwrap().to_string(), "52:54:00:12:34:56");
    assert!(matching.driver.as_ref().unwrap().matches("e1000e") && matching.name.is_none());
    assert_eq!(uplink.set_name.as_ref().unwrap().as_str(), "lan0");
    let Link { addresses, routes, nameservers, mtu, .. } = &uplink.link;
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["192.168.1.10/24", "2001:db8::10/64"]);
    assert!(routes[0].to.is_default() && routes[2].to.is_default() && !routes[1].to.is_default());
    assert_eq!((routes[1].table.unwrap().get(), routes[1].mtu.unwrap().get()), (100, 1400));
    assert!(routes[3].on_link && routes[4].kind == RouteKind::Blackhole);
    assert_eq!(nameservers.search[1].as_str(), "example");
    assert_eq!((mtu.unwrap().get(), uplink.wakeonlan, uplink.link.accept_ra), (9000, true, Some(false)));
}

#[test]
fn the_others_are_made_of_them() {
    let network = network();
    let names = |id: &str| network.below(id).iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(names("bond0"), ["a", "b"]);
    assert_eq!((names("br0"), names("room")), (vec!["bond0".to_owned()], vec!["br0".to_owned()]));
    let (_, bond) = network.bonds.iter().next().unwrap();
    assert_eq!(
        (bond.parameters.mode, bond.parameters.up_delay.unwrap().duration()),
        (BondMode::Lacp, Duration::from_secs(1))
    );
    let (_, bridge) = network.bridges.iter().next().unwrap();
    assert_eq!((bridge.parameters.stp, bridge.parameters.priority.unwrap().get()), (Some(false), 8192));
    let (_, vlan) = network.vlans.iter().next().unwrap();
    assert_eq!((vlan.id.get(), vlan.base.as_str()), (10, "br0"));
    let (_, first) = network.ethernets.iter().find(|(id, _)| id.as_str() == "eth0").unwrap();
    assert_eq!(first.link.dhcp_identifier, DhcpIdentifier::Duid);
    assert_eq!(first.link.dhcp4_overrides.route_metric.unwrap().get(), 100);
    assert!(!network.is_empty() && Network::default().is_empty());
}

/// Reads a network and insists on an answer within a time that only runaway work exceeds.
fn read(network: &str) -> Result<Network, Report> {
    let start = Instant::now();
    let result = parse("network.yml", &format!("network:\n{network}"));
    assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
    result.map(|config| config.network)
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

#[test]
fn large_networks_are_checked_soon() {
    let members = |i: usize| lines(100, |j| format!("x{i}y{j},"));
    let cases = [
        (
            "many interfaces",
            format!(" ethernets:\n{}", lines(20_000, |i| format!("  e{i}: {{}}\n"))),
            "20000 interfaces",
        ),
        (
            "many addresses",
            format!(" ethernets:\n  e: {{addresses: [{}]}}", "10.0.0.1/8,".repeat(20_000)),
            "20000 of these",
        ),
        (
            "many unknown members",
            format!(" bonds:\n{}", lines(250, |i| format!("  b{i}: {{interfaces: [{}]}}\n", members(i)))),
            "no interface `x0y0`",
        ),
        (
            "a long chain",
            format!(" vlans:\n{}", lines(250, |i| format!("  v{i}: {{id: 1, link: v{}}}\n", (i + 1) % 250))),
            "`v0` is made of itself",
        ),
    ];
    for (name, network, message) in cases {
        let report = read(&network).unwrap_err();
        assert!(report.diagnostics.iter().any(|d| d.message.contains(message)), "{name}: {report}");
    }
}

proptest! {
    /// Interfaces that are made of each other in any way give an answer, and a circle is never accepted.
    #[test]
    fn any_graph_is_checked(below in proptest::collection::vec((0..8usize, 0..8usize), 1..8)) {
        let bridges = lines(below.len(), |i| format!("  b{i}: {{interfaces: [b{}, b{}]}}\n", below[i].0, below[i].1));
        // Each bridge has a port, and each must be there: among finitely many bridges there is a circle.
        let refused = read(&format!(" bridges:\n{bridges}")).is_err();
        prop_assert!(refused);
    }

    #[test]
    fn no_text_is_fatal(key in "(addresses|gateway4|routes|match|mtu|nameservers|set-name|link-local)", value in ".{0,40}") {
        let _ = read(&format!(" ethernets: {{eth0: {{{key}: {value}}}}}\n"));
    }
}
