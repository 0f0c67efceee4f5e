//! What a config was made of, kept as it was read: for `dockos config show` on this boot, and as the last good one on
//! the state disk, from which a later boot makes the same config again.

use std::path::Path;

use dockos_config::{Diagnostic, Form, Layer, Report, Severity, Source, Stage};
use serde::{Deserialize, Serialize};

use crate::error::{Context, Fault, Result};
use crate::files;

/// The record of this boot.
pub const CURRENT: &str = "/run/dockos/config.json";
/// That of the last boot that reached ready.
pub const LAST_GOOD: &str = "/var/lib/dockos/last-good.json";
/// Secrets are in it.
const MODE: u32 = 0o600;

/// Which config a machine runs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// The one that was found at this boot.
    Current,
    /// That has errors: the last good one.
    LastGood,
    /// That has errors, and there is no last good one: the defaults.
    Defaults,
    /// What was found of it: the rest could not be fetched.
    Part,
    /// One that `dockos config try` put in force for a while.
    Tried,
}

/// The files of a config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which it is.
    pub which: Which,
    /// Those in force.
    sources: Vec<File>,
    /// Those that were found at this boot and have errors.
    #[serde(default)]
    rejected: Vec<File>,
    /// What is wrong with what was found and is no config at all.
    #[serde(default)]
    complaints: Vec<Complaint>,
    /// What could not be had.
    #[serde(default)]
    failures: Vec<String>,
}

/// A [`Diagnostic`] as it is written to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Complaint {
    source: String,
    line: u32,
    column: u32,
    message: String,
    hint: String,
    text: String,
    caret: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    layer: String,
    stage: String,
    form: String,
    name: String,
    text: String,
}

impl Record {
    /// The record of a config in force.
    pub fn new(which: Which, sources: &[Source], rejected: &[Source]) -> Self {
        let files = |sources: &[Source]| sources.iter().map(File::from).collect();
        let (complaints, failures) = (Vec::new(), Vec::new());
        Self { which, sources: files(sources), rejected: files(rejected), complaints, failures }
    }

    /// The same with what is wrong beside the files that can be read.
    #[must_use]
    pub fn with_faults(mut self, reports: &[Report], failures: Vec<String>) -> Self {
        let diagnostics = reports.iter().flat_map(|report| &report.diagnostics);
        self.complaints = diagnostics.map(Complaint::from).collect();
        self.failures = failures;
        self
    }

    /// What is wrong with what was found and is no config at all.
    pub fn complaints(&self) -> Report {
        Report { diagnostics: self.complaints.iter().map(Diagnostic::from).collect() }
    }

    /// What could not be had at this boot.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Reads a record; `None` where there is none.
    pub fn load(path: &str) -> Result<Option<Self>> {
        match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => {
                let bytes = read.context(|| format!("read {path}"))?;
                serde_json::from_slice(&bytes).map(Some).context(|| format!("read {path}"))
            }
        }
    }

    /// Writes it, unless the very same is there already: state disks wear.
    pub fn save(&self, path: &str) -> Result<()> {
        let text = serde_json::to_vec(self).context(|| format!("write {path}"))?;
        if std::fs::read(path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        files::write_durably(Path::new(path), &text, MODE)
    }

    /// The files in force.
    pub fn sources(&self) -> Result<Vec<Source>> {
        self.sources.iter().map(Source::try_from).collect()
    }

    /// Those that have errors.
    pub fn rejected(&self) -> Result<Vec<Source>> {
        self.rejected.iter().map(Source::try_from).collect()
    }
}

impl From<&Diagnostic> for Complaint {
    fn from(diagnostic: &Diagnostic) -> Self {
        let Diagnostic { source, line, column, message, hint, text, caret, .. } = diagnostic.clone();
        Self { source, line, column, message, hint, text, caret }
    }
}

impl From<&Complaint> for Diagnostic {
    fn from(complaint: &Complaint) -> Self {
        let Complaint { source, line, column, message, hint, text, caret } = complaint.clone();
        Self { severity: Severity::Error, source, line, column, message, hint, text, caret }
    }
}

impl From<&Source> for File {
    fn from(source: &Source) -> Self {
        Self {
            layer: source.layer.as_str().to_owned(),
            stage: source.stage.as_str().to_owned(),
            form: source.form.as_str().to_owned(),
            name: source.name.clone(),
            text: source.text.clone(),
        }
    }
}

impl TryFrom<&File> for Source {
    type Error = Fault;

    fn try_from(file: &File) -> Result<Self> {
        let unknown = |what: &str| Fault::new(format!("a config record has an unknown {what}"));
        Ok(Self {
            layer: Layer::from_word(&file.layer).ok_or_else(|| unknown("layer"))?,
            stage: Stage::from_word(&file.stage).ok_or_else(|| unknown("stage"))?,
            form: Form::from_word(&file.form).ok_or_else(|| unknown("form"))?,
            name: file.name.clone(),
            text: file.text.clone(),
        })
    }
}
