//! RancherOS's services: Compose version 1, with what to run when in labels.

use super::Import;
use super::files::look_at_volume;
use super::rows::{known, shape_of};
use super::tree::{self, entries, items, list, map, place, put, scalar, text};
use crate::value::quoted;
use crate::yaml::{Entry, Kind, Mark, Node};

/// Keys of Compose version 1 that have no counterpart: why, and what to do.
const NOT: [(&str, &str, &str); 12] = [
    (
        "volumes_from",
        "volumes are not shared by naming a container",
        "name the folders under `volumes` of both",
    ),
    (
        "links",
        "services have no network among themselves",
        "reach the other at 127.0.0.1, with `network_mode: host`",
    ),
    (
        "external_links",
        "services have no network among themselves",
        "reach the other at 127.0.0.1, with `network_mode: host`",
    ),
    (
        "ports",
        "the system Docker has no bridge, so none is passed on",
        "with `network_mode: host` it listens on its own port",
    ),
    ("expose", "the system Docker has no bridge", "leave it out"),
    ("container_name", "a service's container has the service's name", "rename the service"),
    ("build", "nothing is built on the machine", "build it elsewhere and give `image`"),
    ("dockerfile", "nothing is built on the machine", "build it elsewhere and give `image`"),
    ("env_file", "a service's environment is in this file", "write it under `environment`"),
    ("extends", "a service stands for itself", "use a YAML anchor and `<<`"),
    ("net", "it has no network of its own to join", "use `network_mode: host` or `none`"),
    ("volume_driver", "the system Docker has local volumes only", "use a share under `mounts`"),
];

/// Which service waits for which, and whether until the other has ended.
type Edge = (String, String, Mark);

pub(super) fn turn(import: &mut Import, entry: &Entry) {
    let mut services = map(entry.mark);
    let mut edges: Vec<Edge> = Vec::new();
    let mut ends: Vec<String> = Vec::new();
    for service in entries(&entry.value) {
        one(import, service, &mut services, &mut edges, &mut ends);
    }
    depend(import, &mut services, edges, &ends);
    import.take("dockos.services", &services);
}

fn one(
    import: &mut Import,
    service: &Entry,
    services: &mut Node,
    edges: &mut Vec<Edge>,
    ends: &mut Vec<String>,
) {
    let image = service.value.get("image").and_then(scalar).unwrap_or_default();
    if image.contains("rancher/os-") || image.contains("/os-") && image.starts_with("${REGISTRY_DOMAIN}") {
        return import.refuse(service, "it is a part of RancherOS's own system", "leave it out");
    }
    let labels = Labels::of(&service.value);
    if labels.create_only {
        let why = "its container was made, but never started, to hold volumes";
        return import.refuse(service, why, "name the folders under `volumes` of those that use them");
    }
    let name = name(import, service);
    let mut out = map(service.mark);
    for field in entries(&service.value).iter().filter(|field| !field.value.is_null()) {
        one_key(import, field, &mut out);
    }
    network(import, service, &mut out);
    for (other, mark) in needs(&service.value) {
        edges.push((name.clone(), other, mark));
    }
    edges.extend(labels.after.into_iter().map(|(other, mark)| (name.clone(), other, mark)));
    edges.extend(labels.before.into_iter().map(|(other, mark)| (other, name.clone(), mark)));
    if labels.awaited {
        ends.push(name.clone());
    }
    place(services, &name, out);
}

/// A name as the schema wants it.
fn name(import: &mut Import, service: &Entry) -> String {
    let name = plain(&service.key);
    if name != service.key {
        let message = format!("the service {} is called `{name}` now", quoted(&service.key));
        import.note(service.mark, message, "names have lower-case letters, digits and `-`");
    }
    name
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace(['_', '.', ' '], "-")
}

fn one_key(import: &mut Import, field: &Entry, out: &mut Node) {
    let value = &field.value;
    match field.key.as_str() {
        "net" | "network_mode" => {}
        "labels" => other_labels(value, out),
        "restart" => {
            let word = scalar(value).unwrap_or_default().split(':').next().unwrap_or_default();
            place(out, "restart", text(value.mark, word));
        }
        "links" => {
            refuse(import, field);
        }
        "volumes" | "devices" | "tmpfs" | "cap_add" | "cap_drop" => {
            items(value).iter().for_each(|item| look_at_volume(import, item));
            place(out, &field.key, list(value.mark, items(value).to_vec()));
        }
        "depends_on" => {}
        "log_driver" => put(out, &["logging", "driver"], value.clone()),
        "log_opt" => put(out, &["logging", "options"], value.clone()),
        key if NOT.iter().any(|(name, ..)| *name == key) => refuse(import, field),
        key if known(&format!("dockos.services.*.{key}")) => place(out, key, value.clone()),
        _ => import.unknown_here(field, shape_of("dockos.services.*")),
    }
}

fn refuse(import: &mut Import, field: &Entry) {
    let found = NOT.iter().find(|(name, ..)| *name == field.key);
    if let Some((_, why, instead)) = found.filter(|_| !tree::nothing(&field.value)) {
        import.refuse(field, why, instead);
    }
}

/// `depends_on`, which later versions of Compose have.
fn needs(service: &Node) -> Vec<(String, Mark)> {
    let Some(node) = service.get("depends_on") else { return Vec::new() };
    match &node.kind {
        Kind::Mapping(entries) => entries.iter().map(|entry| (plain(&entry.key), entry.mark)).collect(),
        _ => items(node).iter().filter_map(|item| Some((plain(scalar(item)?), item.mark))).collect(),
    }
}

/// The network: there is no bridge, so what had one gets the machine's own.
fn network(import: &mut Import, service: &Entry, out: &mut Node) {
    let given = service.value.get("network_mode").or_else(|| service.value.get("net"));
    let mark = given.map_or(service.mark, |node| node.mark);
    let mode = given.and_then(scalar).unwrap_or("bridge");
    if !matches!(mode, "host" | "none") {
        let message = format!("the service {} gets the machine's own network", quoted(&service.key));
        let hint = "the system Docker has no bridge; with `network_mode: none` it has no network at all";
        import.note(mark, message, hint);
    }
    place(out, "network_mode", text(mark, if mode == "none" { "none" } else { "host" }));
}

/// What RancherOS's labels say.
#[derive(Default)]
struct Labels {
    after: Vec<(String, Mark)>,
    before: Vec<(String, Mark)>,
    create_only: bool,
    awaited: bool,
}

impl Labels {
    fn of(service: &Node) -> Self {
        let mut labels = Self::default();
        for (key, value, mark) in pairs(service.get("labels")) {
            let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
            match key.strip_prefix("io.rancher.os.") {
                Some("after") => labels.after.extend(names.map(|name| (plain(name), mark))),
                Some("before") => labels.before.extend(names.map(|name| (plain(name), mark))),
                Some("createonly") => labels.create_only = value == "true",
                Some("detach") => labels.awaited = value == "false",
                _ => {}
            }
        }
        labels
    }
}

/// Labels as pairs, written either way.
fn pairs(labels: Option<&Node>) -> Vec<(String, String, Mark)> {
    match labels.map(|node| &node.kind) {
        Some(Kind::Mapping(entries)) => entries
            .iter()
            .map(|entry| (entry.key.clone(), scalar(&entry.value).unwrap_or_default().to_owned(), entry.mark))
            .collect(),
        Some(Kind::Sequence(items)) => items
            .iter()
            .filter_map(|item| {
                let (key, value) = scalar(item)?.split_once('=')?;
                Some((key.to_owned(), value.to_owned(), item.mark))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Labels that are not RancherOS's.
fn other_labels(labels: &Node, out: &mut Node) {
    let mut kept = map(labels.mark);
    for (key, value, mark) in pairs(Some(labels)) {
        if !key.starts_with("io.rancher.os.") {
            place(&mut kept, &key, text(mark, value));
        }
    }
    if !entries(&kept).is_empty() {
        place(out, "labels", kept);
    }
}

/// Parts of RancherOS that services wait for and that are there before any service here.
const THERE_BEFORE: [&str; 10] = [
    "network",
    "docker",
    "console",
    "udev",
    "udev-cold",
    "syslog",
    "ntp",
    "cloud-init",
    "wait-for-docker",
    "wait-for-network",
];

/// `depends_on` of the services that wait.
fn depend(import: &mut Import, services: &mut Node, edges: Vec<Edge>, ends: &[String]) {
    for (waiting, other, mark) in edges {
        if services.get(&waiting).is_none() || services.get(&other).is_none() {
            let part = if services.get(&waiting).is_none() { &waiting } else { &other };
            if !THERE_BEFORE.contains(&part.as_str()) {
                let message = format!("there is no service {} to wait for", quoted(part));
                import.leave(mark, message, "describe it under `dockos.services`, or leave the label out");
            } else if part == "docker" {
                let message = "services start as soon as they can, without waiting for the user Docker";
                import.note(mark, message, "let the service try until /run/docker.sock answers");
            }
            continue;
        }
        let condition =
            if ends.contains(&other) { "service_completed_successfully" } else { "service_started" };
        put(services, &[&waiting, "depends_on", &other, "condition"], text(mark, condition));
    }
    if let Kind::Mapping(services) = &mut services.kind {
        services.iter_mut().for_each(|service| shorten(&mut service.value));
    }
}

/// A mapping of `depends_on` in which nothing but a start is waited for is a list.
fn shorten(service: &mut Node) {
    let Kind::Mapping(fields) = &mut service.kind else { return };
    let Some(needs) = fields.iter_mut().find(|field| field.key == "depends_on") else { return };
    let started = |need: &Entry| need.value.get("condition").and_then(scalar) == Some("service_started");
    let all = entries(&needs.value);
    if !all.is_empty() && all.iter().all(started) {
        needs.value = list(needs.mark, all.iter().map(Entry::key_node).collect());
    }
}
