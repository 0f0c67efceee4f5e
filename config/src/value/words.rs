//! A command line split into words as a shell would, with no other expansion.

/// Splits at blanks; quotes and backslashes keep blanks in a word. The error says what is not closed.
pub(super) fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => quote(&mut chars, word.get_or_insert_default())?,
            '"' => double_quote(&mut chars, word.get_or_insert_default())?,
            '\\' => match chars.next() {
                Some('\n') => {}
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err("it ends in a backslash"),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn quote(chars: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), &'static str> {
    for c in chars {
        match c {
            '\'' => return Ok(()),
            c => word.push(c),
        }
    }
    Err("a single quote is not closed")
}

fn double_quote(chars: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), &'static str> {
    const OPEN: &str = "a double quote is not closed";
    loop {
        match chars.next().ok_or(OPEN)? {
            '"' => return Ok(()),
            '\\' => match chars.next().ok_or(OPEN)? {
                '\n' => {}
                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_in_a_shell() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("  a  b\n", &["a", "b"]),
            ("sh -c 'echo hi'", &["sh", "-c", "echo hi"]),
            (r#"a"b c"'d'e"#, &["ab cde"]),
            (r#""""#, &[""]),
            (r"a\ b", &["a b"]),
            (r#""\"\\\$\n""#, &[r#""\$\n"#]),
            (r"'\n'", &[r"\n"]),
            ("$HOME *", &["$HOME", "*"]),
        ];
        for (text, words) in cases {
            assert_eq!(split(text).unwrap(), words, "{text}");
        }
    }

    #[test]
    fn open_quotes_are_errors() {
        for (text, why) in [
            ("echo 'hi", "a single quote is not closed"),
            ("echo \"hi", "a double quote is not closed"),
            ("echo \"hi\\", "a double quote is not closed"),
            ("echo hi\\", "it ends in a backslash"),
        ] {
            assert_eq!(split(text), Err(why));
        }
    }
}
