//! RancherOS's engines: their flags and their logins.

use super::Import;
use super::rancher::FLAG;
use super::tree::{self, entries, items, scalar};
use crate::value::quoted;
use crate::yaml::{Entry, Node};

/// The engine's flags, and where they go here.
const FLAGS: [(&str, &str); 7] = [
    ("registry-mirror", "registry_mirrors"),
    ("insecure-registry", "insecure_registries"),
    ("label", "labels"),
    ("log-opt", "log_opts"),
    ("log-level", "log_level"),
    ("default-address-pool", "address_pools"),
    ("debug", "log_level"),
];

/// Each flag of an engine to its key.
pub(super) fn flags(import: &mut Import, entry: &Entry, engine: &str) {
    let words: Vec<Node> = items(&entry.value)
        .iter()
        .flat_map(|item| {
            let words = scalar(item).unwrap_or_default().split_whitespace();
            words.map(|word| tree::text(item.mark, word)).collect::<Vec<_>>()
        })
        .collect();
    let mut words = words.iter().peekable();
    while let Some(node) = words.next() {
        let word = scalar(node).unwrap_or_default();
        let flag = word.trim_start_matches('-');
        let (flag, given) = flag.split_once('=').map_or((flag, None), |(flag, value)| (flag, Some(value)));
        let next = words.peek().filter(|next| given.is_none() && is_value(next));
        let value = given.or_else(|| next.and_then(|next| scalar(next))).unwrap_or_default();
        if next.is_some() {
            words.next();
        }
        one_flag(import, node, (flag, value), engine);
    }
}

fn is_value(node: &Node) -> bool {
    scalar(node).is_some_and(|word| !word.starts_with('-'))
}

fn one_flag(import: &mut Import, node: &Node, (flag, value): (&str, &str), engine: &str) {
    let Some((_, key)) = FLAGS.iter().find(|(name, _)| *name == flag) else {
        let message = format!("the flag {} is not taken over: {FLAG}", quoted(flag));
        return import.leave(
            node.mark,
            message,
            format!("see `{engine}` in the reference for those that can"),
        );
    };
    let text = if flag == "debug" { "debug" } else { value };
    let value = match *key {
        "log_level" => tree::text(node.mark, text),
        "labels" | "log_opts" => pairs(node, text),
        "address_pools" => tree::list(node.mark, vec![pairs(node, text)]),
        _ => tree::list(node.mark, vec![tree::text(node.mark, text)]),
    };
    import.take(&format!("{engine}.{key}"), &value);
}

/// `a=b,c=d` as a mapping.
fn pairs(node: &Node, text: &str) -> Node {
    let mut map = tree::map(node.mark);
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        tree::place(&mut map, name, tree::text(node.mark, value));
    }
    map
}

/// Docker Hub's old address is the name that Docker itself gives it.
pub(super) fn registry_auths(import: &mut Import, entry: &Entry) {
    for registry in entries(&entry.value) {
        let host = registry.key.trim_start_matches("https://").trim_start_matches("http://");
        let host = host.split('/').next().unwrap_or_default();
        let host = if host == "index.docker.io" { "docker.io" } else { host };
        let mut auth = tree::map(registry.mark);
        for field in entries(&registry.value) {
            match field.key.as_str() {
                "identitytoken" => tree::place(&mut auth, "identity_token", field.value.clone()),
                // Docker's own file has both, and needs neither.
                "email" | "serveraddress" => {}
                key => tree::place(&mut auth, key, field.value.clone()),
            }
        }
        let mut map = tree::map(registry.mark);
        tree::place(&mut map, host, auth);
        import.take("dockos.registry_auths", &map);
    }
}
