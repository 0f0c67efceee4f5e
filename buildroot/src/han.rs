//! The Chinese characters of the PC's own screen: a small font for PID 1, from GNU Unifont's 16 pixels high one.
//!
//! A file of records, sorted by character: its code point in two bytes, little-endian; the number of screen cells it
//! takes, 1 or 2; the 16 rows of its left half, one byte each; those of its right half, blank if it has none.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};

/// Rows of a character.
const HEIGHT: usize = 16;

/// The font with the characters of `wanted`, a text with comments, out of `unifont`, which has lines `CODE:BITMAP` in
/// hex.
pub(crate) fn font(unifont: &str, wanted: &str) -> Result<Vec<u8>> {
    let bitmaps: BTreeMap<&str, &str> = unifont.lines().filter_map(|line| line.split_once(':')).collect();
    let mut font = Vec::new();
    for letter in characters(wanted) {
        let bitmap = bitmaps.get(format!("{:04X}", u32::from(letter)).as_str());
        let bitmap = bitmap.with_context(|| format!("the package unifont has no {letter}"))?;
        font.extend(record(letter, bitmap).with_context(|| format!("the package unifont: {letter}"))?);
    }
    Ok(font)
}

/// The characters of a text, each once, in order.
fn characters(text: &str) -> BTreeSet<char> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::chars).filter(|letter| !letter.is_whitespace()).collect()
}

fn record(letter: char, bitmap: &str) -> Result<Vec<u8>> {
    let code = u16::try_from(u32::from(letter)).context("is not in the basic plane")?;
    let pairs = bitmap.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| u8::from_str_radix(&String::from_utf8_lossy(pair), 16));
    let bytes: Vec<u8> = bytes.collect::<Result<_, _>>().with_context(|| format!("`{bitmap}` is not hex"))?;
    let cells = bytes.len() / HEIGHT;
    ensure!(bytes.len().is_multiple_of(HEIGHT) && (1..=2).contains(&cells), "has {} bytes", bytes.len());
    let half = |number: usize| bytes.iter().skip(number).step_by(cells);
    let mut record = code.to_le_bytes().to_vec();
    record.push(cells as u8);
    record.extend(half(0));
    if cells == 2 {
        record.extend(half(1));
    } else {
        record.extend([0; HEIGHT]);
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: &str = "01020304050607080910111213141516171819202122232425262728293031AA";

    #[test]
    fn records_are_sorted_halves() {
        let narrow = "000102030405060708090A0B0C0D0E0F";
        let unifont = format!("2014:{narrow}\n4E2D:{WIDE}\n");
        let font = font(&unifont, "# not 人\n中 中\n—\n").unwrap();
        let (first, second) = font.split_at(35);
        assert_eq!(first[..5], [0x14, 0x20, 1, 0, 1]);
        assert_eq!(first[18..20], [0x0f, 0]);
        assert_eq!(second[..5], [0x2d, 0x4e, 2, 0x01, 0x03]);
        assert_eq!(second[18..20], [0x31, 0x02]);
        assert_eq!((second.len(), second[34]), (35, 0xaa));
    }

    #[test]
    fn what_the_package_lacks_is_named() {
        for (unifont, wanted, says) in [
            ("4E2D:00\n", "人", "has no 人"),
            ("4E2D:00\n", "中", "中"),
            ("4E2D:xy\n", "中", "中"),
            ("4E2D:é\n", "中", "中"),
            ("20000:00\n", "\u{20000}", "\u{20000}"),
        ] {
            let error = font(unifont, wanted).unwrap_err().to_string();
            assert!(error.contains(says), "{wanted}: {error}");
        }
    }

    /// All that DockOS says in Chinese can be shown.
    #[test]
    fn own_messages_are_covered() {
        let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/src");
        let list = characters(include_str!("../han16.txt"));
        let mut seen = 0;
        for file in crate::util::files_below(std::path::Path::new(sources)).unwrap() {
            if !file.to_string_lossy().contains("chinese") {
                continue;
            }
            for letter in
                std::fs::read_to_string(&file).unwrap().chars().filter(|letter| *letter >= '\u{2000}')
            {
                assert!(list.contains(&letter), "{}: {letter} is not in han16.txt", file.display());
                seen += 1;
            }
        }
        assert!(seen > 1000, "only {seen} Chinese characters in {sources}");
    }
}
