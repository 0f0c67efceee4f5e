//! `dockos config check`.

use dockos_config::{Diagnostic, Loaded, Report};

use crate::files::{current, found, print, read_file, tell};
use dockos_control::Failure;

/// Checks files, or the config of this boot as it was found.
pub(crate) fn check(files: &[String], json: bool) -> Result<u8, Failure> {
    let mut all = Vec::new();
    if files.is_empty() {
        all.push(("this boot's config".to_owned(), this_boot()?));
    }
    for file in files {
        all.push((file.clone(), report_of(read_file(file)?.and_then(dockos_config::load))));
    }
    let status = u8::from(all.iter().any(|(_, report)| report.has_errors()));
    if json {
        let diagnostics = all.iter().flat_map(|(_, report)| &report.diagnostics);
        let list: Vec<serde_json::Value> = diagnostics.map(to_json).collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&list).unwrap_or_default()));
        return Ok(status);
    }
    for (name, report) in &all {
        say(name, report);
    }
    Ok(status)
}

/// Says what there is to say of a file, and whether it may be used.
pub(crate) fn say(name: &str, report: &Report) -> bool {
    tell(report);
    let sound = !report.has_errors();
    eprintln!("{name}: {}", if sound { "fine" } else { "not usable" });
    sound
}

/// All that there is to say of what was found at this boot.
fn this_boot() -> Result<Report, Failure> {
    let record = current()?;
    let mut report = record.complaints();
    for failure in record.failures() {
        eprintln!("{failure}\n");
    }
    report.diagnostics.extend(report_of(dockos_config::load(found()?)).diagnostics);
    Ok(report)
}

pub(crate) fn report_of(result: Result<Loaded, Report>) -> Report {
    match result {
        Ok(loaded) => loaded.report,
        Err(report) => report,
    }
}

fn to_json(diagnostic: &Diagnostic) -> serde_json::Value {
    serde_json::json!({
        "file": diagnostic.source,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "severity": diagnostic.severity.as_str(),
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    })
}
