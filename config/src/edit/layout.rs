//! Where each value stands in a text, to change one of them and nothing else.
//!
//! The tree of a file knows where a value begins; here is also where it ends, and its style. What is laid out in a
//! way that is not understood here is left to be edited by hand.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::text::{blank, column_of, line_end};

/// The text is laid out in a way that only a person should touch.
#[derive(Debug)]
pub(super) struct ByHand;

/// A value in the text; places are in bytes.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) kind: PartKind,
}

#[derive(Debug)]
pub(super) enum PartKind {
    /// Nothing is written.
    Empty,
    /// One value, or an alias.
    Leaf,
    /// One value as lines after `|` or `>`.
    Lines,
    /// A mapping or list.
    Items {
        /// In brackets.
        flow: bool,
        items: Vec<Item>,
    },
}

/// A value of a mapping or list, and what leads to it.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) slot: Slot,
    pub(super) part: Part,
}

/// The place for a value.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// The key; none: an item of a list.
    pub(super) key: Option<String>,
    /// Where the key or dash begins.
    pub(super) from: usize,
    /// Just after the colon or the dash, or after a key that has no colon.
    pub(super) after: usize,
    /// Whether there is no colon.
    pub(super) bare: bool,
    /// In brackets.
    pub(super) flow: bool,
    /// The column of the key or dash, from 0.
    pub(super) column: usize,
}

/// What a text holds.
pub(super) struct Layout {
    pub(super) root: Part,
    /// Whether the document begins with `---`.
    pub(super) explicit: bool,
}

/// Lays out a text that is known to be valid.
pub(super) fn layout(text: &str) -> Result<Layout, ByHand> {
    let mut bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    bytes.push(text.len());
    let mut reader = Reader { text, bytes, parser: Parser::new_from_str(text) };
    loop {
        match reader.next()? {
            (Event::DocumentStart(explicit), span) => {
                let after = if explicit { reader.byte(span.end.index())? } else { 0 };
                let root = Slot { key: None, from: 0, after, bare: false, flow: false, column: 0 };
                let first = reader.next()?;
                return Ok(Layout { root: reader.part(first, &root, None)?, explicit });
            }
            (Event::StreamEnd, _) => {
                let root = Part { from: text.len(), to: text.len(), kind: PartKind::Empty };
                return Ok(Layout { root, explicit: false });
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    /// Where each character begins.
    bytes: Vec<usize>,
    parser: Parser<'a, StrInput<'a>>,
}

type Next<'a> = (Event<'a>, Span);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Next<'a>, ByHand> {
        self.parser.next_event().and_then(Result::ok).ok_or(ByHand)
    }

    fn byte(&self, index: usize) -> Result<usize, ByHand> {
        self.bytes.get(index).copied().ok_or(ByHand)
    }

    /// `outer`: the column of the mapping or list that the value is in.
    fn part(&mut self, (event, span): Next<'a>, slot: &Slot, outer: Option<usize>) -> Result<Part, ByHand> {
        let (from, to) = (self.byte(span.start.index())?, self.byte(span.end.index())?);
        match event {
            Event::Scalar(value, ScalarStyle::Plain, ..) if value.is_empty() => self.empty(slot),
            Event::Scalar(_, ScalarStyle::Plain, ..) | Event::Alias(_) => {
                let to = from + self.text[from..to].trim_end().len();
                Ok(Part { from, to, kind: PartKind::Leaf })
            }
            Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..) => self.lines(slot, outer),
            Event::Scalar(..) => Ok(Part { from, to: self.quotation_end(from)?, kind: PartKind::Leaf }),
            Event::MappingStart(..) => self.mapping(from, slot),
            Event::SequenceStart(..) => self.sequence(from, slot),
            _ => Err(ByHand),
        }
    }

    fn empty(&self, slot: &Slot) -> Result<Part, ByHand> {
        match self.text[slot.after..].trim_start().starts_with(['&', '!']) {
            true => Err(ByHand),
            false => Ok(Part { from: slot.after, to: slot.after, kind: PartKind::Empty }),
        }
    }

    /// A block of text: its header and all lines that are deeper than what it is in.
    fn lines(&self, slot: &Slot, outer: Option<usize>) -> Result<Part, ByHand> {
        let text = self.text;
        let from = text.len() - text[slot.after..].trim_start_matches([' ', '\t']).len();
        if !text[from..].starts_with(['|', '>']) {
            return Err(ByHand);
        }
        let mut end = line_end(text, from);
        let header = text[from..end].split('#').next().unwrap_or_default().trim_end();
        let digit = header.bytes().find(u8::is_ascii_digit).map(|digit| usize::from(digit - b'0'));
        let mut least = digit.map(|digit| outer.unwrap_or(0) + digit);
        let mut to = from + header.len();
        while end < text.len() {
            let next = end + if text[end..].starts_with("\r\n") { 2 } else { 1 };
            end = line_end(text, next);
            let line = &text[next..end];
            let indent = line.len() - line.trim_start_matches(' ').len();
            let kept = blank(line) && header.contains('+') && end < text.len();
            // The first line tells how deep the others are; a comment after them may be less deep.
            if !blank(line)
                && (outer.is_some_and(|outer| indent <= outer) || indent < *least.get_or_insert(indent))
            {
                break;
            }
            if kept || !blank(line) {
                to = end;
            }
        }
        Ok(Part { from, to, kind: PartKind::Lines })
    }

    /// Just after the closing quote of a value that may have an anchor or tag before it.
    fn quotation_end(&self, from: usize) -> Result<usize, ByHand> {
        let open = self.skip_properties(from);
        let quote = self.text[open..].chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or(ByHand)?;
        let mut chars = self.text[open + 1..].char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if quote == '"' => drop(chars.next()),
                c if c == quote && quote == '\'' && chars.peek().is_some_and(|(_, c)| *c == '\'') => {
                    chars.next();
                }
                c if c == quote => return Ok(open + at + 2),
                _ => {}
            }
        }
        Err(ByHand)
    }

    /// Where a value begins after its anchor and tag.
    fn skip_properties(&self, from: usize) -> usize {
        let mut rest = &self.text[from..];
        while rest.starts_with(['&', '!']) {
            rest = rest.trim_start_matches(|c: char| !c.is_whitespace()).trim_start();
        }
        self.text.len() - rest.len()
    }

    fn mapping(&mut self, from: usize, slot: &Slot) -> Result<Part, ByHand> {
        let flow = self.text[self.skip_properties(from)..].starts_with('{');
        if slot.flow && !flow {
            return Err(ByHand);
        }
        let mut items: Vec<Item> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let key_from = self.byte(span.start.index())?;
            let (key, plain) = match event {
                Event::MappingEnd => return self.close(from, flow, items, span),
                Event::Scalar(key, ScalarStyle::Plain, ..) if !key.is_empty() => (key, true),
                Event::Scalar(key, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted, ..) => (key, false),
                _ => return Err(ByHand),
            };
            let key_to = match plain {
                true => key_from + self.text[key_from..self.byte(span.end.index())?].trim_end().len(),
                false => self.quotation_end(key_from)?,
            };
            let rest = &self.text[key_to..];
            let rest = if flow { rest.trim_start() } else { rest.trim_start_matches([' ', '\t']) };
            let colon = rest.starts_with(':');
            if !colon && !flow {
                return Err(ByHand);
            }
            let slot = Slot {
                key: Some(key.into_owned()),
                from: key_from,
                after: if colon { self.text.len() - rest.len() + 1 } else { key_to },
                bare: !colon,
                flow,
                column: column_of(self.text, key_from),
            };
            self.item(slot, &mut items)?;
        }
    }

    fn sequence(&mut self, from: usize, slot: &Slot) -> Result<Part, ByHand> {
        let flow = self.text[self.skip_properties(from)..].starts_with('[');
        let mut items: Vec<Item> = Vec::new();
        let mut at = slot.after;
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                let from = if flow { from } else { items.first().map_or(from, |item| item.slot.from) };
                return self.close(from, flow, items, span);
            }
            let (from, after) = match flow {
                true => {
                    let from = self.byte(span.start.index())?;
                    (from, from)
                }
                false => self.dash(at)?,
            };
            let slot = Slot { key: None, from, after, bare: false, flow, column: column_of(self.text, from) };
            let part = self.part((event, span), &slot, Some(slot.column))?;
            at = part.to;
            items.push(Item { slot, part });
        }
    }

    fn item(&mut self, slot: Slot, items: &mut Vec<Item>) -> Result<(), ByHand> {
        let first = self.next()?;
        let part = self.part(first, &slot, Some(slot.column))?;
        items.push(Item { slot, part });
        Ok(())
    }

    /// The next dash, past blanks and comments.
    fn dash(&self, at: usize) -> Result<(usize, usize), ByHand> {
        let mut rest = self.text[at..].trim_start();
        while rest.starts_with('#') {
            rest = rest[line_end(rest, 0)..].trim_start();
        }
        let from = self.text.len() - rest.len();
        if rest.starts_with('-') { Ok((from, from + 1)) } else { Err(ByHand) }
    }

    fn close(&self, from: usize, flow: bool, items: Vec<Item>, span: Span) -> Result<Part, ByHand> {
        let to = match items.last() {
            Some(last) if !flow => last.part.to,
            // The span goes on to the next token.
            _ => self.byte(span.start.index())? + 1,
        };
        Ok(Part { from, to, kind: PartKind::Items { flow, items } })
    }
}
