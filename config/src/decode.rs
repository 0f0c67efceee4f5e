//! From the tree of a file to typed values.
//!
//! [`Decode`] is implemented for each value type and, by the macro `keys!`, for each mapping. Decoding notes every
//! problem and goes on: `None` only says that the value at hand cannot be had.

use std::collections::BTreeMap;

use crate::suggest::nearest;
use crate::value::{ValueError, quoted};
use crate::yaml::{Entry, Kind, Mark, Node};

/// Something wrong at a place of the file.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) mark: Mark,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// Problems noted of one file: more are one mistake's echo.
const MOST: usize = 50;

/// All that was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// Notes a problem and what to do about it.
    pub(crate) fn add(&mut self, mark: Mark, message: impl Into<String>, hint: impl Into<String>) {
        if self.0.len() < MOST {
            self.0.push(Problem { mark, message: message.into(), hint: hint.into() });
        }
    }

    /// Notes a value that does not parse.
    pub(crate) fn value(&mut self, mark: Mark, error: ValueError) {
        self.add(mark, error.message, error.hint);
    }

    /// Notes a value of the wrong kind.
    pub(crate) fn kind(&mut self, node: &Node, expected: &str, hint: &str) {
        let message = format!("expected {expected}, found {}", node.describe());
        self.add(node.mark, message, hint);
    }
}

/// A type that can be read from a node of the file.
pub(crate) trait Decode: Sized {
    /// Reads the value, or notes what is wrong with it.
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self>;

    /// The value when the key is not there, or has no value; `None` if it must be there.
    fn absent() -> Option<Self> {
        None
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        T::decode(node, problems).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let items = sequence(node, problems)?;
        // Not `collect`: it would stop at the first bad item.
        let good: Vec<T> = items.iter().filter_map(|item| T::decode(item, problems)).collect();
        (good.len() == items.len()).then_some(good)
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
}

impl<K: Decode + Ord, V: Decode> Decode for BTreeMap<K, V> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let entries = mapping(node, problems)?;
        let pair = |entry: &Entry| Some((K::decode(&entry.key_node(), problems), value(entry, problems)));
        let good: Self = entries.iter().filter_map(pair).filter_map(|(k, v)| Some((k?, v?))).collect();
        (good.len() == entries.len()).then_some(good)
    }

    fn absent() -> Option<Self> {
        Some(BTreeMap::new())
    }
}

/// The items of a sequence.
pub(crate) fn sequence<'a>(node: &'a Node, problems: &mut Problems) -> Option<&'a [Node]> {
    match &node.kind {
        Kind::Sequence(items) => Some(items),
        _ => {
            problems.kind(node, "a list", "write `[a, b]`, or each item on a line of its own after `- `");
            None
        }
    }
}

/// The entries of a mapping.
pub(crate) fn mapping<'a>(node: &'a Node, problems: &mut Problems) -> Option<&'a [Entry]> {
    match &node.kind {
        Kind::Mapping(entries) => Some(entries),
        _ => {
            problems.kind(node, "a mapping", "write `key: value`, each on a line of its own");
            None
        }
    }
}

/// The text of a scalar, as it is written in the file.
pub(crate) fn scalar<'a>(node: &'a Node, expected: &str, problems: &mut Problems) -> Option<&'a str> {
    match &node.kind {
        Kind::Scalar(text) => Some(text),
        _ => {
            problems.kind(node, expected, "write one value, with no brackets and no further keys below it");
            None
        }
    }
}

/// The value of an entry; one with nothing after its colon counts as absent.
fn value<T: Decode>(entry: &Entry, problems: &mut Problems) -> Option<T> {
    if !matches!(entry.value.kind, Kind::Null) {
        return T::decode(&entry.value, problems);
    }
    let absent = T::absent();
    if absent.is_none() {
        problems.add(entry.mark, format!("{} has no value", quoted(&entry.key)), "write one after the colon");
    }
    absent
}

/// A mapping with a fixed set of keys.
pub(crate) struct Keys<'a> {
    mark: Mark,
    entries: &'a [Entry],
}

impl<'a> Keys<'a> {
    /// Opens the mapping, noting every key that is not one of `known`.
    pub(crate) fn open(node: &'a Node, known: &[&str], problems: &mut Problems) -> Option<Self> {
        let entries = mapping(node, problems)?;
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            unknown_key(entry, known, problems);
        }
        Some(Self { mark: node.mark, entries })
    }

    /// The value of a key.
    pub(crate) fn get<T: Decode>(&self, key: &str, problems: &mut Problems) -> Option<T> {
        if let Some(entry) = self.entries.iter().find(|entry| entry.key == key) {
            return value(entry, problems);
        }
        let absent = T::absent();
        if absent.is_none() {
            problems.add(self.mark, format!("missing key `{key}`"), format!("add `{key}: ...` here"));
        }
        absent
    }
}

fn unknown_key(entry: &Entry, known: &[&str], problems: &mut Problems) {
    let message = match nearest(&entry.key, known) {
        Some(key) => format!("unknown key {}; did you mean `{key}`?", quoted(&entry.key)),
        None => format!("unknown key {}", quoted(&entry.key)),
    };
    problems.add(entry.mark, message, format!("keys known here: {}", known.join(", ")));
}

/// The one of `choices` that a node names, by its index.
pub(crate) fn choose(node: &Node, choices: &[&str], problems: &mut Problems) -> Option<usize> {
    let text = scalar(node, &format!("one of {}", choices.join(", ")), problems)?;
    let found = choices.iter().position(|choice| *choice == text);
    if found.is_none() {
        let guess = nearest(text, choices).map(|c| format!("; did you mean `{c}`?")).unwrap_or_default();
        problems.add(
            node.mark,
            format!("unknown value {}{guess}", quoted(text)),
            format!("one of: {}", choices.join(", ")),
        );
    }
    found
}

/// Declares a struct whose fields are the keys of a mapping, of the same names, and how to decode it.
macro_rules! keys {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $type,)*
        }

        impl $crate::decode::Decode for $name {
            fn decode(
                node: &$crate::yaml::Node,
                problems: &mut $crate::decode::Problems,
            ) -> Option<Self> {
                let keys = $crate::decode::Keys::open(node, &[$(stringify!($field)),*], problems)?;
                $(let $field = keys.get::<$type>(stringify!($field), problems);)*
                Some(Self { $($field: $field?,)* })
            }

            fn absent() -> Option<Self> {
                Some(Self { $($field: <$type as $crate::decode::Decode>::absent()?,)* })
            }
        }
    };
}

/// Declares an enum of words; the one marked `#[default]` stands for an absent key.
macro_rules! choice {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$variant_meta])* $variant,)*
        }

        #[allow(dead_code, reason = "not each choice is written out again")]
        impl $name {
            const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word of the configuration file.
            $vis fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl $crate::decode::Decode for $name {
            fn decode(
                node: &$crate::yaml::Node,
                problems: &mut $crate::decode::Problems,
            ) -> Option<Self> {
                let index = $crate::decode::choose(node, &[$($word),*], problems)?;
                Self::ALL.get(index).copied()
            }

            fn absent() -> Option<Self> {
                Some(Self::default())
            }
        }
    };
}

pub(crate) use {choice, keys};
