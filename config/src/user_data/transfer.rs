//! Content-Transfer-Encoding: how a part's bytes were made fit for mail.

use std::borrow::Cow;

use crate::value::{ValueError, base64, quoted};

/// The bytes that an encoded body stands for.
pub(super) fn decode<'a>(encoding: &str, body: &'a [u8]) -> Result<Cow<'a, [u8]>, ValueError> {
    match encoding.to_ascii_lowercase().as_str() {
        "" | "7bit" | "8bit" | "binary" => Ok(Cow::Borrowed(body)),
        "base64" => match base64::decode(&String::from_utf8_lossy(body)) {
            Ok(bytes) => Ok(Cow::Owned(bytes)),
            Err(error) => Err(ValueError::new(error.message, "encode the part again, with `base64 FILE`")),
        },
        "quoted-printable" => quoted_printable(body).map(Cow::Owned),
        _ => Err(ValueError::new(
            format!("unknown Content-Transfer-Encoding {}", quoted(encoding)),
            "one of: 7bit, 8bit, binary, base64, quoted-printable",
        )),
    }
}

/// RFC 2045, 6.7: `=3D` is a byte, a `=` that ends a line takes the line's end away, as are blanks before an end.
fn quoted_printable(body: &[u8]) -> Result<Vec<u8>, ValueError> {
    let mut out = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|b| *b == b'\n') {
        let text = line.trim_ascii_end();
        let end: &[u8] = match line {
            [.., b'\r', b'\n'] => b"\r\n",
            [.., b'\n'] => b"\n",
            _ => b"",
        };
        let (text, end) = match text.strip_suffix(b"=") {
            Some(text) => (text, &b""[..]),
            None => (text, end),
        };
        escapes(text, &mut out)?;
        out.extend_from_slice(end);
    }
    Ok(out)
}

fn escapes(text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|b| *b == b'=') {
        let digit = |i: usize| rest.get(at + i).and_then(|b| char::from(*b).to_digit(16));
        let (Some(high), Some(low)) = (digit(1), digit(2)) else {
            return Err(ValueError::new(
                "the part is not quoted-printable: `=` with no two hex digits after it",
                "write `=3D` for a `=`, or send the part as base64",
            ));
        };
        out.extend_from_slice(&rest[..at]);
        out.push((high * 16 + low) as u8);
        rest = &rest[at + 3..];
    }
    out.extend_from_slice(rest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_is_undone() {
        let cases: [(&str, &str); 6] = [
            ("a=3Db=E6=A1=8C\n", "a=b桌\n"),
            ("a b=\nc\r\nd=\r\n", "a bc\r\nd"),
            ("a  \nb=  \nc", "a\nbc"),
            ("=3d", "="),
            ("", ""),
            ("=20\n", " \n"),
        ];
        for (text, plain) in cases {
            assert_eq!(quoted_printable(text.as_bytes()).unwrap(), plain.as_bytes(), "{text:?}");
        }
        for bad in ["a=b\n", "=3", "=G0"] {
            assert!(quoted_printable(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in "[=0-9a-fA-F \r\n]{0,60}") {
            for encoding in ["base64", "quoted-printable", "8bit", "x"] {
                let decoded = decode(encoding, bytes.as_bytes());
                proptest::prop_assert!(decoded.is_ok_and(|out| out.len() <= bytes.len()) || encoding != "8bit");
            }
        }
    }
}
