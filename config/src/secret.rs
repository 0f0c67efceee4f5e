//! What nobody should read over a shoulder: values of keys that are secret, and passwords in URLs.

use crate::decode::{Decode, Problems};
use crate::diagnostic::Report;
use crate::schema::Config;
use crate::shape::Shape;
use crate::value::quoted;
use crate::yaml::{self, Entry, Kind, Node};

/// What stands for a secret.
pub(crate) const HIDDEN: &str = "(redacted)";

/// A copy of a tree without its secrets.
pub(crate) fn redacted(node: &Node, shape: Option<&'static Shape>) -> Node {
    let kind = match &node.kind {
        Kind::Null => Kind::Null,
        Kind::Scalar(text) => Kind::Scalar(without_passwords(text)),
        Kind::Sequence(items) => {
            let shape = shape.and_then(Shape::item);
            Kind::Sequence(items.iter().map(|item| redacted(item, shape)).collect())
        }
        Kind::Mapping(entries) => Kind::Mapping(entries.iter().map(|entry| open(entry, shape)).collect()),
    };
    Node::new(node.mark, kind)
}

fn open(entry: &Entry, shape: Option<&'static Shape>) -> Entry {
    let key = shape.and_then(|shape| shape.key(&entry.key));
    let value = match key {
        Some(key) if key.secret && !entry.value.is_null() => {
            Node::new(entry.value.mark, Kind::Scalar(HIDDEN.to_owned()))
        }
        _ => redacted(&entry.value, key.map(|key| key.shape).or_else(|| shape.and_then(Shape::value))),
    };
    Entry { key: entry.key.clone(), mark: entry.mark, value }
}

/// Where a cloud-config holds what nobody else should read, as warnings: whoever gives the file away by a way that all
/// can listen to, gives these too.
pub fn secrets(source: &str, text: &str) -> Report {
    let mut problems = Problems::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let tree = yaml::load(0, text, &mut Problems::default());
    if let Some(tree) = tree {
        find(&tree, Some(Config::SHAPE), &mut problems);
    }
    Report::new(&[(source, text)], problems)
}

fn find(node: &Node, shape: Option<&'static Shape>, problems: &mut Problems) {
    const HINT: &str = "keep it on the machines' own disks, or leave it out";
    match &node.kind {
        Kind::Scalar(text) if !logins(text).is_empty() => {
            problems.warn(node.mark, "a password of a URL is readable by everybody here", HINT);
        }
        Kind::Null | Kind::Scalar(_) => {}
        Kind::Sequence(items) => {
            items.iter().for_each(|item| find(item, shape.and_then(Shape::item), problems));
        }
        Kind::Mapping(entries) => {
            for Entry { key: name, mark, value } in entries {
                let key = shape.and_then(|shape| shape.key(name));
                match key {
                    Some(key) if key.secret && !value.is_null() => {
                        problems.warn(*mark, format!("{} is readable by everybody here", quoted(name)), HINT);
                    }
                    _ => find(
                        value,
                        key.map(|key| key.shape).or_else(|| shape.and_then(Shape::value)),
                        problems,
                    ),
                }
            }
        }
    }
}

/// A text with [`HIDDEN`] in place of `user:password` in its URLs.
pub(crate) fn without_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (from, to) in logins(text) {
        out.push_str(&text[at..from]);
        out.push_str(HIDDEN);
        at = to;
    }
    out + &text[at..]
}

/// Where each `user:password` of a URL is, in bytes.
pub(crate) fn logins(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (slashes, _) in text.match_indices("://") {
        let from = slashes + 3;
        let rest = &text[from..];
        let end = rest.find(|c: char| c.is_whitespace() || "/?#\"'`".contains(c)).unwrap_or(rest.len());
        if let Some(at) = rest[..end].rfind('@').filter(|at| rest[..*at].contains(':')) {
            found.push((from, from + at));
        }
    }
    found
}

/// The keys below a shape whose values are secret.
pub(crate) fn names(shape: &'static Shape, found: &mut Vec<&'static str>) {
    match shape {
        Shape::Scalar(_) | Shape::Bool | Shape::Choice(_) => {}
        Shape::List(item) => names(item, found),
        Shape::Map { value, .. } => names(value, found),
        Shape::OneOf(shapes) => shapes.iter().for_each(|shape| names(shape, found)),
        Shape::Keys(keys) => {
            for key in keys.keys {
                if !key.secret {
                    names(key.shape, found);
                } else if !found.contains(&key.name) {
                    found.push(key.name);
                }
            }
            // Refused or not, what stands there is somebody's secret.
            for refused in keys.refused.iter().filter(|refused| refused.secret) {
                found.extend(refused.names);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::keys;
    use crate::emit;

    #[test]
    fn secrets_of_a_config_are_found_with_their_places() {
        let text =
            "users:\n  - name: a\n    passwd: $6$x$y\ndockos:\n  proxies: {http: \"http://u:p@h:1\"}\n";
        let found: Vec<(u32, String)> =
            secrets("f", text).diagnostics.into_iter().map(|d| (d.line, d.message)).collect();
        let places: Vec<u32> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(places, [3, 5], "{found:?}");
        assert!(found.iter().all(|(_, message)| !message.contains("$6$") && !message.contains("u:p")));
        assert!(secrets("f", "hostname: lab\n").diagnostics.is_empty());
    }

    keys! {
        /// A test's keys.
        struct Top {
            /// Users.
            pub users: Vec<User>,
            /// Open.
            pub url: Option<String>,
        }
    }

    keys! {
        /// A user.
        struct User {
            /// Open.
            pub name: Option<String>,
            /// Secret.
            @secret
            pub passwd: Option<String>,
            /// Secret too.
            @secret
            pub auth: crate::map::Map<String, String>,
        }
    }

    #[test]
    fn secrets_are_hidden_wherever_they_are() {
        let text =
            "{url: http://u:p@h/, users: [{name: a, passwd: x, auth: {b: c}}, {passwd: null, auth: [d]}]}";
        let tree = yaml::load(0, text, &mut Problems::default()).unwrap();
        let shown = emit::flow(&redacted(&tree, Some(Top::SHAPE)));
        let expected = "{url: http://(redacted)@h/, users: [{name: a, passwd: \"(redacted)\", auth: \"(redacted)\"}, \
                        {passwd: null, auth: \"(redacted)\"}]}";
        assert_eq!(shown, expected);
    }

    #[test]
    fn their_keys_are_known() {
        let mut found = Vec::new();
        names(Top::SHAPE, &mut found);
        assert_eq!(found, ["passwd", "auth"]);
    }

    #[test]
    fn passwords_of_urls_are_hidden() {
        let cases = [
            ("http://user:pass@host/a", "http://(redacted)@host/a"),
            ("x=https://u:p@q@h y=ftp://a:b@c", "x=https://(redacted)@h y=ftp://(redacted)@c"),
            ("http://user@host/", "http://user@host/"),
            ("http://host:80/a:b@c", "http://host:80/a:b@c"),
            ("a:b@c", "a:b@c"),
            ("://:@", "://(redacted)@"),
        ];
        for (text, expected) in cases {
            assert_eq!(without_passwords(text), expected);
        }
    }
}
