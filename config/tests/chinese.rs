//! Everything that is said of a config can be said in Chinese.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, in their helpers too")]

mod common;

use std::fs;
use std::path::Path;

use dockos_config::{Cmdline, Report, parse, parse_user_data, translate};
use proptest::prelude::*;

use common::yaml_files;

const GOOD: &str = include_str!("good/lab.yml");

/// What of a report has no translation, or one in which English is left.
fn untranslated(report: &Report) -> Vec<String> {
    let texts = report.diagnostics.iter().flat_map(|d| [&d.message, &d.hint]);
    texts
        .filter_map(|text| match translate(text) {
            None => Some(format!("no translation: {text}")),
            Some(chinese) if english_in(&chinese) => Some(format!("English left: {text} -> {chinese}")),
            Some(_) => None,
        })
        .collect()
}

/// Whether two words of English stand side by side outside of what is quoted from a file.
fn english_in(chinese: &str) -> bool {
    let own: String = chinese.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let words: Vec<&str> = own.split(' ').collect();
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    words.windows(2).any(|pair| is_word(pair[0]) && is_word(pair[1]))
}

#[test]
fn every_message_of_the_fixtures_is_translated() {
    let mut wrong = Vec::new();
    for path in yaml_files("config/tests/bad") {
        if let Err(report) = parse_user_data("user-data", &fs::read(&path).unwrap()) {
            wrong.extend(untranslated(&report).into_iter().map(|text| format!("{}: {text}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "add these to config/src/chinese/:\n{}", wrong.join("\n"));
}

#[test]
fn messages_of_other_forms_are_translated() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut wrong = Vec::new();
    for folder in ["bad-user-data", "bad-cmdline"] {
        for file in fs::read_dir(tests.join(folder)).unwrap().flatten().map(|file| file.path()) {
            let bytes = fs::read(&file).unwrap();
            let report = match folder {
                _ if file.extension().is_none_or(|extension| extension != "in") => continue,
                "bad-cmdline" => Cmdline::parse(&String::from_utf8_lossy(&bytes)).report,
                _ => parse_user_data("user-data", &bytes).err(),
            };
            let texts = untranslated(&report.unwrap());
            wrong.extend(texts.into_iter().map(|text| format!("{}: {text}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "add these to config/src/chinese/:\n{}", wrong.join("\n"));
}

#[test]
fn english_that_is_left_is_found() {
    assert!(english_in("这里应为 a list"));
    assert!(!english_in("未知的键 `a list`；可用的键：name, tenant"));
}

#[test]
fn a_report_looks_the_same_in_chinese() {
    let report = parse("lab.yml", "hostname: [a]\nhostnme: 桌\n").unwrap_err();
    assert_eq!(
        report.chinese(),
        "lab.yml:1:11: 错误: 这里应为主机名，实际是列表
 1 | hostname: [a]
   |           ^
   = 只写一个值，不要加括号，下面也不要再写键
lab.yml:2:1: 错误: 未知的键 `hostnme`；是不是 `hostname`？
 2 | hostnme: 桌
   | ^
   = "
        .to_owned()
            + &translate(&report.diagnostics[1].hint).unwrap()
    );
    assert_eq!(report.chinese_short(), "lab.yml:1:11: 错误: 这里应为主机名，实际是列表（另有 1 处）");
    let banner = "State is kept in RAM and will be lost at power-off.";
    assert!(translate(banner).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A good file with a change has other mistakes than the fixtures; only the YAML reader's own words may be left.
    #[test]
    fn whatever_is_wrong_is_translated(
        at in 0..GOOD.len(),
        length in 0..30usize,
        new in "([-?:,\\[\\]{}&*#|>\"'! \n\t0-9a-zA-Z./@]){0,8}",
    ) {
        let text = format!("{}{new}{}", &GOOD[..at], &GOOD[(at + length).min(GOOD.len())..]);
        if let Err(report) = parse("x", &text) {
            let mut wrong = untranslated(&report);
            wrong.retain(|text| !text.starts_with("English left: not valid YAML"));
            prop_assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }
    }
}
