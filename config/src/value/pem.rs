//! Certificates as text (PEM, RFC 7468).

use std::str::FromStr;

use super::{ValueError, base64};

/// One or several certificates, each between its BEGIN and END line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates(String);

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// How the DER of every certificate begins: a SEQUENCE.
const DER: [u8; 1] = [0x30];

impl Certificates {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Certificates {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match not_certificates(text) {
            None => Ok(Self(text.to_owned())),
            Some(why) => Err(ValueError::new(
                format!("this is not a certificate: {why}"),
                "write `|` after the key, and the lines of a .pem file below it, each indented",
            )),
        }
    }
}

/// Why a text is not certificates, if it is not. Never quotes it: it may be a private key.
fn not_certificates(text: &str) -> Option<String> {
    if text.contains("PRIVATE KEY") {
        return Some("it is a private key, which must never be given away".to_owned());
    }
    let mut rest = text;
    let mut number = 0;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        number += 1;
        let Some((body, after)) = after.split_once(END) else {
            return Some(format!("the line `{END}` is missing"));
        };
        match base64::bytes(body) {
            Err(why) => return Some(format!("what stands between its lines is not base64: {why}")),
            Ok(der) if !der.starts_with(&DER) => return Some("its lines hold something else".to_owned()),
            Ok(_) => rest = after,
        }
    }
    (number == 0).then(|| format!("the line `{BEGIN}` is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(body: &str) -> String {
        format!("# ours\n{BEGIN}\n{body}\n{END}\n")
    }

    #[test]
    fn certificates_are_base64_between_two_lines() {
        let one = pem("MIIBszCCAVmg\nAwIBAgIUXg==");
        for good in [one.clone(), one.repeat(2)] {
            assert_eq!(good.parse::<Certificates>().unwrap().as_str(), good);
        }
        let no_end = one.replace(END, "");
        let no_begin = one.replace(BEGIN, "");
        for (bad, why) in [
            (String::new(), "the line `-----BEGIN CERTIFICATE-----` is missing"),
            (no_begin, "the line `-----BEGIN CERTIFICATE-----` is missing"),
            (no_end, "the line `-----END CERTIFICATE-----` is missing"),
            (pem("MII*"), "what stands between its lines is not base64: unexpected '*' after 3 letters"),
            (pem("aGVsbG8="), "its lines hold something else"),
            (pem(""), "its lines hold something else"),
            ("-----BEGIN PRIVATE KEY-----".to_owned(), "it is a private key, which must never be given away"),
        ] {
            let error = bad.parse::<Certificates>().unwrap_err();
            assert_eq!(error.message, format!("this is not a certificate: {why}"));
        }
    }
}
