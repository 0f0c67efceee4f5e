//! From the tree of a file to typed values.
//!
//! [`Decode`] is implemented for each value type and, by the macro `keys!`, for each mapping. Decoding notes every
//! problem and goes on: `None` only says that the value at hand cannot be had.

use crate::map::Map;
use crate::shape::{self, Shape};
use crate::suggest::nearest;
use crate::value::{ValueError, quoted};
use crate::yaml::{Entry, Kind, Mark, Node};

/// Something to say about a place of a file.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) severity: Severity,
    pub(crate) mark: Mark,
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl Problem {
    /// Errors first, then in the order of files, lines and columns.
    pub(crate) fn rank(&self) -> u128 {
        (self.severity as u128) << 80 | self.mark.rank()
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The config cannot be used.
    Error,
    /// It can, but its writer should know.
    Warning,
}

impl Severity {
    /// The word before the message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Keys listed beside a guess at the one that is meant.
const MOST_LISTED: usize = 12;

/// Problems noted of each severity: more are one mistake's echo.
const MOST: usize = 50;

/// All that was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// Notes an error and what to do about it.
    pub(crate) fn add(&mut self, mark: Mark, message: impl Into<String>, hint: impl Into<String>) {
        self.note(Severity::Error, mark, message.into(), hint.into());
    }

    /// Notes what does no harm, but is probably not what the writer thinks.
    pub(crate) fn warn(&mut self, mark: Mark, message: impl Into<String>, hint: impl Into<String>) {
        self.note(Severity::Warning, mark, message.into(), hint.into());
    }

    fn note(&mut self, severity: Severity, mark: Mark, message: String, hint: String) {
        // Warnings never take an error's place.
        let same = self.0.iter().filter(|problem| problem.severity == severity).count();
        if same < MOST {
            self.0.push(Problem { severity, mark, message, hint });
        }
    }

    /// Whether anything makes the config unusable.
    pub(crate) fn any_error(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
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
    /// What it may be.
    const SHAPE: &'static Shape;

    /// Whether there is no value for an absent key.
    const REQUIRED: bool = true;

    /// Reads the value, or notes what is wrong with it.
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self>;

    /// The value when the key is not there, or has no value; `None` if it must be there.
    fn absent() -> Option<Self> {
        None
    }
}

impl<T: Decode> Decode for Option<T> {
    const SHAPE: &'static Shape = T::SHAPE;
    const REQUIRED: bool = false;

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        T::decode(node, problems).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Decode> Decode for Vec<T> {
    const SHAPE: &'static Shape = &Shape::List(T::SHAPE);
    const REQUIRED: bool = false;

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

impl<K: Decode, V: Decode> Decode for Map<K, V> {
    const SHAPE: &'static Shape = &Shape::Map { key: K::SHAPE, value: V::SHAPE };
    const REQUIRED: bool = false;

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let entries = mapping(node, problems)?;
        let mut good = Vec::new();
        for entry in entries {
            let (key, value) = (K::decode(&entry.key_node(), problems), value(entry, problems));
            good.extend(key.zip(value));
        }
        (good.len() == entries.len()).then_some(Self(good))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
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
        Kind::Scalar(text) if matches!(text.as_str(), "true" | "yes" | "on") => {
            problems.kind(node, "a mapping", "write `{}` in its place, or `key: value` below it");
            None
        }
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
    /// Opens the mapping, noting every key that is not one of `known`, and those that do nothing yet.
    pub(crate) fn open(node: &'a Node, known: &shape::Keys, problems: &mut Problems) -> Option<Self> {
        let entries = mapping(node, problems)?;
        for entry in entries {
            let Some(key) = known.get(&entry.key) else {
                unknown_key(entry, known, problems);
                continue;
            };
            if key.later && !entry.value.is_null() {
                later(entry, problems);
            }
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

fn unknown_key(entry: &Entry, known: &shape::Keys, problems: &mut Problems) {
    let key = quoted(&entry.key);
    if let Some(refused) = known.refusal(&entry.key) {
        return problems.add(entry.mark, format!("{key} cannot be set: {}", refused.why), refused.instead);
    }
    let known = known.names();
    let list = format!("keys known here: {}", known.join(", "));
    let (message, hint) = match nearest(&entry.key, &known) {
        Some(meant) if known.len() > MOST_LISTED => {
            (format!("unknown key {key}; did you mean `{meant}`?"), format!("write `{meant}`, or remove it"))
        }
        Some(meant) => (format!("unknown key {key}; did you mean `{meant}`?"), list),
        None => (format!("unknown key {key}"), list),
    };
    problems.add(entry.mark, message, hint);
}

fn later(entry: &Entry, problems: &mut Problems) {
    let message = format!("{} is accepted, but nothing acts on it yet", quoted(&entry.key));
    problems.warn(entry.mark, message, "the reference lists what this version acts on");
}

/// The index of the word that stands for an absent key.
pub(crate) const fn default_word(words: &[shape::Word]) -> Option<usize> {
    let mut i = 0;
    while i < words.len() {
        if words[i].default {
            return Some(i);
        }
        i += 1;
    }
    None
}

/// The one of `words` that a node names, by its index.
pub(crate) fn choose(node: &Node, words: &[shape::Word], problems: &mut Problems) -> Option<usize> {
    let choices: Vec<&str> = words.iter().map(|word| word.word).collect();
    let text = scalar(node, &format!("one of {}", choices.join(", ")), problems)?;
    // YAML 1.1's words for true and false, as for any other value of that kind.
    let meant = match text {
        "yes" | "on" | "True" | "TRUE" if choices.contains(&"true") => "true",
        "no" | "off" | "False" | "FALSE" if choices.contains(&"false") && !choices.contains(&text) => "false",
        text => text,
    };
    let found = choices.iter().position(|choice| *choice == meant);
    if found.is_none() {
        let guess = nearest(text, &choices).map(|c| format!("; did you mean `{c}`?")).unwrap_or_default();
        problems.add(
            node.mark,
            format!("unknown value {}{guess}", quoted(text)),
            format!("one of: {}", choices.join(", ")),
        );
    }
    found
}

/// Declares a struct whose fields are the keys of a mapping, and how to decode it. A field is written
/// `/// meaning`, flags such as `@later` or `@by("path")` (see [`shape::Key`]), `pub name: Type,`; where the key of the
/// file is not a name in Rust, `pub name = "the-key": Type,`. Before the struct, `@refused(TABLE)` names keys known
/// elsewhere that are an error here. A last line `.. pub name: Type,` puts the keys of another such struct into the same
/// mapping.
macro_rules! keys {
    ($(#[doc = $doc:literal])* $(#[derive($($derive:ident),*)])? $(@refused($refused:path))? $vis:vis struct $name:ident {
        $(
            $(#[doc = $field_doc:literal])*
            $(@$flag:ident $(($argument:literal))?)*
            pub $field:ident $(= $key:literal)?: $type:ty,
        )*
        $(.. pub $rest:ident: $rest_type:ty,)?
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq $($(, $derive)*)?)]
        $vis struct $name {
            $($(#[doc = $field_doc])* pub $field: $type,)*
            $(#[doc = "The keys it has in common with others."] pub $rest: $rest_type,)?
        }

        impl $name {
            const KEYS: &'static $crate::shape::Keys = &$crate::shape::Keys {
                name: stringify!($name),
                doc: $crate::shape::doc(concat!($($doc, "\n"),*)),
                keys: $crate::decode::with_rest!([$(
                    $crate::shape::Key::new(
                        $crate::decode::key_name!($field $(= $key)?),
                        $crate::shape::doc(concat!($($field_doc, "\n"),*)),
                        <$type as $crate::decode::Decode>::SHAPE,
                        <$type as $crate::decode::Decode>::REQUIRED,
                    )$(.$flag($($argument)?))*,
                )*] $(, $rest_type)?),
                refused: $crate::decode::refused!($($refused)?),
            };

            /// Reads the keys of a mapping that was opened.
            pub(crate) fn read(
                keys: &$crate::decode::Keys<'_>,
                problems: &mut $crate::decode::Problems,
            ) -> Option<Self> {
                $(let $field = keys.get::<$type>($crate::decode::key_name!($field $(= $key)?), problems);)*
                $(let $rest = <$rest_type>::read(keys, problems);)?
                Some(Self { $($field: $field?,)* $($rest: $rest?,)? })
            }
        }

        impl $crate::decode::Decode for $name {
            const SHAPE: &'static $crate::shape::Shape = &$crate::shape::Shape::Keys(Self::KEYS);
            const REQUIRED: bool = false $(|| <$type as $crate::decode::Decode>::REQUIRED)*;

            fn decode(
                node: &$crate::yaml::Node,
                problems: &mut $crate::decode::Problems,
            ) -> Option<Self> {
                Self::read(&$crate::decode::Keys::open(node, Self::KEYS, problems)?, problems)
            }

            fn absent() -> Option<Self> {
                Some(Self {
                    $($field: <$type as $crate::decode::Decode>::absent()?,)*
                    $($rest: <$rest_type as $crate::decode::Decode>::absent()?,)?
                })
            }
        }
    };
}

/// The keys of a struct, and those of the struct that is read from the same mapping.
macro_rules! with_rest {
    ($own:expr) => {
        &$own
    };
    ($own:expr, $rest:ty) => {{
        const OWN: &[$crate::shape::Key] = &$own;
        const REST: &[$crate::shape::Key] = <$rest as $crate::decode::Decode>::SHAPE.keys();
        const BOTH: [$crate::shape::Key; OWN.len() + REST.len()] = $crate::shape::join(OWN, REST);
        &BOTH
    }};
}

/// The key of a field: its name, or what it is said to be.
macro_rules! key_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident = $key:literal) => {
        $key
    };
}

/// The table of refused keys, or none.
macro_rules! refused {
    () => {
        &[]
    };
    ($refused:path) => {
        $refused
    };
}

/// The word that stands for an absent key.
macro_rules! default_choice {
    ($name:ident $variant:ident $default:ident) => {
        impl Default for $name {
            fn default() -> Self {
                Self::$variant
            }
        }
    };
}

/// Declares an enum of words; the one marked `(default)` stands for an absent key. With none, the key must be there.
macro_rules! choice {
    ($(#[doc = $doc:literal])* $vis:vis enum $name:ident {
        $(
            $(#[doc = $variant_doc:literal])*
            $variant:ident = $word:literal $(($default:ident))?,
        )*
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[doc = $variant_doc])* $variant,)*
        }

        $($($crate::decode::default_choice!($name $variant $default);)?)*

        #[allow(dead_code, reason = "not each choice is written out again")]
        impl $name {
            const ALL: &[Self] = &[$(Self::$variant),*];

            const WORDS: &'static [$crate::shape::Word] = &[$(
                $crate::shape::Word {
                    word: $word,
                    doc: $crate::shape::doc(concat!($($variant_doc, "\n"),*)),
                    default: false $(|| !stringify!($default).is_empty())?,
                },
            )*];

            /// The word of the configuration file.
            $vis fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl $crate::decode::Decode for $name {
            const SHAPE: &'static $crate::shape::Shape = &$crate::shape::Shape::Choice(Self::WORDS);
            const REQUIRED: bool = $crate::decode::default_word(Self::WORDS).is_none();

            fn decode(
                node: &$crate::yaml::Node,
                problems: &mut $crate::decode::Problems,
            ) -> Option<Self> {
                let index = $crate::decode::choose(node, Self::WORDS, problems)?;
                Self::ALL.get(index).copied()
            }

            fn absent() -> Option<Self> {
                Self::ALL.get($crate::decode::default_word(Self::WORDS)?).copied()
            }
        }
    };
}

pub(crate) use {choice, default_choice, key_name, keys, refused, with_rest};
