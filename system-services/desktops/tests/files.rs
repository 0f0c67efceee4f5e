//! Files of a desktop's home through the page.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

mod common;

use std::fs;

use bytes::Bytes;
use common::client::{Answer, Browser, connect};
use common::{BOUND, Page};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

async fn put(browser: &mut Browser, path: &str, bytes: Bytes) -> Answer {
    let (origin, token) = (browser.origin(), browser.token.clone());
    let headers = [("origin", origin.as_str()), ("x-dockos-token", token.as_str())];
    browser.send("PUT", &format!("/desktops/alice-c/file?path={path}"), &headers, bytes).await
}

/// The cookies of a browser, for a request by hand.
fn cookies(browser: &Browser) -> String {
    let cookies: Vec<String> =
        browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    cookies.join("; ")
}

#[tokio::test]
async fn files_go_up_and_down_whole() {
    let page = Page::start().await;
    let mut alice = page.of("alice").await;
    fs::create_dir(page.agent.home.join("作业")).unwrap();
    fs::write(page.agent.home.join("a<b>.c"), "int main;").unwrap();
    let large: Bytes = (0..8_000_000_u32).map(|n| (n % 251) as u8).collect();
    let name = "%E4%BD%9C%E4%B8%9A%2F%E7%AC%AC%201.bin";
    assert_eq!(put(&mut alice, name, large.clone()).await.status, 201);
    assert_eq!(fs::read(page.agent.home.join("作业/第 1.bin")).unwrap(), large);
    let down = alice.get(&format!("/desktops/alice-c/file?path={name}")).await;
    assert_eq!((down.status, down.body), (200, large));
    let disposition = down.headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment;"), "{disposition}");
    assert!(disposition.ends_with("filename*=UTF-8''%E7%AC%AC%201.bin"), "{disposition}");
    let list = alice.get("/desktops/alice-c/files").await.text();
    assert!(list.contains("a&lt;b&gt;.c") && list.contains("作业") && !list.contains("a<b>"));
    assert!(
        alice.get("/desktops/alice-c/files?part=1&path=%E4%BD%9C%E4%B8%9A").await.text().contains("8.0 MB")
    );
}

#[tokio::test]
async fn a_large_file_goes_through_a_small_server() {
    let page = Page::start().await;
    let mut alice = page.of("alice").await;
    let large = Bytes::from(vec![7; 200 << 20]);
    let before = page.memory("VmHWM:");
    assert_eq!(put(&mut alice, "large.bin", large.clone()).await.status, 201);
    assert_eq!(alice.get("/desktops/alice-c/file?path=large.bin").await.body, large);
    let grown = page.memory("VmHWM:") - before;
    assert!(grown < 4096, "{grown} kB more");
}

#[tokio::test]
async fn a_refused_upload_is_told_in_words() {
    let page = Page::start().await;
    let mut alice = page.of("alice").await;
    let full = put(&mut alice, "full.bin", vec![0; 20_000_000].into()).await;
    assert_eq!(full.status, 507);
    assert!(full.text().contains("no room left"), "{}", full.text());
    for path in ["", "..%2Fetc%2Fpasswd", "a%2F..%2F..%2Fb", "%2Fetc%2Fpasswd", "a%00b", ".", "a%2F%2Fb"] {
        assert_eq!(put(&mut alice, path, Bytes::from_static(b"x")).await.status, 400, "{path}");
        assert_eq!(alice.get(&format!("/desktops/alice-c/file?path={path}")).await.status, 400, "{path}");
    }
    assert_eq!(alice.get("/desktops/alice-c/file?path=none").await.status, 404);
    let origin = alice.origin();
    let without =
        alice.send("PUT", "/desktops/alice-c/file?path=x", &[("origin", &origin)], "x".into()).await;
    assert_eq!(without.status, 403);
    alice.headers.push(("accept-language", "zh".to_owned()));
    assert!(put(&mut alice, "full.bin", "x".into()).await.text().contains("空间已满"));
}

#[tokio::test]
async fn who_sends_all_before_listening_hears_why_it_was_refused() {
    let page = Page::start().await;
    let alice = page.of("alice").await;
    let origin = alice.origin();
    let host = origin.trim_start_matches("https://");
    let cookies = cookies(&alice);
    let part = vec![7; 1 << 20];
    for (what, token, cookies, path, status) in [
        ("no token", "", cookies.as_str(), "/desktops/alice-c/file?path=x", "403"),
        ("nobody", "", "", "/desktops/alice-c/file?path=x", "401"),
        ("another's", alice.token.as_str(), &cookies, "/desktops/bob-c/file?path=x", "404"),
        ("no path", &alice.token, &cookies, "/desktops/alice-c/file?path=..", "400"),
    ] {
        let mut stream = connect(page.announced.port).await;
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nX-DockOS-Token: {token}\r\n\
             Cookie: {cookies}\r\nContent-Length: {}\r\n\r\n",
            20 << 20
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..20 {
            let sent = stream.write_all(&part).await;
            assert!(sent.is_ok(), "{what}: {sent:?}");
        }
        stream.flush().await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&first), format!("HTTP/1.1 {status}"), "{what}");
    }
}

#[tokio::test]
async fn what_cannot_fit_is_refused_while_it_is_sent() {
    const SIZE: usize = 1 << 30;
    let page = Page::start().await;
    let mut alice = page.of("alice").await;
    let before = page.memory("VmHWM:");
    for (language, words) in [("en", "1.1 GB, and 524 MB are free"), ("zh", "文件大小为 1.1 GB")] {
        let (mut answers, mut sends) = tokio::io::split(connect(page.announced.port).await);
        let head = format!(
            "PUT /desktops/alice-c/file?path=huge HTTP/1.1\r\nHost: {host}\r\nOrigin: https://{host}\r\n\
             X-DockOS-Token: {}\r\nCookie: {}\r\nAccept-Language: {language}\r\nContent-Length: {SIZE}\r\n\r\n",
            alice.token,
            cookies(&alice),
            host = alice.origin().trim_start_matches("https://"),
        );
        let start = std::time::Instant::now();
        sends.write_all(head.as_bytes()).await.unwrap();
        let (mut answer, mut sent, part) = (Vec::new(), 0, vec![7; 64 << 10]);
        // As one who looks while it sends.
        while !String::from_utf8_lossy(&answer).contains("GB") {
            tokio::select! {
                read = answers.read_buf(&mut answer) => assert!(read.unwrap() > 0),
                () = tokio::time::sleep(std::time::Duration::from_millis(1)) => {
                    timeout(BOUND, sends.write_all(&part)).await.unwrap().unwrap();
                    sends.flush().await.unwrap();
                    sent += part.len();
                }
            }
        }
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 507 ") && text.contains(words), "{text}");
        assert!(text.to_ascii_lowercase().contains("connection: close"), "{text}");
        assert!(start.elapsed() < std::time::Duration::from_secs(2), "{:?}", start.elapsed());
        assert!(sent < 4 << 20, "{sent} bytes were sent");
        // What comes all the same is taken: who listens only afterwards hears it too.
        let part = vec![7; 1 << 20];
        for _ in 0..100 {
            timeout(BOUND, sends.write_all(&part)).await.unwrap().unwrap();
        }
        sends.flush().await.unwrap();
    }
    let grown = page.memory("VmHWM:") - before;
    assert!(grown < 4096, "{grown} kB more");
    assert!(!page.agent.home.join("huge").exists());
    let asked = alice.get("/desktops/alice-c/room?path=huge&size=1073741824").await;
    assert!(asked.status == 507 && asked.text().contains("1.1 GB"), "{}", asked.text());
    assert_eq!(alice.get("/desktops/alice-c/room?path=a&size=5").await.status, 200);
    for path in ["alice-c/room?path=a", "alice-c/room?path=..&size=5", "alice-c/room?size=5"] {
        assert_eq!(alice.get(&format!("/desktops/{path}")).await.status, 400, "{path}");
    }
    assert_eq!(alice.get("/desktops/bob-c/room?path=a&size=5").await.status, 404);
}

#[tokio::test]
async fn an_agent_that_is_away_is_told_in_words() {
    let page = Page::start().await;
    let mut alice = page.of("alice").await;
    page.agent.end();
    fs::remove_file(page.path().join("agent.sock")).unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let list = alice.get("/desktops").await;
    assert_eq!(list.status, 200);
    assert!(list.text().contains("does not answer"));
    let answer = alice.get("/desktops/alice-c/files").await;
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("does not answer"), "{}", answer.text());
}

#[tokio::test]
async fn folders_of_the_longest_names_fit_into_a_small_server() {
    let page = Page::start().await;
    let (alice, mut bob) = (page.of("alice").await, page.of("bob").await);
    let path = vec!["d".repeat(200); 8].join("/");
    let folder = page.agent.home.join(&path);
    fs::create_dir_all(&folder).unwrap();
    for n in 0..5000 {
        fs::write(folder.join(format!("{n:04}{}", "&".repeat(251))), "").unwrap();
    }
    let before = page.memory("VmHWM:");
    let path = path.replace('/', "%2F");
    let head = format!(
        "GET /desktops/alice-c/files?path={path} HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n",
        cookies(&alice)
    );
    let mut unread = Vec::new();
    for _ in 0..40 {
        let mut stream = connect(page.announced.port).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        unread.push(stream);
    }
    assert_eq!(bob.get("/desktops/bob-c/files").await.status, 200, "another one waits for nobody");
    for mut stream in unread {
        let mut first = [0; 15];
        stream.read_exact(&mut first).await.unwrap();
        assert!([&b"HTTP/1.1 200 OK"[..], b"HTTP/1.1 429 To"].contains(&&first[..]), "{first:?}");
    }
    let grown = page.memory("VmHWM:") - before;
    assert!(grown < 40 << 10, "{grown} kB more");
}

#[tokio::test]
async fn nobody_has_all_the_places_for_files() {
    let page = Page::start().await;
    let (mut alice, mut bob) = (page.of("alice").await, page.of("bob").await);
    let mut held = Vec::new();
    for n in 0..4 {
        let mut stream = connect(page.announced.port).await;
        let origin = alice.origin();
        let host = origin.trim_start_matches("https://");
        let head = format!(
            "PUT /desktops/alice-c/file?path=slow{n} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n\
             X-DockOS-Token: {}\r\nCookie: {}\r\nContent-Length: 100\r\n\r\nbegin",
            alice.token,
            cookies(&alice)
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        held.push(stream);
    }
    let mut refused = None;
    for n in 0..100 {
        let answer = put(&mut alice, &format!("more{n}"), Bytes::from_static(b"x")).await;
        if answer.status == 429 {
            refused = Some(answer.text());
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(refused.is_some_and(|words| words.contains("Too many transfers")), "a fifth of one user");
    fs::write(page.agent.home.join("own"), "x").unwrap();
    assert_eq!(bob.get("/desktops/bob-c/file?path=own").await.status, 200, "others go on");
    drop(held);
    for _ in 0..100 {
        if put(&mut alice, "again", Bytes::from_static(b"x")).await.status == 201 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("places are not given back");
}
