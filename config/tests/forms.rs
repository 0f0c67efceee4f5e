//! The forms in which a config arrives: what is said about bad ones, by named fixtures.

use std::fs;
use std::path::{Path, PathBuf};

use dockos_config::Cmdline;

/// The bad inputs of a folder beside this file, in order.
fn inputs(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "in"));
    files.sort();
    assert!(!files.is_empty(), "the fixtures are there");
    files
}

/// `UPDATE_EXPECTED=1` writes what is said now; read the difference before you keep it.
fn check(folder: &str, say: impl Fn(&[u8]) -> String) {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut wrong = String::new();
    for path in inputs(folder) {
        let said = say(&fs::read(&path).unwrap()) + "\n";
        let expected_path = path.with_extension("expected");
        if update {
            fs::write(&expected_path, &said).unwrap();
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if said != expected {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            wrong += &format!("--- {name}, expected:\n{expected}--- {name}, found:\n{said}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn bad_command_lines_are_explained() {
    check("bad-cmdline", |bytes| {
        let report = Cmdline::parse(std::str::from_utf8(bytes).unwrap()).report;
        report.map_or("nothing is wrong".to_owned(), |report| report.to_string())
    });
}
