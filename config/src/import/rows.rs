//! The tables: what becomes of each key of another system.

use super::tree::{self, entries};
use super::{Import, Kind};
use crate::decode::Decode;
use crate::order::sort_by_key;
use crate::schema::Config;
use crate::shape::{Keys, Shape};
use crate::suggest::nearest;
use crate::value::quoted;
use crate::yaml::{Entry, Node};

/// A key of another system. `*` stands for any.
pub(super) struct Row {
    pub(super) key: &'static str,
    pub(super) rule: Rule,
}

/// What becomes of it.
pub(super) enum Rule {
    /// The value goes to a key here, if it may stand there.
    To(&'static str),
    /// The same, and a single value becomes a list.
    List(&'static str),
    /// It goes where the first text says, by a function.
    By(&'static str, fn(&mut Import, &Entry)),
    /// Its keys have rows of their own.
    In(&'static [Row]),
    /// It has no counterpart: why, and what to do.
    Not(&'static str, &'static str),
}

use Rule::{By, In, List, Not, To};

pub(super) const fn to(key: &'static str, path: &'static str) -> Row {
    Row { key, rule: To(path) }
}

pub(super) const fn list(key: &'static str, path: &'static str) -> Row {
    Row { key, rule: List(path) }
}

pub(super) const fn by(key: &'static str, path: &'static str, turn: fn(&mut Import, &Entry)) -> Row {
    Row { key, rule: By(path, turn) }
}

pub(super) const fn within(key: &'static str, rows: &'static [Row]) -> Row {
    Row { key, rule: In(rows) }
}

pub(super) const fn not(key: &'static str, why: &'static str, instead: &'static str) -> Row {
    Row { key, rule: Not(why, instead) }
}

/// Two spellings of a key: Butane writes `password_hash` where Ignition writes `passwordHash`.
pub(super) fn same(a: &str, b: &str) -> bool {
    let plain = |key: &str| -> String {
        key.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
    };
    a == b || plain(a) == plain(b)
}

/// The row of a key.
pub(super) fn find(rows: &'static [Row], key: &str) -> Option<&'static Row> {
    let exact = rows.iter().find(|row| row.key == key);
    exact.or_else(|| rows.iter().find(|row| same(row.key, key) || row.key == "*"))
}

impl Import {
    /// Turns a mapping by a table.
    pub(super) fn walk(&mut self, node: &Node, rows: &'static [Row]) {
        if !matches!(node.kind, Kind::Mapping(_) | Kind::Null) {
            let message = format!("expected a mapping, found {}; it is not taken over", node.describe());
            self.leave(node.mark, message, "look it up in the other system's documentation");
        }
        for entry in entries(node) {
            match find(rows, &entry.key) {
                Some(row) => self.turn(entry, &row.rule),
                None => self.unknown(entry, rows),
            }
        }
    }

    fn turn(&mut self, entry: &Entry, rule: &Rule) {
        match rule {
            Not(..) if tree::nothing(&entry.value) => {}
            Not(why, instead) => self.refuse(entry, why, instead),
            In(rows) => self.walk(&entry.value, rows),
            _ if entry.value.is_null() => {}
            By(_, turn) => turn(self, entry),
            To(path) => self.take(path, &entry.value),
            List(path) => {
                let items = tree::items(&entry.value).to_vec();
                self.take(path, &tree::list(entry.value.mark, items));
            }
        }
    }

    /// Says that a key has no counterpart, and why.
    pub(super) fn refuse(&mut self, entry: &Entry, why: &str, instead: &str) {
        self.leave(entry.mark, format!("{} is not taken over: {why}", quoted(&entry.key)), instead);
    }

    fn unknown(&mut self, entry: &Entry, rows: &'static [Row]) {
        let names: Vec<&str> = rows.iter().map(|row| row.key).collect();
        self.unknown_of(entry, &names);
    }

    /// Says that a key is not known at all.
    pub(super) fn unknown_of(&mut self, entry: &Entry, names: &[&str]) {
        let guess = nearest(&entry.key, names).map(|key| format!("; did you mean `{key}`?"));
        let guess = guess.unwrap_or_default();
        let message = format!("{} is not taken over: there is no such key{guess}", quoted(&entry.key));
        self.leave(entry.mark, message, "correct it and import again, or leave it out");
    }

    /// The same, where a shape has the keys.
    pub(super) fn unknown_here(&mut self, entry: &Entry, shape: Option<&'static Shape>) {
        match shape.map(inner) {
            Some(Shape::Keys(keys)) => self.no_key(entry, keys),
            _ => self.unknown_of(entry, &[]),
        }
    }

    /// Says that a mapping here has no such key, in the words of the schema if it refuses it.
    fn no_key(&mut self, entry: &Entry, keys: &Keys) {
        match keys.refusal(&entry.key) {
            Some(refused) => self.refuse(entry, refused.why, refused.instead),
            None => self.unknown_of(entry, &keys.names()),
        }
    }

    /// Takes over a key of the top level, if there is one of that name.
    pub(super) fn take_key(&mut self, entry: &Entry) {
        if known(&entry.key) {
            return self.take(&entry.key, &entry.value);
        }
        self.unknown_here(entry, Some(Config::SHAPE));
    }

    /// Puts a value at a path of the result, without the keys that the schema does not have there.
    pub(super) fn take(&mut self, path: &str, value: &Node) {
        match shape_of(path) {
            Some(shape) => {
                if let Some(value) = self.fit(value, shape) {
                    let path: Vec<&str> = path.split('.').collect();
                    tree::put(&mut self.out, &path, value);
                }
            }
            None => {
                let message = format!("this is not taken over: there is no {} in this version", quoted(path));
                self.leave(value.mark, message, "do it by `runcmd`, or wait for a version that has it");
            }
        }
    }

    /// Puts a value at a key of the top level as it is, with the nulls in its lists.
    pub(super) fn out_of_shape(&mut self, key: &str, value: Node) {
        match known(key) {
            true => tree::place(&mut self.out, key, value),
            false => self.take(key, &value),
        }
    }

    /// A value without the keys that its shape does not have; each is said. `None`: nothing is left.
    pub(super) fn fit(&mut self, node: &Node, shape: &Shape) -> Option<Node> {
        let kind = match (&node.kind, matching(shape, node)) {
            (Kind::Mapping(entries), Shape::Keys(keys)) => {
                let mut kept = Vec::new();
                for entry in entries {
                    match keys.get(&entry.key) {
                        Some(key) => kept.extend(self.fit_entry(entry, key.shape)),
                        None => self.no_key(entry, keys),
                    }
                }
                Kind::Mapping(kept)
            }
            (Kind::Mapping(entries), Shape::Map { value, .. }) => {
                Kind::Mapping(entries.iter().filter_map(|entry| self.fit_entry(entry, value)).collect())
            }
            (Kind::Sequence(items), Shape::List(item)) => {
                Kind::Sequence(items.iter().filter_map(|node| self.fit(node, item)).collect())
            }
            (Kind::Null, _) => return None,
            (Kind::Scalar(text), Shape::Bool) => Kind::Scalar(bool_word(text).to_owned()),
            (kind, _) => kind.clone(),
        };
        Some(tree::node(node.mark, kind))
    }

    fn fit_entry(&mut self, entry: &Entry, shape: &Shape) -> Option<Entry> {
        let value = self.fit(&entry.value, shape)?;
        Some(Entry { key: entry.key.clone(), mark: entry.mark, value })
    }
}

/// YAML 1.1's other words for true and false, which the schema does not take.
fn bool_word(text: &str) -> &str {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => "true",
        "false" | "no" | "off" | "n" => "false",
        _ => text,
    }
}

/// Of a value's possible shapes, the one of its kind.
fn matching<'a>(shape: &'a Shape, node: &Node) -> &'a Shape {
    let Shape::OneOf(shapes) = shape else { return shape };
    let fits = |shape: &&Shape| match (&node.kind, shape) {
        (Kind::Mapping(_), shape) => matches!(shape, Shape::Keys(_) | Shape::Map { .. }),
        (Kind::Sequence(_), shape) => matches!(shape, Shape::List(_)),
        (_, shape) => matches!(shape, Shape::Scalar(_) | Shape::Bool | Shape::Choice(_)),
    };
    let fitting = shapes.iter().copied().map(|inner| matching(inner, node)).find(fits);
    fitting.unwrap_or(shape)
}

/// The shape at a path.
pub(super) fn shape_of(path: &str) -> Option<&'static Shape> {
    path.split('.').try_fold(Config::SHAPE, |shape: &'static Shape, name| match (inner(shape), name) {
        (Shape::Keys(keys), _) => keys.get(name).map(|key| key.shape),
        (Shape::List(item), "*") => Some(*item),
        (Shape::Map { value, .. }, _) => Some(*value),
        _ => None,
    })
}

/// Whether the schema has a key.
pub(super) fn known(path: &str) -> bool {
    shape_of(path).is_some()
}

/// Puts the keys of mappings into the order of the reference. Items of lists keep their writer's.
pub(super) fn order(node: &mut Node, shape: &'static Shape) {
    let Kind::Mapping(entries) = &mut node.kind else { return };
    match inner(shape) {
        Shape::Keys(keys) => {
            sort_by_key(entries, |entry| {
                let place = keys.keys.iter().position(|key| key.name == entry.key);
                place.map_or(0, |place| place as u128 + 1)
            });
            for entry in entries {
                if let Some(key) = keys.get(&entry.key) {
                    order(&mut entry.value, key.shape);
                }
            }
        }
        Shape::Map { value, .. } => entries.iter_mut().for_each(|entry| order(&mut entry.value, value)),
        _ => {}
    }
}

/// Of several shapes, the one with keys.
fn inner(shape: &'static Shape) -> &'static Shape {
    let Shape::OneOf(shapes) = shape else { return shape };
    let with_keys =
        |shape: &&&'static Shape| matches!(inner(shape), Shape::Keys(_) | Shape::Map { .. } | Shape::List(_));
    shapes.iter().find(with_keys).map_or(shape, |shape| inner(shape))
}

/// Lines of the documentation for a table.
pub(super) fn describe(prefix: &str, rows: &[Row], lines: &mut Vec<(String, String)>) {
    for row in rows {
        let key = format!("{prefix}{}", row.key);
        match row.rule {
            To(path) | List(path) => lines.push((key, format!("`{path}`"))),
            By(what, _) => lines.push((key, what.to_owned())),
            Not(why, instead) => lines.push((key, format!("no: {why}; {instead}"))),
            In(rows) => describe(&format!("{key}."), rows, lines),
        }
    }
}

/// Lines for the keys of the top level that no row is about.
pub(super) fn describe_schema(rows: &[Row], lines: &mut Vec<(String, String)>) {
    let Shape::Keys(keys) = Config::SHAPE else { return };
    let other = |name: &&str| !rows.iter().any(|row| row.key == *name);
    let names = keys.names();
    lines.extend(names.iter().filter(|name| other(name)).map(|name| (name.to_string(), format!("`{name}`"))));
    for refused in keys.refused {
        for name in refused.names.iter().filter(|name| other(name)) {
            lines.push((name.to_string(), format!("no: {}; {}", refused.why, refused.instead)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::From;

    /// Paths of a table that the schema does not have.
    fn missing(rows: &[Row], found: &mut Vec<&'static str>) {
        for row in rows {
            match row.rule {
                To(path) | List(path) if !known(path) => found.push(path),
                In(rows) => missing(rows, found),
                _ => {}
            }
        }
    }

    #[test]
    fn the_schema_has_what_the_tables_name() {
        for from in From::ALL {
            let mut found = Vec::new();
            missing(from.rows(), &mut found);
            assert!(found.is_empty(), "{from:?}: {found:?}");
        }
    }

    #[test]
    fn no_row_hides_another() {
        fn check(rows: &[Row]) {
            for (i, row) in rows.iter().enumerate() {
                assert!(
                    !rows[..i].iter().any(|earlier| same(earlier.key, row.key)),
                    "{} is there twice",
                    row.key
                );
                if let In(rows) = row.rule {
                    check(rows);
                }
            }
        }
        From::ALL.into_iter().for_each(|from| check(from.rows()));
    }
}
