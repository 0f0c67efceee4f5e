//! What the server does besides answering pages.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::agent::desktop;
use common::client::{attribute, connect};
use common::{Page, settings, until};
use dockos_control::wanted::Announced;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn announced(page: &Page) -> Announced {
    serde_json::from_slice(&fs::read(page.path().join("announced.json")).unwrap()).unwrap()
}

async fn fingerprint(port: u16) -> String {
    let stream = connect(port).await;
    let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    let sum = ring::digest::digest(&ring::digest::SHA256, &certificate);
    sum.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[tokio::test]
async fn what_is_announced_is_what_is_shown() {
    let page = Page::start().await;
    assert_eq!(fingerprint(page.announced.port).await, page.announced.fingerprint);
}

#[tokio::test]
async fn plain_http_is_sent_to_https() {
    let page = Page::start().await;
    let mut stream = TcpStream::connect(("127.0.0.1", page.announced.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET /desktops HTTP/1.1\r\nHost: node:8443\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 308"), "{text}");
    assert!(text.contains("Location: https://node:8443/desktops\r\n"), "{text}");
}

#[tokio::test]
async fn settings_apply_as_they_change() {
    let page = Page::start().await;
    let given = rcgen::generate_simple_self_signed(vec!["node".to_owned()]).unwrap();
    let mut web = settings();
    (web.certificate, web.key) = (Some(given.cert.pem()), Some(given.signing_key.serialize_pem()));
    page.set(&web);
    until("the other certificate", || announced(&page).fingerprint != page.announced.fingerprint).await;
    assert_eq!(fingerprint(page.announced.port).await, announced(&page).fingerprint);
    // A key of another: the self-made one is shown again.
    web.key = Some(rcgen::KeyPair::generate().unwrap().serialize_pem());
    page.set(&web);
    until("the own certificate", || announced(&page).fingerprint == page.announced.fingerprint).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    web.port = port;
    page.set(&web);
    until("the other port", || announced(&page).port == port).await;
    assert_eq!(fingerprint(port).await, page.announced.fingerprint);
    // Half a file changes nothing.
    fs::write(page.path().join("wanted.json"), "{\"port\": 1").unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(fingerprint(port).await, page.announced.fingerprint);
}

#[tokio::test]
async fn who_says_nothing_is_left() {
    let page = Page::start().await;
    let start = Instant::now();
    let mut slow = connect(page.announced.port).await;
    slow.write_all(b"GET /login HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(40), async {
        // One letter at a time keeps nobody.
        loop {
            let _ = slow.write_all(b"a").await;
            let read = tokio::time::timeout(Duration::from_secs(1), slow.read_buf(&mut rest)).await;
            if matches!(read, Ok(Ok(0) | Err(_))) {
                break;
            }
        }
    });
    ended.await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[tokio::test]
async fn heads_and_forms_are_bounded() {
    let page = Page::start().await;
    let mut browser = page.browser();
    let form = format!("name={}", "a".repeat(20_000));
    assert_eq!(browser.post("/login", &form).await.status, 400);
    assert_eq!(browser.get(&format!("/desktops?q={}", "a".repeat(5000))).await.status, 414);
    let mut stream = connect(page.announced.port).await;
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(40_000));
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 431"), "{text}");
}

#[tokio::test]
async fn scripts_and_styles_are_kept_until_they_change() {
    let page = Page::start().await;
    let mut browser = page.browser();
    let address = attribute(&browser.get("/login").await.text(), "rel=\"stylesheet\" href=\"");
    let first = browser.get(&address).await;
    assert_eq!((first.status, first.header("content-encoding")), (200, "gzip"));
    assert!(first.header("cache-control").contains("immutable"));
    let tag = first.header("etag").to_owned();
    let again = browser.send("GET", &address, &[("if-none-match", &tag)], "".into()).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test]
async fn why_a_desktop_failed_is_told_in_the_readers_language() {
    let page = Page::start().await;
    let mut alice = page.of("alice").await;
    let mut failed = desktop("alice-c", "alice", "failed");
    failed["reason"] = "it ended with exit code 3; its last words: <no licence>".into();
    failed["why"] = serde_json::json!([
        { "code": "ended", "values": ["3"] },
        { "code": "last-words", "values": ["<no licence>"] }
    ]);
    page.agent.state.lock().unwrap().desktops[0] = failed;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let english = "it ended with exit code 3; its last words: &lt;no licence&gt;";
    let list = alice.get("/desktops?part=1").await.text();
    assert!(list.contains(english), "{list}");
    alice.headers.push(("accept-language", "zh".to_owned()));
    let list = alice.get("/desktops?part=1").await.text();
    assert!(list.contains("它已退出，退出码为 3；最后的输出：&lt;no licence&gt;"), "{list}");
    let state = alice.get("/desktops/alice-c/state").await.text();
    assert!(state.contains("它已退出") && state.contains("<no licence>"), "{state}");
}
