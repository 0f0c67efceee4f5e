//! Answers, each with the headers that keep the page to itself.

use bytes::Bytes;
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::web::body::{Paced, Whole};
use crate::web::crowd::Place;
use crate::web::html::Html;

/// What is sent: bytes, or a file that comes from the agent as it is taken.
pub(super) type Body = Either<Whole, Paced<Incoming>>;
/// An answer.
pub(super) type Answer = Response<Body>;

/// Scripts and styles are files of this server only, nothing is framed, and nobody else learns the address of a page.
/// No HSTS: there is nothing at all over plain HTTP to protect, and browsers that were told it offer no way past the
/// warning about a self-made certificate.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // `no-referrer` would leave forms without their Origin.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Bytes of a kind, which nobody keeps.
pub(super) fn bytes(status: StatusCode, kind: &'static str, bytes: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Either::Left(Whole::new(bytes.into())));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    secure(&mut answer);
    answer
}

/// A page.
pub(super) fn page(status: StatusCode, html: Html) -> Answer {
    bytes(status, "text/html; charset=utf-8", html.into_string())
}

/// Holds a place until an answer has been taken.
pub(super) fn hold(answer: &mut Answer, place: Place) {
    if let Either::Left(whole) = answer.body_mut() {
        whole.hold(place);
    }
}

/// A line for a script, or for whoever reads it.
pub(super) fn line(status: StatusCode, text: &str) -> Answer {
    bytes(status, "text/plain; charset=utf-8", text.to_owned())
}

/// Sends the browser to another page of this server.
pub(super) fn go(target: &str) -> Answer {
    let mut answer = line(StatusCode::SEE_OTHER, "");
    set(&mut answer, header::LOCATION, target);
    answer
}

/// Sets a header, if its value can be one.
pub(super) fn set(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

/// Adds a cookie.
pub(super) fn cookie(answer: &mut Answer, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// Adds what every answer has.
pub(super) fn secure(answer: &mut Answer) {
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
}
