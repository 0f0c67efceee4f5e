//! One tree out of two: what a higher layer says goes over what a lower one said.
//!
//! Mappings merge key by key; lists as their key says ([`Lists`]); of single values the higher layer's wins. A key
//! without a value is as if it were not there. Where two layers have values of different kinds, the higher one's takes
//! the place of all that is below it, and the tree remembers so: merging is associative for any trees.

use std::collections::BTreeMap;

use crate::decode::{Problems, mapping, scalar, sequence};
use crate::shape::{Key, Lists, Shape};
use crate::yaml::{Entry, Kind, Node};

/// Puts a tree of a higher layer over that of a lower one. A value that no longer shows and cannot be what `shape`
/// wants is noted: reading the merged tree would not find it.
pub(crate) fn merge(lower: &mut Node, higher: Node, shape: &'static Shape, problems: &mut Problems) {
    Merger { problems }.node(lower, higher, Some(shape), Lists::Replace);
}

struct Merger<'p> {
    problems: &'p mut Problems,
}

impl Merger<'_> {
    fn node(&mut self, lower: &mut Node, higher: Node, shape: Option<&'static Shape>, lists: Lists) {
        let Node { mark, replaces, kind } = higher;
        match (&mut lower.kind, kind) {
            (_, Kind::Null) => {}
            (Kind::Mapping(below), Kind::Mapping(above)) if !replaces => self.mapping(below, above, shape),
            (Kind::Sequence(below), Kind::Sequence(above)) if !replaces && lists != Lists::Replace => {
                self.list(below, above, shape.and_then(|shape| shape.item()), lists);
            }
            (below, kind) => {
                let same = std::mem::discriminant(below) == std::mem::discriminant(&kind);
                let nothing = matches!(below, Kind::Null);
                if let (false, false, Some(shape)) = (same, nothing, shape) {
                    misfit(lower, shape, self.problems);
                }
                let replaces = replaces || lower.replaces || !(same || nothing);
                *lower = Node { mark, replaces, kind };
            }
        }
    }

    fn mapping(&mut self, below: &mut Vec<Entry>, above: Vec<Entry>, shape: Option<&'static Shape>) {
        let places: BTreeMap<String, usize> =
            below.iter().enumerate().map(|(i, entry)| (entry.key.clone(), i)).collect();
        for entry in above {
            let Some(lower) = places.get(&entry.key).and_then(|place| below.get_mut(*place)) else {
                below.push(entry);
                continue;
            };
            if !entry.value.is_null() {
                lower.mark = entry.mark;
            }
            let key = shape.and_then(|shape| shape.key(&entry.key));
            let lists = key.map(|key| key.lists).unwrap_or(Lists::Replace);
            let shape = key.map(|key| key.shape).or_else(|| shape.and_then(Shape::value));
            self.node(&mut lower.value, entry.value, shape, lists);
        }
    }

    fn list(&mut self, below: &mut Vec<Node>, above: Vec<Node>, shape: Option<&'static Shape>, lists: Lists) {
        let places: BTreeMap<Identity, usize> =
            identities(below, lists).into_iter().enumerate().map(|(i, id)| (id, i)).collect();
        for (identity, item) in identities(&above, lists).into_iter().zip(above) {
            match places.get(&identity).and_then(|place| below.get_mut(*place)) {
                None => below.push(item),
                Some(lower) if identity.named => self.node(lower, item, shape, Lists::Replace),
                Some(_) => {}
            }
        }
    }
}

/// What makes an item of a list the same as one of another layer's: its name, or else all of it; and how many such
/// items stand before it. So an item that a layer has twice is there twice in the end.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(crate) named: bool,
    pub(crate) text: String,
    pub(crate) before: usize,
}

pub(crate) fn identities(items: &[Node], lists: Lists) -> Vec<Identity> {
    let mut counts: BTreeMap<(bool, String), usize> = BTreeMap::new();
    let mut identity = |item: &Node| {
        let name = match lists {
            Lists::By(key) => item.get(key),
            _ => None,
        };
        let (named, text) = match name.map(|name| &name.kind) {
            Some(Kind::Scalar(text)) => (true, text.clone()),
            _ => {
                let mut text = String::new();
                spell(item, &mut text);
                (false, text)
            }
        };
        let count = counts.entry((named, text.clone())).or_default();
        *count += 1;
        Identity { named, text, before: *count - 1 }
    };
    items.iter().map(&mut identity).collect()
}

/// Writes a tree so that two have the same text only if they are equal: each text has its length before it.
fn spell(node: &Node, out: &mut String) {
    let mut text = |mark: &str, text: &str| {
        out.push_str(mark);
        out.push_str(&text.len().to_string());
        out.push(':');
        out.push_str(text);
    };
    match &node.kind {
        Kind::Null => out.push('~'),
        Kind::Scalar(value) => text("=", value),
        Kind::Sequence(items) => {
            out.push('[');
            items.iter().for_each(|item| spell(item, out));
            out.push(']');
        }
        Kind::Mapping(entries) => {
            out.push('{');
            for entry in entries {
                out.push_str(&entry.key.len().to_string());
                out.push(':');
                out.push_str(&entry.key);
                spell(&entry.value, out);
            }
            out.push('}');
        }
    }
}

/// Notes a value that is of no kind that its key takes.
fn misfit(node: &Node, shape: &Shape, problems: &mut Problems) {
    if shape.takes(&node.kind) {
        return;
    }
    match shape {
        Shape::Keys(_) | Shape::Map { .. } => drop(mapping(node, problems)),
        Shape::List(_) => drop(sequence(node, problems)),
        Shape::Scalar(_) | Shape::Bool | Shape::Choice(_) => drop(scalar(node, "one value", problems)),
        Shape::OneOf(_) => problems.kind(node, "another kind of value", "the reference tells which"),
    }
}

impl Shape {
    /// The key of a mapping with a fixed set of keys.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        match self {
            Self::Keys(keys) => keys.get(name),
            Self::OneOf(shapes) => shapes.iter().find_map(|shape| shape.key(name)),
            _ => None,
        }
    }

    /// What a name of the writer's choice stands for.
    pub(crate) fn value(&self) -> Option<&'static Shape> {
        match self {
            Self::Map { value, .. } => Some(value),
            Self::OneOf(shapes) => shapes.iter().find_map(|shape| shape.value()),
            _ => None,
        }
    }

    /// What the items of a list are.
    pub(crate) fn item(&self) -> Option<&'static Shape> {
        match self {
            Self::List(item) => Some(item),
            Self::OneOf(shapes) => shapes.iter().find_map(|shape| shape.item()),
            _ => None,
        }
    }

    /// Whether a value can be of a kind.
    fn takes(&self, kind: &Kind) -> bool {
        match (self, kind) {
            (Self::OneOf(shapes), _) => shapes.iter().any(|shape| shape.takes(kind)),
            (_, Kind::Null) => true,
            (Self::Keys(_) | Self::Map { .. }, Kind::Mapping(_)) => true,
            (Self::List(_), Kind::Sequence(_)) => true,
            (Self::Scalar(_) | Self::Bool | Self::Choice(_), Kind::Scalar(_)) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
