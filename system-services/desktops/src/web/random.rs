//! Random words, sums of words, and comparing them without telling where they differ.

use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use dockos_control::error::{Fault, Result};

/// Bytes of a random word: 256 bits.
const BYTES: usize = 32;
/// Digits of a word.
const HEX: [u8; 16] = *b"0123456789abcdef";

/// A random word of 64 letters.
pub(super) fn word() -> Result<String> {
    let mut bytes = [0; BYTES];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Fault::new("the kernel gives no random numbers"))?;
    Ok(hex(&bytes))
}

/// The SHA-256 of a text, in hex.
pub(super) fn sha256(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

/// What a word proves about a purpose, to whoever has the word too.
pub(super) fn token(word: &str, purpose: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, word.as_bytes());
    hex(hmac::sign(&key, purpose.as_bytes()).as_ref())
}

/// Whether two secrets are the same, in a time that does not tell how much of them is.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let key = |word: &str| hmac::Key::new(hmac::HMAC_SHA256, word.as_bytes());
    hmac::verify(&key(one), b"same", hmac::sign(&key(other), b"same").as_ref()).is_ok()
}

/// Bytes in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(HEX[usize::from(value & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_sha256sum() {
        assert_eq!(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(is_same("abc", "abc") && !is_same("abc", "abd") && !is_same("abc", "ab"));
    }

    #[test]
    fn words_are_long_and_never_the_same() {
        let (one, other) = (word().unwrap(), word().unwrap());
        assert!(one.len() == 64 && one != other);
        assert_ne!(token(&one, "a"), token(&one, "b"));
    }
}
