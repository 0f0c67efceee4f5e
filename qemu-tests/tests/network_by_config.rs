//! The machine's network is the one that `network:` describes: static addresses, or DHCP used as the config says.

use std::time::Duration;

use anyhow::Result;
use qemu_tests::{Machine, READY, Vm};

const STATIC: &str = r#"#cloud-config
network:
  version: 2
  ethernets:
    uplink:
      match: { macaddress: "52:54:00:00:00:01" }
      set-name: lan0
      addresses: [ 10.0.2.77/24, "fd00:2::77/64" ]
      routes:
        - { to: default, via: 10.0.2.2, metric: 50 }
        - { to: 10.99.0.0/16, via: 10.0.2.2, table: 100 }
        - { to: 10.98.0.0/16, via: 203.0.113.1, on-link: true }
        - { to: 10.97.0.0/16, type: blackhole }
        - { to: "fd00:99::/32", via: "fd00:2::1" }
      nameservers: { addresses: [ 10.0.2.3, 192.168.50.9 ], search: [ lab.example, example ] }
      mtu: 1400
      accept-ra: false
    left: { match: { driver: "e1000*" } }
    right: { match: { name: "eth*", macaddress: "52:54:00:00:00:03" } }
  bonds:
    bond0:
      interfaces: [ left, right ]
      parameters: { mode: active-backup, primary: right, mii-monitor-interval: 200 }
  bridges:
    br0:
      interfaces: [ bond0 ]
      parameters: { stp: false, priority: 4096, path-cost: { bond0: 7 } }
      macaddress: "02:00:00:00:00:50"
      addresses: [ 192.168.50.1/24 ]
  vlans:
    room: { id: 7, link: br0, addresses: [ 192.168.57.1/24 ] }
"#;

/// Cards on a wire of their own, where nobody answers.
const CARDS: [&str; 8] = [
    "-netdev",
    "hubport,hubid=0,id=left",
    "-device",
    "e1000e,netdev=left,mac=52:54:00:00:00:02",
    "-netdev",
    "hubport,hubid=0,id=right",
    "-device",
    "virtio-net-pci,netdev=right,id=card,mac=52:54:00:00:00:03",
];
/// A card on QEMU's own network, which has a DHCP server.
const UPLINK: [&str; 4] =
    ["-netdev", "user,id=uplink", "-device", "virtio-net-pci,netdev=uplink,mac=52:54:00:00:00:01"];

#[test]
fn a_static_network_is_as_described() -> Result<()> {
    let machine = Machine::new("network-static").without_nic().config(STATIC);
    let vm = machine.qemu_args(&CARDS).qemu_args(&UPLINK).start()?;
    vm.wait_ready(READY)?;
    the_card_has_its_name_and_addresses(&vm)?;
    routes_lead_where_they_should(&vm)?;
    two_cards_are_one_below_a_bridge(&vm)?;
    let resolv = vm.check("cat /etc/resolv.conf")?;
    assert_eq!(resolv, "search lab.example example\nnameserver 10.0.2.3\nnameserver 192.168.50.9");
    vm.check("ping -c 1 -W 5 10.0.2.2")?;
    let phase = vm.boot_json()?.phase("network").and_then(|phase| phase.note.clone()).unwrap_or_default();
    for address in ["10.0.2.77/24 on lan0", "192.168.50.1/24 on br0", "192.168.57.1/24 on room"] {
        assert!(phase.contains(address), "{phase}");
    }
    a_cable_that_is_pulled_changes_nothing_else(&vm)?;
    vm.poweroff()
}

fn the_card_has_its_name_and_addresses(vm: &Vm) -> Result<()> {
    let card = vm.check("ip addr show lan0")?;
    for part in ["52:54:00:00:00:01", "10.0.2.77/24", "fd00:2::77/64", "mtu 1400"] {
        assert!(card.contains(part), "{part}: {card}");
    }
    assert!(!vm.check("ip addr")?.contains("10.0.2.15"), "DHCP ran though the config does not want it");
    assert_eq!(vm.check("cat /proc/sys/net/ipv6/conf/lan0/accept_ra")?, "0");
    Ok(())
}

fn routes_lead_where_they_should(vm: &Vm) -> Result<()> {
    let main = vm.check("ip route")?;
    for route in [
        "default via 10.0.2.2 dev lan0",
        "metric 50",
        "10.98.0.0/16 via 203.0.113.1 dev lan0",
        "blackhole 10.97.0.0/16",
        "192.168.57.0/24 dev room",
    ] {
        assert!(main.contains(route), "{route}: {main}");
    }
    assert!(!main.contains("10.99.0.0/16"), "{main}");
    assert!(vm.check("ip route show table 100")?.contains("10.99.0.0/16 via 10.0.2.2 dev lan0"));
    assert!(vm.check("ip -6 route")?.contains("fd00:99::/32 via fd00:2::1 dev lan0"));
    Ok(())
}

fn two_cards_are_one_below_a_bridge(vm: &Vm) -> Result<()> {
    let bond = "/sys/class/net/bond0";
    assert_eq!(vm.check(&format!("cat {bond}/bonding/mode"))?, "active-backup 1");
    assert_eq!(vm.check(&format!("cat {bond}/bonding/miimon"))?, "200");
    let right = vm.check("grep -l 52:54:00:00:00:03 /sys/class/net/eth*/bonding_slave/perm_hwaddr")?;
    let right = right.split('/').nth(4).unwrap_or_default().to_owned();
    assert_eq!(
        vm.check(&format!("cat {bond}/bonding/primary {bond}/bonding/active_slave"))?,
        format!("{right}\n{right}")
    );
    assert_eq!(vm.check(&format!("wc -w < {bond}/bonding/slaves"))?, "2");
    assert_eq!(vm.check("basename $(readlink /sys/class/net/bond0/master)")?, "br0");
    let bridge = vm.check(
        "cd /sys/class/net/br0; cat bridge/stp_state bridge/priority address; cat brif/bond0/path_cost",
    )?;
    assert_eq!(bridge, "0\n4096\n02:00:00:00:00:50\n7");
    assert!(vm.check("cat /proc/net/vlan/room")?.contains("VID: 7"));
    assert!(vm.check("ip addr show room")?.contains("192.168.57.1/24"));
    Ok(())
}

fn a_cable_that_is_pulled_changes_nothing_else(vm: &Vm) -> Result<()> {
    let before = vm.check("ip route")?;
    // The other card takes over, and the one that is preferred gets its work back.
    let active = "cat /sys/class/net/bond0/bonding/active_slave";
    let card = vm.check(active)?;
    vm.qmp().execute("set_link", serde_json::json!({ "name": "card", "up": false }))?;
    vm.eventually(&format!("[ $({active}) != {card} ]"), LATE)?;
    vm.qmp().execute("set_link", serde_json::json!({ "name": "card", "up": true }))?;
    vm.eventually(&format!("[ $({active}) = {card} ]"), LATE)?;
    assert_eq!(vm.check("ip route")?, before);
    Ok(())
}

/// How long a card may take to be noticed and to get an address.
const LATE: Duration = Duration::from_secs(60);

const DYNAMIC: &str = r#"#cloud-config
hostname: lab-08
network:
  ethernets:
    uplink:
      match: { macaddress: "52:54:00:00:00:01" }
      dhcp4: true
      dhcp4-overrides: { use-dns: false, route-metric: 77, hostname: pc-8 }
      dhcp-identifier: duid
      addresses: [ 192.168.77.1/24 ]
      nameservers: { addresses: [ 10.0.2.3 ] }
    spare: { match: { driver: e1000e }, dhcp4: true, optional: true }
    late: { match: { driver: "cdc_*" }, set-name: usb0, dhcp4: true, optional: true }
"#;

#[test]
fn dhcp_is_used_as_described() -> Result<()> {
    let machine = Machine::new("network-dhcp").without_nic().config(DYNAMIC);
    let vm = machine.qemu_args(&CARDS).qemu_args(&UPLINK).qemu_args(&["-device", "qemu-xhci"]).start()?;
    vm.wait_ready(READY)?;
    let routes = vm.check("ip route")?;
    assert!(routes.contains("default via 10.0.2.2") && routes.contains("metric 77"), "{routes}");
    assert_eq!(vm.check("cat /etc/resolv.conf")?, "nameserver 10.0.2.3");
    let addresses = vm.check("ip addr")?;
    assert!(addresses.contains("10.0.2.15/24") && addresses.contains("192.168.77.1/24"), "{addresses}");
    // Nobody asked for the third card.
    let third = vm.check("dirname $(grep -l 52:54:00:00:00:03 /sys/class/net/*/address)")?;
    let flags = vm.check(&format!("cat {third}/flags"))?;
    assert_eq!(flags.chars().next_back(), Some('2'), "the card is up: {flags}");
    a_card_that_comes_later_is_set_up(&vm)?;
    vm.poweroff()
}

fn a_card_that_comes_later_is_set_up(vm: &Vm) -> Result<()> {
    let network = serde_json::json!({ "type": "user", "id": "late", "net": "10.0.9.0/24" });
    vm.qmp().execute("netdev_add", network)?;
    vm.qmp()
        .execute("device_add", serde_json::json!({ "driver": "usb-net", "netdev": "late", "id": "late" }))?;
    let address = vm.eventually("ip addr show usb0 | grep -o 10.0.9.15/24", LATE)?;
    assert_eq!(address, "10.0.9.15/24");
    vm.qmp().execute("device_del", serde_json::json!({ "id": "late" }))?;
    vm.eventually("! ip link show usb0", LATE)?;
    assert!(vm.check("ip route")?.contains("metric 77"), "the other card's route is gone");
    Ok(())
}
