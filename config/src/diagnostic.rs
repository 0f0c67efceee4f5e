//! What is wrong with a file, said so that its writer can mend it.

use std::fmt;

use crate::decode::{Problem, Problems, Severity};
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
    fn new(sources: &[(&str, &str)], secrets: &[Mark], problem: Problem) -> Self {
        let (source, text) = sources.get(usize::from(problem.mark.source)).copied().unwrap_or_default();
        let shown = without_secrets(line(text, problem.mark.line), problem.mark, secrets);
        let (text, caret) = snippet(&shown, problem.mark.column);
        Self {
            severity: problem.severity,
            source: source.to_owned(),
            line: problem.mark.line,
            column: problem.mark.column,
            message: problem.message.chars().map(printable).collect(),
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
    pub(crate) fn new(sources: &[(&str, &str)], Problems(mut problems, secrets): Problems) -> Self {
        problems.sort_by_key(|problem| (problem.severity, problem.mark));
        let diagnostic = |problem| Diagnostic::new(sources, &secrets, problem);
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

/// A line up to the first value of it that may not be shown: banners are read by many.
fn without_secrets(line: &str, at: Mark, secrets: &[Mark]) -> String {
    let same = secrets.iter().filter(|secret| (secret.source, secret.line) == (at.source, at.line));
    let Some(column) = same.map(|secret| secret.column).min() else { return line.to_owned() };
    let shown = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    line.chars().take(shown).chain("(not shown)".chars()).collect()
}

/// The part of a line around a column, and the column's offset in it.
fn snippet(line: &str, column: u32) -> (String, usize) {
    let column = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    let start = if line.chars().nth(SHOWN).is_some() { column.saturating_sub(SHOWN / 2) } else { 0 };
    let part = line.chars().skip(start).take(SHOWN).map(printable).collect();
    (part, column - start)
}

/// Columns of a terminal that a character takes: Chinese, Japanese and Korean ones take two.
fn width(c: char) -> usize {
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
    fn the_rest_of_a_line_after_a_secret_is_not_shown() {
        let mut problems = Problems::default();
        problems.1.push(Mark { source: 0, line: 1, column: 4 });
        for column in [1, 4] {
            problems.add(Mark { source: 0, line: 1, column }, "bad", "do better");
        }
        let shown = Report::new(&[("f", "p: sesame, q: r")], problems).to_string();
        assert!(!shown.contains("sesame") && !shown.contains("q: r"), "{shown}");
        assert!(shown.contains(" 1 | p: (not shown)\n   |    ^\n"), "{shown}");
    }

    #[test]
    fn lines_end_as_in_yaml() {
        for text in ["a\nb\nc", "a\r\nb\r\nc", "a\rb\rc"] {
            assert_eq!([1, 2, 3, 4].map(|n| line(text, n)), ["a", "b", "c", ""], "{text:?}");
        }
    }
}
