//! A text as YAML: plain where it can be, in double quotes or as a block of lines where it must be.

use std::fmt::Write;

/// The spaces by which a level is indented.
pub(super) const STEP: usize = 2;

/// A text on one line, that is read back as it is. `flow`: it stands within brackets.
pub(crate) fn inline(text: &str, flow: bool) -> String {
    if plain(text, flow) { text.to_owned() } else { quoted(text) }
}

/// A text of several lines as the header of a block and its lines, where that reads back as it is.
pub(super) fn block(text: &str) -> Option<(String, Vec<&str>)> {
    let body = text.trim_end_matches('\n');
    if body.len() == text.len() && !text.contains('\n') || body.is_empty() {
        return None;
    }
    let lines: Vec<&str> = body.split('\n').collect();
    // A line of blanks alone is easily lost in an editor.
    if lines.iter().any(|line| !line.is_empty() && line.trim().is_empty()) || body.contains(hidden) {
        return None;
    }
    let first = lines.iter().find(|line| !line.is_empty())?;
    let indent = if first.starts_with([' ', '\t']) { STEP.to_string() } else { String::new() };
    let (chomp, empty) = match text.len() - body.len() {
        0 => ("-", 0),
        1 => ("", 0),
        n => ("+", n - 1),
    };
    Some((format!("|{indent}{chomp}"), lines.into_iter().chain(std::iter::repeat_n("", empty)).collect()))
}

/// Whether a text means itself without quotes.
fn plain(text: &str, flow: bool) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return false };
    let second = chars.next();
    let starts = match first {
        '-' => second.is_some_and(|c| c.is_alphanumeric()),
        '.' => second != Some('.'),
        _ => !" ?:,[]{}()#&*!|>'\"%@`".contains(first),
    };
    starts
        && !matches!(text, "~" | "null" | "Null" | "NULL")
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains(|c| hidden(c) || matches!(c, '\n' | '\t'))
        && !(flow && (text.contains([',', '[', ']', '{', '}']) || text.contains(" -")))
        && !number_elsewhere(text)
}

/// Whether other readers of YAML take a text for another number than it shows: `0644`, `22:22`.
fn number_elsewhere(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b':')
        && (text.contains(':') || text.len() > 1 && text.starts_with('0'))
}

/// Whether a character may be lost or changed where it stands for itself. Line feed and tab are not among them.
fn hidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
        || c.is_whitespace() && !matches!(c, ' ' | '\n' | '\t')
        || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // Writing to a String does not fail.
            c if hidden(c) => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
