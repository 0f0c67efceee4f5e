//! "Did you mean": the known word nearest to a mistyped one.

/// The candidate within a third of the word's length in edits, if any.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // A key of a thousand letters is no typing error, and the distance costs the product of both lengths.
    if word.len() > 64 {
        return None;
    }
    let word = word.to_ascii_lowercase().replace('-', "_");
    let scored = candidates.iter().map(|known| (distance(&word, &known.replace('-', "_")), *known));
    let (edits, known) = scored.min_by_key(|(edits, _)| *edits)?;
    (edits <= known.len().max(word.len()) / 3).then_some(known)
}

/// Edits (insert, delete, replace, swap of neighbours) from one word to another.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let mut cost = (last[j] + usize::from(a[i] != b[j])).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                cost = cost.min(before_last[j - 1] + 1);
            }
            row.push(cost);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_key_that_was_meant() {
        let keys = ["hostname", "write_files", "runcmd", "bootcmd", "image", "tenant"];
        let cases = [
            ("hostnme", Some("hostname")),
            ("Hostname", Some("hostname")),
            ("write-files", Some("write_files")),
            ("runcdm", Some("runcmd")),
            ("imgae", Some("image")),
            ("network", None),
            ("", None),
            ("x", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, &keys), expected, "{word}");
        }
    }
}
