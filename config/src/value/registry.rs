//! Images and registries.

use std::fmt;
use std::str::FromStr;

use super::ValueError;

/// An image: `[REGISTRY/]NAME[:TAG][@DIGEST]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRef(String);

/// A registry mirror: an `http://` or `https://` address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror(String);

/// A registry to log in to: `HOST[:PORT]`; `docker.io` is Docker Hub.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Registry(String);

/// A registry without TLS: `HOST[:PORT]` or a network such as `10.0.0.0/8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryHost(String);

macro_rules! texts {
    ($($type:ident)*) => {$(
        impl $type {
            /// As it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

texts!(ImageRef Mirror Registry RegistryHost);

impl FromStr for ImageRef {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (name, digest) = text.split_once('@').unwrap_or((text, "sha256:0"));
        let (registry, path) = match name.split_once('/') {
            Some((first, rest)) if is_registry(first) => (Some(first), rest),
            _ => (None, name),
        };
        let (path, tag) = path.rsplit_once(':').unwrap_or((path, "latest"));
        let why = match () {
            () if text.is_empty() => "it is empty",
            () if path.chars().any(|c| c.is_ascii_uppercase()) => "its name has upper-case letters",
            () if !path.split('/').all(is_component) => {
                "its name is not of a to z, 0 to 9, `.`, `_`, `-` and `/`"
            }
            () if !is_word(tag) || tag.len() > 128 => "what follows `:` is not a tag",
            () if !digest.split_once(':').is_some_and(|(a, hex)| is_word(a) && is_word(hex)) => {
                "what follows `@` is not a digest"
            }
            () if !registry.is_none_or(is_host) => "its registry is not HOST[:PORT]",
            () => return Ok(Self(text.to_owned())),
        };
        Err(ValueError::not_a(
            "an image",
            text,
            why,
            "[REGISTRY/]NAME[:TAG], such as `dockos/hello` or `debian:13`",
        ))
    }
}

impl FromStr for Mirror {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
        if !host.is_some_and(is_host) || text.contains(|c: char| c.is_whitespace() || "?#".contains(c)) {
            let hint = "http:// or https:// and a host, such as `https://mirror.lab`";
            return Err(ValueError::not_a("an address", text, "", hint));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Registry {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if !is_host(text) {
            let hint = "HOST[:PORT] as in an image's name, such as `center.lab:5000` or `docker.io`";
            return Err(ValueError::not_a("a registry", text, "", hint));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for RegistryHost {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (host, prefix) = text.split_once('/').unwrap_or((text, "0"));
        if !is_host(host) || prefix.parse::<u8>().ok().is_none_or(|bits| bits > 128) {
            let hint = "HOST[:PORT] or a network, such as `center.lab:5000` or `10.0.0.0/8`";
            return Err(ValueError::not_a("a registry", text, "", hint));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether the first part of an image names a registry: Docker's own rule.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

fn is_component(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    edge(bytes.first()) && edge(bytes.last()) && is_word(text)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

pub(super) fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (text, "1"),
    };
    let v6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host_is_good = match v6 {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_word(host),
    };
    host_is_good && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_named_as_docker_does() {
        for good in [
            "debian",
            "debian:13",
            "dockos/hello",
            "center.lab:5000/course/c:2024.1",
            "localhost/x",
            "debian@sha256:0123abcd",
            "[::1]:5000/x",
        ] {
            assert!(good.parse::<ImageRef>().is_ok(), "{good}");
        }
        for bad in
            ["", "Debian", "a b", "a:", "a:b c", "/a", "a//b", "a@b", "-a", "center.lab:x/a", "https://a/b"]
        {
            assert!(bad.parse::<ImageRef>().is_err(), "{bad}");
        }
    }

    #[test]
    fn mirrors_and_registries() {
        for good in ["https://mirror.lab", "http://10.0.0.1:5000/", "http://[::1]:5000"] {
            assert!(good.parse::<Mirror>().is_ok(), "{good}");
        }
        for bad in ["mirror.lab", "ftp://x", "https://", "https://a b", "https://a:0"] {
            assert!(bad.parse::<Mirror>().is_err(), "{bad}");
        }
        for good in ["center.lab:5000", "10.0.0.0/8", "localhost"] {
            assert!(good.parse::<RegistryHost>().is_ok(), "{good}");
        }
        for bad in ["", "https://center.lab", "10.0.0.0/x", "a/200", "a:b"] {
            assert!(bad.parse::<RegistryHost>().is_err(), "{bad}");
        }
    }
}
