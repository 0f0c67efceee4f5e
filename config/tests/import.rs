//! Other systems' configs, what becomes of them, and what is said.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dockos_config::Severity;
use dockos_config::import::{From, Imported, import};
use proptest::prelude::*;

/// The word that stands in the fixtures for everything that no note may show.
const SECRET: &str = "hunter2";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
}

/// The fixtures, and the system that each is of.
fn fixtures() -> Vec<(PathBuf, From)> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder()).unwrap().flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| !path.to_string_lossy().contains(".expected."));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), system(&path))).collect()
}

fn system(path: &Path) -> From {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    match name.split('-').next().unwrap() {
        "rancheros" => From::RancherOs,
        "cloud" => From::CloudInit,
        "butane" | "ignition" => From::Butane,
        other => panic!("{other} is no system"),
    }
}

/// What is said and what comes of a fixture.
fn outcome(path: &Path, from: From) -> (String, String) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    match import(from, &name, &fs::read_to_string(path).unwrap()) {
        Ok(Imported { text, notes, taken, left }) => {
            let notes: String = notes.iter().map(|note| format!("{note}\n")).collect();
            (text, format!("{notes}{taken} keys taken over, {left} not\n"))
        }
        Err(report) => (String::new(), format!("{report}\n")),
    }
}

/// `UPDATE_EXPECTED=1` writes what comes now; read the difference before you keep it.
#[test]
fn fixtures_become_what_is_expected() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut wrong = String::new();
    for (path, from) in fixtures() {
        let (text, notes) = outcome(&path, from);
        for (extension, found) in [("expected.yml", text), ("expected.notes", notes)] {
            let expected = path.with_extension(extension);
            if update && !found.is_empty() {
                fs::write(&expected, &found).unwrap();
            }
            if found != fs::read_to_string(&expected).unwrap_or_default() {
                wrong += &format!("--- {}, found:\n{found}", expected.display());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_note_shows_a_secret() {
    for (path, from) in fixtures() {
        let (text, notes) = outcome(&path, from);
        let comments: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        let name = path.display();
        // What cannot be read at all is shown as it is: nothing tells where its secrets are.
        assert!(!notes.contains(SECRET), "{name}:\n{notes}");
        assert!(!comments.concat().contains(SECRET), "{name}:\n{text}");
    }
}

#[test]
fn the_result_is_good_unless_a_note_says_what_to_mend() {
    for (path, from) in fixtures() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(imported) = import(from, &name, &fs::read_to_string(&path).unwrap()) else { continue };
        assert_agrees(&name, &imported);
    }
}

/// The notes have an error if, and only if, the result as text cannot be used.
fn assert_agrees(name: &str, imported: &Imported) {
    let bad = imported.notes.iter().any(|note| note.severity == Severity::Error);
    match dockos_config::parse_user_data("result", imported.text.as_bytes()) {
        Ok(_) => assert!(!bad, "{name}: {:?}\n{}", imported.notes, imported.text),
        Err(report) => assert!(bad, "{name}: {report}\n{}", imported.text),
    }
}

/// `UPDATE_EXPECTED=1` writes the tables of the page anew.
#[test]
fn the_page_says_what_the_tables_do() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/moving-in.md");
    let page = fs::read_to_string(&path).unwrap();
    let mut new = page.clone();
    for from in From::ALL {
        let (begin, end) =
            (format!("<!-- {} -->\n", from.as_str()), format!("<!-- end of {} -->", from.as_str()));
        let start = new.find(&begin).unwrap() + begin.len();
        let stop = new.find(&end).unwrap();
        new.replace_range(start..stop, &table(from));
    }
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, &new).unwrap();
    }
    assert!(page == new || std::env::var_os("UPDATE_EXPECTED").is_some(), "make it anew: UPDATE_EXPECTED=1");
}

/// The table of a system; neighbours with the same answer share a row.
fn table(from: From) -> String {
    let mut rows: Vec<(Vec<String>, String)> = Vec::new();
    for (key, what) in from.table() {
        match rows
            .iter_mut()
            .find(|(keys, other)| *other == what && what.starts_with("no: ") && !keys.is_empty())
        {
            Some((keys, _)) => keys.push(key),
            None => rows.push((vec![key], what)),
        }
    }
    let row = |(keys, what): &(Vec<String>, String)| {
        format!("| `{}` | {} |\n", keys.join("`, `"), what.replace('|', "\\|"))
    };
    format!("| key | becomes |\n|---|---|\n{}", rows.iter().map(row).collect::<String>())
}

/// Reads a text as each system's, and insists on what every import promises.
fn any(text: &str) {
    for from in From::ALL {
        let start = Instant::now();
        if let Ok(imported) = import(from, "x", text) {
            assert_agrees("x", &imported);
            assert!(imported.notes.len() < 700, "{}", imported.notes.len());
            assert!(
                imported.text.len() < 20_000 + 40 * text.len(),
                "{} of {}",
                imported.text.len(),
                text.len()
            );
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
}

#[test]
fn large_files_are_imported_soon_and_small() {
    let many = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    any(&many(60_000, &|n| format!("k{n}: x\n")));
    any(&format!("rancher:\n  sysctl:\n{}", many(1_900, &|n| format!("    a.b{n}: {n}\n"))));
    any(&format!(
        "rancher:\n  services:\n{}",
        many(1_900, &|n| {
            format!("    s{n}:\n      image: a\n      labels: {{ io.rancher.os.after: s{} }}\n", n + 1)
        })
    ));
    any(&format!("write_files:\n{}", many(20_000, &|n| format!("- {{ path: /usr/{n}, content: x }}\n"))));
    any(&format!(
        "network:\n  version: 1\n  config:\n{}",
        many(1_900, &|n| {
            format!(
                "  - {{ type: physical, name: e{n}, subnets: [ {{ type: dhcp }} ] }}\n  - {{ type: nameserver, address: 1.1.1.1 }}\n"
            )
        })
    ));
    any(&format!(
        "storage:\n  files:\n{}",
        many(10_000, &|n| format!("  - {{ path: /a/{n}, contents: {{ inline: x }} }}\n"))
    ));
    any(&format!("systemd:\n  units: [ {} ]", "a, ".repeat(300_000)));
    any(&format!("password: {}", "x".repeat(1_000_000)));
}

/// Names that the tables know, so that a random tree reaches all of them.
const WORDS: &str = "(rancher|network|interfaces|dns|services|labels|docker|extra_args|state|autoformat|users|groups|\
    write_files|storage|files|contents|source|data:,x|links|directories|systemd|units|config|version|type|1|physical|\
    bond|vlan|route|nameserver|subnets|address|gateway|eth0|eth\\*|mac=a|bridge|name|path|/etc/hostname|/a|hostname|\
    registry_auths|environment|passwd|ignition|merge|append|mode|true|default|a|password|vlans|params|chpasswd)";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_gets_an_answer(
        words in proptest::collection::vec((0..5usize, WORDS, prop_oneof![Just(": "), Just(":"), Just("")]), 1..40)
    ) {
        let mut text = String::new();
        for (depth, word, colon) in words {
            text += &format!("{}{}{word}{colon}\n", "  ".repeat(depth), if depth % 2 == 1 && colon.is_empty() { "- " } else { "" });
        }
        any(&text);
    }

    #[test]
    fn any_flow_gets_an_answer(text in proptest::string::string_regex(&format!("([{{\\[:,}}\\]] ?|{WORDS}(: |, | )){{0,60}}")).unwrap()) {
        any(&text);
    }

    #[test]
    fn a_fixture_with_a_change_gets_an_answer(
        fixture in 0..fixtures().len(),
        at in 0..1_000_000usize,
        length in 0..40usize,
        new in "([-?:,\\[\\]{}&*#|>\"'! \n]|true|a|~){0,6}",
    ) {
        let (path, from) = fixtures().swap_remove(fixture);
        let text: Vec<char> = fs::read_to_string(path).unwrap().chars().collect();
        let at = at % text.len();
        let end = (at + length).min(text.len());
        let changed: String = text[..at].iter().copied().chain(new.chars()).chain(text[end..].iter().copied()).collect();
        if let Ok(imported) = import(from, "x", &changed) {
            assert_agrees("x", &imported);
        }
    }
}
