//! What comes with a request: fields of forms and addresses, and cookies.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::HeaderMap;
use hyper::header;
use percent_encoding::percent_decode_str;
use tokio::time::timeout;

use crate::web::body::Lent;

/// Bytes of a form.
const MOST_FORM: usize = 8 << 10;
/// How long a form may take to come.
const BOUND: Duration = Duration::from_secs(10);
/// Fields that are looked at.
const MOST_FIELDS: usize = 32;

/// Fields, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `a=b&c=d`; what is no UTF-8 is left out.
    pub(super) fn parse(text: &str) -> Self {
        let decoded = |part: &str| {
            let spaced = part.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8().ok().map(|text| text.into_owned())
        };
        let pairs = text.split('&').take(MOST_FIELDS).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self(pairs.filter_map(|(name, value)| Some((decoded(name)?, decoded(value)?))).collect())
    }

    /// A field's value; empty where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// Whether there is a field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| own == name)
    }
}

/// Reads a form from a request's body; `None` where it is too long, too slow or no text.
pub(super) async fn read(body: Lent) -> Option<Fields> {
    let read = timeout(BOUND, Limited::new(body, MOST_FORM).collect()).await;
    let bytes: Bytes = read.ok()?.ok()?.to_bytes();
    Some(Fields::parse(std::str::from_utf8(&bytes).ok()?))
}

/// A cookie of a request.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(own, _)| *own == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded() {
        let fields = Fields::parse("name=%E6%9D%8E+x&q=a%26b&empty&bad=%ff");
        assert_eq!((fields.get("name"), fields.get("q")), ("李 x", "a&b"));
        assert!(fields.has("empty") && !fields.has("bad") && fields.get("none").is_empty());
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "xa=1; a=2; b=3=4".parse().unwrap());
        assert_eq!((cookie(&headers, "a"), cookie(&headers, "b")), (Some("2"), Some("3=4")));
        assert_eq!(cookie(&headers, "x"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text: String) {
            proptest::prop_assert!(Fields::parse(&text).0.len() <= MOST_FIELDS);
        }
    }
}
