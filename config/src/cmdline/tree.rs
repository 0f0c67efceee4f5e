//! The config words of a kernel command line as a tree.

use super::words::{Word, within};
use crate::decode::Problems;
use crate::key_path::{KeyPath, Segment};
use crate::value::{ValueError, quoted};
use crate::yaml::{self, Entry, Kind, Mark, Node};

/// One config word: what it sets, and to what.
struct Setting {
    keys: Vec<String>,
    append: bool,
    value: Node,
}

/// Sets what a word says below the keys of `base`; `from` is where its path begins. What is wrong with it is noted.
pub(super) fn set(root: &mut Node, base: &[&str], word: &Word<'_>, from: usize, problems: &mut Problems) {
    if let Some(setting) = read(base, word, from, problems) {
        put(root, setting, word.mark, problems);
    }
}

/// Sets one value that a word stands for.
pub(super) fn set_true(root: &mut Node, keys: &[&str], mark: Mark, problems: &mut Problems) {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    let value = Node::new(mark, Kind::Scalar("true".to_owned()));
    put(root, Setting { keys, append: false, value }, mark, problems);
}

fn read(base: &[&str], word: &Word<'_>, from: usize, problems: &mut Problems) -> Option<Setting> {
    let (path, end) = KeyPath::parse_prefix(&word.text[from..]);
    let keys = path.and_then(keys);
    let keys = keys.map_err(|error| problems.value(word.mark_at(from + end), error)).ok()?;
    let rest = &word.text[from + end..];
    let (append, rest) = rest.strip_prefix("[]").map_or((false, rest), |rest| (true, rest));
    let value = match rest.strip_prefix('=') {
        Some(text) => {
            let (text, mark) = word.value(word.text.len() - text.len());
            value(text, mark, problems)?
        }
        None if rest.is_empty() && !append => Node::new(word.mark, Kind::Scalar("true".to_owned())),
        None => {
            let mark = word.mark_at(word.text.len() - rest.len());
            problems.add(mark, "a `=` is missing here", "such as `cc.hostname=lab-01`; quote an odd key");
            return None;
        }
    };
    let keys = base.iter().map(|key| (*key).to_owned()).chain(keys).collect();
    Some(Setting { keys, append, value })
}

/// The keys of a path that has nothing else.
fn keys(path: KeyPath) -> Result<Vec<String>, ValueError> {
    let mut keys = Vec::new();
    for segment in path.0 {
        let Segment::Key(key) = segment else {
            return Err(ValueError::new(
                "no item of a list can be set on the kernel command line",
                "give the whole list, such as `cc.runcmd=[a,b]`, or append an item with `[]=`",
            ));
        };
        keys.push(key);
    }
    Ok(keys)
}

/// A value: YAML in flow style if it begins like that, plain text otherwise, nothing if it is empty.
fn value(text: &str, mark: Mark, problems: &mut Problems) -> Option<Node> {
    let yaml = text.starts_with(['[', '{', '\'', '"', '&', '*', '!']);
    if !yaml {
        let kind = match text {
            "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
            _ => Kind::Scalar(text.to_owned()),
        };
        return Some(Node::new(mark, kind));
    }
    let mut found = Problems::default();
    let node = yaml::load(mark.source, text, &mut found);
    let failed = found.any_error();
    for mut problem in found.0 {
        // What the parser misses at the end of the text, it misses in the line below.
        problem.mark = within(mark, problem.mark.min(yaml::end_of(mark.source, text)));
        problem.hint += "; a word with blanks stands in double quotes, text in it in single ones";
        problems.0.push(problem);
    }
    let mut node = node.filter(|_| !failed)?;
    shift(&mut node, mark);
    Some(node)
}

/// Moves the places of a value to where it stands in the whole text.
fn shift(node: &mut Node, start: Mark) {
    node.mark = within(start, node.mark);
    match &mut node.kind {
        Kind::Sequence(items) => items.iter_mut().for_each(|item| shift(item, start)),
        Kind::Mapping(entries) => {
            for entry in entries {
                entry.mark = within(start, entry.mark);
                shift(&mut entry.value, start);
            }
        }
        _ => {}
    }
}

fn put(root: &mut Node, setting: Setting, mark: Mark, problems: &mut Problems) {
    let Some((last, parents)) = setting.keys.split_last() else { return };
    let mut node = root;
    for key in parents {
        let Kind::Mapping(entries) = &mut node.kind else {
            return taken(&setting.keys, node.mark, mark, problems);
        };
        node = below(entries, key, mark);
    }
    let Kind::Mapping(entries) = &mut node.kind else {
        return taken(&setting.keys, node.mark, mark, problems);
    };
    let value = setting.value;
    match entries.iter_mut().find(|entry| entry.key == *last) {
        None => {
            let value = match setting.append {
                true => Node::new(value.mark, Kind::Sequence(vec![value])),
                false => value,
            };
            entries.push(Entry { key: last.clone(), mark, value });
        }
        Some(Entry { value: Node { kind: Kind::Sequence(items), .. }, .. }) if setting.append => {
            items.push(value);
        }
        Some(entry) => taken(&setting.keys, entry.value.mark, mark, problems),
    }
}

/// The mapping of a key, made if it is not there.
fn below<'a>(entries: &'a mut Vec<Entry>, key: &str, mark: Mark) -> &'a mut Node {
    let place = entries.iter().position(|entry| entry.key == key).unwrap_or(entries.len());
    if place == entries.len() {
        let value = Node::new(mark, Kind::Mapping(Vec::new()));
        entries.push(Entry { key: key.to_owned(), mark, value });
    }
    &mut entries[place].value
}

/// A word that sets what is set, or something below what is no mapping.
fn taken(keys: &[String], by: Mark, mark: Mark, problems: &mut Problems) {
    let path = keys.iter().fold(KeyPath::default(), |path, key| path.key(key));
    problems.add(
        mark,
        format!("duplicate key {}: column {} has a value for it", quoted(&path.to_string()), by.column),
        "set each key once: remove one of the two words",
    );
}
