//! What is wrong with a file, said so that its writer can mend it.

use std::collections::BTreeMap;
use std::fmt;

use crate::decode::{Decode, Problem, Problems, Severity};
use crate::mask::{self, Masked};
use crate::order::sort_by_key;
use crate::schema::Config;
use crate::secret;
use crate::yaml::Mark;

/// One thing that is wrong: where, what, and what to do.
///
/// Its display form has the offending line with a caret; [`Diagnostic::short`] is one line for a banner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The name of the file, as it was given.
    pub source: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// The offending line, or the part of it around the column.
    pub text: String,
    /// Where in `text` the column is, from 0.
    pub caret: usize,
}

/// All that there is to say of the files that were read together, errors first, in the order of files and lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Errors, then warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Characters shown of a line.
const SHOWN: usize = 100;

impl Diagnostic {
    fn new((source, text): (&str, &str), masked: &[Masked], problem: Problem) -> Self {
        let Mark { line: number, column, .. } = problem.mark;
        let (line, shown_column, secret) = mask::hide(line(text, number), number, column, masked);
        let (text, caret) = snippet(&line, shown_column);
        let message = secret::without_passwords(&problem.message);
        let message = if secret { without_quotations(&message) } else { message };
        Self {
            severity: problem.severity,
            source: source.to_owned(),
            line: number,
            column,
            message: message.chars().map(printable).collect(),
            hint: problem.hint,
            text,
            caret,
        }
    }

    /// One line without the snippet, for a banner.
    pub fn short(&self) -> String {
        let severity = self.severity.as_str();
        format!("{}:{}:{}: {severity}: {}", self.source, self.line, self.column, self.message)
    }

    /// The first line, then the offending line with its caret, then the hint.
    pub(crate) fn layout(&self, first: &str, hint: &str) -> String {
        let number = self.line.to_string();
        let margin = number.len();
        let indent: usize = self.text.chars().take(self.caret).map(width).sum();
        let lines = [
            first.to_owned(),
            format!(" {number} | {}", self.text),
            format!(" {:margin$} | {:indent$}^", "", ""),
            format!(" {:margin$} = {hint}", ""),
        ];
        lines.join("\n")
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.layout(&self.short(), &self.hint))
    }
}

impl Report {
    /// Of problems in files with these names and texts, numbered as their marks do.
    pub(crate) fn new(sources: &[(&str, &str)], Problems(mut problems): Problems) -> Self {
        sort_by_key(&mut problems, Problem::rank);
        let mut secrets = Vec::new();
        secret::names(Config::SHAPE, &mut secrets);
        let mut masked: BTreeMap<u16, Vec<Masked>> = BTreeMap::new();
        let diagnostic = |problem: Problem| {
            let number = problem.mark.source;
            let source = sources.get(usize::from(number)).copied().unwrap_or_default();
            let masked = masked.entry(number).or_insert_with(|| mask::masked(source.1, &secrets));
            Diagnostic::new(source, masked, problem)
        };
        Self { diagnostics: problems.into_iter().map(diagnostic).collect() }
    }

    /// Of problems in one file whose text, as it is given here, and whose messages have no secrets any more.
    pub(crate) fn of_masked(source: (&str, &str), Problems(mut problems): Problems) -> Self {
        sort_by_key(&mut problems, Problem::rank);
        let diagnostic = |problem| Diagnostic::new(source, &[], problem);
        Self { diagnostics: problems.into_iter().map(diagnostic).collect() }
    }

    /// Whether anything makes the config unusable.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// One line for a banner: the first problem, and how many more there are.
    pub fn short(&self) -> String {
        let first = self.diagnostics.first().map(Diagnostic::short).unwrap_or_default();
        match self.diagnostics.len() {
            0 | 1 => first,
            n => format!("{first} (and {} more)", n - 1),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.diagnostics.iter().enumerate() {
            let separator = if i == 0 { "" } else { "\n" };
            write!(f, "{separator}{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

/// A message about a secret, without what it quotes of it.
fn without_quotations(message: &str) -> String {
    let part = |(i, part)| if i % 2 == 1 { secret::HIDDEN } else { part };
    message.split('`').enumerate().map(part).collect::<Vec<_>>().join("`")
}

/// The part of a line around a column, and the column's offset in it.
fn snippet(line: &str, column: u32) -> (String, usize) {
    let column = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    let start = if line.chars().nth(SHOWN).is_some() { column.saturating_sub(SHOWN / 2) } else { 0 };
    let part = line.chars().skip(start).take(SHOWN).map(printable).collect();
    (part, column - start)
}

/// Columns of a terminal that a character takes: Chinese, Japanese and Korean ones take two.
pub(crate) fn width(c: char) -> usize {
    let wide = matches!(u32::from(c),
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f
        | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd);
    if wide { 2 } else { 1 }
}

/// A character as a terminal may show it: one column wide, and no escape sequence of the file's writer.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// A line of a text, counted as YAML does: `\n`, `\r\n` and `\r` each end one.
fn line(text: &str, number: u32) -> &str {
    let mut rest = text;
    for _ in 1..number {
        let Some(end) = rest.find(['\n', '\r']) else { return "" };
        let width = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[end + width..];
    }
    rest.split(['\n', '\r']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, line: u32, column: u32) -> String {
        let mut problems = Problems::default();
        problems.add(Mark { source: 0, line, column }, "bad", "do better");
        Report::new(&[("f", text)], problems).to_string()
    }

    #[test]
    fn the_caret_stands_below_the_column() {
        assert_eq!(shown("a\nb: c\n", 2, 4), "f:2:4: error: bad\n 2 | b: c\n   |    ^\n   = do better");
    }

    #[test]
    fn chinese_takes_two_columns_and_tabs_one() {
        assert!(shown("\t桌: x", 1, 5).contains("\n   |      ^\n"));
    }

    #[test]
    fn a_long_line_is_cut_around_the_column() {
        let line = format!("{}X{}", "a".repeat(10_000), "b".repeat(10_000));
        let shown = shown(&line, 1, 10_001);
        assert!(shown.contains(&format!("| {}X{}\n", "a".repeat(50), "b".repeat(49))), "{shown}");
        assert!(shown.contains(&format!("| {}^", " ".repeat(50))), "{shown}");
    }

    #[test]
    fn no_escape_sequence_reaches_the_terminal() {
        assert!(!shown("\u{1b}[2J", 1, 1).contains('\u{1b}'));
    }

    #[test]
    fn lines_end_as_in_yaml() {
        for text in ["a\nb\nc", "a\r\nb\r\nc", "a\rb\rc"] {
            assert_eq!([1, 2, 3, 4].map(|n| line(text, n)), ["a", "b", "c", ""], "{text:?}");
        }
    }

    #[test]
    fn secrets_are_shown_nowhere() {
        let text = "proxy: http://me:hunter2@host x";
        let mut problems = Problems::default();
        problems.add(Mark { source: 0, line: 1, column: 31 }, "`http://me:hunter2@host` is bad", "do better");
        let shown = Report::new(&[("f", text)], problems).to_string();
        let expected = [
            "f:1:31: error: `http://(redacted)@host` is bad",
            " 1 | proxy: http://***@host x",
            "   |                        ^",
            "   = do better",
        ];
        assert_eq!(shown, expected.join("\n"));
        assert_eq!(without_quotations("`a b` is not `c`"), "`(redacted)` is not `(redacted)`");
    }
}
