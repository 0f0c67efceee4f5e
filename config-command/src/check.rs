//! `dockos config check`.

use dockos_config::Diagnostic;

use crate::Failure;
use crate::files::{found, print, read_file, tell};

/// Checks files, or the config of this boot as it was found.
pub(crate) fn check(files: &[String], json: bool) -> Result<u8, Failure> {
    let mut all = Vec::new();
    if files.is_empty() {
        all.push(("this boot's config".to_owned(), dockos_config::load(found()?)));
    }
    for file in files {
        all.push((file.clone(), read_file(file)?.and_then(dockos_config::load)));
    }
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let mut status = 0;
    for (name, result) in all {
        let (word, report) = match result {
            Ok(loaded) => ("fine", loaded.report),
            Err(report) => ("not usable", report),
        };
        status = status.max(u8::from(report.has_errors()));
        if !json {
            tell(&report);
            print(&format!("{name}: {word}\n"));
        }
        diagnostics.extend(report.diagnostics);
    }
    if json {
        let list: Vec<serde_json::Value> = diagnostics.iter().map(to_json).collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&list).unwrap_or_default()));
    }
    Ok(status)
}

pub(crate) fn to_json(diagnostic: &Diagnostic) -> serde_json::Value {
    serde_json::json!({
        "file": diagnostic.source,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "severity": diagnostic.severity.as_str(),
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    })
}
