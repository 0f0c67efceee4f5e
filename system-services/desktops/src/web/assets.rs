//! The page's files, packed when the program was built.

use hyper::header;
use hyper::{HeaderMap, StatusCode};

use crate::web::answer::{self, Answer};

/// A file: its name, its kind, its bytes.
struct Asset(&'static str, &'static str, &'static [u8]);

macro_rules! asset {
    ($name:literal, $kind:literal) => {
        Asset($name, $kind, include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz")))
    };
}

const ASSETS: [Asset; 7] = [
    asset!("style.css", "text/css; charset=utf-8"),
    asset!("list.js", "text/javascript; charset=utf-8"),
    asset!("login.js", "text/javascript; charset=utf-8"),
    asset!("screen.js", "text/javascript; charset=utf-8"),
    asset!("files.js", "text/javascript; charset=utf-8"),
    asset!("novnc.js", "text/javascript; charset=utf-8"),
    asset!("icon.svg", "image/svg+xml"),
];

/// The address of a file, which is another one when the file is.
pub(super) fn address(name: &str) -> String {
    let found = ASSETS.iter().find(|asset| asset.0 == name);
    format!("/assets/{name}?v={}", found.map(|asset| tag(asset.2)).unwrap_or_default())
}

/// A file; browsers keep it as long as they like.
pub(super) fn answer(name: &str, headers: &HeaderMap) -> Option<Answer> {
    let Asset(_, kind, bytes) = ASSETS.iter().find(|asset| asset.0 == name)?;
    let tag = format!("\"{}\"", tag(bytes));
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut answer = match is_known {
        true => answer::bytes(StatusCode::NOT_MODIFIED, kind, ""),
        false => answer::bytes(StatusCode::OK, kind, *bytes),
    };
    if !is_known {
        answer::set(&mut answer, header::CONTENT_ENCODING, "gzip");
    }
    answer::set(&mut answer, header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    answer::set(&mut answer, header::ETAG, &tag);
    Some(answer)
}

/// The sum of the file, as its packing has it.
fn tag(bytes: &[u8]) -> String {
    let sum = bytes.len().checked_sub(8).and_then(|at| bytes.get(at..at + 4));
    sum.map(crate::web::random::hex).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_sent_once() {
        let first = answer("style.css", &HeaderMap::new()).unwrap();
        assert_eq!(first.headers()[header::CONTENT_ENCODING], "gzip");
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(answer("style.css", &headers).unwrap().status(), StatusCode::NOT_MODIFIED);
        assert!(answer("../Cargo.toml", &headers).is_none());
    }

    #[test]
    fn all_together_stay_small() {
        let all: usize = ASSETS.iter().map(|asset| asset.2.len()).sum();
        assert!(all < 90_000, "{all} bytes");
    }
}
