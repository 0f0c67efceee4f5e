//! The reference: prose from `reference.in.md`, tables from the declared keys.

use std::collections::BTreeMap;

use dockos_config::{Key, Keys, Lists, Scalar, Shape, Stage, Word, config_shape};

use crate::common::repo;
use crate::current;
use crate::notes::NOTES;

const TEMPLATE: &str = include_str!("reference.in.md");

#[test]
fn the_reference_is_current() {
    let mut pages = Pages::default();
    pages.section("", config_shape());
    assert!(pages.sections.len() > 5, "the keys are found");
    for (path, _) in NOTES {
        assert!(
            pages.sections.iter().any(|(known, _)| known == path),
            "a note for `{path}`, which is no mapping"
        );
    }
    let text = TEMPLATE
        .replace("{{commands}}", &commands())
        .replace("{{types}}", &pages.types())
        .replace("{{keys}}", &pages.keys());
    assert!(!text.contains("{{"), "a placeholder is left");
    current("docs/config-reference.md", &text);
}

/// What `dockos config help` prints, from where it is written.
fn commands() -> String {
    let source = std::fs::read_to_string(repo("config-command/src/options.rs")).unwrap();
    let help = source.split("const HELP: &str = \"\\\n").nth(1).and_then(|rest| rest.split("\";\n").next());
    let lines = help.unwrap_or_else(|| panic!("HELP is not where it was")).trim_end().lines();
    let indented = lines.map(|line| if line.is_empty() { String::new() } else { format!("    {line}") });
    indented.collect::<Vec<_>>().join("\n")
}

/// What is gathered while walking through the keys.
#[derive(Default)]
struct Pages {
    /// Mappings in the order of the reference, by the path of their first place.
    sections: Vec<(String, &'static Keys)>,
    scalars: BTreeMap<&'static str, &'static Scalar>,
}

impl Pages {
    /// Walks through a shape and notes each mapping once.
    fn section(&mut self, path: &str, shape: &'static Shape) {
        match shape {
            Shape::Scalar(scalar) => drop(self.scalars.insert(scalar.name, scalar)),
            Shape::Bool | Shape::Choice(_) => {}
            Shape::List(item) => self.section(&format!("{path}[]"), item),
            Shape::Map { key, value } => {
                self.section(path, key);
                self.section(&format!("{path}.NAME"), value);
            }
            Shape::OneOf(shapes) => shapes.iter().for_each(|shape| self.section(path, shape)),
            Shape::Keys(keys) => {
                if self.place(keys).is_some() {
                    return;
                }
                self.sections.push((path.to_owned(), keys));
                for key in keys.keys {
                    let dot = if path.is_empty() { "" } else { "." };
                    self.section(&format!("{path}{dot}{}", key.name), key.shape);
                }
            }
        }
    }

    fn place(&self, keys: &Keys) -> Option<&str> {
        self.sections.iter().find(|(_, known)| known.name == keys.name).map(|(path, _)| path.as_str())
    }

    fn types(&self) -> String {
        let mut text = "| type | written | examples |\n|---|---|---|\n".to_owned();
        for scalar in self.scalars.values().filter(|scalar| scalar.name != "text") {
            let one_line =
                scalar.examples.iter().filter(|example| !example.contains('\n') && example.len() < 60);
            let examples: Vec<String> = one_line.map(|example| format!("`{example}`")).collect();
            text += &row(&[scalar.name, scalar.doc, &examples.join(", ")]);
        }
        text.trim_end().to_owned()
    }

    fn keys(&self) -> String {
        let sections: Vec<String> =
            self.sections.iter().map(|(path, keys)| self.mapping(path, keys)).collect();
        sections.join("\n\n")
    }

    /// A mapping: heading, what it is, its keys, their words, and keys that are refused.
    fn mapping(&self, path: &str, keys: &Keys) -> String {
        let mut parts = vec![heading(path), prose(keys.doc)];
        parts.extend(NOTES.iter().filter(|(place, _)| *place == path).map(|(_, note)| (*note).to_owned()));
        let rows: String = keys.keys.iter().map(|key| self.key(key)).collect();
        parts.push(format!(
            "| key | type | default | layers | meaning |\n|---|---|---|---|---|\n{}",
            rows.trim_end()
        ));
        let words: Vec<String> = keys.keys.iter().filter_map(words).collect();
        if !words.is_empty() {
            parts.push(words.join("\n"));
        }
        if !keys.refused.is_empty() {
            parts.push(refused(keys));
        }
        parts.join("\n\n")
    }

    fn key(&self, key: &Key) -> String {
        let mut meaning = prose(key.doc);
        if key.later {
            meaning += " *Not yet.*";
        }
        if key.secret {
            meaning += " *Secret.*";
        }
        row(&[&format!("`{}`", key.name), &self.type_of(key.shape), &default(key), &layers(key), &meaning])
    }

    fn type_of(&self, shape: &Shape) -> String {
        match shape {
            Shape::Scalar(scalar) => scalar.name.to_owned(),
            Shape::Bool => "true, false".to_owned(),
            Shape::Choice(words) => word_list(words),
            Shape::List(item @ Shape::OneOf(_)) => format!("list of ({})", self.type_of(item)),
            Shape::List(item) => format!("list of {}", self.type_of(item)),
            Shape::Map { key, value } => {
                format!("mapping of {} to {}", self.type_of(key), self.type_of(value))
            }
            Shape::OneOf(shapes) => {
                let types: Vec<String> = shapes.iter().map(|shape| self.type_of(shape)).collect();
                types.join(" or ")
            }
            Shape::Keys(keys) => {
                let path = self.place(keys).unwrap_or_default();
                format!("[mapping](#{})", anchor(path))
            }
        }
    }
}

fn heading(path: &str) -> String {
    let level = match path {
        "" | "dockos" => 2,
        _ => (3 + path.trim_start_matches("dockos.").replace(".NAME", "").matches('.').count()).min(5),
    };
    let title = if path.is_empty() { "Top level".to_owned() } else { format!("`{path}`") };
    format!("{} {title}", "#".repeat(level))
}

/// A heading's address in the page, as forges make it.
fn anchor(path: &str) -> String {
    match path {
        "" => "top-level".to_owned(),
        _ => path.to_lowercase().chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect(),
    }
}

fn word_list(words: &[Word]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{}`", word.word)).collect();
    words.join(", ")
}

/// What stands for an absent key: what the key says, or the shape.
fn default(key: &Key) -> String {
    let words = match key.shape {
        Shape::Choice(words) => *words,
        _ => &[],
    };
    match (key.default, key.shape) {
        ("", _) if key.required => "required".to_owned(),
        ("", Shape::Bool) => "`false`".to_owned(),
        ("", _) => {
            words.iter().find(|word| word.default).map(|word| format!("`{}`", word.word)).unwrap_or_default()
        }
        (said, _) if is_value(said) => format!("`{said}`"),
        (said, _) => said.to_owned(),
    }
}

/// Whether a default is a value, not a description of one.
fn is_value(default: &str) -> bool {
    default != "required" && (default.starts_with(['[', '{']) || !default.contains([' ', '`']))
}

fn layers(key: &Key) -> String {
    let lists = match (key.lists, key.shape) {
        (Lists::Add, _) => "added".to_owned(),
        (Lists::By(name), _) => format!("by `{name}`"),
        (Lists::Replace, Shape::List(_)) => "replaced".to_owned(),
        (Lists::Replace, _) => String::new(),
    };
    let until = match key.until {
        Some(Stage::Local) => "*before state*",
        Some(Stage::State) => "*before fetch*",
        Some(Stage::Fetched) | None => "",
    };
    [lists.as_str(), until].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(", ")
}

/// What the words of a key mean.
fn words(key: &Key) -> Option<String> {
    let words = match key.shape {
        Shape::Choice(words) | Shape::List(Shape::Choice(words)) => words,
        _ => return None,
    };
    let meanings: Vec<String> =
        words.iter().map(|word| format!("  - `{}`: {}", word.word, prose(word.doc))).collect();
    Some(format!("- `{}`:\n{}", key.name, meanings.join("\n")))
}

fn refused(keys: &Keys) -> String {
    let mut text = "Refused, with this reason:\n\n| keys | why | instead |\n|---|---|---|\n".to_owned();
    for refused in keys.refused {
        let names: Vec<String> = refused.names.iter().map(|name| format!("`{name}`")).collect();
        text += &row(&[&names.join(", "), refused.why, refused.instead]);
    }
    text.trim_end().to_owned()
}

fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// A doc comment as one line.
fn prose(doc: &str) -> String {
    let lines: Vec<&str> = doc.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}
