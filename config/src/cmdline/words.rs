//! The words of a kernel command line, split as the kernel's `next_arg` does.

use crate::yaml::{Mark, end_of};

/// One word: `NAME` or `NAME=VALUE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// The word without a pair of quotes around the whole of it.
    pub(super) text: &'a str,
    /// Where it begins.
    pub(super) mark: Mark,
    /// Whether a quote in it is not closed: it swallowed all that follows.
    pub(super) open: bool,
}

impl<'a> Word<'a> {
    /// The part of the word from a byte on, without a pair of quotes around it, and where it begins.
    pub(super) fn value(&self, from: usize) -> (&'a str, Mark) {
        let value = &self.text[from..];
        match value.strip_prefix('"') {
            Some(inner) => (inner.strip_suffix('"').unwrap_or(inner), self.mark_at(from + 1)),
            None => (value, self.mark_at(from)),
        }
    }

    /// The place of a byte of the word.
    pub(super) fn mark_at(&self, at: usize) -> Mark {
        within(self.mark, end_of(self.mark.source, &self.text[..at]))
    }
}

/// The place of something in the whole text, from its place in a part that begins at `start`.
pub(super) fn within(start: Mark, inner: Mark) -> Mark {
    let column = if inner.line == 1 { start.column + inner.column - 1 } else { inner.column };
    Mark { line: start.line + inner.line - 1, column, ..start }
}

/// Splits at blanks outside double quotes. What follows a word `--` is for init and is left out.
pub(super) fn split(source: u16, text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut mark = Mark::start_of(source);
    let mut rest = text;
    loop {
        let start = rest.trim_start_matches(is_blank);
        mark = within(mark, end_of(source, &rest[..rest.len() - start.len()]));
        let (end, open) = end_of_word(start);
        let whole = &start[..end];
        if whole.is_empty() || whole == "--" {
            return words;
        }
        words.push(word(whole, mark, open));
        mark = within(mark, end_of(source, whole));
        rest = &start[end..];
    }
}

fn word(whole: &str, mark: Mark, open: bool) -> Word<'_> {
    match whole.strip_prefix('"') {
        Some(inner) => {
            let text = inner.strip_suffix('"').unwrap_or(inner);
            Word { text, mark: Mark { column: mark.column + 1, ..mark }, open }
        }
        None => Word { text: whole, mark, open },
    }
}

/// Where the first word of a text ends, and whether a quote is open there.
fn end_of_word(text: &str) -> (usize, bool) {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            c if is_blank(c) && !quoted => return (at, false),
            _ => {}
        }
    }
    (text.len(), quoted)
}

fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{b}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_the_kernel_does() {
        let text = "quiet  a=\"b c\" \"d=e f\" g.\"h i\".j=\"k\" \u{e9} l=m\"n o\"\np -- q";
        let words = split(0, text);
        let shown: Vec<(&str, u32, u32)> =
            words.iter().map(|word| (word.text, word.mark.line, word.mark.column)).collect();
        let expected = [
            ("quiet", 1, 1),
            ("a=\"b c\"", 1, 8),
            ("d=e f", 1, 17),
            ("g.\"h i\".j=\"k\"", 1, 24),
            ("\u{e9}", 1, 38),
            ("l=m\"n o\"", 1, 40),
            ("p", 2, 1),
        ];
        assert_eq!(shown, expected);
        assert!(words.iter().all(|word| !word.open));
        assert_eq!(words[1].value(2), ("b c", Mark { column: 11, ..Mark::START }));
        assert_eq!(words[2].value(2), ("e f", Mark { column: 19, ..Mark::START }));
        assert_eq!(words[5].value(2), ("m\"n o\"", Mark { column: 42, ..Mark::START }));
    }

    #[test]
    fn an_open_quote_takes_the_rest() {
        assert_eq!(
            split(0, "a \"b c -- d")[1],
            Word { text: "b c -- d", mark: Mark { column: 4, ..Mark::START }, open: true }
        );
    }
}
