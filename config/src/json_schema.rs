//! The declared keys as a JSON Schema, for an editor that checks and completes a cloud-config while it is written.
//!
//! Draft 7 is what YAML's language servers know best. The schema refuses unknown keys, missing keys, unknown words and
//! values of the wrong kind, and takes what people write for the rest: judging that is [`crate::parse`]'s.

mod json;

use json::Json;

use crate::decode::Decode;
use crate::schema::Config;
use crate::shape::{Key, Keys, Refused, Scalar, Shape, Stage, Word};

/// What a whole cloud-config may hold.
pub fn config_shape() -> &'static Shape {
    Config::SHAPE
}

/// The JSON Schema of a cloud-config.
pub fn json_schema() -> String {
    let mut writer = Writer { json: Json::default(), definitions: Vec::new() };
    writer.json.open('{');
    writer.json.member("$schema", "http://json-schema.org/draft-07/schema#");
    writer.json.member("title", "DockOS cloud-config");
    if let Shape::Keys(keys) = config_shape() {
        writer.mapping(keys);
    }
    writer.definitions();
    writer.json.close('}');
    writer.json.finish()
}

struct Writer {
    json: Json,
    /// Mappings that were referred to, each once.
    definitions: Vec<&'static Keys>,
}

impl Writer {
    fn definitions(&mut self) {
        self.json.key("definitions");
        self.json.open('{');
        let mut next = 0;
        while let Some(keys) = self.definitions.get(next).copied() {
            self.json.key(title(keys));
            self.json.open('{');
            self.json.member("title", title(keys));
            self.mapping(keys);
            self.json.close('}');
            next += 1;
        }
        self.json.close('}');
    }

    /// The members of a mapping's schema. A key with nothing after its colon is as good as absent: null is fine.
    fn mapping(&mut self, keys: &'static Keys) {
        self.json.member("description", &prose(keys.doc));
        self.types(&["object"], true);
        self.json.key("additionalProperties");
        self.json.raw("false");
        let required: Vec<&str> = keys.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
        self.json.texts("required", &required);
        self.json.key("properties");
        self.json.open('{');
        for key in keys.keys {
            self.json.key(key.name);
            self.json.open('{');
            self.json.member("description", &description(key));
            self.shape(key.shape, !key.required);
            self.json.close('}');
        }
        keys.refused.iter().for_each(|refused| self.refused(refused));
        self.json.close('}');
    }

    /// Keys that are errors, with the reason for whoever points at one.
    fn refused(&mut self, refused: &Refused) {
        for name in refused.names {
            self.json.key(name);
            self.json.open('{');
            self.json
                .member("description", &format!("Refused: {}. Instead: {}.", refused.why, refused.instead));
            self.json.key("doNotSuggest");
            self.json.raw("true");
            self.json.key("not");
            self.json.raw("{}");
            self.json.close('}');
        }
    }

    /// The members of a schema for values of a shape; `null` says whether there may be none.
    fn shape(&mut self, shape: &'static Shape, null: bool) {
        match shape {
            Shape::Scalar(scalar) => self.scalar(scalar, null),
            // YAML 1.1's words too, as `bool` is decoded.
            Shape::Bool => self.words(&["true", "false"], &["yes", "no", "on", "off"], null),
            Shape::Choice(words) => self.choice(words, null),
            Shape::List(item) => {
                self.types(&["array"], null);
                self.nested("items", item, false);
            }
            Shape::Map { key, value } => {
                self.types(&["object"], null);
                if matches!(key, Shape::Choice(_)) {
                    self.nested("propertyNames", key, false);
                }
                self.nested("additionalProperties", value, !matches!(value, Shape::Scalar(_)));
            }
            Shape::Keys(keys) => self.reference(keys),
            Shape::OneOf(shapes) => self.one_of(shapes, null),
        }
    }

    fn nested(&mut self, key: &str, shape: &'static Shape, null: bool) {
        self.json.key(key);
        self.json.open('{');
        self.shape(shape, null);
        self.json.close('}');
    }

    /// A value may be written as a number, as `true` or as `null`, where one of its examples is: an editor reads `0644` as a
    /// number. A text, as in quotes, is always fine.
    fn scalar(&mut self, scalar: &Scalar, null: bool) {
        let mut types = vec!["string"];
        if scalar.examples.iter().any(|example| is_number(example)) {
            types.push("number");
        }
        if scalar.examples.contains(&"true") {
            types.push("boolean");
        }
        self.types(&types, null || scalar.examples.contains(&"null"));
        // An editor offers examples to choose from: for any text there is nothing to offer.
        if scalar.name != "text" {
            self.json.texts("examples", scalar.examples);
        }
    }

    fn choice(&mut self, words: &'static [Word], null: bool) {
        let names: Vec<&str> = words.iter().map(|word| word.word).collect();
        // What an editor reads as a truth value or a number in place of the word.
        let own: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| matches!(*name, "true" | "false") || is_number(name))
            .collect();
        self.words(&own, &names, null);
        let meanings: Vec<String> = words.iter().map(|word| prose(word.doc)).collect();
        let meanings: Vec<&str> = meanings.iter().map(String::as_str).collect();
        self.json.texts("enumDescriptions", &meanings);
        if let Some(word) = words.iter().find(|word| word.default) {
            self.json.member("default", word.word);
        }
    }

    /// An enum of JSON's own words and of texts.
    fn words(&mut self, own: &[&str], texts: &[&str], null: bool) {
        self.json.key("enum");
        self.json.open('[');
        for word in own {
            self.json.next();
            self.json.raw(word);
        }
        for text in texts {
            self.json.next();
            self.json.string(text);
        }
        if null {
            self.json.next();
            self.json.raw("null");
        }
        self.json.close(']');
    }

    fn reference(&mut self, keys: &'static Keys) {
        if !self.definitions.iter().any(|known| known.name == keys.name) {
            self.definitions.push(keys);
        }
        self.json.member("$ref", &format!("#/definitions/{}", title(keys)));
    }

    fn one_of(&mut self, shapes: &'static [&'static Shape], null: bool) {
        self.json.key("anyOf");
        self.json.open('[');
        for shape in shapes {
            self.json.next();
            self.json.open('{');
            self.shape(shape, null);
            self.json.close('}');
        }
        self.json.close(']');
    }

    fn types(&mut self, types: &[&str], null: bool) {
        match (types, null) {
            ([only], false) => self.json.member("type", only),
            (types, false) => self.json.texts("type", types),
            (types, true) => self.json.texts("type", &[types, &["null"]].concat()),
        }
    }
}

/// What a mapping is called: its type, without the suffix of those that are decoded further.
fn title(keys: &Keys) -> &'static str {
    keys.name.strip_suffix("Keys").unwrap_or(keys.name)
}

/// What a key means, and what there is to know about it besides.
fn description(key: &Key) -> String {
    let mut text = prose(key.doc);
    if !key.default.is_empty() {
        text += &format!(" Default: {}.", key.default);
    }
    match key.until {
        Some(Stage::Local) => text += " Too late in a layer from the state disk or from a URL.",
        Some(Stage::State) => text += " Too late in a layer from a URL.",
        Some(Stage::Fetched) | None => {}
    }
    if key.later {
        text += " Accepted, but nothing acts on it yet.";
    }
    text
}

/// A doc comment as one line.
fn prose(doc: &str) -> String {
    let lines: Vec<&str> = doc.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// Whether YAML takes a plain text for a number.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, part].iter().all(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}
