//! A tree as YAML that a person would write: block style, literal blocks for several lines.

use super::Kind;
use super::tree::entries;
use crate::yaml::Node;

/// The YAML of a mapping; an empty one is no text.
pub(super) fn text(root: &Node) -> String {
    let mut text = String::new();
    for entry in entries(root) {
        pair(&entry.key, &entry.value, 0, &mut text);
    }
    text
}

fn pair(key: &str, value: &Node, depth: usize, text: &mut String) {
    indent(depth, text);
    pair_here(key, value, depth, text);
}

/// A key and its value where the line is indented already.
fn pair_here(key: &str, value: &Node, depth: usize, text: &mut String) {
    scalar(key, 0, false, text);
    text.push(':');
    match &value.kind {
        Kind::Mapping(entries) if !entries.is_empty() => {
            text.push('\n');
            entries.iter().for_each(|entry| pair(&entry.key, &entry.value, depth + 1, text));
        }
        Kind::Sequence(items) if !items.is_empty() => {
            text.push('\n');
            items.iter().for_each(|node| item(node, depth + 1, text));
        }
        _ => {
            text.push(' ');
            leaf(value, depth + 1, text);
        }
    }
}

fn item(node: &Node, depth: usize, text: &mut String) {
    indent(depth, text);
    text.push_str("- ");
    match &node.kind {
        Kind::Mapping(entries) => match entries.split_first() {
            Some((first, rest)) => {
                pair_here(&first.key, &first.value, depth + 1, text);
                rest.iter().for_each(|entry| pair(&entry.key, &entry.value, depth + 1, text));
            }
            None => text.push_str("{}\n"),
        },
        Kind::Sequence(items) if !items.is_empty() => {
            let mut inner = String::new();
            items.iter().for_each(|node| self::item(node, depth + 1, &mut inner));
            // The first item stands behind the dash.
            text.push_str(inner.trim_start_matches(' '));
        }
        _ => leaf(node, depth + 1, text),
    }
}

fn leaf(node: &Node, depth: usize, text: &mut String) {
    match &node.kind {
        Kind::Null => text.push('~'),
        Kind::Scalar(value) => scalar(value, depth, true, text),
        Kind::Sequence(_) => text.push_str("[]"),
        Kind::Mapping(_) => text.push_str("{}"),
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
}

fn scalar(value: &str, depth: usize, block: bool, text: &mut String) {
    if block && is_block(value) {
        return literal(value, depth, text);
    }
    if is_plain(value) {
        return text.push_str(value);
    }
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if unprintable(c) => text.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
}

/// What stands for itself neither in quotes nor in a literal block: controls, other line ends, byte order marks.
fn unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether a literal block says a value exactly.
fn is_block(value: &str) -> bool {
    let begins = !value.starts_with([' ', '\t', '\n']);
    let ends = value.strip_suffix('\n').is_some_and(|rest| !rest.is_empty() && !rest.ends_with('\n'))
        || (value.contains('\n') && !value.ends_with('\n'));
    begins && ends && !value.chars().any(|c| unprintable(c) && !matches!(c, '\n' | '\t'))
}

fn literal(value: &str, depth: usize, text: &mut String) {
    text.push_str(if value.ends_with('\n') { "|\n" } else { "|-\n" });
    for line in value.lines() {
        if !line.is_empty() {
            indent(depth, text);
            text.push_str(line);
        }
        text.push('\n');
    }
}

/// Whether a value can go without quotes, for this reader and for those that guess types.
fn is_plain(value: &str) -> bool {
    const WORDS: [&str; 3] = ["null", "~", "-"];
    let first = value.chars().next().unwrap_or(' ');
    let octal = first == '0' && value.len() > 1 && value.chars().all(|c| c.is_ascii_digit());
    let good = |c: char| {
        c.is_alphanumeric() || " _-/.+@%=,()$~<>;^".contains(c) || (c == ':' && !first.is_ascii_digit())
    };
    (first.is_alphanumeric() || matches!(first, '/' | '$' | '_' | '.' | '-' | '+'))
        && !value.starts_with("- ")
        && !value.starts_with("---")
        && !value.starts_with("...")
        && !octal
        && !WORDS.contains(&value.to_ascii_lowercase().as_str())
        && value.chars().all(good)
        && !value.ends_with([' ', ':'])
        && !value.contains(": ")
        && !value.contains('\u{feff}')
}

fn indent(depth: usize, text: &mut String) {
    (0..depth).for_each(|_| text.push_str("  "));
}

#[cfg(test)]
mod tests {
    use super::super::tree::{list, map, place, text as node};
    use super::*;
    use crate::decode::Problems;
    use crate::yaml::{Mark, load};
    use proptest::prelude::*;

    /// A scalar as a value, in a list and as a key, written and read again.
    fn round(value: &str) -> (String, String) {
        let mut root = map(Mark::START);
        let mut inner = map(Mark::START);
        place(&mut inner, value, node(Mark::START, value));
        place(&mut inner, "next", node(Mark::START, value));
        let nested = list(Mark::START, vec![node(Mark::START, value), inner.clone()]);
        place(&mut root, "a", list(Mark::START, vec![node(Mark::START, value), inner, nested]));
        let written = text(&root);
        let mut problems = Problems::default();
        let read = load(0, &written, &mut problems);
        assert!(problems.0.is_empty(), "{written}\n{problems:?}");
        (plain(&root), read.map(|node| plain(&node)).unwrap_or_default())
    }

    /// A tree without its marks.
    fn plain(node: &Node) -> String {
        match &node.kind {
            Kind::Null => "null".to_owned(),
            Kind::Scalar(text) => format!("{text:?}"),
            Kind::Sequence(items) => format!("{:?}", items.iter().map(plain).collect::<Vec<_>>()),
            Kind::Mapping(entries) => {
                let pairs = entries.iter().map(|entry| (entry.key.as_str(), plain(&entry.value)));
                format!("{:?}", pairs.collect::<Vec<_>>())
            }
        }
    }

    #[test]
    fn awkward_scalars_are_read_again() {
        for value in [
            "",
            "~",
            "null",
            "- a",
            "-",
            "--- a",
            "a: b",
            "a #b",
            "#a",
            "0644",
            "yes",
            "a\n",
            "a\nb",
            "a\n\n",
            "\na",
            " a\nb\n",
            "a\n b\n\nc\n",
            "\t",
            "a\tb\nc",
            "'",
            "\"",
            "\\",
            "a:",
            ":a",
            "[a",
            "{a",
            "*a",
            "&a",
            "!a",
            "?",
            "? a",
            "|",
            "> a",
            "%a",
            "@a",
            "`a",
            "a\r\nb",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "桌面: 一",
            "a\n  ",
            "key\n---\nx\n",
            "a\n#b\n",
            "\u{1b}[0m",
            "a ",
            " a",
            "...",
            "1:2",
            "a:b",
            "x, y",
        ] {
            let (written, read) = round(value);
            assert_eq!(written, read, "{value:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_scalar_is_read_again(value in "([-?:,\\[\\]{}&*#|>@`\"'%!<~ \t\n\\\\]|[a-c]|0|é|\\PC){0,20}") {
            let (written, read) = round(&value);
            prop_assert_eq!(written, read);
        }
    }
}
