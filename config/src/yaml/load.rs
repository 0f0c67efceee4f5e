//! From text to tree, within bounds: a file can neither nest, nor repeat itself, without end.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScanError, Span, StrInput, Tag};

use super::node::{Entry, Kind, Mark, Node};
use crate::decode::Problems;
use crate::input::MAX_SIZE;
use crate::value::quoted;

/// Mappings and lists within each other.
const MAX_DEPTH: usize = 64;

/// What a tree may cost, aliases written out: [`NODE_COST`] for each node, and its text.
const MAX_COST: usize = 8 << 20;
const NODE_COST: usize = 64;

/// The problem was noted, and reading cannot go on.
struct Stop;

/// Reads the only document of a text, which is file number `source` of those read together; an empty one is a null
/// node. `None`: the problem is noted.
pub(crate) fn load(source: u16, text: &str, problems: &mut Problems) -> Option<Node> {
    if text.len() > MAX_SIZE {
        let message = format!("the file has {} bytes; at most {MAX_SIZE} are read", text.len());
        problems.add(Mark::start_of(source), message, "large files belong into an image or onto a volume");
        return None;
    }
    if let Some((at, c)) = text.char_indices().find(|(_, c)| !allowed(*c)) {
        let message = format!("control character U+{:04X}", u32::from(c));
        problems.add(
            end_of(source, &text[..at]),
            message,
            "remove it, or write it as an escape in double quotes",
        );
        return None;
    }
    let parser = Parser::new_from_str(text);
    let mut loader = Loader { source, parser, anchors: BTreeMap::new(), left: MAX_COST, problems };
    loader.stream().ok()
}

/// The place just after a text.
pub(crate) fn end_of(source: u16, text: &str) -> Mark {
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    let last = unix.rsplit('\n').next().unwrap_or_default();
    Mark::new(source, unix.matches('\n').count() + 1, last.chars().count() + 1)
}

/// Whether YAML lets a character stand for itself.
fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{85}') || !(c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

struct Loader<'a, 'p> {
    source: u16,
    parser: Parser<'a, StrInput<'a>>,
    /// Finished nodes that an alias may stand for.
    anchors: BTreeMap<usize, Node>,
    left: usize,
    problems: &'p mut Problems,
}

impl<'a> Loader<'a, '_> {
    fn stream(&mut self) -> Result<Node, Stop> {
        let mut root = None;
        loop {
            let (event, mark) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) if root.is_some() => {
                    return self.stop(mark, "a second document begins here", "keep one document in a file");
                }
                Event::DocumentStart(_) => {
                    let first = self.next()?;
                    root = Some(self.node(first, 0)?);
                }
                _ => {}
            }
        }
        Ok(root.unwrap_or(Node::new(Mark::start_of(self.source), Kind::Null)))
    }

    fn next(&mut self) -> Result<(Event<'a>, Mark), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, self.start(span))),
            Some(Err(error)) => self.syntax(&error),
            None => Ok((Event::StreamEnd, Mark::start_of(self.source))),
        }
    }

    fn start(&self, span: Span) -> Mark {
        Mark::new(self.source, span.start.line(), span.start.col() + 1)
    }

    fn node(&mut self, (event, mark): (Event<'a>, Mark), depth: usize) -> Result<Node, Stop> {
        if depth > MAX_DEPTH {
            return self.too_deep(mark);
        }
        let (anchor, kind) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = matches!(style, saphyr_parser::ScalarStyle::Plain);
                let string = self.tag(tag.as_deref(), mark).is_some_and(|suffix| suffix == "str");
                (anchor, scalar(&text, plain && !string))
            }
            Event::SequenceStart(anchor, tag) => {
                self.tag(tag.as_deref(), mark);
                (anchor, Kind::Sequence(self.items(depth)?))
            }
            Event::MappingStart(anchor, tag) => {
                self.tag(tag.as_deref(), mark);
                (anchor, Kind::Mapping(self.entries(depth)?))
            }
            Event::Alias(anchor) => return self.alias(anchor, mark),
            _ => return self.stop(mark, "not valid YAML", "look at the line above"),
        };
        let node = Node::new(mark, kind);
        self.pay(own_cost(&node), mark)?;
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Stop> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                event => items.push(self.node(event, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, Stop> {
        let mut entries = Vec::new();
        let mut seen = BTreeSet::new();
        let mut merged = Vec::new();
        loop {
            let event = match self.next()? {
                (Event::MappingEnd, _) => break,
                event => event,
            };
            let (key, mark) = self.key(event, depth)?;
            let first = self.next()?;
            let value = self.node(first, depth + 1)?;
            if !seen.insert(key.clone()) {
                let message = format!("duplicate key {}", quoted(&key));
                self.problems.add(mark, message, "each key stands once in its mapping: remove one of them");
            } else if key == "<<" {
                self.merge(value, &mut merged);
            } else {
                entries.push(Entry { key, mark, value });
            }
        }
        entries.extend(merged.into_iter().filter(|entry: &Entry| seen.insert(entry.key.clone())));
        Ok(entries)
    }

    fn key(&mut self, event: (Event<'a>, Mark), depth: usize) -> Result<(String, Mark), Stop> {
        let node = self.node(event, depth + 1)?;
        match node.kind {
            Kind::Scalar(text) => Ok((text, node.mark)),
            _ => self.stop(node.mark, "this key is not a word", "write `key: value`"),
        }
    }

    /// YAML 1.1's `<<`, which cloud-init reads too: the entries of one mapping, or of several.
    fn merge(&mut self, value: Node, merged: &mut Vec<Entry>) {
        match value.kind {
            Kind::Mapping(entries) => merged.extend(entries),
            Kind::Sequence(items) => items.into_iter().for_each(|item| self.merge(item, merged)),
            _ => {
                self.problems.add(value.mark, "`<<` needs a mapping", "give it an alias, such as `<<: *name`")
            }
        }
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<Node, Stop> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return self.stop(mark, "this alias stands within its own anchor", "write the value out");
        };
        self.pay(cost(&node), mark)?;
        Ok(node)
    }

    fn pay(&mut self, cost: usize, mark: Mark) -> Result<(), Stop> {
        match self.left.checked_sub(cost) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => self.stop(mark, "the file is too large, its aliases written out", "use fewer aliases"),
        }
    }

    /// The suffix of one of YAML's own tags; any other is noted.
    fn tag<'t>(&mut self, tag: Option<&'t Tag>, mark: Mark) -> Option<&'t str> {
        const CORE: [&str; 7] = ["str", "int", "float", "bool", "null", "map", "seq"];
        let tag = tag?;
        if !tag.is_yaml_core_schema() || !CORE.contains(&tag.suffix.as_str()) {
            let message = format!("unknown tag {}", quoted(&format!("{}{}", tag.handle, tag.suffix)));
            self.problems.add(mark, message, "remove it; for binary content use `encoding: b64`");
        }
        Some(&tag.suffix)
    }

    fn syntax<T>(&mut self, error: &ScanError) -> Result<T, Stop> {
        let mark = Mark::new(self.source, error.marker().line(), error.marker().col() + 1);
        let info = error.info();
        if info.contains("recursion limit") {
            return self.too_deep(mark);
        }
        let hint = match info {
            _ if info.contains("tab") => "indent with spaces",
            _ if info.contains("unknown anchor") => "define it above, such as `&name value`",
            _ => "look at the indentation, the quotes and the brackets here and in the line above",
        };
        self.stop(mark, format!("not valid YAML: {info}"), hint)
    }

    fn too_deep<T>(&mut self, mark: Mark) -> Result<T, Stop> {
        self.stop(mark, "nested too deeply", "no key needs this many levels")
    }

    fn stop<T>(&mut self, mark: Mark, message: impl Into<String>, hint: &str) -> Result<T, Stop> {
        self.problems.add(mark, message, hint);
        Err(Stop)
    }
}

fn scalar(text: &str, plain: bool) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" if plain => Kind::Null,
        _ => Kind::Scalar(text.to_owned()),
    }
}

/// What a node costs without its children.
fn own_cost(node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar(text) => NODE_COST + text.len(),
        _ => NODE_COST,
    }
}

fn cost(node: &Node) -> usize {
    let children: usize = match &node.kind {
        Kind::Sequence(items) => items.iter().map(cost).sum(),
        Kind::Mapping(entries) => entries.iter().map(|e| NODE_COST + e.key.len() + cost(&e.value)).sum(),
        _ => 0,
    };
    own_cost(node) + children
}
