//! Each style of file is changed in one place only.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::yaml::Entry;

/// Changes as on a command line: `path=value`, `path[]=value`, `-path`.
fn edited(text: &str, change: &str) -> Result<String, EditError> {
    let path = |path: &str| path.parse::<KeyPath>().unwrap();
    match (change.strip_prefix('-'), change.split_once(": ")) {
        (Some(gone), _) => unset("f", text, &path(gone)),
        (_, Some((list, value))) if list.ends_with("[]") => {
            append("f", text, &path(list.trim_end_matches("[]")), value)
        }
        (_, Some((key, value))) => set("f", text, &path(key), value),
        _ => panic!("{change}"),
    }
}

#[test]
fn one_value_is_changed_and_nothing_else() {
    let cases = [
        ("a plain value", "a: b # c\nd: e\n", "a: x", "a: x # c\nd: e\n"),
        ("quotes where they are needed", "a: b\n", "a: x: y", "a: \"x: y\"\n"),
        ("a quoted value", "a: 'b ''c'''   # d\n", "a: x", "a: x   # d\n"),
        ("a value of two lines", "a: b\n  c # d\ne: f\n", "a: x", "a: x # d\ne: f\n"),
        ("in brackets", "a: {b: c, d: [e, f]} # g\n", "a.d[1]: x, y", "a: {b: c, d: [e, \"x, y\"]} # g\n"),
        ("in brackets over lines", "{\n  a: b, # c\n  d: e\n}\n", "a: x", "{\n  a: x, # c\n  d: e\n}\n"),
        ("a list for a value", "a: b\n", "a: [x, y]", "a:\n  - x\n  - y\n"),
        ("beside a comment", "a: b # c\n", "a: [x, y]", "a: [x, y] # c\n"),
        ("a value for a mapping", "a:\n  b: c\n  d: e\n# f\ng: h\n", "a: x", "a: x\n# f\ng: h\n"),
        ("a mapping for a mapping", "a: # c\n  b: c\n\nd: e\n", "a: {x: y}", "a: # c\n  x: y\n\nd: e\n"),
        ("a value for one with a comment", "a: # c\n  - b\nd: e\n", "a: x", "a: x # c\nd: e\n"),
        ("a block of text", "a: |\n  b\n  # no comment\n\nc: d\n", "a: x", "a: x\n\nc: d\n"),
        ("a block that keeps its ends", "a: |+\n  b\n\nc: d\n", "a: x", "a: x\nc: d\n"),
        ("a block for a value", "a: b\nc: d\n", "a: \"x\\ny\\n\"", "a: |\n  x\n  y\nc: d\n"),
        ("a block at the end", "a: b", "a: \"x\\n\"", "a: |\n  x\n"),
        ("nothing", "a:\nb: c\n", "a: x", "a: x\nb: c\n"),
        ("nothing with a comment", "a: # c\nb: d\n", "a: x", "a: x # c\nb: d\n"),
        ("nothing becomes a mapping", "dockos:\nb: c\n", "dockos.x.y: z", "dockos:\n  x:\n    y: z\nb: c\n"),
        (
            "beside a comment too",
            "dockos: # c\nb: c\n",
            "dockos.x.y: z",
            "dockos: # c\n  x:\n    y: z\nb: c\n",
        ),
        ("null becomes a mapping", "dockos: ~\n", "dockos.x: z", "dockos:\n  x: z\n"),
        ("a value on the next line", "a:\n  b\nc: d\n", "a: x", "a:\n  x\nc: d\n"),
        ("an item", "a:\n- b\n- c # d\n", "a[1]: x", "a:\n- b\n- x # d\n"),
        (
            "an item by its name",
            "a:\n  - name: b\n    c: d\n  - name: e\n",
            "a[name=e].c: x",
            "a:\n  - name: b\n    c: d\n  - name: e\n    c: x\n",
        ),
        ("an item that is a mapping", "a:\n  - name: b\n    c: d\n  - e\n", "a[0]: x", "a:\n  - x\n  - e\n"),
        ("an item that is empty", "a:\n  - b\n  -\n  - c\n", "a[1]: x", "a:\n  - b\n  - x\n  - c\n"),
        ("a list in a list", "- - a\n  - b\n- - c\n", "[0][1]: x", "- - a\n  - x\n- - c\n"),
        ("a new key", "a: b\n\n# end\n", "c: d", "a: b\nc: d\n\n# end\n"),
        ("a new key without a last line end", "a: b", "c: d", "a: b\nc: d\n"),
        ("a new key before the end", "---\na: b\n...\n", "c: d", "---\na: b\nc: d\n...\n"),
        (
            "a new key below",
            "a:\n    b: c # d\ne: f\n",
            "a.x.y: z",
            "a:\n    b: c # d\n    x:\n      y: z\ne: f\n",
        ),
        (
            "a new key after a block",
            "a:\n  b: |\n    c\n\nd: e\n",
            "a.x: y",
            "a:\n  b: |\n    c\n  x: y\n\nd: e\n",
        ),
        ("a new key in braces", "a: {b: c }\n", "a.x: y", "a: {b: c, x: y }\n"),
        ("a new key in empty braces", "a: {}\n", "a.x: {y: z}", "a: {x: {y: z}}\n"),
        ("a key without a value", "{a, b: c}\n", "a: x", "{a: x, b: c}\n"),
        ("a quoted key", "\"a b\" : c\n", "\"a b\": x", "\"a b\" : x\n"),
        ("one more item", "a:\n- b # c\nd: e\n", "a[]: x", "a:\n- b # c\n- x\nd: e\n"),
        ("one more in brackets", "a: [b]\n", "a[]: {x: y}", "a: [b, {x: y}]\n"),
        ("a first item", "a:\n", "a[]: x", "a:\n  - x\n"),
        ("a first list", "a: b\n", "c.d[]: x", "a: b\nc:\n  d:\n    - x\n"),
        (
            "a new item by its name",
            "a:\n  - name: b\n",
            "a[name=x].c: d",
            "a:\n  - name: b\n  - name: x\n    c: d\n",
        ),
        ("a first item by its name", "a:\n", "a[name=x].c: d", "a:\n  - name: x\n    c: d\n"),
        ("a whole item by its name", "a: []\n", "a[name=x]: {c: d}", "a: [{name: x, c: d}]\n"),
        ("an alias", "a: &x b\nc: *x\n", "c: d", "a: &x b\nc: d\n"),
        (
            "an override of merged keys",
            "a: &x {b: c}\nd:\n  <<: *x\n",
            "d.b: y",
            "a: &x {b: c}\nd:\n  <<: *x\n  b: y\n",
        ),
        ("an empty file", "", "a.b: c", "#cloud-config\na:\n  b: c\n"),
        ("a file of comments", "# x", "a: b", "#cloud-config\n# x\na: b\n"),
        (
            "a file with its header",
            "#cloud-config\r\n# x\r\n",
            "a: [b]",
            "#cloud-config\r\n# x\r\na:\r\n  - b\r\n",
        ),
        ("an empty mapping", "{}\n", "a: b", "{a: b}\n"),
        ("null", "# x\n~\n", "a: b", "# x\na: b\n"),
        (
            "other line ends",
            "a:\r\n  b: c\r\nd: e\r\n",
            "a.x.y: z",
            "a:\r\n  b: c\r\n  x:\r\n    y: z\r\nd: e\r\n",
        ),
        ("a byte order mark", "\u{feff}a: b\n", "a: c", "\u{feff}a: c\n"),
        ("Chinese", "桌: '面' # 注\n名: 字\n", "桌: 子", "桌: 子 # 注\n名: 字\n"),
        ("away with a key", "a: b\nc: d # e\n# f\ng: h\n", "-c", "a: b\n# f\ng: h\n"),
        ("away with a mapping", "a:\n  b: c\n  d:\n    e: f\ng: h\n", "-a.d", "a:\n  b: c\ng: h\n"),
        ("away with the only key", "a:\n  # c\n  b: c\ng: h\n", "-a.b", "a:\n  # c\ng: h\n"),
        ("away with all", "a: b\n", "-a", ""),
        ("away with the first of an item", "- a: b\n  c: d\n", "-[0].a", "- c: d\n"),
        ("but not with a comment", "- a: b\n  # x\n  c: d\n", "-[0].a", "- \n  # x\n  c: d\n"),
        ("away with an item", "a:\n  - b: c\n    d: e\n  - f\n", "-a[0]", "a:\n  - f\n"),
        ("away with an item by name", "a:\n  - name: b\n  - name: c\n", "-a[name=c]", "a:\n  - name: b\n"),
        ("away in braces", "{a: b, c: d}\n", "-a", "{c: d}\n"),
        ("away with the last in braces", "{a: b, c: d}\n", "-c", "{a: b}\n"),
        ("away with the only one in brackets", "a: [ b, ]\n", "-a[0]", "a: []\n"),
        ("away with a block", "a: |\n  b\n\n  c\nd: e\n", "-a", "d: e\n"),
    ];
    let mut wrong = String::new();
    for (name, text, change, expected) in cases {
        match edited(text, change) {
            Ok(found) if found == expected => {}
            found => wrong += &format!("{name}:\n  {found:?}\n  {expected:?}\n"),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_cannot_be_done_is_said() {
    let cases = [
        ("a: b\n", "a.c: d", "`a` is not a mapping, but `b`: look at the path, or set the whole value"),
        ("a: {}\n", "a[]: d", "`a` is not a list, but a mapping: look at the path, or set the whole value"),
        ("[a]\n", "b: c", "the file is not a mapping, but a list: look at the path, or set the whole value"),
        (
            "a: [b]\n",
            "a[1]: c",
            "there is no item `a[1]`: items count from 0; to add one, put `[]` after the list",
        ),
        (
            "a: [b]\n",
            "-a[n=x]",
            "there is no item `a[n=x]`: items count from 0; to add one, put `[]` after the list",
        ),
        ("a: b\n", "-c.d", "`c.d` is not set in this file: look at the path"),
        (
            "a: [\n",
            "a: b",
            "f:2:1: error: not valid YAML: while parsing a node, did not find expected node content",
        ),
        (
            "a: b\n",
            "a: [x",
            "value:2:1: error: not valid YAML: while parsing a flow sequence, expected ',' or ']'",
        ),
        (
            "? a\n: b\n",
            "a: c",
            "this file is laid out in a way that is not changed by a program: edit it by hand",
        ),
        (
            "a: &x b\nc: *x\n",
            "a: d",
            "this file is laid out in a way that is not changed by a program: edit it by hand",
        ),
    ];
    for (text, change, expected) in cases {
        let said = edited(text, change).expect_err(change).to_string();
        assert_eq!(said.lines().next(), Some(expected), "{text}");
    }
}

/// Every single value by its path.
fn leaves(node: &Node, path: &KeyPath, found: &mut BTreeMap<KeyPath, String>) {
    match &node.kind {
        Kind::Sequence(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(i, item)| leaves(item, &path.clone().index(i), found));
        }
        Kind::Mapping(entries) if !entries.is_empty() => {
            entries.iter().for_each(|e| leaves(&e.value, &path.clone().key(&e.key), found));
        }
        _ => drop(found.insert(path.clone(), emit::flow(node))),
    }
}

/// The paths of all values.
fn paths(node: &Node, path: &KeyPath, found: &mut Vec<KeyPath>) {
    if !path.0.is_empty() {
        found.push(path.clone());
    }
    match &node.kind {
        Kind::Sequence(items) => {
            items.iter().enumerate().for_each(|(i, item)| paths(item, &path.clone().index(i), found));
        }
        Kind::Mapping(entries) => {
            entries.iter().for_each(|e| paths(&e.value, &path.clone().key(&e.key), found));
            found.push(path.clone().key("new"));
        }
        _ => {}
    }
}

fn any_value() -> impl Strategy<Value = Node> {
    let node = |kind| Node::new(Mark::START, kind);
    let text = prop_oneof![
        6 => "[a-z0-9 #:,'\"{}\\[\\]-]{0,6}",
        1 => Just("two\nlines\n".to_owned()),
        1 => Just("  deep\n\n# no comment\nlast".to_owned()),
        1 => Just("桌面".to_owned()),
    ];
    let leaf = prop_oneof![1 => Just(Kind::Null), 6 => text.prop_map(Kind::Scalar)].prop_map(node);
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Kind::Sequence),
            proptest::collection::btree_map("[a-e ]{1,3}|桌", inner, 0..4).prop_map(|map| {
                let entry = |(key, value)| Entry { key, mark: Mark::START, value };
                Kind::Mapping(map.into_iter().map(entry).collect())
            }),
        ]
        .prop_map(node)
    })
}

/// A file with values in both styles and comments between its lines, as far as they change nothing.
fn any_file() -> impl Strategy<Value = String> {
    let entries = proptest::collection::btree_map("[a-e]{1,2}", (any_value(), any::<bool>()), 1..5);
    (entries, proptest::collection::vec((any::<prop::sample::Index>(), 0..8usize), 0..6), any::<bool>())
        .prop_map(|(entries, comments, crlf)| {
            let mut lines: Vec<String> = Vec::new();
            for (key, (value, flow)) in &entries {
                let text = match flow {
                    true => format!("{key}: {} # {key}\n", emit::flow(value)),
                    false => emit::entry(key, value, 0),
                };
                lines.extend(text.lines().map(str::to_owned));
            }
            let tree = |lines: &[String]| yaml::load(0, &(lines.join("\n") + "\n"), &mut Problems::default());
            let original = tree(&lines).unwrap();
            for (number, (at, indent)) in comments.iter().enumerate() {
                let mut more = lines.clone();
                more.insert(at.index(lines.len()), format!("{}# comment {number}", " ".repeat(*indent)));
                if tree(&more).is_some_and(|tree| same(&tree, &original, false)) {
                    lines = more;
                }
            }
            lines.join(if crlf { "\r\n" } else { "\n" }) + if crlf { "\r\n" } else { "\n" }
        })
}

fn comments(text: &str) -> BTreeSet<&str> {
    text.lines().map(str::trim).filter(|line| line.starts_with("# comment")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_file_has_the_change_and_nothing_else(
        text in any_file(),
        at in any::<prop::sample::Index>(),
        value in any_value(),
    ) {
        let old = read("f", &text).unwrap();
        let mut all = Vec::new();
        paths(&old, &KeyPath::default(), &mut all);
        let path = &all[at.index(all.len())];
        let edited = set("f", &text, path, &emit::flow(&value));
        let edited = edited.map_err(|error| TestCaseError::fail(format!("{path} of\n{text}\n{error}")))?;
        let new = read("f", &edited).unwrap();

        let (mut expected, mut found) = (BTreeMap::new(), BTreeMap::new());
        leaves(&old, &KeyPath::default(), &mut expected);
        let is_new = old.at(path).is_none();
        expected.retain(|leaf, _| !(leaf.0.starts_with(&path.0) || is_new && path.0.starts_with(&leaf.0)));
        leaves(&value, path, &mut expected);
        leaves(&new, &KeyPath::default(), &mut found);
        prop_assert_eq!(found, expected, "{} of\n{}\n{}", path, text, edited);

        let single = old.at(path).is_none_or(|old| matches!(old.kind, Kind::Null | Kind::Scalar(_)));
        if single {
            let (before, after) = (comments(&text), comments(&edited));
            prop_assert!(before.is_subset(&after), "{} of\n{}\n{}", path, text, edited);
        }
        prop_assert_eq!(edited.contains("\r\n") || !edited.contains('\n'), text.contains("\r\n"));
    }

    #[test]
    fn a_value_is_taken_away_and_nothing_else(text in any_file(), at in any::<prop::sample::Index>()) {
        let old = read("f", &text).unwrap();
        let mut all = Vec::new();
        paths(&old, &KeyPath::default(), &mut all);
        all.retain(|path| old.at(path).is_some());
        let path = &all[at.index(all.len())];
        match unset("f", &text, path) {
            Ok(edited) => {
                let new = read("f", &edited).unwrap();
                let mut expected = old;
                change(&mut expected, path, &Action::Unset).unwrap();
                prop_assert!(same(&new, &expected, true), "{} of\n{}\n{}", path, text, edited);
            }
            Err(error) => prop_assert!(false, "{} of\n{}\n{}", path, text, error),
        }
    }

    #[test]
    fn any_text_gets_an_answer(
        text in "([-?:,\\[\\]{}&*#|>\"' \t\r\n]|[a-c]|a: |- |\n  |<<: |---\n|\\.\\.\\.\n|桌){0,24}",
        path in "[abc](\\.[abc]|\\[[01]\\]){0,2}",
        value in "[ab]|\\[a\\]|\"a\\\\nb\"",
    ) {
        let path: KeyPath = path.parse().unwrap();
        let all = [set("f", &text, &path, &value), append("f", &text, &path, &value), unset("f", &text, &path)];
        for edited in all.into_iter().flatten() {
            prop_assert!(read("f", &edited).is_ok());
        }
    }
}
