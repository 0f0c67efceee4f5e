//! What is said of a config, in Chinese, for the banner and the command where `locale` asks for it.
//!
//! The English text is the message; here stand its templates with `{}` for what varies, and what each is in Chinese,
//! so that whoever notes a problem writes one language. What varies is translated too where a template of its own
//! fits it, such as `a list`; what is in backquotes comes from the file and stays.

mod advice;
mod banner;
mod check;
mod forms;
mod hints;
mod more;
mod network;
mod nouns;
mod refused;
mod room;
mod values;
mod yaml;

use crate::decode::Severity;
use crate::diagnostic::{Diagnostic, Report};

/// A template and its translation, with the same number of holes in the same order.
type Pair = (&'static str, &'static str);

const TABLES: &[&[Pair]] = &[
    advice::TABLE,
    banner::TABLE,
    check::TABLE,
    forms::TABLE,
    hints::TABLE,
    more::TABLE,
    network::TABLE,
    nouns::TABLE,
    refused::TABLE,
    room::TABLE,
    values::TABLE,
    yaml::TABLE,
];

/// Holes within holes: no message has this many.
const MAX_DEPTH: usize = 4;

/// A message or hint in Chinese, if it is one that is known.
pub fn translate(message: &str) -> Option<String> {
    translate_within(message, MAX_DEPTH)
}

/// Whether a `locale` asks for Chinese.
pub fn wants_chinese(locale: &str) -> bool {
    locale.split(['_', '-', '.', '@']).next() == Some("zh")
}

impl Diagnostic {
    /// As [`Diagnostic::short`], in Chinese.
    pub fn chinese_short(&self) -> String {
        let word = match self.severity {
            Severity::Error => "错误",
            Severity::Warning => "警告",
        };
        let message = or_as_it_is(&self.message, MAX_DEPTH);
        format!("{}:{}:{}: {word}: {message}", self.source, self.line, self.column)
    }

    /// As its display form, in Chinese.
    pub fn chinese(&self) -> String {
        self.layout(&self.chinese_short(), &or_as_it_is(&self.hint, MAX_DEPTH))
    }
}

impl Report {
    /// As [`Report::short`], in Chinese.
    pub fn chinese_short(&self) -> String {
        let first = self.diagnostics.first().map(Diagnostic::chinese_short).unwrap_or_default();
        match self.diagnostics.len() {
            0 | 1 => first,
            n => format!("{first}（另有 {} 处）", n - 1),
        }
    }

    /// As its display form, in Chinese.
    pub fn chinese(&self) -> String {
        let all: Vec<String> = self.diagnostics.iter().map(Diagnostic::chinese).collect();
        all.join("\n")
    }
}

fn or_as_it_is(text: &str, depth: usize) -> String {
    translate_within(text, depth).unwrap_or_else(|| text.to_owned())
}

/// Of all templates that fit, the one that says most itself.
fn translate_within(text: &str, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let mut best: Option<(usize, &str, Vec<&str>)> = None;
    for (english, chinese) in TABLES.iter().copied().flatten() {
        let said = english.len();
        if best.as_ref().is_some_and(|(most, ..)| *most >= said) {
            continue;
        }
        if let Some(holes) = holes(english, text) {
            best = Some((said, chinese, holes));
        }
    }
    best.map(|(_, chinese, holes)| fill(chinese, &holes, depth))
}

/// What stands in the holes of a template, if the text is made from it.
fn holes<'t>(template: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut literals = template.split("{}");
    let mut rest = text.strip_prefix(literals.next()?)?;
    let mut holes = Vec::new();
    let mut literals = literals.peekable();
    while let Some(literal) = literals.next() {
        let end = match literals.peek() {
            None => rest.strip_suffix(literal)?.len(),
            Some(_) => find(rest, literal)?,
        };
        holes.push(&rest[..end]);
        rest = &rest[end + literal.len()..];
    }
    rest.is_empty().then_some(holes)
}

/// Where a literal is, but not within what is quoted from the file.
fn find(text: &str, literal: &str) -> Option<usize> {
    let outside = |at: &usize| text[..*at].matches('`').count().is_multiple_of(2);
    text.match_indices(literal).map(|(at, _)| at).find(outside)
}

fn fill(template: &str, holes: &[&str], depth: usize) -> String {
    let mut holes = holes.iter();
    let mut text = String::new();
    for (i, literal) in template.split("{}").enumerate() {
        if let Some(hole) = (i > 0).then(|| holes.next()).flatten() {
            append(&mut text, &or_as_it_is(hole, depth));
        }
        append(&mut text, literal);
    }
    text
}

/// Puts a space between Chinese and Latin letters, as Chinese typesetting does, but not in what is quoted.
fn append(text: &mut String, more: &str) {
    let chinese = |c: char| matches!(c, '\u{4e00}'..='\u{9fff}');
    let latin = |c: char| c.is_ascii_graphic();
    let within_quotes = !text.matches('`').count().is_multiple_of(2);
    if !within_quotes
        && let (Some(a), Some(b)) = (text.chars().next_back(), more.chars().next())
        && (chinese(a) && latin(b) || latin(a) && chinese(b))
    {
        text.push(' ');
    }
    text.push_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_pair_have_the_same_holes() {
        for (english, chinese) in TABLES.iter().copied().flatten() {
            let count = |text: &str| text.matches("{}").count();
            assert_eq!(count(english), count(chinese), "{english}");
            assert!(!chinese.is_ascii(), "{chinese}");
        }
    }

    #[test]
    fn no_template_stands_twice() {
        let mut all: Vec<&str> = TABLES.iter().copied().flatten().map(|(english, _)| *english).collect();
        all.sort_unstable();
        let twice = all.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(twice, None);
    }

    #[test]
    fn the_template_that_says_most_is_taken() {
        let cases = [
            ("unknown key `a`", "未知的键 `a`"),
            ("unknown key `a`; did you mean `b`?", "未知的键 `a`；是不是 `b`？"),
            ("expected a list, found a mapping", "这里应为列表，实际是映射"),
            ("`桌面` is not a name: it is empty", "`桌面` 不是有效的名称：内容为空"),
            ("expected a list, found `a, found b`", "这里应为列表，实际是 `a, found b`"),
        ];
        for (english, chinese) in cases {
            assert_eq!(translate(english).as_deref(), Some(chinese));
        }
        assert_eq!(translate("something else"), None);
    }

    #[test]
    fn a_locale_says_its_language_first() {
        for (locale, chinese) in
            [("zh_CN.UTF-8", true), ("zh", true), ("zh-Hans", true), ("en_US.UTF-8", false), ("zha", false)]
        {
            assert_eq!(wants_chinese(locale), chinese, "{locale}");
        }
    }
}
