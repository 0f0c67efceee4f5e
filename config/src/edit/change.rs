//! One change of a tree: what the file has to say once its text is edited.

use crate::key_path::{KeyPath, Segment};
use crate::value::{ValueError, quoted};
use crate::yaml::{Entry, Kind, Mark, Node};

/// What is done at the end of a path.
pub(super) enum Action {
    Set(Node),
    Append(Node),
    Unset,
}

/// The items of a list.
pub(super) fn items(node: &Node) -> &[Node] {
    match &node.kind {
        Kind::Sequence(items) => items,
        _ => &[],
    }
}

/// The place of the item of a list that a segment means.
pub(super) fn find(list: &Node, segment: &Segment) -> Option<usize> {
    match segment {
        Segment::Key(_) => None,
        Segment::Index(index) => (*index < items(list).len()).then_some(*index),
        Segment::Where { key, value } => {
            items(list).iter().position(|item| item.get(key).is_some_and(|found| found.is(value)))
        }
    }
}

pub(super) fn change(root: &mut Node, path: &KeyPath, action: &Action) -> Result<(), ValueError> {
    if path.0.is_empty() {
        return Err(ValueError::new("no path is given", "such as `hostname` or `dockos.docker.memory`"));
    }
    Change { path, action }.node(root, 0)
}

struct Change<'a> {
    path: &'a KeyPath,
    action: &'a Action,
}

impl Change<'_> {
    fn node(&self, node: &mut Node, depth: usize) -> Result<(), ValueError> {
        let Some(segment) = self.path.0.get(depth) else { return self.end(node, depth) };
        let last = depth + 1 == self.path.0.len();
        if last && matches!(self.action, Action::Unset) {
            return self.remove(node, segment, depth);
        }
        let child = match segment {
            Segment::Key(key) => self.value(node, key, depth)?,
            _ => self.item(node, segment, depth)?,
        };
        self.node(child, depth + 1)?;
        if let (Segment::Where { key, value }, true) = (segment, last) {
            name_item(child, key, value);
        }
        Ok(())
    }

    fn value<'n>(&self, node: &'n mut Node, key: &str, depth: usize) -> Result<&'n mut Node, ValueError> {
        if node.is_null() && self.makes() {
            node.kind = Kind::Mapping(Vec::new());
        }
        if !matches!(node.kind, Kind::Mapping(_)) {
            return Err(self.not("a mapping", node, depth));
        }
        let Kind::Mapping(entries) = &mut node.kind else { return Err(self.not_set()) };
        let place = entries.iter().position(|entry| entry.key == key);
        if place.is_none() && !self.makes() {
            return Err(self.not_set());
        }
        let place = place.unwrap_or_else(|| {
            entries.push(Entry { key: key.to_owned(), mark: Mark::START, value: nothing() });
            entries.len() - 1
        });
        entries.get_mut(place).map(|entry| &mut entry.value).ok_or_else(|| self.not_set())
    }

    fn item<'n>(
        &self,
        node: &'n mut Node,
        segment: &Segment,
        depth: usize,
    ) -> Result<&'n mut Node, ValueError> {
        let mut place = find(node, segment);
        let by_name = matches!(segment, Segment::Where { .. });
        if node.is_null() && self.makes() && by_name {
            node.kind = Kind::Sequence(Vec::new());
        }
        if !matches!(node.kind, Kind::Sequence(_)) {
            return Err(self.not("a list", node, depth));
        }
        let Kind::Sequence(items) = &mut node.kind else { return Err(self.not_set()) };
        if let (None, true, Segment::Where { key, value }) = (place, self.makes(), segment) {
            let mut item = nothing();
            item.kind = Kind::Mapping(Vec::new());
            name_item(&mut item, key, value);
            items.push(item);
            place = Some(items.len() - 1);
        }
        place.and_then(|place| items.get_mut(place)).ok_or_else(|| self.no_item(depth))
    }

    fn end(&self, node: &mut Node, depth: usize) -> Result<(), ValueError> {
        match (self.action, &mut node.kind) {
            (Action::Set(value), _) => *node = value.clone(),
            (Action::Append(value), Kind::Null) => node.kind = Kind::Sequence(vec![value.clone()]),
            (Action::Append(value), Kind::Sequence(items)) => items.push(value.clone()),
            _ => return Err(self.not("a list", node, depth)),
        }
        Ok(())
    }

    fn remove(&self, node: &mut Node, segment: &Segment, depth: usize) -> Result<(), ValueError> {
        let place = match (segment, &node.kind) {
            (Segment::Key(key), Kind::Mapping(entries)) => entries.iter().position(|entry| entry.key == *key),
            _ => find(node, segment),
        };
        match (place, &mut node.kind) {
            (Some(place), Kind::Mapping(entries)) => drop(entries.remove(place)),
            (Some(place), Kind::Sequence(items)) => drop(items.remove(place)),
            (_, Kind::Sequence(_)) => return Err(self.no_item(depth)),
            _ => return Err(self.not_set()),
        }
        Ok(())
    }

    /// Whether what is missing on the way is made.
    fn makes(&self) -> bool {
        !matches!(self.action, Action::Unset)
    }

    fn up_to(&self, depth: usize) -> String {
        let path = KeyPath(self.path.0.iter().take(depth).cloned().collect());
        if depth == 0 { "the file".to_owned() } else { quoted(&path.to_string()) }
    }

    fn not(&self, what: &str, node: &Node, depth: usize) -> ValueError {
        let message = format!("{} is not {what}, but {}", self.up_to(depth), node.describe());
        ValueError::new(message, "look at the path, or set the whole value")
    }

    fn no_item(&self, depth: usize) -> ValueError {
        let message = format!("there is no item {}", self.up_to(depth + 1));
        ValueError::new(message, "items count from 0; to add one, put `[]` after the list")
    }

    fn not_set(&self) -> ValueError {
        ValueError::new(format!("{} is not set in this file", self.up_to(usize::MAX)), "look at the path")
    }
}

fn nothing() -> Node {
    Node::new(Mark::START, Kind::Null)
}

/// Gives an item the name by which the path calls it, if it has none.
fn name_item(item: &mut Node, key: &str, value: &str) {
    if let Kind::Mapping(entries) = &mut item.kind
        && entries.iter().all(|entry| entry.key != key)
    {
        let value = Node::new(Mark::START, Kind::Scalar(value.to_owned()));
        entries.insert(0, Entry { key: key.to_owned(), mark: Mark::START, value });
    }
}
