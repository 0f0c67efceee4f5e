//! Files that are good or bad, and what is said about them.

use std::fs;
use std::path::{Path, PathBuf};

/// The files of a folder beside this one with an extension, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    assert!(!files.is_empty(), "the fixtures are there");
    files
}

#[test]
fn good_files_are_read() {
    for path in files("good") {
        if let Err(report) = dockos_config::parse_user_data("user-data", &fs::read(&path).unwrap()) {
            panic!("{}:\n{report}", path.display());
        }
    }
}

/// `UPDATE_EXPECTED=1` writes what is said now; read the difference before you keep it.
#[test]
fn bad_files_are_explained() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut wrong = String::new();
    for path in files("bad") {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let said = match dockos_config::parse_user_data("user-data", &fs::read(&path).unwrap()) {
            Ok(_) => "nothing is wrong\n".to_owned(),
            Err(report) => format!("{report}\n"),
        };
        let expected_path = path.with_extension("expected");
        if update {
            fs::write(&expected_path, &said).unwrap();
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if said != expected {
            wrong += &format!("--- {name}, expected:\n{expected}--- {name}, found:\n{said}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn examples_of_the_reference_are_good() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/config-reference.md");
    let page = fs::read_to_string(page).unwrap();
    let examples: Vec<&str> =
        page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        if let Err(report) = dockos_config::parse_user_data("example", example.as_bytes()) {
            panic!("{report}");
        }
    }
}
