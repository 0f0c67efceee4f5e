//! Who gets in, and who does not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

mod common;

use std::process::Command;
use std::time::{Duration, Instant};

use common::client::field;
use common::{LINK, PROGRAM, Page, places, settings};

const SESSION: &str = "__Host-dockos";

#[tokio::test]
async fn a_password_gets_in_and_logging_out_ends_it() {
    let page = Page::start().await;
    let mut browser = page.browser();
    assert_eq!(browser.get("/desktops").await.status, 401);
    browser.headers.push(("accept", "text/html".to_owned()));
    assert_eq!(browser.get("/desktops/alice-c").await.header("location"), "/login?to=/desktops/alice-c");
    let wrong = browser.log_in("alice", "wrong").await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text().contains("The name or the password is wrong."));
    let unknown = browser.log_in("nobody", "wrong").await;
    assert_eq!((unknown.status, unknown.text().contains("The name or the password is wrong.")), (401, true));
    let right = browser.log_in("alice", "alice-pw").await;
    assert_eq!((right.status, right.header("location")), (303, "/desktops"));
    let cookie = right.header("set-cookie");
    for part in [SESSION, "Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    assert!(browser.get("/desktops").await.text().contains("alice-c"));
    let stolen = browser.cookies[SESSION].clone();
    let token = browser.token.clone();
    assert_eq!(browser.post("/logout", "token=wrong").await.status, 303);
    browser.cookies.insert(SESSION.to_owned(), stolen.clone());
    assert_eq!(browser.get("/desktops").await.status, 200, "a form of somebody else logs nobody out");
    assert_eq!(browser.post("/logout", &format!("token={token}")).await.status, 303);
    browser.cookies.insert(SESSION.to_owned(), stolen);
    assert_eq!(browser.get("/desktops").await.status, 303);
}

#[tokio::test]
async fn every_answer_keeps_the_page_to_itself() {
    let page = Page::start().await;
    let mut browser = page.of("alice").await;
    for path in
        ["/login", "/desktops", "/desktops/alice-c", "/none", "/assets/novnc.js", "/desktops/alice-c/state"]
    {
        let answer = browser.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(!answer.text().contains("<script>"), "{path}");
        assert!(answer.header("strict-transport-security").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_thousand_wrong_passwords_wait_and_nobody_else_does() {
    let page = Page::start().await;
    let mut browser = page.browser();
    let token = field(&browser.get("/login").await.text(), "token");
    let start = Instant::now();
    let mut refused = 0;
    for n in 0..1000 {
        let form = format!("token={token}&name=alice&password={n}");
        let answer = browser.post("/login", &form).await;
        assert!([401, 429].contains(&answer.status), "{}", answer.status);
        if answer.status == 429 {
            refused += 1;
            assert!(answer.text().contains("Too many wrong tries."));
            assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
        }
        // The right one has to wait as well, or waiting would tell.
        if n == 20 {
            assert_eq!(browser.log_in("alice", "alice-pw").await.status, 429);
        }
    }
    assert!(refused > 950, "{refused} of 1000 were refused");
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
    let bob = Instant::now();
    page.of("bob").await;
    assert!(bob.elapsed() < Duration::from_secs(5), "{:?}", bob.elapsed());
}

#[tokio::test]
async fn only_our_own_forms_are_taken() {
    let page = Page::start().await;
    let mut alice = page.of("alice").await;
    let token = alice.token.clone();
    let own = alice.origin();
    let good = format!("token={token}");
    let evil = ["https://evil.example", "null", "http://localhost", "https://localhost", ""];
    for origin in evil {
        let answer =
            alice.send("POST", "/desktops/alice-c/stop", &[("origin", origin)], good.clone().into()).await;
        assert_eq!(answer.status, 403, "{origin}");
    }
    assert_eq!(alice.send("POST", "/desktops/alice-c/stop", &[], good.clone().into()).await.status, 403);
    for form in ["", "token=", "token=0000"] {
        assert_eq!(alice.post("/desktops/alice-c/stop", form).await.status, 403, "{form}");
    }
    let mut bob = page.of("bob").await;
    assert_eq!(bob.post("/desktops/bob-c/stop", &good).await.status, 403, "another session's token");
    assert_eq!(page.agent.state.lock().unwrap().asked.len(), 0);
    assert_eq!(alice.post("/desktops/alice-c/stop", &good).await.status, 303);
    let headers = [("origin", own.as_str()), ("x-dockos-token", token.as_str())];
    assert_eq!(alice.send("POST", "/desktops/alice-c/start", &headers, "".into()).await.status, 303);
    assert!(page.agent.was_asked("POST /desktops/alice-c/stop "));
    assert!(page.agent.was_asked("POST /desktops/alice-c/start "));
    let mut visitor = page.browser();
    assert_eq!(
        visitor.post("/login", "name=alice&password=alice-pw").await.status,
        403,
        "a login of another page"
    );
}

#[tokio::test]
async fn desktops_of_others_are_not_there_and_a_teacher_only_runs_them() {
    let page = Page::start().await;
    let (mut alice, mut zhao) = (page.of("alice").await, page.of("zhao").await);
    let form = format!("token={}", alice.token);
    for path in
        ["bob-c", "bob-c/state", "bob-c/picture", "bob-c/files", "bob-c/file?path=x", "none", "..%2f", ".."]
    {
        assert_eq!(alice.get(&format!("/desktops/{path}")).await.status, 404, "{path}");
    }
    assert_eq!(alice.post("/desktops/bob-c/stop", &form).await.status, 404);
    let all = zhao.get("/desktops").await.text();
    assert!(all.contains("alice-c") && all.contains("bob-c"));
    let found = zhao.get("/desktops?part=1&q=BOB").await.text();
    assert!(!found.contains("alice-c") && found.contains("bob-c"));
    let form = format!("token={}", zhao.token);
    assert_eq!(zhao.post("/desktops/bob-c/stop", &form).await.status, 303);
    assert_eq!(zhao.post("/desktops/bob-c/reset", &form).await.status, 403);
    assert_eq!(zhao.get("/desktops/bob-c/files").await.status, 403);
}

#[tokio::test]
async fn sessions_outlive_the_server_but_not_the_password() {
    let mut page = Page::start().await;
    let mut alice = page.of("alice").await;
    let fingerprint = page.announced.fingerprint.clone();
    page.restart();
    assert_eq!(page.announced.fingerprint, fingerprint, "the certificate is kept");
    alice.port = page.announced.port;
    assert_eq!(alice.get("/desktops").await.status, 200);
    let mut web = settings();
    web.users[0].password_hash = web.users[1].password_hash.clone();
    page.set(&web);
    for _ in 0..100 {
        if alice.get("/desktops").await.status == 401 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("alice is still there");
}

#[tokio::test]
async fn a_link_of_the_config_gets_in_once() {
    let mut page = Page::start().await;
    let mut browser = page.browser();
    let path = format!("/link/{LINK}");
    // Looking at it, as programs that show previews do, uses nothing up.
    for _ in 0..3 {
        assert!(page.browser().get(&path).await.text().contains("Welcome, alice"));
    }
    let token = field(&browser.get(&path).await.text(), "token");
    assert_eq!(browser.post(&path, "token=wrong").await.status, 200, "the button is shown again");
    assert_eq!(browser.post(&path, &format!("token={token}")).await.status, 303);
    assert!(browser.get("/desktops").await.text().contains("alice-c"));
    for again in [false, true] {
        if again {
            page.restart();
        }
        assert_eq!(page.browser().get(&path).await.status, 410, "after a restart: {again}");
    }
}

#[tokio::test]
async fn links_cannot_be_guessed() {
    let page = Page::start().await;
    let mut browser = page.browser();
    let mut refused = 0;
    for n in 0..100 {
        let answer = browser.get(&format!("/link/a-word-that-is-{n:04}")).await;
        assert!([410, 429].contains(&answer.status), "{}", answer.status);
        if answer.status == 429 {
            refused += 1;
            assert!(answer.text().contains("Too many wrong tries."));
        }
    }
    assert!(refused > 70, "{refused} of 100 were refused");
    assert_eq!(page.browser().get(&format!("/link/{LINK}")).await.status, 429, "or waiting would tell");
    page.of("bob").await;
}

#[tokio::test]
async fn the_command_makes_links() {
    let page = Page::start().await;
    let run = |words: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.arg("link").args(words);
        for (option, path) in places(page.path()) {
            command.arg(option).arg(path);
        }
        command.output().unwrap()
    };
    let made = run(&["bob", "--for", "5m"]);
    let link = String::from_utf8(made.stdout).unwrap();
    assert!(made.status.success() && link.starts_with("https://"), "{link}");
    let path = format!("/link/{}", link.trim().rsplit('/').next().unwrap());
    let mut browser = page.browser();
    let token = field(&browser.get(&path).await.text(), "token");
    assert_eq!(browser.post(&path, &format!("token={token}")).await.status, 303);
    assert!(browser.get("/desktops").await.text().contains("bob-c"));
    assert_eq!(page.browser().get(&path).await.status, 410);
    let unknown = run(&["mallory"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("there are: alice, zhao, bob"));
    assert_eq!(run(&["bob", "--for", "soon"]).status.code(), Some(2));
    assert_eq!(run(&[]).status.code(), Some(2));
}

#[tokio::test]
async fn the_page_speaks_the_readers_language() {
    let page = Page::start().await;
    let mut browser = page.of("alice").await;
    assert!(browser.get("/desktops").await.text().contains("Programming in C"));
    browser.headers.push(("accept-language", "zh-CN,zh;q=0.9,en;q=0.5".to_owned()));
    let chinese = browser.get("/desktops").await.text();
    assert!(
        chinese.contains("程序设计入门 C")
            && chinese.contains("已就绪")
            && chinese.contains("lang=\"zh-CN\"")
    );
    assert_eq!(browser.get("/language/en?to=https://evil").await.header("location"), "/desktops");
    assert!(browser.get("/desktops").await.text().contains("Programming in C"), "the choice counts more");
}
