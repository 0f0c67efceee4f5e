//! What is different between two configurations.

use std::collections::BTreeMap;
use std::fmt;

use crate::decode::Decode;
use crate::emit;
use crate::key_path::{KeyPath, Segment};
use crate::layers::Loaded;
use crate::merge::{Identity, identities};
use crate::schema::Config;
use crate::secret::{HIDDEN, redacted};
use crate::shape::{Lists, Shape};
use crate::yaml::{Entry, Kind, Node};

/// One value that is there, or not, or another.
///
/// Its display form is a line such as `~ hostname: lab -> lab-01`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it is. Of a list's item by its place: the place in the configuration that has it.
    pub path: KeyPath,
    /// What was there, as YAML on one line; secrets are not shown.
    pub before: Option<String>,
    /// What is there now.
    pub after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "~ {path}: {} -> {}", short(before), short(after)),
            (Some(before), None) => write!(f, "- {path}: {}", short(before)),
            (_, after) => write!(f, "+ {path}: {}", short(after.as_deref().unwrap_or_default())),
        }
    }
}

/// A value that fits on a line.
fn short(text: &str) -> String {
    const SHOWN: usize = 100;
    let dots = if text.chars().nth(SHOWN).is_some() { "..." } else { "" };
    text.chars().take(SHOWN).chain(dots.chars()).collect()
}

/// What of `before` is another in `after`, in the order of the values.
pub fn diff(before: &Loaded, after: &Loaded) -> Vec<Change> {
    trees(&before.tree, &after.tree, Config::SHAPE)
}

fn trees(before: &Node, after: &Node, shape: &'static Shape) -> Vec<Change> {
    let mut differ = Differ { changes: Vec::new() };
    let place = Place { path: KeyPath::default(), shape: Some(shape), lists: Lists::Replace, secret: false };
    differ.node(&place, Some(before), Some(after));
    // An empty file and none are the same.
    differ.changes.retain(|change| !change.path.0.is_empty());
    differ.changes
}

fn entries(node: Option<&Node>) -> &[Entry] {
    match node.map(|node| &node.kind) {
        Some(Kind::Mapping(entries)) => entries,
        _ => &[],
    }
}

fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.kind) {
        Some(Kind::Sequence(items)) => items,
        _ => &[],
    }
}

/// Where a comparison is, and what its schema says there.
struct Place {
    path: KeyPath,
    shape: Option<&'static Shape>,
    lists: Lists,
    secret: bool,
}

impl Place {
    fn key(&self, name: &str) -> Self {
        let key = self.shape.and_then(|shape| shape.key(name));
        Self {
            path: self.path.clone().key(name),
            shape: key.map(|key| key.shape).or_else(|| self.shape.and_then(Shape::value)),
            lists: key.map_or(Lists::Replace, |key| key.lists),
            secret: self.secret || key.is_some_and(|key| key.secret),
        }
    }

    fn item(&self, index: usize, identity: &Identity) -> Self {
        let mut path = self.path.clone();
        path.0.push(match self.lists {
            Lists::By(key) if identity.named && identity.before == 0 => {
                Segment::Where { key: key.to_owned(), value: identity.text.clone() }
            }
            _ => Segment::Index(index),
        });
        Self { path, shape: self.shape.and_then(Shape::item), lists: Lists::Replace, secret: self.secret }
    }
}

struct Differ {
    changes: Vec<Change>,
}

impl Differ {
    fn node(&mut self, place: &Place, before: Option<&Node>, after: Option<&Node>) {
        let before = before.filter(|node| !node.is_null());
        let after = after.filter(|node| !node.is_null());
        match (before.map(|node| &node.kind), after.map(|node| &node.kind)) {
            (None, None) => {}
            _ if place.secret => self.value(place, before, after),
            (Some(Kind::Mapping(_)), None | Some(Kind::Mapping(_))) | (None, Some(Kind::Mapping(_))) => {
                self.mapping(place, before, after);
            }
            (Some(Kind::Sequence(_)), None | Some(Kind::Sequence(_))) | (None, Some(Kind::Sequence(_)))
                if !(items(before).is_empty() && items(after).is_empty()) =>
            {
                self.list(place, before, after);
            }
            _ => self.value(place, before, after),
        }
    }

    fn mapping(&mut self, place: &Place, before: Option<&Node>, after: Option<&Node>) {
        let (old, new) = (entries(before), entries(after));
        if old.is_empty() && new.is_empty() && before.is_some() != after.is_some() {
            return self.value(place, before, after);
        }
        let mut there: BTreeMap<&str, &Node> = new.iter().map(|e| (e.key.as_str(), &e.value)).collect();
        for entry in old {
            self.node(&place.key(&entry.key), Some(&entry.value), there.remove(entry.key.as_str()));
        }
        for entry in new.iter().filter(|entry| there.contains_key(entry.key.as_str())) {
            self.node(&place.key(&entry.key), None, Some(&entry.value));
        }
    }

    fn list(&mut self, place: &Place, before: Option<&Node>, after: Option<&Node>) {
        let (old, new) = (items(before), items(after));
        let (old_ids, new_ids) = (identities(old, place.lists), identities(new, place.lists));
        let mut there: BTreeMap<&Identity, usize> =
            new_ids.iter().enumerate().map(|(i, id)| (id, i)).collect();
        let mut kept = Vec::new();
        for (i, (identity, item)) in old_ids.iter().zip(old).enumerate() {
            let place = place.item(i, identity);
            match there.remove(identity) {
                None => self.node(&place, Some(item), None),
                Some(found) => {
                    kept.push(found);
                    // One without a name is the same only if all of it is.
                    self.node(&place, Some(item), new.get(found).filter(|_| identity.named).or(Some(item)));
                }
            }
        }
        for (i, (identity, item)) in new_ids.iter().zip(new).enumerate() {
            if there.contains_key(identity) {
                self.node(&place.item(i, identity), None, Some(item));
            }
        }
        if !kept.is_sorted() {
            self.value(place, before, after);
        }
    }

    fn value(&mut self, place: &Place, before: Option<&Node>, after: Option<&Node>) {
        let text = |node: &Node, secrets: bool| match (place.secret, secrets) {
            (true, false) => HIDDEN.to_owned(),
            (_, true) => emit::flow(node),
            _ => emit::flow(&redacted(node, place.shape)),
        };
        if before.map(|node| text(node, true)) != after.map(|node| text(node, true)) {
            let shown = |node: Option<&Node>| node.map(|node| text(node, false));
            self.changes.push(Change {
                path: place.path.clone(),
                before: shown(before),
                after: shown(after),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Problems, keys};
    use crate::yaml;

    keys! {
        /// A test's keys.
        struct Top {
            /// One value.
            pub one: Option<String>,
            /// Secret.
            @secret
            pub pass: Option<String>,
            /// By name.
            @by("name")
            pub by: Vec<Item>,
            /// A list.
            pub list: Vec<String>,
            /// A mapping.
            pub map: crate::map::Map<String, Item>,
        }
    }

    keys! {
        /// An item.
        struct Item {
            /// Its name.
            pub name: Option<String>,
            /// A list.
            pub list: Vec<String>,
            /// Secret.
            @secret
            pub pass: Vec<String>,
        }
    }

    fn lines(before: &str, after: &str) -> Vec<String> {
        let read = |text: &str| yaml::load(0, text, &mut Problems::default()).unwrap();
        trees(&read(before), &read(after), Top::SHAPE).iter().map(Change::to_string).collect()
    }

    #[test]
    fn each_change_is_a_line() {
        let cases: [(&str, &str, &[&str]); 16] = [
            ("one: a", "one: a # b", &[]),
            ("", "{}", &[]),
            ("one: a\nlist: [b]", "list: [b]\none: 'a'\nmap:", &[]),
            ("one: a", "one: b c", &["~ one: a -> b c"]),
            ("one: a", "one: [b]", &["~ one: a -> [b]"]),
            ("one: a", "", &["- one: a"]),
            ("", "one: \"x\\ny\"", &["+ one: \"x\\ny\""]),
            ("pass: a", "pass: b", &["~ pass: (redacted) -> (redacted)"]),
            ("pass: a", "pass: a", &[]),
            (
                "one: http://a:b@c",
                "one: http://a:x@c",
                &["~ one: http://(redacted)@c -> http://(redacted)@c"],
            ),
            ("list: [a, b, c]", "list: [a, c, d]", &["- list[1]: b", "+ list[2]: d"]),
            ("list: [a, b]", "list: [b, a]", &["~ list: [a, b] -> [b, a]"]),
            ("list: []", "", &["- list: []"]),
            (
                "by: [{name: a, list: [x]}, {name: b}]",
                "by: [{name: b, list: [y]}, {name: a, list: [x]}]",
                &[
                    "+ by[name=b].list[0]: y",
                    "~ by: [{name: a, list: [x]}, {name: b}] -> [{name: b, list: [y]}, {name: a, list: [x]}]",
                ],
            ),
            (
                "by: [{name: a, pass: [x]}]",
                "by: [{name: b, pass: [y]}]",
                &[
                    "- by[name=a].name: a",
                    "- by[name=a].pass: (redacted)",
                    "+ by[name=b].name: b",
                    "+ by[name=b].pass: (redacted)",
                ],
            ),
            ("map: {a: {}}", "map: {a: {name: x}, b: {}}", &["+ map.a.name: x", "+ map.b: {}"]),
        ];
        for (before, after, expected) in cases {
            assert_eq!(lines(before, after), expected, "{before} and {after}");
        }
    }

    #[test]
    fn long_values_are_cut_in_a_line() {
        let line = lines("", &format!("one: {}", "a".repeat(1000))).concat();
        assert!(line.len() < 120 && line.ends_with("aaa..."), "{line}");
    }
}
