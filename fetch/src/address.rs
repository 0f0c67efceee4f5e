//! The URL: read, shown without its secrets, followed by redirects.

use std::fmt;

use ureq::http::{Uri, uri::Authority};

/// An http or https URL. Shown without user, password and query; it has no other form that prints.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address(Uri);

impl Address {
    /// Reads a URL. The errors do not repeat it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err("the URL does not begin with http:// or https://; give it whole");
        }
        let uri: Uri = text.parse().map_err(|_| "not a URL; write spaces and other characters as %XX")?;
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or("not a URL; it names no host")?;
        if port_is_wrong(authority) {
            return Err("the URL's port is no number from 1 to 65535; write a `/` in a password as %2F");
        }
        Ok(Self(uri))
    }

    /// For the HTTP client.
    pub(crate) fn uri(&self) -> &Uri {
        &self.0
    }

    /// Whether it is https.
    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme_str().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    }

    /// The host's name, or its address.
    pub(crate) fn host(&self) -> &str {
        self.0.host().unwrap_or_default()
    }

    fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or(if self.is_https() { 443 } else { 80 })
    }

    /// Whether both are the same server: what is secret may be sent to either.
    pub(crate) fn same_server(&self, other: &Self) -> bool {
        self.is_https() == other.is_https()
            && self.host().eq_ignore_ascii_case(other.host())
            && self.port() == other.port()
    }

    /// Where a `Location` header leads from here.
    pub(crate) fn follow(&self, location: &str) -> Result<Self, &'static str> {
        let authority = self.0.authority().map_or("", Authority::as_str);
        let scheme = if self.is_https() { "https" } else { "http" };
        let path = self.0.path();
        let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
        let first = location.split(['/', '?', '#']).next().unwrap_or_default();
        let text = if first.contains(':') {
            location.to_owned()
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{scheme}://{authority}{location}")
        } else if location.is_empty() || location.starts_with(['?', '#']) {
            format!("{scheme}://{authority}{path}{location}")
        } else {
            format!("{scheme}://{authority}{}", without_dots(&format!("{folder}{location}")))
        };
        Self::parse(&text)
    }
}

/// A port that is no number would be taken for the usual one.
fn port_is_wrong(authority: &Authority) -> bool {
    let text = authority.as_str();
    let after_user = text.rfind('@').map_or(text, |at| &text[at + 1..]);
    let port = after_user.strip_prefix(authority.host()).unwrap_or(after_user);
    !port.is_empty() && authority.port_u16().is_none_or(|port| port == 0)
}

/// Resolves `.` and `..` in a path, up to its query.
fn without_dots(path: &str) -> String {
    let end = path.find(['?', '#']).unwrap_or(path.len());
    let (path, rest) = path.split_at(end);
    let mut words: Vec<&str> = Vec::new();
    for word in path.split('/').skip(1) {
        match word {
            "." => {}
            ".." => drop(words.pop()),
            word => words.push(word),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        words.push("");
    }
    format!("/{}{rest}", words.join("/"))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user =
            if self.0.authority().is_some_and(|text| text.as_str().contains('@')) { "…@" } else { "" };
        let scheme = if self.is_https() { "https" } else { "http" };
        write!(f, "{scheme}://{user}{}", self.host())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.0.path())?;
        f.write_str(if self.0.query().is_some() { "?…" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (url, shown) in [
            ("http://h/a", "http://h/a"),
            ("HTTP://h", "http://h/"),
            ("https://user:pass@h:8443/a/b?token=x#part", "https://…@h:8443/a/b?…"),
            ("http://user@[::1]:80/?", "http://…@[::1]:80/?…"),
        ] {
            assert_eq!(Address::parse(url).unwrap().to_string(), shown, "{url}");
        }
    }

    #[test]
    fn redirects_lead_where_the_standard_says() {
        let from = Address::parse("http://u:p@h:81/a/b/c?q").unwrap();
        for (location, whole) in [
            ("https://x/y", "https://x/y"),
            ("//x/y", "http://x/y"),
            ("/y?z", "http://u:p@h:81/y?z"),
            ("y", "http://u:p@h:81/a/b/y"),
            ("./y?to=../z", "http://u:p@h:81/a/b/y?to=../z"),
            ("../y/.", "http://u:p@h:81/a/y/"),
            ("../../../../y", "http://u:p@h:81/y"),
            ("?z", "http://u:p@h:81/a/b/c?z"),
        ] {
            let to = from.follow(location).map(|address| address.0.to_string());
            assert_eq!(to.as_deref(), Ok(whole), "{location}");
        }
        for location in ["ftp://x/", "javascript:alert(1)", "http://", "http://x:y/", "a b"] {
            assert!(from.follow(location).is_err(), "{location}");
        }
    }

    #[test]
    fn another_port_is_another_server() {
        let address = |url| Address::parse(url).unwrap();
        assert!(address("http://h/").same_server(&address("http://u@H:80/x")));
        for other in ["https://h/", "http://h:81/", "http://i/"] {
            assert!(!address("http://h/").same_server(&address(other)), "{other}");
        }
    }

    proptest! {
        /// A server may send anything as `Location`.
        #[test]
        fn any_location_leads_to_a_url_or_nowhere(location in "[ -~]{0,60}|(\\.\\./|[a-z/?#:@.%]){0,30}") {
            let from = Address::parse("https://u:p@h:81/a/b/c?q").unwrap();
            if let Ok(to) = from.follow(&location) {
                let (text, shown) = (to.0.to_string(), to.to_string());
                prop_assert!(Address::parse(&text).is_ok_and(|again| again == to), "{text}");
                prop_assert!(!to.host().is_empty() && !shown.contains("u:p@"), "{shown}");
            }
        }

        #[test]
        fn a_password_is_never_shown(password in "[a-z0-9%:@]{9,20}", rest in "(/[a-z]{0,3}){0,2}") {
            // The marker is what no other part has.
            let url = format!("http://alice:Q{password}@h{rest}?Q={password}#Q");
            if let Ok(address) = Address::parse(&url) {
                prop_assert!(!address.to_string().contains('Q'), "{address}");
            }
            let error = Address::parse(&url).err().unwrap_or_default();
            prop_assert!(!error.contains('Q'), "{error}");
        }
    }
}
