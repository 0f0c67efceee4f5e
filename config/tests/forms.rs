//! The forms in which a config arrives: what is said about bad ones, by named fixtures.

use std::fs;
use std::path::{Path, PathBuf};

use dockos_config::{Cmdline, Content, Report, parse_user_data, unpack};

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
        let said = say(&fs::read(&path).unwrap_or_default()) + "\n";
        let expected_path = path.with_extension("expected");
        if update && let Err(error) = fs::write(&expected_path, &said) {
            wrong += &format!("{}: {error}\n", expected_path.display());
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if said != expected {
            let name = path.display();
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

#[test]
fn bad_user_data_is_explained() {
    check("bad-user-data", |bytes| match parse_user_data("user-data", bytes) {
        Ok(_) => "nothing is wrong".to_owned(),
        Err(report) => report.to_string(),
    });
}

/// A part as a test tells it: its source, the lines before it, its text.
type Told = (String, u32, String);

fn told(source: &str, bytes: &[u8]) -> Result<Vec<Told>, Report> {
    let parts = unpack(source, bytes)?.parts;
    Ok(parts.iter().map(|part| (part.source.clone(), part.lines_before, shown(&part.content))).collect())
}

/// What is in a good file beside this one.
fn parts(file: &str) -> Result<Vec<Told>, Report> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/user-data").join(file);
    told("user-data", &fs::read(path).unwrap_or_default())
}

fn shown(content: &Content) -> String {
    match content {
        Content::CloudConfig(text) => text.clone(),
        Content::Script(bytes) => format!("run {}", String::from_utf8_lossy(bytes)),
    }
}

fn part(source: &str, lines_before: u32, text: &str) -> Told {
    (source.to_owned(), lines_before, text.to_owned())
}

#[test]
fn good_messages_are_taken_apart() {
    let python = [
        part("user-data (part 1: web.yml)", 9, "#cloud-config\nhostname: lab-01\n"),
        part("user-data (part 2: hi.sh)", 18, "run #!/bin/sh\necho hi\n"),
        part(
            "user-data (part 3: 桌.yml)",
            0,
            "#cloud-config\nwrite_files:\n- {path: /etc/motd, content: \"桌面\\n\"}\n",
        ),
    ];
    assert_eq!(parts("python.mime").unwrap(), python);
    assert_eq!(parts("python.mime.gz").unwrap(), python);
    let crlf = parts("python-crlf.mime").unwrap();
    assert_eq!(crlf[0], part(&python[0].0, 9, "#cloud-config\r\nhostname: lab-01\r\n"));
    assert_eq!(crlf[1..], python[1..], "a script has its own line ends");
    let terraform = [
        part("user-data (part 1: init.cfg)", 9, "#cloud-config\nhostname: lab-01\n"),
        part("user-data (part 2)", 0, "run #!/bin/sh\necho hi\n"),
    ];
    assert_eq!(parts("terraform.mime").unwrap(), terraform);
    let nested = [
        part("user-data (part 1: a \"b\".yml)", 0, "hostname: lab-01"),
        part("user-data (part 2)", 0, "#cloud-config\nruncmd: [a]\n"),
        part("user-data (part 3)", 24, "run #!/bin/sh\necho bare"),
    ];
    assert_eq!(parts("nested.mime").unwrap(), nested);
}

#[test]
fn what_is_no_message_is_one_part() {
    let cases: [(&[u8], &[Told]); 6] = [
        (b"", &[]),
        (b" \r\n\n", &[]),
        (b"\xef\xbb\xbf", &[]),
        (b"#cloud-config\r\nhostname: a\r\n", &[part("x", 0, "#cloud-config\r\nhostname: a\r\n")]),
        (b"\xef\xbb\xbf#cloud-config \na: b", &[part("x", 0, "#cloud-config \na: b")]),
        (b"#!/bin/sh\r\n\xff\r\n", &[part("x", 0, "run #!/bin/sh\n\u{fffd}\n")]),
    ];
    for (bytes, meant) in cases {
        assert_eq!(told("x", bytes).unwrap(), meant, "{bytes:?}");
    }
}
