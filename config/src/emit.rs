//! A tree as YAML text: in block style, one way only, and read back as the same tree.

mod scalar;

use crate::diagnostic::width;
use crate::yaml::{Entry, Kind, Mark, Node};

use scalar::STEP;
pub(crate) use scalar::inline;

/// A longer key needs a `?` before it.
const LONGEST_KEY: usize = 500;

/// Comments about lines up to this width stand below each other.
const ALIGNED: usize = 60;

/// The text of a tree, with what `origin` says of a value's place as a comment after it.
pub(crate) fn block(node: &Node, origin: Option<&dyn Fn(Mark) -> String>) -> String {
    let mut writer = Writer { lines: Vec::new() };
    if !node.is_null() {
        writer.value(String::new(), node, 0);
    }
    writer.text(origin)
}

/// A key with its value at a column, on lines of their own.
pub(crate) fn entry(key: &str, value: &Node, column: usize) -> String {
    let mut writer = Writer { lines: Vec::new() };
    writer.entry(" ".repeat(column), key, value, value.mark, column);
    writer.text(None)
}

/// An item of a list at a column, on lines of its own.
pub(crate) fn item(item: &Node, column: usize) -> String {
    let mut writer = Writer { lines: Vec::new() };
    writer.sequence(" ".repeat(column), std::slice::from_ref(item), column);
    writer.text(None)
}

/// The text of a tree on one line.
pub(crate) fn flow(node: &Node) -> String {
    let join = |parts: Vec<String>| parts.join(", ");
    match &node.kind {
        Kind::Null => "null".to_owned(),
        Kind::Scalar(text) => inline(text, true),
        Kind::Sequence(items) => format!("[{}]", join(items.iter().map(flow).collect())),
        Kind::Mapping(entries) => {
            format!("{{{}}}", join(entries.iter().map(|e| flow_entry(&e.key, &e.value)).collect()))
        }
    }
}

/// A key and its value on one line, as within braces.
pub(crate) fn flow_entry(key: &str, value: &Node) -> String {
    let key = inline(key, true);
    let mark = if key.len() > LONGEST_KEY { "? " } else { "" };
    format!("{mark}{key}: {}", flow(value))
}

struct Writer {
    /// Lines, and the place of the value that a line ends with.
    lines: Vec<(String, Option<Mark>)>,
}

impl Writer {
    /// Writes a value whose first line begins with `lead`; a mapping or list stands at the column `indent`, a block
    /// of text deeper.
    fn value(&mut self, lead: String, node: &Node, indent: usize) {
        match &node.kind {
            Kind::Sequence(items) if !items.is_empty() => self.sequence(lead, items, indent),
            Kind::Mapping(entries) if !entries.is_empty() => self.mapping(lead, entries, indent),
            _ => self.leaf(lead, node, indent, node.mark),
        }
    }

    /// Writes a value that has no lines of its own. `mark`: that of its key, which a block of text stands below.
    fn leaf(&mut self, lead: String, node: &Node, indent: usize, mark: Mark) {
        match &node.kind {
            Kind::Scalar(text) => match scalar::block(text) {
                Some((header, lines)) => self.block(lead + &header, mark, &lines, indent),
                None => self.lines.push((lead + &inline(text, false), Some(mark))),
            },
            _ => self.lines.push((lead + &flow(node), Some(mark))),
        }
    }

    fn block(&mut self, header: String, mark: Mark, lines: &[&str], indent: usize) {
        self.lines.push((header, Some(mark)));
        let lead = " ".repeat(indent + STEP);
        let shown = |line: &&str| if line.is_empty() { String::new() } else { format!("{lead}{line}") };
        self.lines.extend(lines.iter().map(|line| (shown(line), None)));
    }

    fn sequence(&mut self, mut lead: String, items: &[Node], indent: usize) {
        for item in items {
            // A list or mapping begins on the line of its dash.
            let column = if nested(item) { indent + STEP } else { indent };
            self.value(format!("{lead}- "), item, column);
            lead = " ".repeat(indent);
        }
    }

    fn mapping(&mut self, mut lead: String, entries: &[Entry], indent: usize) {
        for entry in entries {
            self.entry(lead, &entry.key, &entry.value, entry.mark, indent);
            lead = " ".repeat(indent);
        }
    }

    fn entry(&mut self, mut lead: String, key: &str, value: &Node, mark: Mark, indent: usize) {
        let key = inline(key, false);
        if key.len() > LONGEST_KEY {
            self.lines.push((format!("{lead}? {key}"), None));
            lead = " ".repeat(indent);
        } else {
            lead.push_str(&key);
        }
        lead.push(':');
        if nested(value) {
            self.lines.push((lead, None));
            self.value(" ".repeat(indent + STEP), value, indent + STEP);
        } else {
            self.leaf(lead + " ", value, indent, mark);
        }
    }

    fn text(self, origin: Option<&dyn Fn(Mark) -> String>) -> String {
        let columns = |line: &str| line.chars().map(width).sum::<usize>();
        let noted = self.lines.iter().filter(|(_, mark)| mark.is_some()).map(|(line, _)| columns(line));
        let widest = noted.filter(|width| *width <= ALIGNED).max().unwrap_or_default();
        let mut out = String::new();
        for (line, mark) in &self.lines {
            out.push_str(line);
            if let (Some(origin), Some(mark)) = (origin, mark) {
                let gap = widest.saturating_sub(columns(line)) + 2;
                out.push_str(&format!("{:gap$}# {}", "", origin(*mark)));
            }
            out.push('\n');
        }
        out
    }
}

/// Whether a value stands on lines of its own, below its key.
fn nested(node: &Node) -> bool {
    match &node.kind {
        Kind::Sequence(items) => !items.is_empty(),
        Kind::Mapping(entries) => !entries.is_empty(),
        Kind::Null | Kind::Scalar(_) => false,
    }
}

#[cfg(test)]
mod tests;
