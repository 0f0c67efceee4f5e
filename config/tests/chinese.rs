//! Everything that is said of a config can be said in Chinese.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, in their helpers too")]

mod common;

use std::fs;

use dockos_config::{parse, translate};
use proptest::prelude::*;

use common::repo;

const GOOD: &str = include_str!("good/lab.yml");

/// What is wrong with the translation of a message or hint: there is none, or English is left in it.
fn untranslated(text: &str) -> Option<String> {
    match translate(text) {
        None => Some(format!("no translation: {text}")),
        Some(chinese) if english_in(&chinese) => Some(format!("English left: {text} -> {chinese}")),
        Some(_) => None,
    }
}

/// Whether two words of English stand side by side outside of what is quoted from a file.
fn english_in(chinese: &str) -> bool {
    let own: String = chinese.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let words: Vec<&str> = own.split(' ').collect();
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    words.windows(2).any(|pair| is_word(pair[0]) && is_word(pair[1]))
}

/// The messages and hints in what is expected of bad fixtures, of whatever form.
fn expected_texts() -> Vec<String> {
    let folders = fs::read_dir(repo("config/tests")).unwrap().flatten();
    let files = folders.filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten().flatten();
    let mut texts = Vec::new();
    for path in files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "expected"))
    {
        for line in fs::read_to_string(&path).unwrap().lines() {
            let message = [": error: ", ": warning: "].iter().find_map(|word| line.split_once(word));
            let hint = line.trim_start().strip_prefix("= ").filter(|_| line.starts_with(' '));
            texts.extend(message.map(|(_, message)| message).or(hint).map(str::to_owned));
        }
    }
    texts
}

#[test]
fn every_message_of_the_fixtures_is_translated() {
    let texts = expected_texts();
    assert!(texts.len() > 200, "only {} texts were found", texts.len());
    let mut wrong: Vec<String> = texts.iter().filter_map(|text| untranslated(text)).collect();
    wrong.sort_unstable();
    wrong.dedup();
    assert!(wrong.is_empty(), "add these to config/src/chinese/:\n{}", wrong.join("\n"));
}

/// Headlines of banners are written in PID 1's own code.
#[test]
fn every_banner_is_translated() {
    let mut headlines = 0;
    let mut folders = vec![repo("init/src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for call in ["banner::red(\"", "banner::yellow(\""] {
                for headline in source.split(call).skip(1).filter_map(|rest| rest.split('"').next()) {
                    assert_eq!(untranslated(headline), None, "{}", path.display());
                    headlines += 1;
                }
            }
        }
    }
    assert!(headlines > 1, "no banner is where it was");
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
            for text in report.diagnostics.iter().flat_map(|d| [&d.message, &d.hint]) {
                let wrong = untranslated(text).filter(|wrong| !wrong.starts_with("English left: not valid YAML"));
                prop_assert_eq!(wrong, None);
            }
        }
    }
}
