//! Which parts of a file's lines hold secrets, told from the text alone: a file that is no valid YAML has them too.
//! Where it is not sure, more is hidden than need be.

use crate::order::sort_by_key;

/// A part of a line that is not shown, in characters from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Masked {
    line: u32,
    from: usize,
    to: usize,
}

/// What stands for such a part.
const STARS: &str = "***";

/// A line with more secrets than this is hidden from the first one on.
const MANY: usize = 50;

/// The parts of a text that hold the values of these keys, or passwords of URLs.
pub(crate) fn masked(text: &str, names: &[&str]) -> Vec<Masked> {
    let names: Vec<&str> = names.iter().copied().filter(|name| text.contains(name)).collect();
    if names.is_empty() && !text.contains("://") {
        return Vec::new();
    }
    let mut masker = Masker { names, found: Vec::new(), open: None };
    for (number, line) in (1..).zip(lines(text)) {
        masker.line(number, line);
    }
    masker.found
}

/// A line with its hidden parts replaced, and where a column of it is then. Both columns are from 1. `true`: what is
/// at the column is hidden.
pub(crate) fn hide(line: &str, number: u32, column: u32, masked: &[Masked]) -> (String, u32, bool) {
    let column = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    let (mut shown, mut caret, mut at, mut hidden) = (String::new(), column, 0, false);
    let part =
        |from: usize, to: usize| line.chars().skip(from).take(to.saturating_sub(from)).collect::<String>();
    for Masked { from, to, .. } in masked.iter().filter(|part| part.line == number) {
        shown.push_str(&part(at, *from));
        if (*from..*to).contains(&column) {
            caret = shown.chars().count();
            hidden = true;
        } else if column >= *to {
            caret = caret + STARS.len() - (to - from).min(caret);
        }
        shown.push_str(STARS);
        at = *to;
    }
    shown.push_str(&part(at, usize::MAX));
    (shown, u32::try_from(caret).unwrap_or(u32::MAX).saturating_add(1), hidden)
}

/// The lines of a text as YAML counts them.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        rest = Some(text[end..].strip_prefix("\r\n").unwrap_or(&text[end + 1..]));
        Some(&text[..end])
    })
}

struct Masker<'a> {
    names: Vec<&'a str>,
    found: Vec<Masked>,
    /// The secret that may go on in the next line.
    open: Option<Open>,
}

/// A secret's value, read so far.
struct Open {
    /// The column of its key.
    column: usize,
    /// Whether its key stands within brackets: then it goes on until those are closed.
    flow: bool,
    /// Nothing of it was seen yet.
    empty: bool,
    /// Brackets open since the key.
    depth: i32,
    /// The quote that is open.
    quote: Option<char>,
}

/// A secret key in a line: the bytes where it, and where its value, begin.
struct Secret {
    key: usize,
    value: usize,
    /// Written `key=value`.
    word: bool,
}

impl Masker<'_> {
    fn line(&mut self, number: u32, line: &str) {
        let indent = line.len() - line.trim_start().len();
        let goes_on = self.open.as_ref().is_some_and(|open| open.goes_on(line, indent));
        let secrets = self.secrets(line);
        if goes_on {
            self.mask(number, line, indent, line.len());
            if let Some(open) = &mut self.open {
                open.read(line);
            }
            if self.open.as_ref().is_none_or(|open| !open.flow || open.depth >= 0) {
                return;
            }
        }
        self.open = None;
        let mut hidden = if goes_on { line.len() } else { 0 };
        for (from, to) in self.parts(line, &secrets) {
            if from >= hidden {
                self.mask(number, line, from, to);
            }
            hidden = hidden.max(to);
        }
        if let Some(last) = secrets.iter().rev().find(|secret| !secret.word) {
            self.open = Some(Open::new(line, last));
        }
    }

    /// What is hidden of a line, in bytes.
    fn parts(&self, line: &str, secrets: &[Secret]) -> Vec<(usize, usize)> {
        let logins = crate::secret::logins(line);
        if secrets.len() + logins.len() > MANY {
            let first = secrets.iter().map(|secret| secret.value).chain(logins.iter().map(|(from, _)| *from));
            return first.min().map(|from| (from, line.len())).into_iter().collect();
        }
        let part = |secret: &Secret| {
            let to = if secret.word { end_of_word(line, secret.value) } else { line.len() };
            (secret.value, to)
        };
        let mut parts: Vec<(usize, usize)> = secrets.iter().map(part).collect();
        parts.extend(logins);
        parts.retain(|(from, to)| from < to);
        parts.sort_unstable();
        parts
    }

    fn mask(&mut self, number: u32, line: &str, from: usize, to: usize) {
        let column = |at: usize| line[..at].chars().count();
        if from < to {
            self.found.push(Masked { line: number, from: column(from), to: column(to) });
        }
    }

    fn secrets(&self, line: &str) -> Vec<Secret> {
        let mut secrets = Vec::new();
        for name in &self.names {
            secrets.extend(line.match_indices(name).filter_map(|(at, name)| secret(line, at, name)));
        }
        sort_by_key(&mut secrets, |secret| secret.key as u128);
        secrets
    }
}

/// The secret whose key's name is at a byte of a line, if it is a key there and not a part of another word.
fn secret(line: &str, at: usize, name: &str) -> Option<Secret> {
    let (before, after) = (&line[..at], &line[at + name.len()..]);
    if before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-')) {
        return None;
    }
    let rest = after.trim_start_matches(['"', '\'']);
    let quoted = rest.len() < after.len();
    let rest = rest.trim_start();
    let begins = |rest: &str| line.len() - rest.trim_start().len();
    let key = at - usize::from(quoted && before.ends_with(['"', '\'']));
    if let Some(value) = rest.strip_prefix('=') {
        return Some(Secret { key, value: begins(value), word: true });
    }
    let value = match rest.strip_prefix(':') {
        Some(value) if quoted || value.is_empty() || value.starts_with([' ', '\t']) => value,
        None if rest.is_empty() && before.trim_end_matches(['"', '\'']).ends_with("? ") => rest,
        _ => return None,
    };
    Some(Secret { key, value: begins(value), word: false })
}

/// Where a `key=value` ends: at the quote that is open around it, or at a blank outside of quotes.
fn end_of_word(line: &str, value: usize) -> usize {
    let around = line[..value].matches('"').count() % 2 == 1;
    let mut open = around;
    for (at, c) in line[value..].char_indices() {
        match c {
            '"' if around => return value + at,
            '"' => open = !open,
            c if c.is_whitespace() && !open => return value + at,
            _ => {}
        }
    }
    line.len()
}

impl Open {
    fn new(line: &str, secret: &Secret) -> Self {
        let before = line[..secret.key].trim_start();
        let flow = !before.chars().all(|c| matches!(c, '-' | '?' | ' ' | '\t'));
        let column = match before.ends_with("? ") {
            true => secret.key - 2,
            false => secret.key,
        };
        let mut open = Self { column, flow, empty: true, depth: 0, quote: None };
        open.read(&line[secret.value..]);
        open
    }

    /// Whether a line is still a part of the value.
    fn goes_on(&self, line: &str, indent: usize) -> bool {
        let rest = &line[indent..];
        let begins_like_a_value = rest.starts_with(['-', ':', '"', '\'', '|', '>', '[', '{', '&', '!', '*']);
        self.quote.is_some()
            || self.flow && self.depth >= 0
            || self.depth > 0
            || rest.is_empty()
            || indent > self.column
            || indent == self.column && (begins_like_a_value || self.empty && !rest.contains(':'))
    }

    /// Follows the quotes and brackets of a part of the value.
    fn read(&mut self, text: &str) {
        let (mut fresh, mut escaped) = (true, false);
        self.empty &= text.trim().is_empty() || text.trim().starts_with('#');
        for c in text.chars() {
            match (self.quote, c) {
                (Some('"'), '\\') if !escaped => {
                    escaped = true;
                    continue;
                }
                (Some(quote), c) if c == quote && !escaped => self.quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') if fresh => self.quote = Some(c),
                (None, '{' | '[') if fresh || self.depth > 0 => self.depth += 1,
                (None, '}' | ']') if self.flow || self.depth > 0 => self.depth -= 1,
                _ => {}
            }
            escaped = false;
            if !c.is_whitespace() {
                fresh = self.quote.is_none() && matches!(c, '{' | '[' | ',' | ':');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        let masked = masked(text, &["passwd", "auth"]);
        let hidden = (1..).zip(lines(text)).map(|(number, line)| hide(line, number, 1, &masked).0);
        hidden.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn values_of_secret_keys_are_hidden() {
        let cases = [
            ("passwd: x y # z", "passwd: ***"),
            ("  - passwd:   x", "  - passwd:   ***"),
            ("'passwd' : x", "'passwd' : ***"),
            ("{\"passwd\":\"x\", name: y}", "{\"passwd\":***"),
            ("name: passwd", "name: passwd"),
            ("lock_passwd: true\npasswd_x: y", "lock_passwd: true\npasswd_x: y"),
            ("passwd: x\nname: y", "passwd: ***\nname: y"),
            ("a: passwd: x: [", "a: passwd: ***"),
            ("- passwd: |\n    x\n\n     y\n  name: z", "- passwd: ***\n    ***\n\n     ***\n  name: z"),
            ("passwd: \"x\n y\nz\"\nname: y", "passwd: ***\n ***\n***\nname: y"),
            ("passwd:\n- x\n- y\nname: z", "passwd:\n***\n***\nname: z"),
            ("auth:\n  a: b\n  c:\n    d\nname: z", "auth:\n  ***\n  ***\n    ***\nname: z"),
            ("{ passwd: x,\nname: y }\nz: w", "{ passwd: ***\n***\nz: w"),
            ("[{ passwd:\nx }, { passwd: y,\nz: w }]\na: b", "[{ passwd:\n***\n***\na: b"),
            ("{\npasswd:\nx,\nname: y }", "{\npasswd:\n***\nname: y }"),
            ("? passwd\n: x\nname: y", "? passwd\n***\nname: y"),
            ("a cc.users[0].passwd=x b", "a cc.users[0].passwd=*** b"),
            ("a \"cc.users[0].passwd=x y\" b", "a \"cc.users[0].passwd=***\" b"),
            ("cc.passwd=\"x y\" b", "cc.passwd=*** b"),
            ("proxy: http://u:p@h/ # http://a@b", "proxy: http://***@h/ # http://a@b"),
            ("passwd: http://u:p@h/", "passwd: ***"),
            ("passwd: a\r\nname: b\rpasswd: c", "passwd: ***\nname: b\npasswd: ***"),
            ("passwd: [a,\nb]\nname: c", "passwd: ***\n***\nname: c"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn the_column_moves_along() {
        let text = "桌=1 passwd=secret x";
        let masked = masked(text, &["passwd"]);
        let at = |column| {
            let (_, column, hidden) = hide(text, 1, column, &masked);
            (column, hidden)
        };
        let moved =
            [(1, (1, false)), (12, (12, true)), (17, (12, true)), (18, (15, false)), (20, (17, false))];
        for (column, expected) in moved {
            assert_eq!(at(column), expected, "{column}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gets_an_answer(text in "([a\"'{}\\[\\]:=?|,\n\r -]|passwd|桌|http://u:p@|: ){0,30}", column in 0..50u32) {
            let masked = masked(&text, &["passwd"]);
            for (number, line) in (1..).zip(lines(&text)) {
                hide(line, number, column, &masked);
            }
        }

        #[test]
        fn no_secret_of_a_good_file_is_shown(
            users in proptest::collection::vec(("[a-z]{1,3}", "SECRET[ \\]{}:,'\"a-z-]{0,6}", any::<bool>()), 1..4),
            flow in any::<bool>(),
        ) {
            let mut text = String::from("users:\n");
            for (name, secret, first) in &users {
                let secret = crate::emit::inline(secret, true);
                let (a, b) = (format!("name: {name}"), format!("passwd: {secret}"));
                let (a, b) = if *first { (b, a) } else { (a, b) };
                text += &if flow { format!("  - {{ {a},\n{b} }}\n") } else { format!("  - {a}\n    {b}\n") };
            }
            prop_assert!(!shown(&text).contains("SECRET"), "{}", shown(&text));
        }
    }
}
