//! Whatever the input: an answer, soon, and never a panic.

use std::time::{Duration, Instant};

use dockos_config::{Config, MAX_SIZE, Report, parse, parse_bytes, parse_service, parse_user_data};
use proptest::prelude::*;

const GOOD: &str = include_str!("good/everything.yml");

/// Reads a text and insists on an answer within a time that only runaway work exceeds.
fn read(name: &str, text: &str) -> Result<Config, Report> {
    let start = Instant::now();
    let result = parse(name, text);
    assert!(start.elapsed() < Duration::from_secs(5), "{name} took {:?}", start.elapsed());
    result
}

/// What every report promises.
fn check(report: &Report) {
    assert!(!report.diagnostics.is_empty());
    assert!(report.to_string().len() < 100_000, "a report is for people");
    for diagnostic in &report.diagnostics {
        assert!(diagnostic.line > 0 && diagnostic.column > 0, "{diagnostic:?}");
        assert!(!diagnostic.short().contains(char::is_control), "{diagnostic:?}");
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let cases = [
        ("a scalar of 10 MB", format!("hostname: {}", "a".repeat(10_000_000)), "the file has 10000010 bytes"),
        ("many brackets", "[".repeat(MAX_SIZE), "nested too deeply"),
        ("many braces", "{a: ".repeat(MAX_SIZE / 4), "nested too deeply"),
        ("many dashes", "- ".repeat(MAX_SIZE / 2), "nested too deeply"),
        ("many question marks", "? ".repeat(MAX_SIZE / 2), "nested too deeply"),
        ("many laughs", laughs(), "the file is too large, its aliases written out"),
        ("many items", format!("[{}]", "a,".repeat(MAX_SIZE / 2 - 1)), "the file is too large"),
        ("many keys", many_keys(), "unknown key `k0`"),
        ("a long key", format!("{}: x", "k".repeat(1000)), "unknown key `kkk"),
        ("a huge key", format!("? {}\n: x", "k".repeat(MAX_SIZE - 10)), "unknown key `kkk"),
        ("many quotes", "\"".repeat(MAX_SIZE), "not valid YAML"),
        ("many anchors", "&a ".repeat(MAX_SIZE / 3), "not valid YAML"),
        ("many documents", "---\n".repeat(MAX_SIZE / 4), "a second document"),
        ("many errors", format!("hostname: {}", "[a]\nx: ".repeat(10_000)), ""),
        ("a huge list of ports", many_ports(), "39999 of these; at most 32 are allowed"),
    ];
    let mut wrong = String::new();
    for (name, text, message) in cases {
        let Err(report) = read(name, &text) else { panic!("{name} is accepted") };
        check(&report);
        if !report.diagnostics.iter().any(|d| d.message.contains(message)) {
            wrong += &format!("{name}: {}\n", report.short());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Nine levels of nine aliases each: 9^9 strings, were they written out.
fn laughs() -> String {
    (1..10).fold("a0: &a0 lol\n".to_owned(), |text, level| {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        text + &format!("a{level}: &a{level} [{aliases}]\n")
    })
}

fn many_keys() -> String {
    (0..50_000).fold(String::new(), |text, n| text + &format!("k{n}: x\n"))
}

fn many_ports() -> String {
    let ports = (1..40_000).fold(String::new(), |text, n| text + &format!("\"{n}:80\", "));
    format!("dockos: {{ desktops: [ {{ name: a, tenant: t, image: i, ports: [ {ports} ] }} ] }}")
}

#[test]
fn a_blank_file_is_the_default() {
    for text in ["", "\n", "# hi\n", "---\n", "\u{feff}", "~", "{}", "#cloud-config\r\n", "dockos:"] {
        assert_eq!(parse("x", text), Ok(Config::default()), "{text:?}");
    }
    assert_eq!(parse_user_data("x", b""), Ok(Config::default()));
}

#[test]
fn line_ends_and_a_byte_order_mark_change_nothing() {
    let expected = parse("x", GOOD);
    assert!(expected.is_ok());
    assert_eq!(parse("x", &GOOD.replace('\n', "\r\n")), expected);
    assert_eq!(parse_user_data("x", format!("\u{feff}{GOOD}").as_bytes()), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,200}") {
        if let Err(report) = parse("x", &text) {
            check(&report);
        }
    }

    #[test]
    fn any_yaml_like_text_gets_an_answer(text in "([-?:,\\[\\]{}&*#|>@`\"'%!<~ \t\r\n]|[a-c]|dockos|desktops|<<: ){0,60}") {
        if let Err(report) = parse("x", &text) {
            check(&report);
        }
        let _ = parse_service("x", &text);
    }

    #[test]
    fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(report) = parse_bytes("x", &bytes) {
            check(&report);
        }
        let _ = parse_user_data("x", &bytes);
    }

    #[test]
    fn a_good_file_with_a_change_gets_an_answer(
        at in 0..GOOD.len(),
        length in 0..40usize,
        new in "([-?:,\\[\\]{}&*#|>\"'! \n\t\u{0}\u{e9}0-9a-z]){0,8}",
    ) {
        let end = (at + length).min(GOOD.len());
        let text = format!("{}{new}{}", &GOOD[..at], &GOOD[end..]);
        if let Err(report) = parse_bytes("x", text.as_bytes()) {
            check(&report);
        }
    }

    #[test]
    fn a_good_file_cut_short_gets_an_answer(at in 0..GOOD.len()) {
        if let Err(report) = parse("x", &GOOD[..at]) {
            check(&report);
        }
    }
}
