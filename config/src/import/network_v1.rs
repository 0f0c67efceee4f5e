//! cloud-init's network version 1: a list of devices with subnets, as netplan's devices by kind.

use super::Import;
use super::address::{bond_parameters, matching, route, with_prefix};
use super::tree::{entries, items, list, map, place, put, scalar, text, words, yes};
use crate::value::quoted;
use crate::yaml::{Entry, Node};

/// Keys of a device that stand where they are needed, or say nothing of their own.
const READ: [&str; 15] = [
    "type",
    "name",
    "subnets",
    "mac_address",
    "params",
    "bond_interfaces",
    "bridge_interfaces",
    "vlan_link",
    "vlan_id",
    "mtu",
    "accept-ra",
    "wakeonlan",
    "optional",
    "id",
    "keep_configuration",
];

/// A bridge's parameters in netplan's words.
const BRIDGE: [(&str, &str); 8] = [
    ("bridge_stp", "stp"),
    ("bridge_fd", "forward-delay"),
    ("bridge_hello", "hello-time"),
    ("bridge_maxage", "max-age"),
    ("bridge_ageing", "ageing-time"),
    ("bridge_bridgeprio", "priority"),
    ("bridge_pathcost", "path-cost"),
    ("bridge_portprio", "port-priority"),
];

pub(super) fn turn(import: &mut Import, config: &Node) {
    let mut network = map(config.mark);
    place(&mut network, "version", text(config.mark, "2"));
    // Name servers and routes of no device come last: by then all devices are there.
    let (loose, devices): (Vec<&Node>, Vec<&Node>) =
        items(config).iter().partition(|item| matches!(kind_of(item), "nameserver" | "route"));
    devices.into_iter().for_each(|item| device(import, item, &mut network));
    loose.into_iter().for_each(|item| rest(import, item, &mut network));
    import.take("network", &network);
}

fn kind_of(item: &Node) -> &str {
    item.get("type").and_then(scalar).unwrap_or_default()
}

fn device(import: &mut Import, item: &Node, network: &mut Node) {
    let kind = match kind_of(item) {
        "physical" => "ethernets",
        "bond" => "bonds",
        "bridge" => "bridges",
        "vlan" => "vlans",
        "loopback" => return,
        other => {
            let message = format!("a device of type {} is not taken over: DockOS has none", quoted(other));
            return import.leave(item.mark, message, "use physical, bond, bridge or vlan");
        }
    };
    let Some(name) = item.get("name").and_then(scalar) else {
        return import.leave(item.mark, "a device without a name is not taken over", "give it a `name`");
    };
    let mut out = map(item.mark);
    common(import, item, kind, name, &mut out);
    parts(item, kind, &mut out);
    for subnet in item.get("subnets").map(items).unwrap_or_default() {
        self::subnet(import, subnet, &mut out);
    }
    for field in entries(item).iter().filter(|field| !READ.contains(&field.key.as_str())) {
        import.unknown_of(field, &READ);
    }
    put(network, &[kind, name], out);
}

fn common(_: &mut Import, item: &Node, kind: &str, name: &str, out: &mut Node) {
    for key in ["mtu", "wakeonlan", "optional", "accept-ra"] {
        if let Some(value) = item.get(key) {
            place(out, key, value.clone());
        }
    }
    match item.get("mac_address").and_then(|mac| Some((mac, scalar(mac)?))) {
        Some((node, mac)) if kind == "ethernets" => {
            place(out, "match", matching("macaddress", mac, node.mark));
            place(out, "set-name", text(node.mark, name));
        }
        Some((node, _)) => place(out, "macaddress", node.clone()),
        None => {}
    }
}

/// What a device is made of.
fn parts(item: &Node, kind: &str, out: &mut Node) {
    let copy = |from: &str, to: &str, out: &mut Node| {
        if let Some(value) = item.get(from) {
            place(out, to, value.clone());
        }
    };
    match kind {
        "vlans" => {
            copy("vlan_id", "id", out);
            copy("vlan_link", "link", out);
        }
        "bonds" => {
            copy("bond_interfaces", "interfaces", out);
            if let Some(params) = item.get("params") {
                place(out, "parameters", bond_parameters(params));
            }
        }
        "bridges" => {
            copy("bridge_interfaces", "interfaces", out);
            if let Some(params) = item.get("params") {
                place(out, "parameters", bridge_parameters(params));
            }
        }
        _ => {}
    }
}

fn bridge_parameters(params: &Node) -> Node {
    let mut out = map(params.mark);
    for entry in entries(params) {
        let name =
            BRIDGE.iter().find(|(old, _)| *old == entry.key).map_or(entry.key.as_str(), |(_, new)| new);
        let value = match name {
            "stp" => text(entry.value.mark, if yes(&entry.value) { "true" } else { "false" }),
            "path-cost" | "port-priority" => by_port(&entry.value),
            _ => entry.value.clone(),
        };
        place(&mut out, name, value);
    }
    out
}

/// `eth0 50`, once or in a list, as a mapping.
fn by_port(node: &Node) -> Node {
    let mut out = map(node.mark);
    for item in items(node) {
        if let Some((port, value)) = scalar(item).and_then(|item| item.split_once(' ')) {
            place(&mut out, port, text(item.mark, value.trim()));
        }
    }
    out
}

fn subnet(import: &mut Import, subnet: &Node, out: &mut Node) {
    let mark = subnet.mark;
    match subnet.get("type").and_then(scalar).unwrap_or("static") {
        "dhcp" | "dhcp4" => place(out, "dhcp4", text(mark, "true")),
        "dhcp6" | "ipv6_dhcpv6-stateful" => place(out, "dhcp6", text(mark, "true")),
        "ipv6_dhcpv6-stateless" | "ipv6_slaac" => place(out, "accept-ra", text(mark, "true")),
        "static" | "static4" | "static6" => {}
        "manual" => {}
        other => {
            let message = format!("a subnet of type {} is not known", quoted(other));
            import.leave(mark, message, "use dhcp4, dhcp6 or static");
        }
    }
    for field in entries(subnet) {
        subnet_field(import, subnet, field, out);
    }
}

fn subnet_field(import: &mut Import, subnet: &Node, field: &Entry, out: &mut Node) {
    let value = &field.value;
    match field.key.as_str() {
        "type" | "netmask" | "control" | "scope" | "ipv4" | "ipv6" | "broadcast" => {}
        "address" => address(import, value, subnet.get("netmask"), out),
        "gateway" => routes(out, route("default", value, subnet.get("metric"))),
        "metric" => {}
        "dns_nameservers" => nameservers(out, "addresses", value),
        "dns_search" => nameservers(out, "search", value),
        "routes" => {
            items(value).iter().for_each(|item| {
                if let Some(route) = one_route(import, item) {
                    routes(out, route);
                }
            });
        }
        _ => import.unknown_of(
            field,
            &["type", "address", "netmask", "gateway", "dns_nameservers", "dns_search", "routes"],
        ),
    }
}

fn address(import: &mut Import, node: &Node, mask: Option<&Node>, out: &mut Node) {
    let address = scalar(node).unwrap_or_default();
    match with_prefix(address, mask.and_then(scalar)) {
        Some(address) => place(out, "addresses", list(node.mark, vec![text(node.mark, address)])),
        None => {
            let message =
                format!("the address {} is not taken over: its network is not known", quoted(address));
            import.leave(node.mark, message, "write it with its prefix length, such as `192.168.1.2/24`");
        }
    }
}

fn routes(out: &mut Node, route: Node) {
    place(out, "routes", list(route.mark, vec![route]));
}

fn nameservers(out: &mut Node, key: &str, value: &Node) {
    put(out, &["nameservers", key], list(value.mark, words(value)));
}

fn one_route(import: &mut Import, item: &Node) -> Option<Node> {
    let to = item.get("network").or_else(|| item.get("destination")).and_then(scalar).unwrap_or_default();
    let mask = item.get("netmask").or_else(|| item.get("prefix")).and_then(scalar);
    let to = match with_prefix(to, mask) {
        Some(to) if to == "0.0.0.0/0" || to == "::/0" => Some("default".to_owned()),
        other => other,
    };
    match (to, item.get("gateway")) {
        (Some(to), Some(via)) => Some(route(&to, via, item.get("metric"))),
        _ => {
            let message = "a route is not taken over: its network or its gateway is not known";
            import.leave(item.mark, message, "write `to: 10.0.0.0/8` and `via: ROUTER` under `routes`");
            None
        }
    }
}

/// A name server or a route of no device: it goes to one that can reach it.
fn rest(import: &mut Import, item: &Node, network: &mut Node) {
    let wanted = item.get("interface").and_then(scalar);
    let Some((kind, name)) = talker(network, wanted) else {
        let message = format!("a {} without a device that has an address is not taken over", kind_of(item));
        return import.leave(item.mark, message, "put it below the device that leads there");
    };
    if kind_of(item) == "route" {
        if let Some(route) = one_route(import, item) {
            put(network, &[kind, &name, "routes"], list(item.mark, vec![route]));
        }
        return;
    }
    for (from, to) in [("address", "addresses"), ("search", "search")] {
        if let Some(value) = item.get(from) {
            put(network, &[kind, &name, "nameservers", to], list(value.mark, words(value)));
        }
    }
}

/// The device of a name, or the first that has addresses.
fn talker(network: &Node, wanted: Option<&str>) -> Option<(&'static str, String)> {
    let kinds = ["ethernets", "bonds", "bridges", "vlans"];
    let talks = |device: &Node| {
        device.get("addresses").is_some()
            || device.get("dhcp4").is_some_and(yes)
            || device.get("dhcp6").is_some_and(yes)
    };
    kinds.into_iter().find_map(|kind| {
        let devices = network.get(kind).map(entries).unwrap_or_default();
        let fits = |device: &&Entry| wanted.map_or_else(|| talks(&device.value), |name| device.key == name);
        devices.iter().find(fits).map(|device| (kind, device.key.clone()))
    })
}
