//! What is generated from the declared keys is current, and means what the parser means.
//!
//! `make generate` (`UPDATE_GENERATED=1`) writes the files; without it they are compared.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, in their helpers too")]

#[path = "../common/mod.rs"]
mod common;
mod examples;
mod notes;
mod reference;
mod schema;

use std::fs;

use common::repo;

/// Compares a file of the repository with what it should be, or writes it.
fn current(path: &str, text: &str) {
    let file = repo(path);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&file, text).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    let differs = found.lines().zip(text.lines()).position(|(a, b)| a != b);
    let line = differs.unwrap_or_else(|| found.lines().count().min(text.lines().count())) + 1;
    assert!(
        found == text,
        "{path} is not what the declared keys say, from line {line} on: run `make generate`"
    );
}
