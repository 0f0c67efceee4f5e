//! What is written is read back, whatever it is.

use proptest::prelude::*;

use super::*;
use crate::decode::Problems;
use crate::yaml;

fn read(text: &str) -> Node {
    let mut problems = Problems::default();
    let tree = yaml::load(0, text, &mut problems);
    match tree {
        Some(tree) if problems.0.is_empty() => tree,
        _ => panic!("{problems:?} in {text:?}"),
    }
}

#[test]
fn a_tree_is_written_as_people_write_it() {
    let text = r##"hostname: lab-01
empty: ""
nothing: null
none: []
no_keys: {}
ports:
  - "8080:80"
  - 127.0.0.1:53:53/udp
mode: "0644"
score: -500
words:
  - - a
    - b
  - name: x
    list:
      - y
  - "- a"
  - "a: b"
  - "a #b"
  - a#b
  - a:b
  - "null"
  - "~"
  - "tab\t"
  - 桌面 一
  - "\u0007"
content: |
  first

    second
chomped: |-
  #!/bin/sh
  exit
kept: |+
  line

indented: |2
    deep
  not
"a: b": x
"#": y
"##;
    assert_eq!(block(&read(text), None), text);
}

#[test]
fn short_trees_are_written_too() {
    for (text, written) in
        [("", ""), ("a", "a\n"), ("{}", "{}\n"), ("[]", "[]\n"), ("'a\n\n b'", "|-\n  a\n  b\n")]
    {
        assert_eq!(block(&read(text), None), written);
    }
    assert_eq!(flow(&read("a: [1, 'x, y', {b: , \"c\\n\": d}]")), r#"{a: [1, "x, y", {b: null, "c\n": d}]}"#);
}

#[test]
fn origins_stand_below_each_other() {
    let tree = read("a: b\nlong:\n  - content: |\n      桌\n    桌面: x\nc: []\n");
    let text = block(&tree, Some(&|mark: Mark| format!("f:{}", mark.line)));
    let expected = "\
a: b            # f:1
long:
  - content: |  # f:3
      桌
    桌面: x     # f:5
c: []           # f:6
";
    assert_eq!(text, expected);
    assert_eq!(block(&read(&text), None), block(&tree, None));
}

pub(crate) fn any_text() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "a",
        "b",
        " ",
        "  ",
        "\n",
        "\n\n",
        "- ",
        "-",
        ": ",
        ":",
        "#",
        " #",
        "'",
        "\"",
        "\\",
        "~",
        "null",
        "0",
        "12",
        "|",
        ">",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&",
        "*",
        "!",
        "%",
        "@",
        "?",
        "? ",
        "\t",
        "\r",
        "桌",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{1b}",
        "\u{a0}",
        "---",
        "...",
        "<<x",
        "é",
        "\u{1f600}",
    ]);
    prop_oneof![
        6 => proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()),
        2 => any::<String>(),
        1 => "[a-z]{1,8}",
        1 => Just("k".repeat(1100)),
    ]
}

pub(crate) fn any_tree() -> impl Strategy<Value = Node> {
    let node = |kind| Node::new(Mark::START, kind);
    let leaf = prop_oneof![1 => Just(Kind::Null), 6 => any_text().prop_map(Kind::Scalar)].prop_map(node);
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let key = any_text().prop_filter("merge keys are never in a tree", |key| key != "<<");
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Kind::Sequence),
            proptest::collection::btree_map(key, inner, 0..5).prop_map(|map| {
                let entry = |(key, value)| Entry { key, mark: Mark::START, value };
                Kind::Mapping(map.into_iter().map(entry).collect())
            }),
        ]
        .prop_map(node)
    })
}

fn same(a: &Node, b: &Node) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::Null, Kind::Null) => true,
        (Kind::Scalar(a), Kind::Scalar(b)) => a == b,
        (Kind::Sequence(a), Kind::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Kind::Mapping(a), Kind::Mapping(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key == b.key && same(&a.value, &b.value))
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again(tree in any_tree()) {
        let text = block(&tree, None);
        prop_assert!(same(&read(&text), &tree), "{text}");
        let text = block(&tree, Some(&|_| "x: y # [z".to_owned()));
        prop_assert!(same(&read(&text), &tree), "{text}");
    }

    #[test]
    fn also_on_one_line(tree in any_tree()) {
        let text = flow(&tree);
        prop_assert!(!text.contains('\n'));
        prop_assert!(same(&read(&text), &tree), "{text}");
    }
}
