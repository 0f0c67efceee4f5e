//! Changes one value in the text of a file and leaves everything else as it is: comments, order, quotes, line ends.
//!
//! What comes out is read again. If it is not exactly the file with that one change, it is refused: a file that is
//! laid out in an unusual way has to be edited by hand, but it is never damaged.

mod change;
mod layout;
mod text;

use std::collections::BTreeMap;

use crate::decode::Problems;
use crate::diagnostic::Report;
use crate::emit;
use crate::key_path::{KeyPath, Segment};
use crate::order::sort_by_key;
use crate::value::ValueError;
use crate::yaml::{self, Kind, Mark, Node};

use change::{Action, change};
use layout::{ByHand, Item, Part, PartKind, Slot, layout};
use text::{blank, line_end, line_start, next_line};

/// Why a file was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file, or the new value, is not valid YAML.
    #[error(transparent)]
    File(#[from] Report),
    /// The path leads nowhere.
    #[error(transparent)]
    Path(#[from] ValueError),
    /// Only a person should change the file.
    #[error("this file is laid out in a way that is not changed by a program: edit it by hand")]
    ByHand,
}

/// The text of a file with another value at a path. The value is YAML in flow style if it begins like that, and plain
/// text otherwise; mappings and lists on the way to it are made.
pub fn set(name: &str, text: &str, path: &KeyPath, value: &str) -> Result<String, EditError> {
    edit(name, text, path, Action::Set(read_value(value)?))
}

/// The text of a file with one item more at the end of the list at a path.
pub fn append(name: &str, text: &str, path: &KeyPath, value: &str) -> Result<String, EditError> {
    edit(name, text, path, Action::Append(read_value(value)?))
}

/// The text of a file without the value at a path.
pub fn unset(name: &str, text: &str, path: &KeyPath) -> Result<String, EditError> {
    edit(name, text, path, Action::Unset)
}

fn read(name: &str, text: &str) -> Result<Node, Report> {
    let mut problems = Problems::default();
    let tree = yaml::load(0, text, &mut problems);
    let failed = problems.any_error();
    tree.filter(|_| !failed).ok_or_else(|| Report::new(&[(name, text)], problems))
}

fn read_value(text: &str) -> Result<Node, Report> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Ok(Node::new(Mark::START, Kind::Null)),
        _ if text.starts_with(['[', '{', '\'', '"', '&', '*', '!']) => read("value", text),
        _ => Ok(Node::new(Mark::START, Kind::Scalar(text.to_owned()))),
    }
}

fn edit(name: &str, text: &str, path: &KeyPath, action: Action) -> Result<String, EditError> {
    let mark = if text.starts_with('\u{feff}') { "\u{feff}" } else { "" };
    let text = &text[mark.len()..];
    let old = read(name, text)?;
    let mut new = old.clone();
    change(&mut new, path, &action)?;
    // In lines as people write it; else on one line, where no comment below can become a part of it.
    for one_line in [false, true] {
        let editor = Editor { text, action: &action, one_line, edits: Vec::new() };
        let edited = editor.edit(&old, &new, path).map_err(|ByHand| EditError::ByHand)?;
        if read(name, &edited).is_ok_and(|found| same(&found, &new, matches!(action, Action::Unset))) {
            return Ok(format!("{mark}{edited}"));
        }
    }
    Err(EditError::ByHand)
}

/// Whether two trees are equal, whatever the order of keys. `lax`: what has become empty is as good as nothing.
fn same(a: &Node, b: &Node, lax: bool) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::Null, Kind::Null) => true,
        (Kind::Scalar(a), Kind::Scalar(b)) => a == b,
        (Kind::Sequence(a), Kind::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, lax))
        }
        (Kind::Mapping(a), Kind::Mapping(b)) => {
            let there: BTreeMap<&str, &Node> = a.iter().map(|e| (e.key.as_str(), &e.value)).collect();
            let found = |key: &str, value| there.get(key).is_some_and(|other| same(other, value, lax));
            a.len() == b.len() && b.iter().all(|e| found(&e.key, &e.value))
        }
        (Kind::Null, kind) | (kind, Kind::Null) if lax => match kind {
            Kind::Sequence(items) => items.is_empty(),
            Kind::Mapping(entries) => entries.is_empty(),
            _ => false,
        },
        _ => false,
    }
}

/// A part of the text and what takes its place.
struct Edit {
    from: usize,
    to: usize,
    new: String,
}

struct Editor<'a> {
    text: &'a str,
    action: &'a Action,
    /// New values are written on one line.
    one_line: bool,
    edits: Vec<Edit>,
}

impl Editor<'_> {
    fn edit(mut self, old: &Node, new: &Node, path: &KeyPath) -> Result<String, ByHand> {
        let layout = layout(self.text)?;
        if matches!(layout.root.kind, PartKind::Empty) {
            return Ok(self.begin(new, layout.explicit));
        }
        let slot = Slot { key: None, from: 0, after: 0, bare: false, flow: true, column: 0 };
        match (&layout.root.kind, old.is_null()) {
            // A document that says `null`.
            (PartKind::Leaf, true) => {
                let text = emit::block(new, None);
                self.replace(layout.root.from, layout.root.to, text.trim_end_matches('\n'));
            }
            _ => self.walk(&layout.root, &slot, old, new, &path.0)?,
        }
        Ok(self.apply())
    }

    /// A file that has no value yet.
    fn begin(&self, new: &Node, explicit: bool) -> String {
        const HEADER: &str = "#cloud-config";
        let text = self.text;
        let headed = explicit || text.lines().next().is_some_and(|line| line.trim_end() == HEADER);
        let break_after = |text: &str| if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let start = if headed { String::new() } else { format!("{HEADER}\n") };
        let added = format!("{}{}", break_after(text), emit::block(new, None));
        format!("{}{text}{}", self.with_line_ends(&start), self.with_line_ends(&added))
    }

    /// Follows a path to the value that is changed; `new` is the tree as it is to be.
    fn walk(
        &mut self,
        part: &Part,
        slot: &Slot,
        old: &Node,
        new: &Node,
        path: &[Segment],
    ) -> Result<(), ByHand> {
        let (PartKind::Items { flow, items }, Some((segment, rest))) = (&part.kind, path.split_first())
        else {
            return match (&part.kind, self.action) {
                (PartKind::Items { flow, items }, Action::Append(item)) if path.is_empty() => {
                    self.add(part, *flow, items, None, item)
                }
                _ => self.put(part, slot, new),
            };
        };
        let (index, key) = match segment {
            Segment::Key(key) => {
                (items.iter().position(|item| item.slot.key.as_ref() == Some(key)), Some(key))
            }
            segment => (change::find(old, segment), None),
        };
        let Some((index, item)) = index.and_then(|index| Some((index, items.get(index)?))) else {
            let added = match key {
                Some(key) => new.get(key),
                None => change::items(new).last(),
            };
            return self.add(part, *flow, items, key, added.ok_or(ByHand)?);
        };
        if rest.is_empty() && matches!(self.action, Action::Unset) {
            return self.remove(part, *flow, items, index);
        }
        let (old, new) = (child(old, key, index).ok_or(ByHand)?, child(new, key, index).ok_or(ByHand)?);
        self.walk(&item.part, &item.slot, old, new, rest)
    }

    /// Writes a value in the place of another, or of none.
    fn put(&mut self, part: &Part, slot: &Slot, new: &Node) -> Result<(), ByHand> {
        let end = line_end(self.text, slot.after);
        let inline = format!("{} {}", if slot.bare { ":" } else { "" }, emit::flow(new));
        if slot.flow {
            match part.kind {
                PartKind::Empty => self.replace(slot.after, slot.after, &inline),
                _ => self.replace(part.from, part.to, &emit::flow(new)),
            }
            return Ok(());
        }
        let below = self.below(slot, new)?;
        let nested = below.starts_with('\n');
        match &part.kind {
            PartKind::Empty if self.blank(slot.after, end) => self.replace(slot.after, end, &below),
            PartKind::Empty if nested => self.replace(end, end, &below),
            PartKind::Empty => self.replace(slot.after, slot.after, &inline),
            PartKind::Leaf | PartKind::Items { flow: true, .. } => {
                let alone = self.blank(part.to, line_end(self.text, part.to)) && part.from <= end;
                match below.contains('\n') && alone {
                    true => self.replace(slot.after, part.to, &below),
                    false => self.replace(part.from, part.to, &emit::flow(new)),
                }
            }
            PartKind::Lines => self.replace(slot.after, part.to, &below),
            // What stands on the line of the key is a comment.
            PartKind::Items { .. } if part.from > end && !self.blank(slot.after, end) => {
                if nested {
                    self.replace(end, part.to, &below);
                } else {
                    self.replace(slot.after, slot.after, &inline);
                    self.replace(end, part.to, "");
                }
            }
            PartKind::Items { .. } => self.replace(slot.after, part.to, &below),
        }
        Ok(())
    }

    /// Adds a key or an item at the end of a mapping or list.
    fn add(
        &mut self,
        part: &Part,
        flow: bool,
        items: &[Item],
        key: Option<&String>,
        new: &Node,
    ) -> Result<(), ByHand> {
        match (flow, items.last()) {
            (true, last) => {
                let text = key.map_or_else(|| emit::flow(new), |key| emit::flow_entry(key, new));
                match last {
                    Some(last) => self.replace(last.part.to, last.part.to, &format!(", {text}")),
                    None => {
                        let open = self.text[part.from..part.to].find(['{', '[']).ok_or(ByHand)?;
                        self.replace(part.from + open + 1, part.from + open + 1, &text);
                    }
                }
            }
            (false, Some(last)) => {
                let lead = " ".repeat(last.slot.column);
                let text = match key {
                    Some(key) if self.one_line => format!("{lead}{}", emit::flow_entry(key, new)),
                    None if self.one_line => format!("{lead}- {}", emit::flow(new)),
                    Some(key) => emit::entry(key, new, last.slot.column),
                    None => emit::item(new, last.slot.column),
                };
                let end = line_end(self.text, last.part.to);
                self.replace(end, end, &format!("\n{}", text.strip_suffix('\n').unwrap_or(&text)));
            }
            (false, None) => return Err(ByHand),
        }
        Ok(())
    }

    fn remove(&mut self, part: &Part, flow: bool, items: &[Item], index: usize) -> Result<(), ByHand> {
        let item = items.get(index).ok_or(ByHand)?;
        let (from, to) = (item.slot.from, item.part.to);
        let before = index.checked_sub(1).and_then(|before| items.get(before));
        let after = items.get(index + 1);
        let start = line_start(self.text, from);
        let end = line_end(self.text, to);
        match (flow, before, after) {
            (true, _, Some(after)) => self.replace(from, after.slot.from, ""),
            (true, Some(before), None) => self.replace(before.part.to, to, ""),
            (true, None, None) => {
                let open = self.text[part.from..part.to].find(['{', '[']).ok_or(ByHand)?;
                self.replace(part.from + open + 1, part.to - 1, "");
            }
            (false, ..) if self.blank(start, from) => self.replace(start, self.end_of_lines(item), ""),
            // The first of a mapping that begins on the line of a dash.
            (false, _, Some(after)) if self.blank(end, after.slot.from) => {
                self.replace(from, after.slot.from, "")
            }
            (false, ..) => self.replace(from, end, ""),
        }
        Ok(())
    }

    /// Where the lines of an item end. Comments below that are deeper go with it only if they cannot stay.
    fn end_of_lines(&self, item: &Item) -> usize {
        let mut end = next_line(self.text, item.part.to);
        let deeper = |line: &str| {
            let comment = line.trim_start();
            comment.starts_with('#') && line.len() - comment.len() > item.slot.column
        };
        while self.one_line && deeper(&self.text[end..line_end(self.text, end)]) {
            end = next_line(self.text, end);
        }
        end
    }

    /// A value as it is written after its colon or dash: on that line, or below it.
    fn below(&self, slot: &Slot, new: &Node) -> Result<String, ByHand> {
        let (text, lead) = match &slot.key {
            _ if self.one_line => return Ok(format!(" {}", emit::flow(new))),
            Some(_) => (emit::entry("k", new, slot.column), "k:"),
            None => (emit::item(new, slot.column), "-"),
        };
        let text = text.get(slot.column..).and_then(|text| text.strip_prefix(lead)).ok_or(ByHand)?;
        Ok(text.strip_suffix('\n').unwrap_or(text).to_owned())
    }

    fn blank(&self, from: usize, to: usize) -> bool {
        self.text.get(from..to).is_some_and(blank)
    }

    fn replace(&mut self, from: usize, to: usize, new: &str) {
        let new = self.with_line_ends(new);
        self.edits.push(Edit { from, to, new });
    }

    /// New text with the line ends of the file.
    fn with_line_ends(&self, new: &str) -> String {
        let first = line_end(self.text, 0);
        if self.text[first..].starts_with("\r\n") { new.replace('\n', "\r\n") } else { new.to_owned() }
    }

    fn apply(mut self) -> String {
        sort_by_key(&mut self.edits, |edit| edit.from as u128);
        let (mut out, mut at) = (String::with_capacity(self.text.len()), 0);
        for Edit { from, to, new } in &self.edits {
            out.push_str(&self.text[at..(*from).max(at)]);
            out.push_str(new);
            at = (*to).max(at);
        }
        out.push_str(&self.text[at..]);
        // A block of text ends with its line.
        let at_end = at == self.text.len() && !out.is_empty() && !out.ends_with('\n');
        if at_end { out + &self.with_line_ends("\n") } else { out }
    }
}

fn child<'n>(node: &'n Node, key: Option<&String>, index: usize) -> Option<&'n Node> {
    match key {
        Some(key) => node.get(key),
        None => change::items(node).get(index),
    }
}

#[cfg(test)]
mod tests;
