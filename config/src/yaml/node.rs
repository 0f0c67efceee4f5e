//! The tree of a file.

use crate::value::quoted;

/// A place in a file: line and column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Mark {
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// A value of the file.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) kind: Kind,
}

/// What a value is. Scalars keep the text of the file: `0644`, `1.10` and `no` mean what the key makes of them.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    Scalar(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key of a mapping, with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) mark: Mark,
    pub(crate) value: Node,
}

/// One step of a path into the tree.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

impl Node {
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// The value of a key of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        let Kind::Mapping(entries) = &self.kind else { return None };
        entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The place of the value that a path leads to, or of the last node on the way that is there.
    pub(crate) fn mark_of(&self, path: &[Step<'_>]) -> Mark {
        let mut node = self;
        for step in path {
            let next = match (step, &node.kind) {
                (Step::Key(key), _) => node.get(key),
                (Step::Item(index), Kind::Sequence(items)) => items.get(*index),
                _ => None,
            };
            let Some(next) = next else { break };
            node = next;
        }
        node.mark
    }

    /// What a person would call this value.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Scalar(text) => quoted(text),
            Kind::Sequence(_) => "a list".to_owned(),
            Kind::Mapping(_) => "a mapping".to_owned(),
        }
    }
}

impl Entry {
    /// The key as a node of its own, to be decoded like a value.
    pub(crate) fn key_node(&self) -> Node {
        Node { mark: self.mark, kind: Kind::Scalar(self.key.clone()) }
    }
}
