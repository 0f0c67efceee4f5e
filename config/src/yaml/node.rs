//! The tree of a file.

use crate::key_path::{KeyPath, Segment};
use crate::value::quoted;

/// A place in one of the files that are read together: line and column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    /// Which of the files, from 0.
    pub(crate) source: u16,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Mark {
    pub(crate) const START: Self = Self { source: 0, line: 1, column: 1 };

    /// A place counted in `usize`, as parsers do. A file of 1 MiB has fewer lines than `u32` holds.
    pub(crate) fn new(source: u16, line: usize, column: usize) -> Self {
        let fit = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { source, line: fit(line), column: fit(column) }
    }

    /// A number in the order of files, lines and columns.
    pub(crate) fn rank(self) -> u128 {
        u128::from(self.source) << 64 | u128::from(self.line) << 32 | u128::from(self.column)
    }

    /// The first place of a file.
    pub(crate) fn start_of(source: u16) -> Self {
        Self { source, ..Self::START }
    }
}

/// A value of the file.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    /// A merge found a value of another kind below it: it takes the place of whatever else is there.
    pub(crate) replaces: bool,
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
    pub(crate) fn new(mark: Mark, kind: Kind) -> Self {
        Self { mark, replaces: false, kind }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// The value of a key of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        let Kind::Mapping(entries) = &self.kind else { return None };
        entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The value that a person's path leads to.
    pub(crate) fn at(&self, path: &KeyPath) -> Option<&Node> {
        path.0.iter().try_fold(self, |node, segment| match (segment, &node.kind) {
            (Segment::Key(key), _) => node.get(key),
            (Segment::Index(index), Kind::Sequence(items)) => items.get(*index),
            (Segment::Where { key, value }, Kind::Sequence(items)) => {
                items.iter().find(|item| item.get(key).is_some_and(|found| found.is(value)))
            }
            _ => None,
        })
    }

    /// Whether this is a single value with this text.
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(&self.kind, Kind::Scalar(found) if found == text)
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

    /// How many values it holds directly.
    pub(crate) fn children(&self) -> usize {
        match &self.kind {
            Kind::Null | Kind::Scalar(_) => 0,
            Kind::Sequence(items) => items.len(),
            Kind::Mapping(entries) => entries.len(),
        }
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
        Node::new(self.mark, Kind::Scalar(self.key.clone()))
    }
}
