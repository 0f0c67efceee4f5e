//! Environment and labels: a mapping, or a list of `KEY=VALUE`.

use std::collections::BTreeMap;
use std::ops::Deref;

use super::{ValueError, quoted};
use crate::decode::{Decode, Problems, mapping, scalar, sequence};
use crate::shape::{Scalar, Shape};
use crate::yaml::{Kind, Node};

/// Texts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyValues(pub BTreeMap<String, String>);

impl KeyValues {
    /// The pairs as `KEY=VALUE`.
    pub fn to_list(&self) -> Vec<String> {
        self.iter().map(|(key, value)| format!("{key}={value}")).collect()
    }
}

impl Deref for KeyValues {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Decode for KeyValues {
    const SHAPE: &'static Shape = &Shape::OneOf(&[
        &Shape::Map { key: String::SHAPE, value: String::SHAPE },
        &Shape::List(&Shape::Scalar(&Scalar {
            name: "pair",
            doc: "`KEY=VALUE`",
            examples: &["LANG=C.UTF-8"],
        })),
    ]);
    const REQUIRED: bool = false;

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Sequence(_) => from_list(node, problems),
            _ => from_mapping(node, problems),
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

fn from_mapping(node: &Node, problems: &mut Problems) -> Option<KeyValues> {
    let entries = mapping(node, problems)?;
    let mut pairs = BTreeMap::new();
    for entry in entries {
        if entry.value.is_null() {
            let message = format!("{} has no value", quoted(&entry.key));
            problems.add(entry.mark, message, "for an empty one, write `\"\"`");
        } else if !is_key(&entry.key) {
            problems.value(entry.mark, not_a_key(&entry.key));
        } else if let Some(text) = text(&entry.value, "a text", problems) {
            pairs.insert(entry.key.clone(), text.to_owned());
        }
    }
    (pairs.len() == entries.len()).then_some(KeyValues(pairs))
}

fn from_list(node: &Node, problems: &mut Problems) -> Option<KeyValues> {
    let items = sequence(node, problems)?;
    let mut pairs = BTreeMap::new();
    for item in items {
        let Some(text) = text(item, "`KEY=VALUE`", problems) else { continue };
        match text.split_once('=') {
            Some((key, _)) if !is_key(key) => problems.value(item.mark, not_a_key(key)),
            Some((key, _)) if pairs.contains_key(key) => {
                problems.add(item.mark, format!("{} is set twice", quoted(key)), "remove one of them");
            }
            Some((key, value)) => {
                pairs.insert(key.to_owned(), value.to_owned());
            }
            None => {
                problems.value(item.mark, ValueError::not_a("KEY=VALUE", text, "", "such as `LANG=C.UTF-8`"))
            }
        }
    }
    (pairs.len() == items.len()).then_some(KeyValues(pairs))
}

/// A text that a process can be given.
fn text<'n>(node: &'n Node, what: &str, problems: &mut Problems) -> Option<&'n str> {
    let text = scalar(node, what, problems)?;
    if text.contains('\0') {
        // Not quoted: it may be a password.
        problems.add(node.mark, "there is a NUL in this text", "remove it: no process can be given one");
        return None;
    }
    Some(text)
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && !key.contains(|c: char| c == '=' || c.is_whitespace() || c.is_control())
}

fn not_a_key(key: &str) -> ValueError {
    ValueError::not_a("a name of a variable or label", key, "", "letters, digits and `_`, such as `LANG`")
}
