//! Moving in: another system's configuration as a cloud-config of DockOS.
//!
//! What becomes of each key stands in tables of [`Row`]s, one for each system: they drive the import and the page
//! `docs/moving-in.md` alike. A node that is taken over keeps its place in the file it came from, so that what is
//! said of it, also by the check of the result, points at the line its writer knows.

mod address;
mod butane;
mod butane_files;
mod cloud_init;
mod data_url;
mod files;
mod network_v1;
mod rancher;
mod rancher_docker;
mod rancher_network;
mod rancher_services;
mod rows;
mod secrets;
mod tree;

use crate::check;
use crate::decode::{Decode, Problems, Severity, mapping};
use crate::diagnostic::{Diagnostic, Report};
use crate::schema::Config;
use crate::yaml::{self, Kind, Mark, Node};
use rows::Row;

/// A system whose configuration can be moved in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// RancherOS 1.x: cloud-config with its keys under `rancher:`.
    RancherOs,
    /// cloud-init: `#cloud-config` user-data or a network-config, as of any distribution.
    CloudInit,
    /// Fedora CoreOS and Flatcar: Butane's YAML, or the Ignition JSON made from it.
    Butane,
}

/// What came of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// A `#cloud-config` file.
    pub text: String,
    /// What has no counterpart and what changes, each at its place in the file that was imported. An error is a value
    /// that was taken over and that DockOS refuses: the result is of no use until it is mended.
    pub notes: Vec<Diagnostic>,
    /// Keys of the result.
    pub taken: usize,
    /// Keys that have no counterpart.
    pub left: usize,
}

/// Notes of one import: a file that gives more is no configuration.
const MOST_NOTES: usize = 500;

/// Keys of one mapping.
const MOST_KEYS: usize = 2000;

/// Notes that are repeated as comments in the result.
const MOST_COMMENTS: usize = 40;

impl From {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::RancherOs, Self::CloudInit, Self::Butane];

    /// Its word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RancherOs => "rancheros",
            Self::CloudInit => "cloud-init",
            Self::Butane => "butane",
        }
    }

    /// The system of a word on the command line.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|from| from.as_str() == word)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::RancherOs => "RancherOS",
            Self::CloudInit => "cloud-init",
            Self::Butane => "Butane or Ignition",
        }
    }

    /// What becomes of each key, for the documentation: the key, and the key here or why there is none.
    pub fn table(self) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        rows::describe("", self.rows(), &mut lines);
        if self == Self::CloudInit {
            rows::describe_schema(self.rows(), &mut lines);
        }
        lines
    }

    fn rows(self) -> &'static [Row] {
        match self {
            Self::RancherOs => rancher::ROWS,
            Self::CloudInit => cloud_init::ROWS,
            Self::Butane => butane::ROWS,
        }
    }
}

/// Turns a configuration of another system into one of DockOS. The error: it cannot be read at all.
pub fn import(from: From, source: &str, text: &str) -> Result<Imported, Report> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut problems = Problems::default();
    let root = read(from, text, &mut problems);
    match root {
        Some(root) if !problems.any_error() => Ok(turn(from, source, text, &root)),
        _ => Err(Report::new(&[(source, text)], problems)),
    }
}

/// The mapping that a text is; what it is in place of that is said.
fn read(from: From, text: &str, problems: &mut Problems) -> Option<Node> {
    if let Some((message, hint)) = cloud_init::other_form(text).filter(|_| from != From::Butane) {
        problems.add(Mark::START, message, hint);
        return None;
    }
    let root = yaml::load(0, text, problems)?;
    let good = root.is_null() || mapping(&root, problems).is_some();
    (good && few_enough(&root, problems)).then_some(root)
}

/// Whether every mapping has a number of keys that a person could have written.
fn few_enough(node: &Node, problems: &mut Problems) -> bool {
    match &node.kind {
        Kind::Mapping(entries) if entries.len() > MOST_KEYS => {
            let message = format!("{} keys in one mapping; at most {MOST_KEYS} are imported", entries.len());
            problems.add(node.mark, message, "remove some");
            false
        }
        Kind::Mapping(entries) => entries.iter().all(|entry| few_enough(&entry.value, problems)),
        Kind::Sequence(items) => items.iter().all(|item| few_enough(item, problems)),
        _ => true,
    }
}

fn turn(from: From, source: &str, text: &str, root: &Node) -> Imported {
    let mut import = Import::default();
    match from {
        From::CloudInit => cloud_init::turn(&mut import, root),
        From::RancherOs => rancher::turn(&mut import, root),
        From::Butane => butane::turn(&mut import, root),
    }
    import.finish(from, source, text, root)
}

/// An import under way.
struct Import {
    /// The result so far.
    out: Node,
    notes: Problems,
    left: usize,
}

impl Default for Import {
    fn default() -> Self {
        let out = tree::map(Mark::START);
        Self { out, notes: Problems::default(), left: 0 }
    }
}

impl Import {
    /// Says what the person who moves should know of a place.
    fn note(&mut self, mark: Mark, message: impl Into<String>, hint: impl Into<String>) {
        let note = crate::decode::Problem {
            severity: Severity::Warning,
            mark,
            message: message.into(),
            hint: hint.into(),
        };
        // Not by `Problems::warn`: an import is nothing but warnings, and none may be missing.
        match self.notes.0.len() {
            n if n < MOST_NOTES => self.notes.0.push(note),
            n if n == MOST_NOTES => {
                let message = "more notes than can be shown";
                self.notes.0.push(crate::decode::Problem { message: message.to_owned(), ..note });
            }
            _ => {}
        }
    }

    /// Says that a key has no counterpart.
    fn leave(&mut self, mark: Mark, message: impl Into<String>, hint: impl Into<String>) {
        self.left += 1;
        self.note(mark, message, hint);
    }

    /// Checks the result, as `dockos config check` would, and writes it.
    fn finish(mut self, from: From, source: &str, text: &str, root: &Node) -> Imported {
        rows::order(&mut self.out, Config::SHAPE);
        let mut found = Problems::default();
        if let Some(config) = Config::decode(&self.out, &mut found) {
            check::config(&config, &self.out, &mut found);
        }
        self.notes.0.append(&mut found.0);
        let (masked, secret) = secrets::mask(text, root);
        for problem in &mut self.notes.0 {
            secrets::hide(&mut problem.message, &secret);
            secrets::hide(&mut problem.hint, &secret);
        }
        let notes = Report::of_masked((source, &masked), self.notes).diagnostics;
        let text = head(from, &notes) + &crate::emit::block(&self.out, None);
        Imported { text, notes, taken: tree::leaves(&self.out), left: self.left }
    }
}

/// The first lines of the result: what it is, and what to look at.
fn head(from: From, notes: &[Diagnostic]) -> String {
    let mut head = format!("#cloud-config\n# Moved in from {}.\n", from.name());
    if !notes.is_empty() {
        head += "# To look at, by line of the file it came from:\n";
    }
    for note in notes.iter().take(MOST_COMMENTS) {
        let severity = if note.severity == Severity::Error { "mend: " } else { "" };
        head += &format!("#   {}: {severity}{}\n", note.line, note.message);
    }
    if notes.len() > MOST_COMMENTS {
        head += &format!("#   and {} more\n", notes.len() - MOST_COMMENTS);
    }
    head
}
