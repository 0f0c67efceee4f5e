//! What no note may show: passwords, keys and what files hold.

use super::tree::entries as entries_of;
use crate::order::sort_by_key;
use crate::yaml::{Kind, Mark, Node};

/// Parts of a key's name that tell of a secret; `_` and case do not count.
const SECRET: [&str; 9] =
    ["passw", "chpasswd", "secret", "token", "private", "auth", "psk", "credential", "pin"];

/// Whole names that do.
const SECRET_KEYS: [&str; 12] = [
    "content",
    "contents",
    "inline",
    "serverkey",
    "cakey",
    "sshkeys",
    "httpheaders",
    "environment",
    "key",
    "keyfile",
    "environ",
    "pem",
];

/// Names that do not, whatever they are made of.
const PUBLIC: [&str; 12] = [
    "sshauthorizedkeys",
    "sshauthorizedkeyslocal",
    "certificateauthorities",
    "compression",
    "shouldexist",
    "source",
    "remote",
    "hash",
    "verification",
    "mounts",
    "authorized",
    "lockpasswd",
];

/// Texts shorter than this are hidden only where a message quotes them: they are in every other word.
const SHORT: usize = 8;

/// Characters that a message quotes of a value.
const QUOTED: usize = 60;

/// The text with every secret written over, line by line and column by column, and the secrets.
pub(super) fn mask(text: &str, root: &Node) -> (String, Vec<String>) {
    let mut found = Found::default();
    found.collect(root, false);
    sort_by_key(&mut found.marks, |mark| mark.rank());
    found.marks.dedup();
    let mut lines: Vec<Vec<char>> = lines(text);
    for mark in &found.secret {
        let next = found.marks.partition_point(|other| other <= mark);
        cover(&mut lines, *mark, found.marks.get(next).copied());
    }
    found.texts.retain(|text| !text.is_empty());
    sort_by_key(&mut found.texts, |text| u128::MAX - text.len() as u128);
    found.texts.dedup();
    let lines: Vec<String> = lines.into_iter().map(String::from_iter).collect();
    (lines.join("\n"), found.texts)
}

/// Writes over secrets that a message quotes.
pub(super) fn hide(message: &mut String, secrets: &[String]) {
    for secret in secrets {
        let quoted = format!("`{secret}");
        let found = if secret.len() < SHORT { quoted.as_str() } else { secret.as_str() };
        if message.contains(found) {
            *message = message.replace(found, if secret.len() < SHORT { "`***" } else { "***" });
        }
    }
}

#[derive(Default)]
struct Found {
    marks: Vec<Mark>,
    secret: Vec<Mark>,
    texts: Vec<String>,
}

impl Found {
    fn collect(&mut self, node: &Node, secret: bool) {
        self.marks.push(node.mark);
        match &node.kind {
            Kind::Null => {}
            Kind::Scalar(text) if secret || telling(text) => {
                self.secret.push(node.mark);
                // Messages quote the beginning, and that on one line.
                let line = text.lines().next().unwrap_or_default();
                self.texts.push(line.chars().take(QUOTED).collect());
            }
            Kind::Scalar(_) => {}
            Kind::Sequence(items) => items.iter().for_each(|item| self.collect(item, secret)),
            Kind::Mapping(entries) => {
                for entry in entries {
                    self.marks.push(entry.mark);
                    // Butane's `passwd:` holds the users, and is none.
                    let users = entry.key == "passwd" && !entries_of(&entry.value).is_empty();
                    let kept = !users && is_secret(&entry.key, secret);
                    self.collect(&entry.value, kept);
                }
            }
        }
    }
}

fn is_secret(key: &str, inherited: bool) -> bool {
    let key: String = key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let key = key.as_str();
    if PUBLIC.contains(&key) {
        return false;
    }
    inherited || SECRET_KEYS.contains(&key) || SECRET.iter().any(|part| key.contains(part))
}

/// Whether a value gives itself away: what a file holds, a private key, an address with a password.
fn telling(text: &str) -> bool {
    let password = text
        .split_once("://")
        .is_some_and(|(_, rest)| rest.split('/').next().is_some_and(|host| host.contains('@')));
    password || text.starts_with("data:") || text.contains("PRIVATE KEY")
}

/// The lines as YAML counts them.
fn lines(text: &str) -> Vec<Vec<char>> {
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    unix.split('\n').map(|line| line.chars().collect()).collect()
}

/// Writes over a value: to the next key or value of its line, or up to the line of the next one.
fn cover(lines: &mut [Vec<char>], from: Mark, next: Option<Mark>) {
    let index = |number: u32| usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
    let (first, column) = (index(from.line), index(from.column));
    let end = next.map_or(lines.len(), |next| index(next.line));
    let same = next.filter(|next| next.line == from.line).map(|next| index(next.column));
    let Some(line) = lines.get_mut(first) else { return };
    let to = same.unwrap_or(line.len()).min(line.len());
    line.iter_mut().take(to).skip(column).for_each(|c| *c = '*');
    for line in lines.iter_mut().take(end).skip(first + 1) {
        line.iter_mut().filter(|c| !c.is_whitespace()).for_each(|c| *c = '*');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Problems;
    use crate::yaml::load;

    #[test]
    fn secrets_are_written_over_in_place() {
        let cases = [
            ("a: { passwd: hunter2, b: c }", "a: { passwd: *********b: c }"),
            ("password: \"hunter2\"\nb: c", "password: *********\nb: c"),
            ("content: |\n  hunter2\n  x\nb: c", "content: |\n  *******\n  *\nb: c"),
            ("u: http://me:hunter2@host/", "u: ***********************"),
            ("ssh_authorized_keys: [ a ]", "ssh_authorized_keys: [ a ]"),
            ("x: data:,hunter2", "x: *************"),
            ("a: &x hunter2\npassword: *x", "a: **********\npassword: *x"),
        ];
        for (text, expected) in cases {
            let root = load(0, text, &mut Problems::default()).unwrap();
            assert_eq!(mask(text, &root).0, expected, "{text}");
        }
    }

    #[test]
    fn messages_do_not_quote_secrets() {
        let text = "password: hunter2";
        let root = load(0, text, &mut Problems::default()).unwrap();
        let mut message = "`hunter2` is bad".to_owned();
        hide(&mut message, &mask(text, &root).1);
        assert_eq!(message, "`***` is bad");
    }
}
