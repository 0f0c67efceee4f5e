//! The JSON Schema.

use std::fs;
use std::path::Path;

use dockos_config::{Keys, Shape, config_shape, json_schema, parse_user_data};
use jsonschema::Validator;
use serde_json::Value;

use crate::common::yaml_files;
use crate::current;

#[test]
fn the_json_schema_is_current() {
    current("docs/cloud-config.schema.json", &json_schema());
}

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    jsonschema::draft7::meta::validate(&schema).unwrap();
    jsonschema::draft7::new(&schema).unwrap()
}

/// A YAML file as an editor reads it.
fn as_json(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    let mut value: yaml_serde::Value = yaml_serde::from_str(&text).ok()?;
    value.apply_merge().ok()?;
    serde_json::to_value(value).ok()
}

/// What an editor would underline in a file.
fn problems(validator: &Validator, path: &Path) -> Vec<String> {
    let value = as_json(path).unwrap_or_else(|| panic!("{}: not YAML", path.display()));
    validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path)).collect()
}

#[test]
fn good_files_are_valid() {
    let validator = validator();
    for path in [yaml_files("config/tests/good"), yaml_files("examples")].concat() {
        assert_eq!(problems(&validator, &path), [""; 0], "{}", path.display());
    }
}

#[test]
fn unknown_keys_and_wrong_types_are_not() {
    let validator = validator();
    let cases = [
        ("unknown-key", "'hostnme' was unexpected"),
        ("unknown-key-nested", "'memroy' was unexpected"),
        ("unknown-key-flow", "'devcie' was unexpected"),
        ("missing-keys", "\"tenant\" is a required property"),
        ("encoding", "is not one of"),
        ("refused", "is not allowed for"),
        ("wrong-types", "[\"a\"] is not of types \"null\", \"number\", \"string\""),
        ("wrong-types", "\"maybe\" is not one of"),
        ("wrong-types", "\"just-a-name\" is not of types \"null\", \"object\""),
        ("bad-service", "\"sometimes\" is not one of"),
        ("not-a-mapping", "is not of types \"null\", \"object\""),
    ];
    let mut wrong = String::new();
    for (name, expected) in cases {
        let path = crate::common::repo(&format!("config/tests/bad/{name}.yml"));
        let found = problems(&validator, &path);
        if !found.iter().any(|problem| problem.contains(expected)) {
            wrong += &format!("{name}: no {expected:?} in {found:#?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What the schema refuses the parser refuses too: an editor never underlines what a machine takes.
#[test]
fn what_an_editor_underlines_is_wrong() {
    let validator = validator();
    for path in yaml_files("config/tests/bad") {
        let Some(value) = as_json(&path) else { continue };
        let refused = parse_user_data("x", &fs::read(&path).unwrap()).is_err();
        assert!(refused || validator.is_valid(&value), "{}", path.display());
    }
}

/// Every mapping of the schema, each once.
fn mappings(shape: &'static Shape, found: &mut Vec<&'static Keys>) {
    match shape {
        Shape::Keys(keys) if found.iter().any(|known| same(known, keys)) => {}
        Shape::Keys(keys) => {
            found.push(keys);
            keys.keys.iter().for_each(|key| mappings(key.shape, found));
        }
        Shape::List(item) => mappings(item, found),
        Shape::Map { key, value } => [key, value].into_iter().for_each(|shape| mappings(shape, found)),
        Shape::OneOf(shapes) => shapes.iter().for_each(|shape| mappings(shape, found)),
        Shape::Scalar(_) | Shape::Bool | Shape::Choice(_) => {}
    }
}

fn same(a: &Keys, b: &Keys) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

#[test]
fn definitions_are_told_apart_by_their_names() {
    let mut found = Vec::new();
    mappings(config_shape(), &mut found);
    let mut titles: Vec<&str> =
        found.iter().map(|keys| keys.name.strip_suffix("Keys").unwrap_or(keys.name)).collect();
    let count = titles.len();
    titles.sort_unstable();
    titles.dedup();
    assert_eq!(titles.len(), count, "two types have one name: {titles:?}");
    assert!(count > 5);
}
