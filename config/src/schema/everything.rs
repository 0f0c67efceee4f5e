//! The fixture that uses every key: it cannot fall behind the schema.

use super::{Config, Link};
use crate::decode::{Decode, Problems};
use crate::shape::Shape;
use crate::yaml::{Entry, Kind, Node, load};

const EVERYTHING: &str = include_str!("../../tests/good/everything.yml");

/// Notes the paths of keys that none of these nodes, all at the same place, has.
fn unused(shape: &Shape, nodes: &[&Node], path: &str, found: &mut Vec<String>) {
    let items = || {
        nodes
            .iter()
            .filter_map(|node| if let Kind::Sequence(items) = &node.kind { Some(items) } else { None })
    };
    let entries =
        || nodes.iter().filter_map(|node| if let Kind::Mapping(all) = &node.kind { Some(all) } else { None });
    match shape {
        Shape::Scalar(_) | Shape::Bool | Shape::Choice(_) => {}
        Shape::List(item) => {
            unused(item, &items().flatten().collect::<Vec<_>>(), &format!("{path}[]"), found)
        }
        Shape::Map { value, .. } => {
            let values: Vec<&Node> = entries().flatten().map(|entry| &entry.value).collect();
            unused(value, &values, &format!("{path}.*"), found);
        }
        Shape::OneOf(shapes) => shapes.iter().for_each(|shape| unused(shape, nodes, path, found)),
        Shape::Keys(keys) => {
            for key in keys.keys {
                let path = format!("{path}.{}", key.name);
                let of_key = |entry: &&Entry| entry.key == key.name;
                let values: Vec<&Node> =
                    entries().flatten().filter(of_key).map(|entry| &entry.value).collect();
                match values.is_empty() {
                    true => found.push(path),
                    false => unused(key.shape, &values, &path, found),
                }
            }
        }
    }
}

#[test]
fn the_fixture_of_everything_uses_every_key() {
    let mut problems = Problems::default();
    let root = load(0, EVERYTHING, &mut problems).unwrap();
    let mut found = Vec::new();
    unused(Config::SHAPE, &[&root], "", &mut found);
    // Two spellings of one key, which no file may use together.
    found.retain(|path| path != ".ca-certs" && !path.ends_with(".hashed_passwd"));
    // What every interface has is shown with one that is a card.
    let elsewhere = [".network.bonds.*.", ".network.bridges.*.", ".network.vlans.*."];
    found.retain(|path| {
        let key = elsewhere.iter().find_map(|below| path.strip_prefix(below)).unwrap_or_default();
        let key = key.split(['.', '[']).next().unwrap_or_default();
        !Link::SHAPE.keys().iter().any(|known| known.name == key)
    });
    assert!(found.is_empty(), "tests/good/everything.yml does not use {found:#?}");
}

#[test]
fn a_refused_key_is_no_key() {
    fn walk(shape: &Shape) {
        match shape {
            Shape::Scalar(_) | Shape::Bool | Shape::Choice(_) => {}
            Shape::List(item) => walk(item),
            Shape::Map { value, .. } => walk(value),
            Shape::OneOf(shapes) => shapes.iter().for_each(|shape| walk(shape)),
            Shape::Keys(keys) => {
                let names: Vec<&str> =
                    keys.refused.iter().flat_map(|refused| refused.names).copied().collect();
                for (i, name) in names.iter().enumerate() {
                    assert!(keys.get(name).is_none(), "{} both takes and refuses {name}", keys.name);
                    assert!(!names[..i].contains(name), "{} refuses {name} twice", keys.name);
                }
                keys.keys.iter().for_each(|key| walk(key.shape));
            }
        }
    }
    walk(Config::SHAPE);
}
