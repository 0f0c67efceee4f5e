//! A second opinion: what another library reads in a text is what DockOS reads, but that scalars stay text.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use yaml_serde::Value;

use super::{Kind, Node, load};
use crate::decode::Problems;

/// The tree of a text without a problem.
fn ours(text: &str) -> Option<Node> {
    let mut problems = Problems::default();
    load(0, text, &mut problems).filter(|_| problems.0.is_empty())
}

fn theirs(text: &str) -> Option<Value> {
    let mut value: Value = yaml_serde::from_str(text).ok()?;
    value.apply_merge().ok()?;
    Some(value)
}

/// Whether both mean the same.
fn same(ours: &Node, theirs: &Value) -> bool {
    match (&ours.kind, theirs) {
        (Kind::Null, value) => value.is_null(),
        (Kind::Scalar(text), value) => same_scalar(text, value),
        (Kind::Sequence(items), Value::Sequence(values)) => {
            items.len() == values.len() && items.iter().zip(values).all(|(item, value)| same(item, value))
        }
        (Kind::Mapping(entries), Value::Mapping(mapping)) => {
            let same_entry = |key: &Value, value: &Value| {
                entries.iter().any(|entry| same_scalar(&entry.key, key) && same(&entry.value, value))
            };
            entries.len() == mapping.len() && mapping.iter().all(|(key, value)| same_entry(key, value))
        }
        _ => false,
    }
}

/// Whether a text is what the other library made a text, a number or a truth value of.
fn same_scalar(text: &str, value: &Value) -> bool {
    match value {
        Value::String(string) => string == text,
        Value::Bool(_) | Value::Number(_) => theirs(text).as_ref() == Some(value),
        _ => false,
    }
}

fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/good", "tests/bad", "benches/room", "../examples"].map(|folder| root.join(folder));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap().flatten());
    let files = files.map(|entry| entry.path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "yml")).collect()
}

#[test]
fn files_mean_the_same() {
    let mut compared = 0;
    for path in files() {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let text = text.trim_start_matches('\u{feff}');
        let Some(ours) = ours(text) else { continue };
        let theirs = theirs(text).unwrap_or_else(|| panic!("{}: only DockOS can read it", path.display()));
        assert!(same(&ours, &theirs), "{}:\n{ours:#?}\n{theirs:#?}", path.display());
        compared += 1;
    }
    assert!(compared > 30, "only {compared} files were compared");
}

#[test]
fn a_difference_is_found() {
    for (a, b) in [("a: 1", "a: 2"), ("[a]", "[a, b]"), ("a: b", "a: [b]"), ("a: ''", "a:"), ("a: 1", "b: 1")]
    {
        assert!(same(&ours(a).unwrap(), &theirs(a).unwrap()), "{a}");
        assert!(!same(&ours(a).unwrap(), &theirs(b).unwrap()), "{a} {b}");
    }
}

/// A tree to be written as YAML, with what decides how.
#[derive(Clone, Debug)]
enum Tree {
    Null,
    Scalar(String, Style),
    List(Vec<Tree>, bool),
    Mapping(Vec<(String, Tree)>, bool),
}

#[derive(Clone, Copy, Debug)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

fn scalar() -> impl Strategy<Value = Tree> {
    let style =
        prop_oneof![Just(Style::Plain), Just(Style::Single), Just(Style::Double), Just(Style::Literal)];
    let text = prop_oneof![
        "[a-z0-9]{1,8}",
        "-?(0|0x|0o)?[0-9]{1,5}(\\.[0-9]{1,2})?(e[0-9])?",
        "true|false|no|~|null|<<|\\.inf|1_000|12:30:45|2026-01-01",
        "[ -~桌é\u{1f600}]{0,20}",
        "([a-z:#-][ -~]{0,10}\n){1,4}",
    ];
    (text, style).prop_map(|(text, style)| Tree::Scalar(text, style))
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![1 => Just(Tree::Null), 6 => scalar()];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let entry = ("[a-z][a-z0-9_-]{0,6}", inner.clone());
        prop_oneof![
            (proptest::collection::vec(inner, 0..5), any::<bool>())
                .prop_map(|(list, flow)| Tree::List(list, flow)),
            (proptest::collection::btree_map(entry.0, entry.1, 0..5), any::<bool>())
                .prop_map(|(mapping, flow)| Tree::Mapping(mapping.into_iter().collect(), flow)),
        ]
    })
}

/// Writes a tree after a key or a dash; in flow style all on one line.
fn write(tree: &Tree, indent: usize, flow: bool, out: &mut String) {
    let pad = "  ".repeat(indent);
    match tree {
        Tree::Null => out.push_str(" ~"),
        Tree::Scalar(text, style) => scalar_text(text, *style, &pad, flow, out),
        Tree::List(items, in_flow) if flow || *in_flow || items.is_empty() => {
            out.push_str(" [");
            for item in items {
                write(item, 0, true, out);
                out.push(',');
            }
            out.push(']');
        }
        Tree::Mapping(entries, in_flow) if flow || *in_flow || entries.is_empty() => {
            out.push_str(" {");
            for (key, value) in entries {
                out.push_str(&format!(" {key}:"));
                write(value, 0, true, out);
                out.push(',');
            }
            out.push('}');
        }
        Tree::List(items, _) => items.iter().for_each(|item| {
            out.push_str(&format!("\n{pad}- # an item\n{pad} "));
            write(item, indent + 1, false, out);
        }),
        Tree::Mapping(entries, _) => entries.iter().for_each(|(key, value)| {
            out.push_str(&format!("\n{pad}{key}:"));
            write(value, indent + 1, false, out);
        }),
    }
}

fn scalar_text(text: &str, style: Style, pad: &str, flow: bool, out: &mut String) {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_./".contains(c)) && !text.is_empty();
    match style {
        Style::Plain if plain => out.push_str(&format!(" {text}")),
        Style::Single if !text.contains('\n') => out.push_str(&format!(" '{}'", text.replace('\'', "''"))),
        Style::Literal if !flow && text.ends_with('\n') => {
            out.push_str(" |");
            text.lines().for_each(|line| out.push_str(&format!("\n{pad}  {line}")));
        }
        _ => {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            out.push_str(&format!(" \"{escaped}\""));
        }
    }
}

/// Whether a tree was read as it was written.
fn as_written(node: &Node, tree: &Tree) -> bool {
    match (&node.kind, tree) {
        (Kind::Null, Tree::Null) => true,
        (Kind::Null, Tree::Scalar(text, Style::Plain)) => matches!(text.as_str(), "null" | "~"),
        (Kind::Scalar(found), Tree::Scalar(text, _)) => found == text,
        (Kind::Sequence(items), Tree::List(trees, _)) => {
            items.len() == trees.len() && items.iter().zip(trees).all(|(item, tree)| as_written(item, tree))
        }
        (Kind::Mapping(found), Tree::Mapping(entries, _)) => {
            found.len() == entries.len()
                && found
                    .iter()
                    .zip(entries)
                    .all(|(a, (key, tree))| a.key == *key && as_written(&a.value, tree))
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_means_the_same(tree in tree()) {
        let mut text = "top:".to_owned();
        write(&tree, 1, false, &mut text);
        // At the end of a file that no line feed ends they differ on whether `|` has one.
        text.push('\n');
        let node = ours(&text);
        prop_assert!(node.is_some(), "DockOS cannot read it:\n{}", text);
        let Some(node) = node else { return Ok(()) };
        prop_assert!(as_written(node.get("top").unwrap_or(&node), &tree), "{}\n{:#?}", text, node);
        let value = theirs(&text);
        prop_assert!(value.as_ref().is_some_and(|value| same(&node, value)), "{}\n{:#?}\n{:#?}", text, node, value);
    }

    /// Texts full of mistakes: where both find sense in one, it is the same. (Not in `&a:`, an anchor named `a:` in
    /// YAML 1.2.)
    #[test]
    fn what_both_can_read_is_the_same(
        text in "(&a |\\*a |[-:,\\[\\]{}#|>\"'!~ \n]|a|b: |- |\n  |\n|: |0|: c\n|<<: ){0,40}",
    ) {
        let text = text + "\n";
        if let (Some(node), Some(value)) = (ours(&text), theirs(&text)) {
            prop_assert!(same(&node, &value), "{:?}\n{:#?}\n{:#?}", text, node, value);
        }
    }
}
