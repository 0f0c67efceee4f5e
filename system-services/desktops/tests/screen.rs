//! Screens through websockets: whose they are, what passes, and what does not come apart.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

mod common;

use std::os::unix::fs::symlink;
use std::time::Duration;

use common::agent::desktop;
use common::client::{Browser, Socket, farewell, greet, read};
use common::rfb::Screen;
use common::{Page, settings, until};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio_tungstenite::tungstenite::Message;

const REQUEST: [u8; 10] = [3, 0, 0, 0, 0, 0, 0, 64, 0, 40];
const KEY: [u8; 8] = [4, 1, 0, 0, 0, 0, 0, 0x61];
const POINTER: [u8; 6] = [5, 1, 0, 1, 0, 1];
const CLIPBOARD: [u8; 10] = [6, 0, 0, 0, 0, 0, 0, 2, b'h', b'i'];
/// A raw update of all of it, of four bytes a point.
const UPDATE: usize = 16 + 64 * 40 * 4;

async fn open(browser: &Browser, name: &str) -> Socket {
    browser.screen(name, &browser.origin()).await.unwrap()
}

async fn send(socket: &mut Socket, bytes: &[u8]) {
    socket.send(Message::binary(bytes.to_vec())).await.unwrap();
}

#[tokio::test]
async fn only_whom_it_belongs_to_reaches_a_screen() {
    let page = Page::start().await;
    let screens = page.path().join("screens");
    let (_alice, _bob) = (Screen::start(&screens, "alice-c"), Screen::start(&screens, "bob-c"));
    let (visitor, alice) = (page.browser(), page.of("alice").await);
    assert_eq!(visitor.screen("alice-c", &visitor.origin()).await.err(), Some(401));
    assert_eq!(alice.screen("alice-c", "https://evil.example").await.err(), Some(403));
    assert_eq!(alice.screen("alice-c", "").await.err(), Some(403));
    assert_eq!(alice.screen("bob-c", &alice.origin()).await.err(), Some(404));
    assert_eq!(alice.screen("../alice-c", &alice.origin()).await.err(), Some(404));
    greet(&mut open(&alice, "alice-c").await).await;
}

#[tokio::test]
async fn what_the_tenant_does_arrives_and_the_picture_comes_back() {
    let page = Page::start().await;
    let screen = Screen::start(&page.path().join("screens"), "alice-c");
    let mut socket = open(&page.of("alice").await, "alice-c").await;
    greet(&mut socket).await;
    for message in [&KEY[..], &POINTER, &CLIPBOARD, &REQUEST] {
        send(&mut socket, message).await;
    }
    let update = read(&mut socket, UPDATE).await;
    assert_eq!(update[16..20], [0, 0, 255, 0]);
    assert_eq!(*screen.kinds.lock().unwrap(), [4, 5, 6, 3]);
    until("one viewer", || page.agent.was_asked("POST /desktops/alice-c/viewed {\"viewers\":1}")).await;
    drop(socket);
    until("no viewer", || page.agent.was_asked("POST /desktops/alice-c/viewed {\"viewers\":0}")).await;
}

#[tokio::test]
async fn a_teacher_sees_touches_nothing_and_is_seen() {
    let page = Page::start().await;
    let screen = Screen::start(&page.path().join("screens"), "alice-c");
    let mut alice = page.of("alice").await;
    let mut socket = open(&page.of("zhao").await, "alice-c").await;
    greet(&mut socket).await;
    // In one piece, in many, and byte by byte.
    let all = [&KEY[..], &POINTER, &CLIPBOARD, &REQUEST].concat();
    for part in [all.len(), 7, 1] {
        for piece in all.chunks(part) {
            send(&mut socket, piece).await;
        }
        read(&mut socket, UPDATE).await;
    }
    // What is not the teacher's own tells the screen to keep what is copied to itself.
    assert_eq!(*screen.kinds.lock().unwrap(), [2, 6, 3, 3, 3]);
    let state = alice.get("/desktops/alice-c/state").await.text();
    assert!(state.contains("\"watching\":[\"zhao\"]"), "{state}");
    send(&mut socket, &[250, 0, 1, 2]).await;
    assert_eq!(farewell(&mut socket).await, (1008, "this is more than looking".to_owned()));
}

#[tokio::test]
async fn what_is_not_allowed_any_more_ends() {
    let page = Page::start().await;
    let screens = page.path().join("screens");
    let (_alice, _bob) = (Screen::start(&screens, "alice-c"), Screen::start(&screens, "bob-c"));
    let mut teachers = open(&page.of("zhao").await, "alice-c").await;
    let mut students = open(&page.of("bob").await, "bob-c").await;
    greet(&mut teachers).await;
    greet(&mut students).await;
    let mut web = settings();
    web.users[1].teacher = false;
    page.set(&web);
    page.agent.state.lock().unwrap().desktops[1] = desktop("bob-c", "alice", "ready");
    let over = (1008, "this is not allowed any more".to_owned());
    assert_eq!(farewell(&mut teachers).await, over, "a teacher no more");
    assert_eq!(farewell(&mut students).await, over, "somebody else's desktop");
}

#[tokio::test]
async fn what_is_no_screen_traffic_ends_with_a_word() {
    let page = Page::start().await;
    let _screen = Screen::start(&page.path().join("screens"), "alice-c");
    let alice = page.of("alice").await;
    let mut socket = open(&alice, "alice-c").await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(farewell(&mut socket).await, (1003, "only binary frames are taken".to_owned()));
    let mut socket = open(&alice, "alice-c").await;
    send(&mut socket, &vec![0; 70_000]).await;
    assert_eq!(farewell(&mut socket).await, (1009, "this frame is too large".to_owned()));
    let mut socket = open(&alice, "alice-c").await;
    // No frame has these bits.
    let garbage = b"\xff\xff\xff\xff\xff\xff\xff\xff GET / HTTP/1.1\r\n\r\n";
    socket.get_mut().write_all(garbage).await.unwrap();
    assert_eq!(farewell(&mut socket).await, (1002, "this is no websocket frame".to_owned()));
    greet(&mut open(&alice, "alice-c").await).await;
}

#[tokio::test]
async fn a_desktop_that_ends_says_so() {
    let page = Page::start().await;
    let folder = page.path().join("screens/alice-c");
    std::fs::create_dir(&folder).unwrap();
    let listener = UnixListener::bind(folder.join("vnc")).unwrap();
    let mut socket = open(&page.of("alice").await, "alice-c").await;
    drop(listener.accept().await.unwrap());
    assert_eq!(farewell(&mut socket).await, (1000, "the desktop has ended".to_owned()));
}

#[tokio::test]
async fn a_screen_that_stalls_is_told_in_a_bounded_time() {
    let page = Page::start().await;
    let folder = page.path().join("screens/alice-c");
    std::fs::create_dir(&folder).unwrap();
    let _nobody_accepts = UnixListener::bind(folder.join("vnc")).unwrap();
    let mut socket = open(&page.of("alice").await, "alice-c").await;
    assert_eq!(farewell(&mut socket).await, (1013, "the desktop does not answer".to_owned()));
}

#[tokio::test]
async fn a_tenant_who_puts_something_else_in_the_place_of_the_screen_reaches_nothing() {
    let page = Page::start().await;
    let folder = page.path().join("screens/alice-c");
    std::fs::create_dir(&folder).unwrap();
    let alice = page.of("alice").await;
    symlink(page.path().join("agent.sock"), folder.join("vnc")).unwrap();
    assert_eq!(alice.screen("alice-c", &alice.origin()).await.err(), Some(502), "a link to the agent");
    std::fs::remove_file(folder.join("vnc")).unwrap();
    std::fs::write(folder.join("vnc"), "").unwrap();
    assert_eq!(alice.screen("alice-c", &alice.origin()).await.err(), Some(502), "a file");
}

#[tokio::test]
async fn memory_stays_flat_while_a_browser_takes_nothing() {
    let page = Page::start().await;
    let folder = page.path().join("screens/alice-c");
    std::fs::create_dir(&folder).unwrap();
    let listener = UnixListener::bind(folder.join("vnc")).unwrap();
    let alice = page.of("alice").await;
    let mut socket = open(&alice, "alice-c").await;
    let (mut screen, _) = listener.accept().await.unwrap();
    let before = page.memory("VmRSS:");
    // It sends as much as is taken: what the kernel holds, and a few parts.
    let part = vec![7; 64 << 10];
    let mut taken = 0;
    while let Ok(written) = tokio::time::timeout(Duration::from_secs(2), screen.write(&part)).await {
        taken += written.unwrap();
        assert!(taken < 64 << 20, "nothing holds it back");
    }
    let grown = page.memory("VmRSS:").saturating_sub(before);
    assert!(grown < 1024, "{grown} kB more");
    // And all of it is there when the browser comes back.
    assert_eq!(read(&mut socket, taken).await.len(), taken);
}

#[tokio::test]
async fn memory_stays_flat_while_a_screen_takes_nothing() {
    let page = Page::start().await;
    let folder = page.path().join("screens/alice-c");
    std::fs::create_dir(&folder).unwrap();
    let listener = UnixListener::bind(folder.join("vnc")).unwrap();
    let alice = page.of("alice").await;
    let (mut writer, _reader) = open(&alice, "alice-c").await.split();
    let (mut screen, _) = listener.accept().await.unwrap();
    let before = page.memory("VmRSS:");
    let part = vec![7; 32 << 10];
    let mut sent = 0;
    while let Ok(done) =
        tokio::time::timeout(Duration::from_secs(2), writer.send(Message::binary(part.clone()))).await
    {
        done.unwrap();
        sent += part.len();
        assert!(sent < 64 << 20, "nothing holds it back");
    }
    let grown = page.memory("VmRSS:").saturating_sub(before);
    assert!(grown < 1024, "{grown} kB more");
    let mut first = vec![0; 1 << 10];
    screen.read_exact(&mut first).await.unwrap();
}

#[tokio::test]
async fn the_list_has_a_small_picture() {
    let page = Page::start().await;
    let screens = page.path().join("screens");
    let screen = Screen::start(&screens, "alice-c");
    let mut alice = page.of("alice").await;
    let picture = alice.get("/desktops/alice-c/picture").await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/jpeg"));
    assert_eq!(picture.body[..3], [0xff, 0xd8, 0xff]);
    alice.get("/desktops/alice-c/picture").await;
    let requests = screen.kinds.lock().unwrap().iter().filter(|kind| **kind == 3).count();
    assert_eq!(requests, 1, "it is kept for a while");
    assert!(!screen.has_seen(4) && !screen.has_seen(5));
    let mut bob = page.of("bob").await;
    // A screen that stalls: bounded, and nobody else waits.
    let folder = screens.join("bob-c");
    std::fs::create_dir(&folder).unwrap();
    let _stalls = UnixListener::bind(folder.join("vnc")).unwrap();
    let start = std::time::Instant::now();
    assert_eq!(bob.get("/desktops/bob-c/picture").await.status, 503);
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}
