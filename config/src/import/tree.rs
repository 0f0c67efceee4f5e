//! Nodes of the result, made of those that were read.

use crate::yaml::{Entry, Kind, Mark, Node};

/// A value at a place.
pub(super) fn node(mark: Mark, kind: Kind) -> Node {
    Node::new(mark, kind)
}

pub(super) fn text(mark: Mark, text: impl Into<String>) -> Node {
    node(mark, Kind::Scalar(text.into()))
}

pub(super) fn list(mark: Mark, items: Vec<Node>) -> Node {
    node(mark, Kind::Sequence(items))
}

pub(super) fn map(mark: Mark) -> Node {
    node(mark, Kind::Mapping(Vec::new()))
}

/// The text of a scalar.
pub(super) fn scalar(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Scalar(text) => Some(text),
        _ => None,
    }
}

/// The entries of a mapping; none of anything else.
pub(super) fn entries(node: &Node) -> &[Entry] {
    match &node.kind {
        Kind::Mapping(entries) => entries,
        _ => &[],
    }
}

/// The items of a list; a single value is a list of one.
pub(super) fn items(node: &Node) -> &[Node] {
    match &node.kind {
        Kind::Sequence(items) => items,
        Kind::Null => &[],
        _ => std::slice::from_ref(node),
    }
}

/// The words of a list, or of a line of words.
pub(super) fn words(node: &Node) -> Vec<Node> {
    let split = |item: &Node| -> Vec<Node> {
        let words = scalar(item).unwrap_or_default().split([' ', ',']);
        words.filter(|word| !word.is_empty()).map(|word| text(item.mark, word)).collect()
    };
    items(node).iter().flat_map(split).collect()
}

/// Whether a value is one of YAML's many ways to say yes.
pub(super) fn yes(node: &Node) -> bool {
    let text = scalar(node).unwrap_or_default().to_ascii_lowercase();
    matches!(text.as_str(), "true" | "yes" | "on" | "y" | "1")
}

/// Whether a value asks for nothing: absent, empty, or no.
pub(super) fn nothing(node: &Node) -> bool {
    match &node.kind {
        Kind::Null => true,
        Kind::Scalar(text) => {
            matches!(text.to_ascii_lowercase().as_str(), "" | "false" | "no" | "off" | "n")
        }
        Kind::Sequence(items) => items.is_empty(),
        Kind::Mapping(entries) => entries.is_empty(),
    }
}

/// Puts a value below a mapping at a path of keys. Lists are added to, mappings merge, anything else is replaced.
pub(super) fn put(node: &mut Node, path: &[&str], value: Node) {
    let ([key, rest @ ..], Kind::Mapping(entries)) = (path, &mut node.kind) else { return };
    let Some(old) = entries.iter_mut().find(|entry| entry.key == *key) else {
        let mark = value.mark;
        let value = rest.iter().rev().fold(value, |value, key| {
            self::node(mark, Kind::Mapping(vec![Entry { key: (*key).to_owned(), mark, value }]))
        });
        entries.push(Entry { key: (*key).to_owned(), mark, value });
        return;
    };
    if !rest.is_empty() {
        if !matches!(old.value.kind, Kind::Mapping(_)) {
            old.value.kind = Kind::Mapping(Vec::new());
        }
        return put(&mut old.value, rest, value);
    }
    merge(&mut old.value, value);
}

/// Puts a value below a mapping at one key.
pub(super) fn place(node: &mut Node, key: &str, value: Node) {
    put(node, &[key], value);
}

fn merge(old: &mut Node, value: Node) {
    match (&mut old.kind, value.kind) {
        (Kind::Mapping(_), Kind::Mapping(new)) => {
            new.into_iter().for_each(|entry| place(old, &entry.key, entry.value));
        }
        (Kind::Sequence(items), Kind::Sequence(new)) => items.extend(new),
        (kind, new) => *kind = new,
    }
}

/// Takes a value out, and mappings that it leaves empty.
pub(super) fn remove(node: &mut Node, path: &[&str]) {
    let ([key, rest @ ..], Kind::Mapping(entries)) = (path, &mut node.kind) else { return };
    if let Some(entry) = entries.iter_mut().find(|entry| entry.key == *key) {
        remove(&mut entry.value, rest);
    }
    let empty = |entry: &Entry| matches!(&entry.value.kind, Kind::Mapping(entries) if entries.is_empty());
    entries.retain(|entry| entry.key != *key || !(rest.is_empty() || empty(entry)));
}

/// Keys that have a value of their own.
pub(super) fn leaves(node: &Node) -> usize {
    let count = |entry: &Entry| if entries(&entry.value).is_empty() { 1 } else { leaves(&entry.value) };
    entries(node).iter().map(count).sum()
}
