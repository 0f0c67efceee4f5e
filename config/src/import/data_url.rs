//! `data:` addresses (RFC 2397), in which Ignition keeps what files hold.

use crate::value::base64;

/// The bytes of a `data:` address. `None`: it is none, or not a good one.
pub(super) fn decode(url: &str) -> Option<Vec<u8>> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let bytes = percent(data)?;
    if head.split(';').any(|part| part.eq_ignore_ascii_case("base64")) {
        return base64::decode(std::str::from_utf8(&bytes).ok()?).ok();
    }
    Some(bytes)
}

/// What `%41` stands for.
fn percent(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit =
                || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let (high, low) = (digit()?, digit()?);
            out.push(high << 4 | low);
        } else {
            out.push(byte);
        }
    }
    Some(out)
}

/// Base64, as `content` with an encoding has it.
pub(super) fn encode(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_addresses_are_read() {
        let cases: [(&str, Option<&[u8]>); 9] = [
            ("data:,hello%20world%0A", Some(b"hello world\n")),
            ("data:text/plain;charset=utf-8;base64,aGkK", Some(b"hi\n")),
            ("data:;base64,aGkK", Some(b"hi\n")),
            ("data:;base64,aGk%3D", Some(b"hi")),
            ("data:,", Some(b"")),
            ("data:,%zz", None),
            ("data:,%4", None),
            ("data:;base64,?", None),
            ("https://example.org/", None),
        ];
        for (url, bytes) in cases {
            assert_eq!(decode(url).as_deref(), bytes, "{url}");
        }
    }

    #[test]
    fn base64_is_read_again() {
        for length in 0..10 {
            let bytes: Vec<u8> = (250..=255).chain(0..length).collect();
            assert_eq!(base64::decode(&encode(&bytes)).unwrap(), bytes);
        }
        assert_eq!(encode(b"f"), "Zg==");
    }
}
