//! cloud-init: its keys are DockOS's own, so the schema says what is taken over and what is refused.

use super::rows::{Row, Rule, by, not, to};
use super::tree::{self, entries, items, list, map, place, scalar, text};
use super::{Import, Kind, files, network_v1};
use crate::value::quoted;
use crate::yaml::{Entry, Node};

/// What goes another way than the schema says. The rest is taken over by the schema, or refused by it.
pub(super) const ROWS: &[Row] = &[
    by("hostname", "`hostname`, and `fqdn` if it has dots", files::hostname),
    by("write_files", "`write_files`, but files are not fetched", files::write_files),
    by("ssh_authorized_keys", "`ssh_authorized_keys`, which log in as root", files::keys),
    by("mounts", "`mounts`", files::mounts),
    by("users", "`users`, without passwords in plain text", users),
    by("groups", "`groups`", groups),
    by("network", "`network`; version 1 becomes version 2", network),
    to("ca-certs", "ca_certs"),
    not("coreos", "it is for CoreOS's own services", "make its units services under `dockos.services`"),
    not("bootstrap", "it is for another system", "leave it out"),
];

/// What a file is that is no cloud-config at all, and what to do.
pub(super) fn other_form(text: &str) -> Option<(&'static str, &'static str)> {
    const FORMS: [(&str, &str, &str); 9] = [
        (
            "## template:",
            "this is a template, which only cloud-init can fill in",
            "import what `cloud-init devel render` makes of it",
        ),
        (
            "Content-Type:",
            "this is a MIME message with several parts",
            "save its parts as files, and import the one that begins with `#cloud-config`",
        ),
        (
            "MIME-Version:",
            "this is a MIME message with several parts",
            "save its parts as files, and import the one that begins with `#cloud-config`",
        ),
        (
            "From ",
            "this is a MIME message with several parts",
            "save its parts as files, and import the one that begins with `#cloud-config`",
        ),
        (
            "#cloud-config-archive",
            "this is an archive of several parts",
            "save its parts as files, and import the one that begins with `#cloud-config`",
        ),
        (
            "#cloud-boothook",
            "this is a script, not a cloud-config",
            "write a cloud-config with it under `bootcmd`",
        ),
        ("#include", "this is a list of addresses to fetch from", "fetch them, and import each"),
        ("#part-handler", "this is a program for cloud-init itself", "nothing of it can be taken over"),
        ("#!", "this is a script, not a cloud-config", "write a cloud-config with it under `runcmd`"),
    ];
    let found = FORMS.iter().find(|(start, ..)| text.trim_start().starts_with(start));
    found.map(|(_, message, hint)| (*message, *hint))
}

pub(super) fn turn(import: &mut Import, root: &Node) {
    // A file of its own for the network, as NoCloud has it.
    if root.get("version").is_some() && (root.get("config").is_some() || root.get("ethernets").is_some()) {
        return network_of(import, root);
    }
    for entry in entries(root) {
        match ROWS.iter().find(|row| row.key == entry.key).map(|row| &row.rule) {
            Some(Rule::Not(why, instead)) => import.refuse(entry, why, instead),
            Some(Rule::By(_, turn)) if !entry.value.is_null() => turn(import, entry),
            Some(Rule::To(path)) => import.take(path, &entry.value),
            Some(_) => {}
            None => import.take_key(entry),
        }
    }
}

/// Users in any of the forms that cloud-init takes.
fn users(import: &mut Import, entry: &Entry) {
    let mut users = Vec::new();
    match &entry.value.kind {
        Kind::Mapping(named) => {
            for user in named {
                let mut item = map(user.mark);
                place(&mut item, "name", text(user.mark, user.key.as_str()));
                entries(&user.value)
                    .iter()
                    .for_each(|field| place(&mut item, &field.key, field.value.clone()));
                users.push(item);
            }
        }
        Kind::Scalar(_) => users.extend(tree::words(&entry.value).into_iter().map(named)),
        _ => users.extend(items(&entry.value).iter().cloned().map(named)),
    }
    import.take("users", &list(entry.value.mark, users));
}

/// A user of whom only the name is said.
fn named(item: Node) -> Node {
    match &item.kind {
        Kind::Scalar(name) if name != "default" => {
            let mut user = map(item.mark);
            place(&mut user, "name", text(item.mark, name.as_str()));
            user
        }
        _ => item,
    }
}

/// Groups: a list, a mapping from each to its members, or a line.
fn groups(import: &mut Import, entry: &Entry) {
    let groups = match &entry.value.kind {
        Kind::Mapping(named) => {
            let one = |group: &Entry| {
                if group.value.is_null() {
                    group.key_node()
                } else {
                    tree::node(group.mark, Kind::Mapping(vec![group.clone()]))
                }
            };
            named.iter().map(one).collect()
        }
        Kind::Scalar(_) => tree::words(&entry.value),
        _ => items(&entry.value).to_vec(),
    };
    import.take("groups", &list(entry.value.mark, groups));
}

fn network(import: &mut Import, entry: &Entry) {
    network_of(import, &entry.value);
}

fn network_of(import: &mut Import, network: &Node) {
    // The version may stand below one more `network:`, as in netplan's own files.
    let network = network.get("network").unwrap_or(network);
    let version = network.get("version").and_then(scalar).unwrap_or("2");
    match (version, network.get("config")) {
        (_, Some(config)) if scalar(config) == Some("disabled") => {
            let message = "`config: disabled` is not taken over: DockOS always sets up the network";
            import.leave(
                config.mark,
                message,
                "name the cards that are to be used under `network.ethernets`",
            );
        }
        ("1", Some(config)) => network_v1::turn(import, config),
        ("2", _) => version_2(import, network),
        _ => {
            let message = format!("a network of version {} is not known", quoted(version));
            import.leave(network.mark, message, "write it as version 2");
        }
    }
}

/// Keys of netplan that have no counterpart.
const NOT_NETWORK: [(&str, &str, &str); 5] = [
    ("renderer", "DockOS sets up the network itself", "leave it out"),
    ("wifis", "wireless networks are not supported", "use a cable"),
    ("modems", "mobile networks are not supported", "use a cable"),
    ("tunnels", "tunnels are not supported", "run them in a service under `dockos.services`"),
    ("openvswitch", "Open vSwitch is not supported", "use `bridges`"),
];

fn version_2(import: &mut Import, network: &Node) {
    let mut kept = map(network.mark);
    for entry in entries(network) {
        match NOT_NETWORK.iter().find(|(key, ..)| *key == entry.key) {
            Some((_, why, instead)) => import.refuse(entry, why, instead),
            None => place(&mut kept, &entry.key, entry.value.clone()),
        }
    }
    import.take("network", &kept);
}
