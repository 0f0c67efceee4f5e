//! User-data from a stranger: an answer, soon, within bounds, and never a panic.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use dockos_config::{
    Cmdline, Content, Form, KeyPath, Layer, MAX_USER_DATA, Report, Source, Stage, UserData, load,
    parse_bytes, parse_user_data, unpack,
};
use proptest::prelude::*;

const MESSAGE: &[u8] = include_bytes!("user-data/nested.mime");
const PACKED: &[u8] = include_bytes!("user-data/python.mime.gz");
const HEADER: &str = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n";

/// Takes user-data apart, and insists on an answer that keeps every promise.
fn read(name: &str, bytes: &[u8]) -> Result<UserData, Report> {
    let start = Instant::now();
    let result = unpack("user-data", bytes);
    assert!(start.elapsed() < Duration::from_secs(5), "{name} took {:?}", start.elapsed());
    match &result {
        Ok(data) => {
            let size = |content: &Content| match content {
                Content::CloudConfig(text) => text.len(),
                Content::Script(bytes) => bytes.len(),
            };
            let sum: usize = data.parts.iter().map(|part| size(&part.content)).sum();
            assert!(sum <= 2 * MAX_USER_DATA, "{name} unpacks to {sum} bytes");
            assert!(data.parts.len() <= 128, "{name} has {} parts", data.parts.len());
        }
        Err(report) => {
            assert!(report.has_errors(), "{name}");
            assert!(report.to_string().len() < 100_000, "{name}: a report is for people");
        }
    }
    result
}

#[test]
fn what_is_too_much_is_refused() {
    let part = "--b\nContent-Type: text/cloud-config\n\nhostname: a\n";
    let long = "x".repeat(1 << 20);
    let cases: [(&str, String, &str); 10] = [
        ("much data", "#".repeat(MAX_USER_DATA + 1), "this user-data has 4194305 bytes"),
        ("many parts", format!("{HEADER}{}--b--\n", part.repeat(10_000)), "there are too many parts"),
        ("many open parts", format!("{HEADER}{}", "--b\n".repeat(1 << 19)), "there are too many parts"),
        ("a long header line", format!("MIME-Version: 1.0\nX: {long}\n\n"), "this header is too long"),
        (
            "a long folded header",
            format!("MIME-Version: 1.0\n{}\n", " x\n".repeat(300_000)),
            "this header is too long",
        ),
        ("a long header of a part", format!("{HEADER}--b\nX{long}: y\n\n--b--\n"), "this header is too long"),
        ("a long word", format!("{HEADER}--b\n{long}\n\n--b--\n"), "this header is too long"),
        ("NUL bytes", format!("{HEADER}{}", "\0".repeat(1 << 20)), "no line is this multipart's boundary"),
        (
            "base64 garbage",
            format!("{HEADER}--b\nContent-Transfer-Encoding: base64\n\n{}\n--b--\n", "*".repeat(1 << 20)),
            "the content is not base64",
        ),
        (
            "nested",
            HEADER.to_owned() + &"--b\nContent-Type: multipart/mixed; boundary=b\n\n".repeat(10_000),
            "there are too many parts",
        ),
    ];
    for (name, text, message) in cases {
        let report = read(name, text.as_bytes()).expect_err(name);
        assert!(report.diagnostics[0].message.contains(message), "{name}: {report}");
    }
}

#[test]
fn many_multiparts_within_each_other_are_quick() {
    // Each of them has as many parts as are allowed, and each of those again.
    let inner =
        "Content-Type: multipart/mixed; boundary=c\n\n".to_owned() + &"--c\n\n".repeat(100) + "--c--\n";
    let text = format!("{HEADER}{}--b--\n", format!("--b\n{inner}").repeat(100));
    let report = read("nested multiparts", text.as_bytes()).unwrap_err();
    assert!(report.to_string().contains("there are too many parts"));
}

#[test]
fn a_long_command_line_is_refused() {
    let start = Instant::now();
    for text in [
        "cc.a ".repeat(100_000),
        "cc.".to_owned() + &"a.".repeat(10_000),
        "cc.a=".to_owned() + &"[".repeat(30_000),
    ] {
        assert!(Cmdline::parse(&text).report.is_some_and(|report| report.has_errors()));
    }
    let most: String = (0..).map(|n| format!("cc.k{n}.a.b.c ")).take(2000).collect();
    assert_eq!(Cmdline::parse(&most).report, None);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// What the fuzzer starts from: each file, whatever it was meant for, gets an answer from each reader.
#[test]
fn seeds_of_the_fuzzer_get_an_answer() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    let folders = fs::read_dir(seeds).unwrap().flatten();
    let files: Vec<_> = folders.flat_map(|folder| fs::read_dir(folder.path()).unwrap().flatten()).collect();
    assert!(files.len() > 50);
    for file in files {
        let (name, bytes) = (file.path().display().to_string(), fs::read(file.path()).unwrap());
        let text = String::from_utf8_lossy(&bytes);
        let _ = read(&name, &bytes);
        let _ = parse_user_data(&name, &bytes);
        let _ = parse_bytes(&name, &bytes);
        let _ = Cmdline::parse(&text);
        let _ = text.parse::<KeyPath>().map(|path| assert_eq!(path.to_string().parse(), Ok(path)));
        for form in
            [Form::CloudConfig, Form::CommandLine, Form::MetaData, Form::ConfigDrive, Form::NetworkConfig]
        {
            let (layer, stage, name) = (Layer::Datasource, Stage::Local, name.clone());
            let _ = load(vec![Source { layer, stage, form, name, text: text.to_string() }]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_message_like_text_gets_an_answer(text in "(Content-Type: (multipart/mixed; ?boundary=|text/plain|text/cloud-config)|Content-Transfer-Encoding: (base64|quoted-printable)|MIME-Version:|--|b|#!|#cloud-config|[\"=;: \r\n\t\u{0}%'*]){0,60}") {
        let _ = read("a text", text.as_bytes());
        let _ = read("a body", format!("{HEADER}{text}").as_bytes());
    }

    #[test]
    fn a_good_message_with_a_change_gets_an_answer(
        at in 0..MESSAGE.len(),
        length in 0..20usize,
        new in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let end = (at + length).min(MESSAGE.len());
        let bytes = [&MESSAGE[..at], &new, &MESSAGE[end..]].concat();
        let _ = read("a message", &bytes);
        let _ = parse_user_data("user-data", &bytes);
    }

    #[test]
    fn packed_data_with_a_change_gets_an_answer(at in 0..PACKED.len(), new: u8) {
        let mut bytes = PACKED.to_vec();
        bytes[at] = new;
        let _ = read("packed data", &bytes);
    }

    #[test]
    fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read("bytes", &bytes);
    }
}
