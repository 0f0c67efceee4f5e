//! HTTP, as servers really answer: well, not yet, not at all, wrongly.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly, and so may what it calls")]

mod common;

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, process::Command, thread, time::Duration};

use common::{SECRET, Server, fetch};

const HELLO_SUM: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn content_comes_whole() {
    let server = Server::start(|exchange| exchange.ok("hello"));
    fetch(&[&server.url("/a?b"), "--header", "X-Room: 3"]).expect_ok("hello");
    let head = server.heads().remove(0).to_lowercase();
    assert!(head.starts_with("get /a?b http/1.1\r\n"), "{head}");
    for part in
        [format!("host: 127.0.0.1:{}", server.port), "user-agent: dockos-fetch/".into(), "x-room: 3".into()]
    {
        assert!(head.contains(&part), "{part} in {head}");
    }
}

#[test]
fn files_are_replaced_whole_and_are_private() {
    let server = Server::start(|exchange| match exchange.path() {
        "/good" => exchange.ok("new"),
        _ => exchange.answer("404 Not Found", "", "sorry"),
    });
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("user-data");
    fs::write(&file, "old").unwrap();
    let to = file.to_str().unwrap();
    fetch(&[&server.url("/bad"), "--output", to]).expect(3, "HTTP status 404 Not Found; check the path");
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    fetch(&[&server.url("/good"), "--output", to]).expect_ok("");
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);

    let nowhere = dir.path().join("missing/user-data");
    fetch(&[&server.url("/good"), "--output", nowhere.to_str().unwrap()]).expect(1, "cannot write");
}

#[test]
fn a_full_standard_output_is_a_failure() {
    let server = Server::start(|exchange| exchange.ok("hello"));
    let output = Command::new(env!("CARGO_BIN_EXE_dockos-fetch"))
        .args([&server.url("/"), "--timeout", "5"])
        .stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn redirects_are_followed_and_headers_stay_with_their_server() {
    let other = Server::start(|exchange| exchange.ok("there"));
    let other_url = other.url("/there");
    let server = Server::start(move |exchange| match exchange.path() {
        "/a/b" => exchange.redirect("../c"),
        _ => exchange.redirect(&other_url),
    });
    let url = format!("http://al%3Aice:{SECRET}@127.0.0.1:{}/a/b", server.port);
    fetch(&[&url, "--header", &format!("X-Token: {SECRET}")]).expect_ok("there");
    let heads = server.heads();
    for head in &heads {
        // `al:ice:hunter2`
        assert!(head.contains("Basic YWw6aWNlOmh1bnRlcjI=") && head.contains(SECRET), "{head}");
    }
    assert!(heads[1].starts_with("GET /c "), "{heads:?}");
    let foreign = other.heads().remove(0).to_lowercase();
    assert!(!foreign.contains(SECRET) && !foreign.contains("authorization"), "{foreign}");
}

#[test]
fn a_header_outranks_the_user_in_the_url() {
    let server = Server::start(|exchange| exchange.ok("hello"));
    let url = format!("http://alice@127.0.0.1:{}/", server.port);
    fetch(&[&url, "--header", "authorization: Bearer ticket"]).expect_ok("hello");
    let head = server.heads().remove(0).to_lowercase();
    assert!(head.contains("authorization: bearer ticket\r\n") && !head.contains("basic"), "{head}");
}

#[test]
fn redirects_end() {
    let server = Server::start(|exchange| match exchange.path() {
        "/nowhere" => exchange.answer("301 Moved Permanently", "", ""),
        "/ftp" => exchange.redirect("ftp://127.0.0.1/"),
        path => {
            let next = format!("{path}x?{SECRET}");
            exchange.redirect(&next);
        }
    });
    fetch(&[&server.url("/loop")]).expect(1, "redirected more than 5 times, at last to http://127.0.0.1");
    assert_eq!(server.heads().len(), 6);
    fetch(&[&server.url("/nowhere")]).expect(1, "redirects, but not whereto");
    fetch(&[&server.url("/ftp")]).expect(1, "does not begin with http://");
}

#[test]
fn what_cannot_get_better_is_tried_once() {
    let server = Server::start(|exchange| {
        let status = exchange.path()[1..].to_owned();
        exchange.answer(&status, "", "");
    });
    for status in ["400", "401", "403", "404", "405", "410", "416", "304", "300"] {
        let exit = if ["404", "410"].contains(&status) { 3 } else { 1 };
        fetch(&[&server.url(&format!("/{status}"))]).expect(exit, &format!("HTTP status {status}"));
    }
    assert_eq!(server.heads().len(), 9);
}

#[test]
fn a_busy_server_is_tried_again() {
    for status in ["503 Service Unavailable", "500", "408", "425", "429"] {
        let server = Server::start(move |exchange| match exchange.number {
            1 | 2 => exchange.answer(status, "", "later"),
            _ => exchange.ok("hello"),
        });
        let run = fetch(&[&server.url("/")]);
        run.expect_ok("hello");
        assert_eq!((run.tries_that_failed(), server.heads().len()), (2, 3), "{run:?}");
        let line = format!("fetch: {}: try 2 of 5: HTTP status {}", server.url("/"), &status[..3]);
        assert!(run.stderr.contains(&line), "{run:?}");
    }
}

#[test]
fn a_server_that_stays_broken_is_given_up() {
    let server = Server::start(|exchange| exchange.answer("500 Internal Server Error", "", ""));
    fetch(&[&server.url("/"), "--attempts", "2"])
        .expect(1, "HTTP status 500 Internal Server Error (try 2 of 2);");
    assert_eq!(server.heads().len(), 2);
    fetch(&[&server.url("/"), "--timeout", "2"]).expect(1, "the bound of 2 s is reached").within(2.5);
}

#[test]
fn retry_after_is_honoured() {
    let server = Server::start(|exchange| match (exchange.path(), exchange.number) {
        ("/seconds", 1) => exchange.answer("503", "Retry-After: 2\r\n", ""),
        ("/date", 3) => {
            let date = "Sun, 06 Nov 1994 08:49:3";
            let headers = format!("Date: {date}7 GMT\r\nRetry-After: {date}9 GMT\r\n");
            exchange.answer("429", &headers, "");
        }
        ("/hour", _) => exchange.answer("503", "Retry-After: 3600\r\n", ""),
        _ => exchange.ok("hello"),
    });
    for path in ["/seconds", "/date"] {
        let run = fetch(&[&server.url(path)]);
        run.expect_ok("hello");
        assert!(run.time > Duration::from_secs(2) && run.stderr.contains("next in 2.0 s"), "{run:?}");
    }
    fetch(&[&server.url("/hour")]).expect(1, "in 3600 s, past the bound of 30 s").within(2.0);
}

#[test]
fn a_silent_server_costs_no_more_than_the_bound() {
    let server = Server::start(|_| thread::sleep(Duration::from_secs(60)));
    let run = fetch(&[&server.url("/"), "--timeout", "4"]);
    run.expect(1, "").within(4.6);
    assert!(run.stderr.contains("it does not answer any more"), "{run:?}");
    assert!(run.tries_that_failed() >= 1, "a share of the bound is left for a second try: {run:?}");
}

#[test]
fn a_dripping_server_costs_no_more_than_the_bound() {
    let server = Server::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\n");
        if exchange.path() == "/body" {
            exchange.send("Content-Length: 100000\r\n\r\n");
        }
        while exchange.send("x") {
            thread::sleep(Duration::from_millis(50));
        }
    });
    for path in ["/body", "/head"] {
        fetch(&[&server.url(path), "--timeout", "2"]).expect(1, "allow more by --timeout").within(2.6);
    }
}

#[test]
fn a_cut_transfer_is_not_taken() {
    let server = Server::start(|exchange| {
        let headers = match exchange.path() {
            "/length" => "Content-Length: 100\r\n",
            _ => "Transfer-Encoding: chunked\r\n",
        };
        exchange.send(format!("HTTP/1.1 200 OK\r\n{headers}\r\n5\r\nhello"));
    });
    for path in ["/length", "/chunks"] {
        fetch(&[&server.url(path), "--attempts", "2"])
            .expect(1, "the connection ended too early (try 2 of 2)");
    }
}

#[test]
fn chunks_are_put_together() {
    let server = Server::start(|exchange| {
        exchange
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
    });
    fetch(&[&server.url("/")]).expect_ok("hello");
}

#[test]
fn a_body_of_no_length_needs_a_pin() {
    let server = Server::start(|exchange| exchange.last("HTTP/1.0 200 OK\r\n\r\nhello"));
    fetch(&[&server.url("/")]).expect(1, "does not tell the length");
    fetch(&[&server.url("/"), "--sha256", HELLO_SUM]).expect_ok("hello");
}

#[test]
fn too_much_is_refused() {
    let server = Server::start(|exchange| match exchange.path() {
        "/told" => exchange.last("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
        "/five" => exchange.ok("hello"),
        _ => {
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while exchange.send(format!("ffff\r\n{}\r\n", "x".repeat(0xffff))) {}
        }
    });
    fetch(&[&server.url("/told")]).expect(5, "it has 99999999999 bytes, at most 4194304 are taken; ");
    fetch(&[&server.url("/endless")]).expect(5, "more than the 4194304 bytes");
    fetch(&[&server.url("/five"), "--max-bytes", "4"]).expect(5, "it has 5 bytes, at most 4");
    fetch(&[&server.url("/five"), "--max-bytes", "5"]).expect_ok("hello");
}

#[test]
fn the_pin_holds() {
    let server = Server::start(|exchange| exchange.ok("hello"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("user-data");
    let to = file.to_str().unwrap();
    fetch(&[&server.url("/"), "--sha256", &HELLO_SUM.to_uppercase()]).expect_ok("hello");
    let wrong = HELLO_SUM.replace('2', "3");
    let run = fetch(&[&server.url("/"), "--sha256", &wrong, "--output", to]);
    run.expect(4, &format!("its SHA-256 is {HELLO_SUM}, pinned is {wrong}; "));
    assert!(!file.exists());
    assert_eq!(server.heads().len(), 2);
}

#[test]
fn garbage_is_told_at_once() {
    let server = Server::start(|exchange| {
        let kind: u64 = exchange.path()[1..].parse().unwrap();
        // A fixed sequence of bytes for each kind, some behind a good beginning.
        let mut state = kind.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let noise: Vec<u8> = (0..2000)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 24) as u8
            })
            .collect();
        let begin =
            ["", "HTTP/1.1 ", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"];
        exchange.send(begin[kind as usize % 4]);
        exchange.send(noise);
    });
    for kind in 0..40 {
        fetch(&[&server.url(&format!("/{kind}")), "--timeout", "5", "--attempts", "1"])
            .expect(1, "; ")
            .within(5.0);
    }
    let ssh = Server::start(|exchange| exchange.last("SSH-2.0-dropbear\r\n\0\0\0\0"));
    fetch(&[&ssh.url("/")]).expect(1, "what answers there does not speak HTTP; check").within(2.0);
}

#[test]
fn headers_are_bounded() {
    let server = Server::start(|exchange| {
        let headers = match exchange.path() {
            "/long" => format!("X-Long: {}\r\n", "x".repeat(1 << 20)),
            _ => "X-Many: x\r\n".repeat(1000),
        };
        exchange.answer("200 OK", &headers, "hello");
    });
    fetch(&[&server.url("/long")]).expect(1, "its headers are larger than 64 KiB");
    fetch(&[&server.url("/many")]).expect(1, "does not speak HTTP");
}

#[test]
fn nobody_there() {
    let url = format!("http://127.0.0.1:{}/", free_port());
    let run = fetch(&[&url, "--attempts", "3"]);
    run.expect(1, "connection refused (try 3 of 3); nothing listens there");
    assert!(
        run.stderr.starts_with(&format!("fetch: {url}: try 1 of 3: connection refused; next in 0.")),
        "{run:?}"
    );
    fetch(&["http://nowhere.invalid/", "--timeout", "2"]).expect(1, "").within(2.6);
}

#[test]
fn secrets_are_in_no_output() {
    let server = Server::start(|exchange| match exchange.path().split('?').next().unwrap_or_default() {
        "/loop" => exchange.redirect(&format!("/loop?token={SECRET}")),
        "/downgrade" => exchange.redirect(&format!("http://{SECRET}@127.0.0.1:1/?{SECRET}")),
        "/odd" => exchange.redirect(&format!("gopher://{SECRET}/")),
        "/garbage" => exchange.last(format!("{SECRET}\r\n\r\n")),
        "/header" => exchange.last(format!("HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n")),
        "/cut" => exchange.last("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        "/status" => exchange.answer(&format!("500 {SECRET}"), "", SECRET),
        "/ok" => exchange.ok("hello"),
        _ => exchange.answer("404 Not Found", "", SECRET),
    });
    let port = server.port;
    let token = format!("X-Token: {SECRET}");
    let wrong = "0".repeat(64);
    // `fetch` looks for the secret in what each of these prints.
    for (port, path) in [
        (port, "/loop"),
        (port, "/downgrade"),
        (port, "/odd"),
        (port, "/garbage"),
        (port, "/header"),
        (port, "/cut"),
        (port, "/status"),
        (port, "/missing"),
        (free_port(), "/"),
    ] {
        let url = format!("http://alice:{SECRET}@127.0.0.1:{port}{path}?token={SECRET}#{SECRET}");
        let run = fetch(&[&url, "--header", &token, "--attempts", "2"]);
        let exit = if path == "/missing" { 3 } else { 1 };
        run.expect(exit, &format!("fetch: http://…@127.0.0.1:{port}{path}?…: "));
    }
    let url = format!("http://alice:{SECRET}@127.0.0.1:{port}/ok?token={SECRET}");
    fetch(&[&url, "--sha256", &wrong]).expect(4, "http://…@127.0.0.1");
    fetch(&[&url, "--max-bytes", "1"]).expect(5, "http://…@127.0.0.1");
    fetch(&[&url, "--output", "/nowhere/x"]).expect(1, "http://…@127.0.0.1");
    fetch(&[&url, &url]).expect(2, "--help");
}

#[test]
fn help_and_version_are_no_failures() {
    assert!(fetch(&["--help"]).expect(0, "").stdout.contains("Exit status"));
    assert!(fetch(&["--version"]).expect(0, "").stdout.starts_with("dockos-fetch "));
    fetch(&[]).expect(2, "--help");
}
