//! Proxies, as the environment names them.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly, and so may what it calls")]

mod common;

use common::{Exchange, SECRET, Server, fetch_with};

/// A proxy that answers in the place of whatever it should connect to.
fn proxy(exchange: &mut Exchange<'_>) {
    if !exchange.head.starts_with("CONNECT ") {
        return exchange.answer("400 Bad Request", "", "");
    }
    if exchange.path().starts_with("forbidden") {
        return exchange.answer("403 Forbidden", "", "");
    }
    exchange.send("HTTP/1.1 200 OK\r\n\r\n");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if exchange.stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.extend(byte);
    }
    exchange.ok("by the proxy");
}

#[test]
fn the_proxy_is_used_and_its_password_is_not_shown() {
    let server = Server::start(proxy);
    let url = format!("http://bob:{SECRET}@127.0.0.1:{}", server.port);
    fetch_with(&[("HTTP_PROXY", &url)], &["http://center.lab/"]).expect_ok("by the proxy");
    let head = server.heads().remove(0);
    // `bob:hunter2`
    assert!(head.starts_with("CONNECT center.lab:80 ") && head.contains("Ym9iOmh1bnRlcjI="), "{head}");
    let run = fetch_with(&[("https_proxy", &url)], &["http://forbidden.lab/", "--attempts", "1"]);
    let by = format!(", by the proxy 127.0.0.1:{}", server.port);
    run.expect(1, "the proxy makes no connection: proxy server responded 403").expect(1, &by);
}

#[test]
fn no_proxy_names_who_is_reached_without() {
    let server = Server::start(|exchange| exchange.ok("direct"));
    let nobody = [("ALL_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "127.0.0.1,center.lab")];
    fetch_with(&nobody, &[&server.url("/")]).expect_ok("direct");
    let run = fetch_with(&nobody[..1], &[&server.url("/"), "--attempts", "1"]);
    run.expect(1, "connection refused, by the proxy 127.0.0.1:1");
}

#[test]
fn a_proxy_that_cannot_be_used_is_not_passed_over() {
    let server = Server::start(|exchange| exchange.ok("direct"));
    for value in [&format!("socks5://bob:{SECRET}@127.0.0.1:1"), &format!("ftp://{SECRET}@h"), "http://"] {
        let run = fetch_with(&[("HTTP_PROXY", value)], &[&server.url("/")]);
        run.expect(1, "HTTP_PROXY is no proxy that can be used; give it as http://HOST:PORT");
    }
    fetch_with(&[("HTTP_PROXY", "")], &[&server.url("/")]).expect_ok("direct");
}
