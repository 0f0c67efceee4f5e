//! A request before it is answered: who asks, in which language, and whether it comes from our own page.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::header::{self, HeaderMap};
use hyper::http::request::Parts;

use crate::web::form;
use crate::web::random;
use crate::web::sessions::Who;
use crate::web::site::Site;
use crate::web::words::Language;

/// The session's word. `__Host-`: over TLS, for this host alone, for all of it.
pub(super) const SESSION: &str = "__Host-dockos";
/// What forms are bound to before anybody is logged in.
pub(super) const VISITOR: &str = "__Host-visitor";
/// The language that was chosen.
pub(super) const LANGUAGE: &str = "__Host-language";
/// Where scripts show that they are ours.
const TOKEN: &str = "x-dockos-token";

/// A request, without its body.
pub(super) struct Visit {
    /// What it is answered from.
    pub(super) site: Arc<Site>,
    /// What counts as the client's address.
    pub(super) address: IpAddr,
    /// Its head.
    pub(super) parts: Parts,
    /// Who is logged in.
    pub(super) who: Option<Who>,
    /// In which language to answer.
    pub(super) language: Language,
}

impl Visit {
    /// Looks at the head of a request.
    pub(super) async fn new(site: Arc<Site>, address: IpAddr, parts: Parts) -> Self {
        let who = match form::cookie(&parts.headers, SESSION) {
            Some(word) => site.sessions.find(&site.web(), word).await,
            None => None,
        };
        let language = language(&parts.headers);
        Self { site, address, parts, who, language }
    }

    /// A header's text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// Whether the browser says that a page of this very server asks.
    pub(super) fn is_from_here(&self) -> bool {
        let host = self.header(header::HOST.as_str()).filter(|host| !host.is_empty());
        let origin = self.header(header::ORIGIN.as_str()).and_then(|origin| origin.strip_prefix("https://"));
        // A browser leaves the port of HTTPS out of both.
        host.is_some() && host == origin
    }

    /// Whether what was sent shows the token of this session, in a header or a form's field.
    pub(super) fn has_token(&self, field: &str) -> bool {
        let given = self.header(TOKEN).unwrap_or(field);
        self.who.as_ref().is_some_and(|who| random::is_same(&who.csrf, given))
    }

    /// The word that forms of visitors are bound to, if the browser has one.
    pub(super) fn visitor(&self) -> Option<&str> {
        form::cookie(&self.parts.headers, VISITOR).filter(|word| word.len() == 64)
    }
}

fn language(headers: &HeaderMap) -> Language {
    let chosen = form::cookie(headers, LANGUAGE).and_then(Language::of);
    let liked = || headers.get(header::ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
    chosen.unwrap_or_else(|| Language::liked(liked().unwrap_or_default()))
}

/// A path of this server to go to, from what came with a request: anything else becomes the list.
pub(super) fn path_to(text: &str) -> &str {
    let good = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
    let is_ours = ["/desktops", "/login", "/link/"].iter().any(|start| text.starts_with(start));
    if is_ours && text.len() < 256 && text.chars().all(good) { text } else { "/desktops" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        assert_eq!(path_to("/desktops/alice-c/files"), "/desktops/alice-c/files");
        for bad in ["//evil", "https://evil", "/desktops/\r\nx: y", "/desktops?x", "", "/other", "/\\evil"] {
            assert_eq!(path_to(bad), "/desktops", "{bad}");
        }
    }
}
