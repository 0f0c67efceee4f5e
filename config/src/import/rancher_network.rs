//! RancherOS's network: interfaces that say whose part they are, as netplan's devices that name their parts.

use super::Import;
use super::address::{bond_parameters, id_of, matching, route};
use super::tree::{self, entries, items, place, put, scalar, text, yes};
use crate::yaml::{Entry, Node};

/// Keys of an interface that have no counterpart.
const NOT: [(&str, &str, &str); 5] = [
    ("dhcp_args", "DockOS has its own DHCP client", "leave it out"),
    ("pre_up", "no command runs when an interface comes up", "use `bootcmd`"),
    ("post_up", "no command runs when an interface comes up", "use `runcmd`"),
    ("wifi_network", "DockOS has no Wi-Fi", "use a cable"),
    ("match", "it is not a pattern", "write `eth*` or `mac=52:54:00:12:34:56`"),
];

/// The network that is used when there is no other.
pub(super) fn default(import: &mut Import, entry: &Entry) {
    if import.out.get("network").is_none() {
        turn(import, entry);
    }
}

pub(super) fn turn(import: &mut Import, entry: &Entry) {
    // What is written for the default must not mix with what takes its place.
    tree::remove(&mut import.out, &["network"]);
    let mut network = tree::map(entry.mark);
    place(&mut network, "version", text(entry.mark, "2"));
    let none = tree::map(entry.mark);
    let interfaces = entry.value.get("interfaces").unwrap_or(&none);
    let plan = Plan::of(interfaces);
    for interface in entries(interfaces) {
        plan.interface(import, interface, &mut network);
    }
    for field in entries(&entry.value) {
        match field.key.as_str() {
            "interfaces" => {}
            "dns" => dns(import, field, &mut network),
            "http_proxy" | "https_proxy" | "no_proxy" => proxy(import, field),
            "dhcp_timeout" => import.refuse(field, "DockOS has its own bounds for waiting", "leave it out"),
            "pre_cmds" => import.refuse(field, "no command belongs to the network", "use `bootcmd`"),
            "post_cmds" => import.refuse(field, "no command belongs to the network", "use `runcmd`"),
            "wifi_networks" => import.refuse(field, "DockOS has no Wi-Fi", "use a cable"),
            "modem_networks" => import.refuse(field, "DockOS has no modems", "use a cable"),
            _ => import.unknown_of(field, &["interfaces", "dns", "http_proxy", "https_proxy", "no_proxy"]),
        }
    }
    if entries(&network).len() > 1 {
        import.take("network", &network);
    }
}

/// What the interfaces say of each other.
struct Plan {
    bonds: Vec<String>,
    vlans: Vec<String>,
    /// Whether there is more than one.
    others: bool,
}

impl Plan {
    fn of(interfaces: &Node) -> Self {
        let (mut bonds, mut vlans) = (Vec::new(), Vec::new());
        for entry in entries(interfaces) {
            bonds.extend(entry.value.get("bond").and_then(scalar).map(str::to_owned));
            let made = vlans_of(entry).into_iter().map(|(_, name)| name);
            vlans.extend(made);
        }
        Self { bonds, vlans, others: entries(interfaces).len() > 1 }
    }

    fn kind(&self, entry: &Entry) -> &'static str {
        if entry.value.get("bridge").is_some_and(yes) {
            "bridges"
        } else if entry.value.get("bond_opts").is_some() || self.bonds.contains(&entry.key) {
            "bonds"
        } else if self.vlans.contains(&entry.key) {
            "vlans"
        } else {
            "ethernets"
        }
    }

    fn interface(&self, import: &mut Import, entry: &Entry, network: &mut Node) {
        let kind = self.kind(entry);
        let (id, found) = identity(entry);
        // `eth*: {dhcp: false}` beside others only says that no other interface is used.
        if found.is_some()
            && self.others
            && entries(&entry.value).iter().all(|field| tree::nothing(&field.value))
        {
            return;
        }
        let mut device = tree::map(entry.mark);
        for field in entries(&entry.value).iter().filter(|field| !field.value.is_null()) {
            field_of(import, field, &id, &mut device, network);
        }
        for (number, name) in vlans_of(entry) {
            let mark = entry.value.mark;
            put(network, &["vlans", &name, "id"], text(mark, number));
            put(network, &["vlans", &name, "link"], text(mark, id.as_str()));
        }
        if let Some(found) = found {
            place(&mut device, "match", found);
        }
        put(network, &[kind, &id], device);
    }
}

fn field_of(import: &mut Import, field: &Entry, id: &str, device: &mut Node, network: &mut Node) {
    let value = &field.value;
    match field.key.as_str() {
        "dhcp" => place(device, "dhcp4", text(value.mark, if yes(value) { "true" } else { "false" })),
        "address" | "addresses" => addresses(value, device),
        "gateway" | "gateway_ipv6" => {
            place(device, "routes", tree::list(value.mark, vec![route("default", value, None)]));
        }
        "mtu" => place(device, "mtu", value.clone()),
        "ipv4ll" if yes(value) => {
            place(device, "link-local", tree::list(value.mark, vec![text(value.mark, "ipv4")]));
        }
        "ipv4ll" => {}
        "bond_opts" => place(device, "parameters", bond_parameters(value)),
        "bridge" if yes(value) => {}
        "bridge" => part_of(network, "bridges", value, id),
        "bond" => part_of(network, "bonds", value, id),
        "vlans" => {}
        "match" if pattern(scalar(value).unwrap_or_default(), value).is_some() => {}
        key => match NOT.iter().find(|(name, ..)| *name == key) {
            Some((_, why, instead)) if !tree::nothing(value) => import.refuse(field, why, instead),
            Some(_) => {}
            None => import
                .unknown_of(field, &["dhcp", "address", "addresses", "gateway", "mtu", "bridge", "bond"]),
        },
    }
}

/// The name of a device, and what it is matched by if that is not its name.
fn identity(entry: &Entry) -> (String, Option<Node>) {
    let given = entry.value.get("match").and_then(scalar).unwrap_or(&entry.key);
    match pattern(given, &entry.value) {
        Some(found) => (id_of(given.trim_start_matches("mac=").trim_start_matches("mac:")), Some(found)),
        None => (entry.key.clone(), None),
    }
}

/// `eth*`, `mac=52:54:00:12:34:56`.
fn pattern(given: &str, node: &Node) -> Option<Node> {
    if let Some(mac) = given.strip_prefix("mac=").or_else(|| given.strip_prefix("mac:")) {
        return Some(matching("macaddress", mac, node.mark));
    }
    given.contains(['*', '?', '[']).then(|| matching("name", given, node.mark))
}

/// `5:office,6`: numbers, and the names of what is made.
fn vlans_of(entry: &Entry) -> Vec<(String, String)> {
    let words = entry.value.get("vlans").map(tree::words).unwrap_or_default();
    let vlan = |word: &Node| {
        let word = scalar(word)?;
        let (number, name) = word.split_once(':').map_or((word, None), |(number, name)| (number, Some(name)));
        Some((number.to_owned(), name.map_or_else(|| format!("{}.{number}", entry.key), str::to_owned)))
    };
    words.iter().filter_map(vlan).collect()
}

fn part_of(network: &mut Node, kind: &str, whole: &Node, part: &str) {
    let name = scalar(whole).unwrap_or_default();
    put(network, &[kind, name, "interfaces"], tree::list(whole.mark, vec![text(whole.mark, part)]));
}

fn addresses(value: &Node, device: &mut Node) {
    for address in items(value) {
        place(device, "addresses", tree::list(value.mark, vec![address.clone()]));
    }
}

/// Name servers belong to a device here: to each that has addresses, or to all cards.
fn dns(import: &mut Import, field: &Entry, network: &mut Node) {
    let mut servers = tree::map(field.mark);
    for entry in entries(&field.value) {
        match entry.key.as_str() {
            "nameservers" => place(&mut servers, "addresses", list_of(&entry.value)),
            "search" => place(&mut servers, "search", list_of(&entry.value)),
            "override" => {}
            _ => import.unknown_of(entry, &["nameservers", "search"]),
        }
    }
    if entries(&servers).is_empty() {
        return;
    }
    let mut given = false;
    for kind in ["ethernets", "bonds", "bridges", "vlans"] {
        let names: Vec<String> = network
            .get(kind)
            .map(entries)
            .unwrap_or_default()
            .iter()
            .filter(|device| speaks(&device.value))
            .map(|device| device.key.clone())
            .collect();
        for name in names {
            put(network, &[kind, &name, "nameservers"], servers.clone());
            given = true;
        }
    }
    if !given {
        let mut device = tree::map(field.mark);
        place(&mut device, "match", matching("name", "eth*", field.mark));
        place(&mut device, "dhcp4", text(field.mark, "true"));
        place(&mut device, "nameservers", servers);
        put(network, &["ethernets", "eth-any"], device);
    }
}

fn list_of(node: &Node) -> Node {
    tree::list(node.mark, items(node).to_vec())
}

/// Whether a device has addresses of its own.
fn speaks(device: &Node) -> bool {
    device.get("dhcp4").is_some_and(yes) || device.get("addresses").is_some()
}

fn proxy(import: &mut Import, field: &Entry) {
    let key = if field.key == "no_proxy" { "no_proxy" } else { field.key.trim_end_matches("_proxy") };
    let value = if key == "no_proxy" {
        tree::list(field.value.mark, tree::words(&field.value))
    } else {
        field.value.clone()
    };
    import.take(&format!("dockos.proxies.{key}"), &value);
}
