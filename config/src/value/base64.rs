//! Base64 (RFC 4648), as `content` of a file may be written.

use super::ValueError;

/// Decodes the content of a file.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, ValueError> {
    bytes(text).map_err(|why| {
        ValueError::new(
            format!("the content is not base64: {why}"),
            "make it with `base64 FILE`, or set `encoding: text`",
        )
    })
}

/// Decodes base64, with or without padding, ignoring line breaks and spaces; or says why it is none.
pub(crate) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count, mut padded) = (0u32, 0usize, 0usize);
    for c in text.chars().filter(|c| !c.is_ascii_whitespace()) {
        let Some(six) = sextet(c).filter(|_| padded == 0) else {
            if c == '=' && padded < 2 {
                padded += 1;
                continue;
            }
            return Err(format!("unexpected {c:?} after {count} letters"));
        };
        bits = bits << 6 | six;
        count += 1;
        if count.is_multiple_of(4) {
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
    }
    match (count % 4, padded) {
        (0, 0) => {}
        (2, 0 | 2) => bytes.push((bits >> 4) as u8),
        (3, 0 | 1) => bytes.extend_from_slice(&((bits >> 2) as u16).to_be_bytes()),
        _ => return Err("it is cut short".to_owned()),
    }
    Ok(bytes)
}

fn sextet(c: char) -> Option<u32> {
    let c = u32::from(c);
    Some(match char::from_u32(c)? {
        'A'..='Z' => c - u32::from(b'A'),
        'a'..='z' => c - u32::from(b'a') + 26,
        '0'..='9' => c - u32::from(b'0') + 52,
        '+' => 62,
        '/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_the_vectors_of_the_rfc() {
        let cases = [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
            ("Zm9v\nYmE\n", "fooba"),
        ];
        for (text, plain) in cases {
            assert_eq!(decode(text).unwrap(), plain.as_bytes(), "{text}");
        }
        assert_eq!(decode("//79").unwrap(), [0xff, 0xfe, 0xfd]);
    }

    #[test]
    fn refuses_what_is_not_base64() {
        for bad in ["Z", "Zg=", "Zg===", "Zg==Zg==", "Zm9v=", "a-b_", "hi\u{e9}!", "="] {
            assert!(decode(bad).is_err(), "{bad}");
        }
    }
}
