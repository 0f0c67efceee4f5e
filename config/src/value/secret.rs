//! Values that are never shown: passwords, tokens, keys, addresses that may hold one.

use std::fmt;
use std::str::FromStr;

use super::{ValueError, base64};

/// A password or a token. Never shown, not even when debugging.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// A private key as text (PEM).
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(String);

/// The address of a proxy; it may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(String);

/// A user name and a password in base64, as Docker's `config.json` has them.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicAuth(String);

macro_rules! hidden {
    ($($type:ident)*) => {$(
        impl $type {
            /// The text itself, for what it is meant for only.
            pub fn reveal(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($type), "(...)"))
            }
        }
    )*};
}

hidden!(Secret PrivateKey ProxyUrl BasicAuth);

impl BasicAuth {
    /// The user and the password.
    pub fn pair(&self) -> Option<(String, String)> {
        let text = String::from_utf8(base64::bytes(&self.0).ok()?).ok()?;
        text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
    }
}

// None of these errors quotes what is written.

impl FromStr for Secret {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() || text.contains(char::is_control) {
            return Err(ValueError::new(
                "this is empty or has more than one line",
                "write it on one line, in quotes",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for PrivateKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let lines: Vec<&str> = text.trim().lines().map(str::trim).collect();
        let label = |line: &str, word: &str| {
            line.strip_prefix(word).is_some_and(|rest| rest.ends_with("PRIVATE KEY-----"))
        };
        let good = match lines.as_slice() {
            [first, body @ .., last] => {
                label(first, "-----BEGIN ")
                    && label(last, "-----END ")
                    && base64::bytes(&body.concat()).is_ok_and(|der| der.first() == Some(&0x30))
            }
            _ => false,
        };
        if !good {
            return Err(ValueError::new(
                "this is not a private key that needs no password",
                "write `|` after the key, and the lines of a .pem file below it, each indented",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for ProxyUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let schemes = ["http://", "https://", "socks5://"];
        let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
        let host = rest.map(|rest| rest.trim_end_matches('/').rsplit('@').next().unwrap_or_default());
        let blank = |c: char| c.is_whitespace() || c.is_control();
        if !host.is_some_and(super::registry::is_host) || text.contains(blank) {
            let hint = "http://[USER:PASSWORD@]HOST:PORT, such as `http://proxy.school.example:3128`";
            return Err(ValueError::new("this is not the address of a proxy", hint));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for BasicAuth {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if !base64::bytes(text).is_ok_and(|pair| pair.contains(&b':')) {
            let hint = "copy it from Docker's config.json, or write `username` and `password`";
            return Err(ValueError::new("this is not USER:PASSWORD in base64", hint));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_show_nowhere() {
        let secret: Secret = "sesame".parse().unwrap();
        let proxy: ProxyUrl = "http://me:sesame@proxy.lab:3128/".parse().unwrap();
        assert!(!format!("{secret:?}{proxy:?}").contains("sesame"));
        assert_eq!(proxy.reveal(), "http://me:sesame@proxy.lab:3128/");
        for error in [
            "sesame\n".parse::<Secret>().unwrap_err(),
            "sesame".parse::<PrivateKey>().unwrap_err(),
            "sesame@proxy".parse::<ProxyUrl>().unwrap_err(),
            "sesame".parse::<BasicAuth>().unwrap_err(),
        ] {
            assert!(!error.to_string().contains("sesame"), "{error}");
        }
    }

    #[test]
    fn keys_proxies_and_logins_have_their_forms() {
        let key = "-----BEGIN PRIVATE KEY-----\nMAo=\n-----END PRIVATE KEY-----\n";
        assert!(key.parse::<PrivateKey>().is_ok());
        for bad in
            ["", "-----BEGIN PRIVATE KEY-----", &key.replace("MAo=", "aGk="), &key.replace("END", "BEGIN")]
        {
            assert!(bad.parse::<PrivateKey>().is_err(), "{bad}");
        }
        for bad in ["", "proxy:3128", "ftp://proxy", "http://", "http://a b", "http://proxy:0"] {
            assert!(bad.parse::<ProxyUrl>().is_err(), "{bad}");
        }
        assert!("bWU6c2VzYW1l".parse::<BasicAuth>().is_ok());
        assert!("bWU=".parse::<BasicAuth>().is_err());
    }
}
