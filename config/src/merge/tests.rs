//! The rules of each kind of list and value, and the laws that hold for any trees.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::decode::{Decode, keys};
use crate::value::{Command, KeyValues};
use crate::yaml::{self, Mark};

keys! {
    /// A test's keys.
    struct Top {
        /// One value.
        pub one: Option<String>,
        /// A mapping.
        pub map: crate::map::Map<String, Inner>,
        /// A list that is replaced.
        pub list: Vec<String>,
        /// A list that is added to.
        @add
        pub add: Vec<Command>,
        /// A list by identity.
        @by("name")
        pub by: Vec<Inner>,
        /// A mapping or a list.
        pub pairs: KeyValues,
        /// A value or a list.
        @add
        pub some: Option<Command>,
    }
}

keys! {
    /// An item.
    struct Inner {
        /// What it is called.
        pub name: Option<String>,
        /// A list that is added to.
        @add
        pub add: Vec<String>,
        /// A mapping or a list.
        pub pairs: KeyValues,
    }
}

fn read(text: &str) -> Node {
    yaml::load(0, text, &mut Problems::default()).unwrap()
}

fn over(lower: &Node, higher: &Node) -> Node {
    let mut merged = lower.clone();
    merge(&mut merged, higher.clone(), Top::SHAPE, &mut Problems::default());
    merged
}

/// A tree without its places.
fn shown(node: &Node) -> String {
    let kind = match &node.kind {
        Kind::Null => "~".to_owned(),
        Kind::Scalar(text) => format!("{text:?}"),
        Kind::Sequence(items) => format!("{:?}", items.iter().map(shown).collect::<Vec<_>>()),
        Kind::Mapping(entries) => {
            format!("{:?}", entries.iter().map(|e| (&e.key, shown(&e.value))).collect::<Vec<_>>())
        }
    };
    if node.replaces { format!("!{kind}") } else { kind }
}

#[test]
fn each_kind_of_value_merges_by_its_rule() {
    let cases = [
        ("the higher value wins", "one: a", "one: b", "one: b"),
        ("null changes nothing", "one: a", "one:", "one: a"),
        ("null is overridden", "one:", "one: a", "one: a"),
        ("an empty file changes nothing", "one: a", "", "one: a"),
        ("an empty mapping changes nothing", "map: { a: {} }", "map: {}", "map: { a: {} }"),
        ("keys come together", "one: a", "list: [b]", "{ one: a, list: [b] }"),
        (
            "also those of a mapping of names",
            "map: { x: { name: a, add: [p] } }",
            "map: { y: { name: b }, x: { add: [q] } }",
            "map: { x: { name: a, add: [p, q] }, y: { name: b } }",
        ),
        ("a list is replaced", "list: [a, b]", "list: [c]", "list: [c]"),
        ("also by an empty one", "list: [a, b]", "list: []", "list: []"),
        ("a list is added to", "add: [a, [b, c]]", "add: [[b, c], d, a]", "add: [a, [b, c], d]"),
        ("the higher count wins", "add: [a, b, a]", "add: [a, a, a, b]", "add: [a, b, a, a]"),
        (
            "items of one name are one",
            "by: [ { name: a, add: [p] }, { name: b } ]",
            "by: [ { name: c }, { add: [q], name: a } ]",
            "by: [ { name: a, add: [p, q] }, { name: b }, { name: c } ]",
        ),
        (
            "a name that is there twice stays so",
            "by: [ { name: a, add: [p] }, { name: a, add: [q] } ]",
            "by: [ { name: a, add: [r] } ]",
            "by: [ { name: a, add: [p, r] }, { name: a, add: [q] } ]",
        ),
        (
            "items without a name are kept",
            "by: [ { add: [p] }, x, { name: [] } ]",
            "by: [ { add: [q] }, x, { add: [p] } ]",
            "by: [ { add: [p] }, x, { name: [] }, { add: [q] } ]",
        ),
        ("two mappings merge", "pairs: { A: b }", "pairs: { C: d }", "pairs: { A: b, C: d }"),
        ("two lists do not", "pairs: [A=b]", "pairs: [C=d]", "pairs: [C=d]"),
        ("nor different kinds", "pairs: { A: b }", "pairs: [C=d]", "pairs: [C=d]"),
        ("an unknown key merges too", "x: { a: [b] }", "x: { c: d, a: [e] }", "x: { a: [e], c: d }"),
    ];
    for (name, lower, higher, expected) in cases {
        let merged = shown(&over(&read(lower), &read(higher))).replace('!', "");
        assert_eq!(merged, shown(&read(expected)), "{name}");
    }
}

#[test]
fn a_hidden_value_of_the_wrong_kind_is_noted() {
    let cases = [
        ("map: 5", "map: {}", Some("expected a mapping, found `5`")),
        ("by: {}", "by: []", Some("expected a list, found a mapping")),
        ("one: []", "one: a", Some("expected one value, found a list")),
        ("pairs: a", "pairs: {}", Some("expected another kind of value, found `a`")),
        ("pairs: []", "pairs: {}", None),
        ("some: a", "some: [a]", None),
        ("map:", "map: {}", None),
    ];
    for (lower, higher, expected) in cases {
        let mut problems = Problems::default();
        merge(&mut read(lower), read(higher), Top::SHAPE, &mut problems);
        assert_eq!(problems.0.first().map(|p| p.message.as_str()), expected, "{lower}");
    }
}

#[test]
fn long_lists_and_mappings_take_no_long_time() {
    let list = |from: usize| {
        let items: String = (from..from + 60_000).map(|n| format!("k{n}, ")).collect();
        format!("{{ add: [{items}] }}")
    };
    let named = |from: usize| {
        let items: String = (from..from + 20_000).map(|n| format!("{{ name: k{n} }}, ")).collect();
        format!("{{ by: [{items}] }}")
    };
    let keys = |from: usize| (from..from + 50_000).map(|n| format!("k{n}: x\n")).collect::<String>();
    let cases =
        [(list(0), list(30_000), 90_000), (named(0), named(10_000), 30_000), (keys(0), keys(25_000), 75_000)];
    for (lower, higher, count) in cases {
        let (lower, higher) = (read(&lower), read(&higher));
        let start = Instant::now();
        let merged = over(&lower, &higher);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        let found = match (&merged.kind, merged.get("add").or(merged.get("by")).map(|node| &node.kind)) {
            (_, Some(Kind::Sequence(items))) => items.len(),
            (Kind::Mapping(entries), _) => entries.len(),
            _ => 0,
        };
        assert_eq!(found, count);
    }
}

/// Any tree, most often of keys that mean something; its places are all different once numbered.
fn any_tree(source: u16) -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        1 => Just(Kind::Null),
        4 => "[abc]".prop_map(Kind::Scalar),
    ];
    let kind = leaf.prop_recursive(4, 40, 5, |inner| {
        let node = inner.prop_map(|kind| Node::new(Mark::START, kind));
        let key = prop_oneof![
            9 => proptest::sample::select(vec!["one", "map", "list", "add", "by", "pairs", "some", "name"]),
            1 => proptest::sample::select(vec!["a", "b"]),
        ];
        let entries = proptest::collection::btree_map(key, node.clone(), 0..5);
        prop_oneof![
            proptest::collection::vec(node, 0..5).prop_map(Kind::Sequence),
            entries.prop_shuffle_entries(),
        ]
    });
    kind.prop_map(move |kind| {
        let mut node = Node::new(Mark::START, kind);
        number(&mut node, source, &mut 0);
        node
    })
}

/// Gives every node a place of its own.
fn number(node: &mut Node, source: u16, line: &mut usize) {
    *line += 1;
    node.mark = Mark::new(source, *line, 1);
    match &mut node.kind {
        Kind::Sequence(items) => items.iter_mut().for_each(|item| number(item, source, line)),
        Kind::Mapping(entries) => entries.iter_mut().for_each(|e| number(&mut e.value, source, line)),
        _ => {}
    }
}

/// Every single value with its place.
fn leaves(node: &Node, found: &mut BTreeSet<(Mark, String)>) {
    match &node.kind {
        Kind::Null => {}
        Kind::Scalar(text) => drop(found.insert((node.mark, text.clone()))),
        Kind::Sequence(items) => items.iter().for_each(|item| leaves(item, found)),
        Kind::Mapping(entries) => entries.iter().for_each(|e| leaves(&e.value, found)),
    }
}

trait Shuffled {
    fn prop_shuffle_entries(self) -> BoxedStrategy<Kind>;
}

impl<S: Strategy<Value = BTreeMap<&'static str, Node>> + 'static> Shuffled for S {
    fn prop_shuffle_entries(self) -> BoxedStrategy<Kind> {
        self.prop_map(|map| map.into_iter().collect::<Vec<_>>())
            .prop_shuffle()
            .prop_map(|pairs| {
                let entry =
                    |(key, value): (&str, Node)| Entry { key: key.to_owned(), mark: Mark::START, value };
                Kind::Mapping(pairs.into_iter().map(entry).collect())
            })
            .boxed()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn merging_is_associative(a in any_tree(0), b in any_tree(1), c in any_tree(2)) {
        prop_assert_eq!(shown(&over(&over(&a, &b), &c)), shown(&over(&a, &over(&b, &c))));
    }

    #[test]
    fn merging_the_same_again_changes_nothing(a in any_tree(0), b in any_tree(1)) {
        prop_assert_eq!(shown(&over(&a, &a)), shown(&a));
        let merged = over(&a, &b);
        prop_assert_eq!(shown(&over(&merged, &b)), shown(&merged));
    }

    #[test]
    fn nothing_is_neutral(a in any_tree(0)) {
        let nothing = read("");
        prop_assert_eq!(shown(&over(&a, &nothing)), shown(&a));
        prop_assert_eq!(shown(&over(&nothing, &a)), shown(&a));
    }

    #[test]
    fn the_later_value_wins(a in any_tree(0), b in any_tree(1)) {
        let merged = over(&a, &b);
        for key in ["one", "list"] {
            match b.get(key) {
                Some(value) if matches!(value.kind, Kind::Scalar(_) | Kind::Sequence(_)) => {
                    prop_assert_eq!(shown(merged.get(key).unwrap()).replace('!', ""), shown(value));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn every_value_knows_where_it_came_from(a in any_tree(0), b in any_tree(1)) {
        let (mut given, mut found) = (BTreeSet::new(), BTreeSet::new());
        leaves(&a, &mut given);
        leaves(&b, &mut given);
        leaves(&over(&a, &b), &mut found);
        prop_assert!(found.is_subset(&given));
    }
}
