//! How a request becomes a websocket (RFC 6455, 4.2): only for our own pages.

use base64::prelude::{BASE64_STANDARD, Engine};
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request, StatusCode};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::web::answer::{self, Answer};

/// Of the RFC.
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a key in base64.
const KEY: usize = 24;
/// The most that a browser sends at once: noVNC sends 10 kB.
const MOST_FRAME: usize = 64 << 10;
/// What is read at once: keys and pointers are small.
const READ: usize = 4 << 10;
/// The most that waits to be sent: one part of the screen, and what answers pings.
const MOST_UNSENT: usize = 128 << 10;

/// How the frames of a screen are bounded.
pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ)
        .write_buffer_size(0)
        .max_write_buffer_size(MOST_UNSENT)
        .max_message_size(Some(MOST_FRAME))
        .max_frame_size(Some(MOST_FRAME))
}

/// The answer that makes it one; `Err`: why not.
pub(super) fn accept<B>(request: &Request<B>) -> Result<Answer, &'static str> {
    let headers = request.headers();
    if request.method() != Method::GET || !has_word(headers, header::UPGRADE, "websocket") {
        return Err("this address is a websocket");
    }
    if !has_word(headers, header::CONNECTION, "upgrade") {
        return Err("the Connection header does not say Upgrade");
    }
    if text(headers, header::SEC_WEBSOCKET_VERSION) != Some("13") {
        return Err("another version of websockets");
    }
    let key = text(headers, header::SEC_WEBSOCKET_KEY).filter(|key| key.len() == KEY).ok_or("no key")?;
    let mut answer = answer::line(StatusCode::SWITCHING_PROTOCOLS, "");
    let names = [header::CONTENT_TYPE, header::CACHE_CONTROL];
    names.iter().for_each(|name| drop(answer.headers_mut().remove(name)));
    answer::set(&mut answer, header::UPGRADE, "websocket");
    answer::set(&mut answer, header::CONNECTION, "Upgrade");
    answer::set(&mut answer, header::SEC_WEBSOCKET_ACCEPT, &accept_of(key));
    Ok(answer)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn has_word(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
}

fn accept_of(key: &str) -> String {
    BASE64_STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{MAGIC}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_that_of_the_rfc() {
        assert_eq!(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn only_a_whole_request_becomes_one() {
        let good = [
            ("upgrade", "websocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let request = |without: &str| {
            let headers = good.iter().filter(|(name, _)| *name != without);
            headers
                .fold(Request::builder(), |request, (name, value)| request.header(*name, *value))
                .body(())
                .unwrap()
        };
        assert_eq!(accept(&request("")).unwrap().status(), StatusCode::SWITCHING_PROTOCOLS);
        for (name, _) in good {
            assert!(accept(&request(name)).is_err(), "without {name}");
        }
    }
}
