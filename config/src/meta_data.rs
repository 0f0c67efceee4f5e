//! What a datasource says beside user-data: NoCloud's `meta-data` and `network-config`, and a config drive's
//! `meta_data.json`. Each becomes a tree like that of a cloud-config.
//!
//! Of meta-data only the names and the public keys mean anything here. A cloud puts more into it, which is no mistake of
//! anybody's, so other keys are left alone.

use crate::decode::Problems;
use crate::value::quoted;
use crate::yaml::{self, Entry, Kind, Mark, Node};

/// Reads NoCloud's `meta-data`.
pub(crate) fn nocloud(source: u16, text: &str, problems: &mut Problems) -> Option<Node> {
    meta_data(source, text, &["local-hostname", "hostname"], &["public-keys", "public_keys"], problems)
}

/// Reads a config drive's `openstack/latest/meta_data.json`. JSON is YAML too.
pub(crate) fn config_drive(source: u16, text: &str, problems: &mut Problems) -> Option<Node> {
    meta_data(source, text, &["hostname", "name"], &["public_keys"], problems)
}

/// What tells one life of a machine from the next, in meta-data of either kind.
pub fn instance_id(meta_data: &str) -> Option<String> {
    let root = yaml::load(0, meta_data, &mut Problems::default())?;
    match &root.get("instance-id").or_else(|| root.get("uuid"))?.kind {
        Kind::Scalar(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// Reads NoCloud's `network-config`: the value of `network:`, with or without that key.
pub(crate) fn network_config(source: u16, text: &str, problems: &mut Problems) -> Option<Node> {
    let root = load(source, text, problems)?;
    let mark = root.mark;
    let network = match root.kind {
        Kind::Mapping(mut entries) if entries.iter().any(|entry| entry.key == "network") => {
            for other in entries.iter().filter(|entry| entry.key != "network") {
                let message = format!("{} does not belong beside `network`", quoted(&other.key));
                problems.add(
                    other.mark,
                    message,
                    "this file has only `network:`; put other keys into the user-data",
                );
            }
            entries.retain(|entry| entry.key == "network");
            return with_version(entries.pop()?, problems);
        }
        Kind::Mapping(entries) if entries.is_empty() => {
            return Some(Node::new(mark, Kind::Mapping(entries)));
        }
        kind => Entry { key: "network".to_owned(), mark, value: Node::new(mark, kind) },
    };
    with_version(network, problems)
}

/// The mapping of `network:` alone, if its version is one that is read.
fn with_version(network: Entry, problems: &mut Problems) -> Option<Node> {
    let version = network.value.get("version");
    if let Some(version) = version.filter(|node| matches!(&node.kind, Kind::Scalar(text) if text == "1")) {
        let hint =
            "write `version: 2` and the keys that go with it: `ethernets`, `bonds`, `bridges`, `vlans`";
        problems.add(version.mark, "version 1 of the network config is not supported", hint);
        return None;
    }
    Some(Node::new(network.mark, Kind::Mapping(vec![network])))
}

/// A document that is a mapping, or empty.
fn load(source: u16, text: &str, problems: &mut Problems) -> Option<Node> {
    let root = yaml::load(source, text, problems)?;
    match root.kind {
        Kind::Mapping(_) => Some(root),
        Kind::Null => Some(Node::new(root.mark, Kind::Mapping(Vec::new()))),
        _ => {
            problems.kind(&root, "a mapping", "write `key: value`, each on a line of its own");
            None
        }
    }
}

fn meta_data(
    source: u16,
    text: &str,
    names: &[&str],
    keys: &[&str],
    problems: &mut Problems,
) -> Option<Node> {
    let root = load(source, text, problems)?;
    let find = |known: &[&str]| known.iter().find_map(|key| root.get(key)).filter(|node| !node.is_null());
    let mut entries = Vec::new();
    if let Some(node) = find(names) {
        hostname(node, &mut entries);
    }
    let mut found = Problems::default();
    let items = find(keys).map(|node| public_keys(node, &mut found)).unwrap_or_default();
    if let Some(first) = items.first() {
        let mark = first.mark;
        entries.push(entry("ssh_authorized_keys", mark, Kind::Sequence(items)));
    }
    let good = !found.any_error();
    problems.0.append(&mut found.0);
    good.then_some(Node::new(root.mark, Kind::Mapping(entries)))
}

/// A name with dots is the whole name of the machine; its own is what stands before the first.
fn hostname(node: &Node, entries: &mut Vec<Entry>) {
    match &node.kind {
        Kind::Scalar(text) if text.contains('.') => {
            let short = text.split('.').next().unwrap_or_default();
            entries.push(entry("hostname", node.mark, Kind::Scalar(short.to_owned())));
            entries.push(entry("fqdn", node.mark, node.kind.clone()));
        }
        kind => entries.push(entry("hostname", node.mark, kind.clone())),
    }
}

fn entry(key: &str, mark: Mark, kind: Kind) -> Entry {
    Entry { key: key.to_owned(), mark, value: Node::new(mark, kind) }
}

/// Public keys as cloud-init takes them: lines of a text, items of a list, or the values of a mapping.
fn public_keys(node: &Node, problems: &mut Problems) -> Vec<Node> {
    let children: Vec<&Node> = match &node.kind {
        Kind::Null => Vec::new(),
        Kind::Scalar(text) => {
            let line = |line: &str| Node::new(node.mark, Kind::Scalar(line.to_owned()));
            return text.lines().map(str::trim).filter(|text| !text.is_empty()).map(line).collect();
        }
        Kind::Sequence(items) => items.iter().collect(),
        Kind::Mapping(entries) => entries.iter().map(|entry| &entry.value).collect(),
    };
    let mut keys = Vec::new();
    for child in children {
        match &child.kind {
            Kind::Mapping(_) => {
                problems.kind(child, "a public key", "such as `ssh-ed25519 AAAA... teacher`");
            }
            Kind::Sequence(items) => keys.extend(items.iter().cloned()),
            _ => keys.extend(public_keys(child, problems)),
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Report;

    type Read = fn(u16, &str, &mut Problems) -> Option<Node>;

    /// A tree in flow style, with the line of each scalar.
    fn shown(node: &Node) -> String {
        match &node.kind {
            Kind::Null => "~".to_owned(),
            Kind::Scalar(text) => format!("{text}@{}", node.mark.line),
            Kind::Sequence(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
            Kind::Mapping(entries) => {
                let pair = |entry: &Entry| format!("{}: {}", entry.key, shown(&entry.value));
                format!("{{{}}}", entries.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn read(read: Read, text: &str) -> Result<String, String> {
        let mut problems = Problems::default();
        match read(0, text, &mut problems) {
            Some(node) if !problems.any_error() => Ok(shown(&node)),
            node => {
                assert!(problems.any_error(), "{node:?}");
                Err(Report::new(&[("f", text)], problems).short())
            }
        }
    }

    fn check(how: Read, cases: &[(&str, Result<&str, &str>)]) {
        for (text, meant) in cases {
            let meant = meant.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(read(how, text), meant, "{text}");
        }
    }

    #[test]
    fn nocloud_gives_names_and_keys() {
        check(
            nocloud,
            &[
                ("", Ok("{}")),
                ("instance-id: i-1\nlocal-hostname: lab-01\n", Ok("{hostname: lab-01@2}")),
                ("{hostname: a, local-hostname: b, dsmode: net, more: [1, {a: 2}]}", Ok("{hostname: b@1}")),
                ("local-hostname: a.example.com", Ok("{hostname: a@1, fqdn: a.example.com@1}")),
                ("public-keys:\n- k1\n- k2\n", Ok("{ssh_authorized_keys: [k1@2, k2@3]}")),
                ("public-keys: {one: k1,\n two: [k2, k3]}", Ok("{ssh_authorized_keys: [k1@1, k2@2, k3@2]}")),
                ("public-keys: |\n  k1\n  k2\n", Ok("{ssh_authorized_keys: [k1@2, k2@2]}")),
                ("public-keys: []\nhostname:\n", Ok("{}")),
                (
                    "public-keys: {0: {openssh-key: k}}",
                    Err("f:1:18: error: expected a public key, found a mapping"),
                ),
                ("- a", Err("f:1:1: error: expected a mapping, found a list")),
                ("hostname: a\nhostname: b", Err("f:2:1: error: duplicate key `hostname`")),
                (
                    "a: [",
                    Err(
                        "f:2:1: error: not valid YAML: while parsing a node, did not find expected node content",
                    ),
                ),
            ],
        );
    }

    #[test]
    fn a_config_drive_gives_the_same() {
        let json = "{\n\t\"uuid\": \"f8b4\",\n\t\"hostname\": \"lab.novalocal\",\n\t\"name\": \"x\",\n\t\"public_keys\": {\"me\": \"ssh-rsa A\\/B me\\n\"},\n\t\"devices\": [], \"launch_index\": 0, \"meta\": {\"a\": null}\n}\n";
        let meant = "{hostname: lab@3, fqdn: lab.novalocal@3, ssh_authorized_keys: [ssh-rsa A/B me@5]}";
        check(config_drive, &[(json, Ok(meant)), ("{\"name\": \"x\"}", Ok("{hostname: x@1}"))]);
        assert_eq!(instance_id(json).as_deref(), Some("f8b4"));
        assert_eq!(instance_id("instance-id: i-1").as_deref(), Some("i-1"));
        assert_eq!(instance_id("hostname: a"), None);
    }

    #[test]
    fn a_network_config_may_have_its_key_or_not() {
        check(
            network_config,
            &[
                ("", Ok("{}")),
                (
                    "version: 2\nethernets: {eth0: {dhcp4: true}}",
                    Ok("{network: {version: 2@1, ethernets: {eth0: {dhcp4: true@2}}}}"),
                ),
                ("network: {version: 2}", Ok("{network: {version: 2@1}}")),
                (
                    "network:\n  version: 1\n  config: []",
                    Err("f:2:12: error: version 1 of the network config is not supported"),
                ),
                ("version: 1", Err("f:1:10: error: version 1 of the network config is not supported")),
                (
                    "network: {version: 2}\nhostname: a",
                    Err("f:2:1: error: `hostname` does not belong beside `network`"),
                ),
                ("auto eth0", Err("f:1:1: error: expected a mapping, found `auto eth0`")),
            ],
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_gets_an_answer(text in "(hostname|public-keys|network|version|[-:,\\[\\]{} \"\n12]){0,20}") {
            for how in [nocloud as Read, config_drive, network_config] {
                let _ = read(how, &text);
            }
        }
    }
}
