//! What no browser would send, and what no student should get: wrong passwords, others' desktops, bad names, a gigabyte, and
//! garbage where a screen is expected. Each gets a clear answer, and nobody else notices.

use std::{
    io::{self, Read as _, Write as _},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use qemu_tests::{Answer, Connection, Https, Machine, PASSWORD, PASSWORD_HASH, Store, Vm};

/// How long boot and desktops may take, emulated.
const BOOT: Duration = Duration::from_secs(300);
/// How many wrong passwords are tried.
const WRONG: usize = 1000;
/// How many connections to a screen end before they show anything: several times what Xvnc takes for an attack by default, 5.
const BROKEN: u32 = 20;
/// How much of a wait has to be left for what asks next to fall into it, emulated.
const END_OF_WAIT: Duration = Duration::from_secs(6);
/// How long a refusal may take, emulated: far less than a gigabyte would.
const AT_ONCE: Duration = Duration::from_secs(20);
/// Alice's home has room for this.
const HOME: u64 = 64 << 20;

/// A part of the test, which leaves all as it was.
type Part = fn(&Vm, &Https) -> Result<()>;

#[test]
fn page_withstands() -> Result<()> {
    let disk = Store::of_desktops(&["base"], 16 << 30)?.disk("page-withstands")?;
    let vm = Machine::new("page-withstands").config(config()).disk(&disk).reach(443).start()?;
    vm.wait_ready(BOOT)?;
    let alice = log_in(&vm, "alice")?;
    the_certificate_is_the_announced_one(&vm, &alice)?;
    vm.wait_desktop("alice", "ready", BOOT)?;
    vm.wait_desktop("bob", "ready", BOOT)?;
    let bob = vm.check("docker inspect -f '{{.State.Pid}}' desktop-bob")?;
    bad_names_are_refused(&vm, &alice)?;
    let parts: [(&str, Part); 5] = [
        ("a gigabyte", a_gigabyte_is_refused_at_once),
        ("others' desktops", others_are_closed),
        ("garbage", garbage_ends_only_its_own_connection),
        ("a link in place of a screen", a_link_leads_to_no_other_screen),
        ("wrong passwords", wrong_passwords_lock_nobody_out),
    ];
    for (name, part) in parts {
        let start = Instant::now();
        part(&vm, &alice).context(name)?;
        eprintln!("{name}: {:.0} s", start.elapsed().as_secs_f64());
    }
    assert_eq!(put(&alice, "small", 1000)?.status, 201);
    assert_eq!(vm.check("docker inspect -f '{{.State.Pid}}' desktop-bob")?, bob);
    vm.poweroff()?;
    disk.check_state()
}

fn config() -> String {
    let user = |name: &str| format!("    - {{ name: {name}, hashed_passwd: '{PASSWORD_HASH}' }}\n");
    format!(
        "#cloud-config\ndockos:\n  courses:\n    base: {{ image: dockos/base, memory: 256M, home: {HOME} }}\n  desktops:\n    \
         - {{ name: alice, tenant: alice, course: base, start: boot }}\n    \
         - {{ name: bob, tenant: bob, course: base, start: boot }}\n  web:\n    users:\n{}{}",
        user("alice"),
        user("bob")
    )
}

/// A client that has logged in.
fn log_in(vm: &Vm, name: &str) -> Result<Https> {
    let https = Https::to(vm.port(443)?)?;
    let answer = try_password(&https, name, PASSWORD)?;
    ensure!(answer.status == 303, "{name} cannot log in: {} {}", answer.status, answer.text());
    Ok(https)
}

fn try_password(https: &Https, name: &str, password: &str) -> Result<Answer> {
    let token = token(&https.get("/login")?.text())?;
    let form = format!("token={token}&to=&name={name}&password={}", password.replace(' ', "+"));
    https.request("POST", "/login", &[FORM, ("Origin", &origin(https))], form.as_bytes())
}

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn origin(https: &Https) -> String {
    format!("https://localhost:{}", https.port())
}

/// What shows that a form is of the server's own page.
fn token(page: &str) -> Result<String> {
    let after = page.split("name=\"token\" value=\"").nth(1).or_else(|| page.split("data-token=\"").nth(1));
    Ok(after.and_then(|rest| rest.split('"').next()).context("the page has no token")?.to_owned())
}

fn the_certificate_is_the_announced_one(vm: &Vm, https: &Https) -> Result<()> {
    let fingerprint = https.fingerprint().context("no certificate was shown")?;
    assert!(vm.console().contains(&fingerprint), "the console does not show {fingerprint}");
    Ok(())
}

fn others_are_closed(_: &Vm, alice: &Https) -> Result<()> {
    for (path, status) in [
        ("/desktops/alice", 200),
        ("/desktops/bob", 403),
        ("/desktops/bob/state", 403),
        ("/desktops/bob/picture", 403),
        ("/desktops/bob/screen", 403),
        ("/desktops/bob/files", 403),
        ("/desktops/bob/file?path=.bashrc", 403),
        ("/desktops/nobody", 404),
        ("/desktops/..%2fbob", 404),
    ] {
        let answer = alice.get(path)?;
        assert!([status, 404].contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.text().contains("bob@"), "{path}");
    }
    let nobody = Https::to(alice.port())?;
    for path in ["/desktops/alice/screen", "/desktops/alice/file?path=.bashrc"] {
        assert_eq!(nobody.get(path)?.status, 401, "{path}");
    }
    // Another site's form, and one without the token.
    for headers in [[FORM, ("Origin", "https://evil.example")], [FORM, ("Origin", &origin(alice))]] {
        assert_eq!(alice.request("POST", "/desktops/alice/stop", &headers, b"")?.status, 403);
    }
    Ok(())
}

fn put(alice: &Https, path: &str, length: u64) -> Result<Answer> {
    let token = token(&alice.get("/desktops")?.text())?;
    let headers = [("Origin", origin(alice)), ("X-DockOS-Token", token)];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    alice.send("PUT", &format!("/desktops/alice/file?path={path}"), &headers, length, io::repeat(b'x'))
}

fn a_gigabyte_is_refused_at_once(vm: &Vm, alice: &Https) -> Result<()> {
    let start = Instant::now();
    let answer = put(alice, "big", 1 << 30)?;
    ensure!(answer.status == 507 && answer.text().contains("1.1 GB"), "{} {}", answer.status, answer.text());
    ensure!(start.elapsed() < AT_ONCE, "it took {:?}", start.elapsed());
    let left = vm.inside("alice", "du -sk ~ | cut -f 1")?.stdout.trim().parse::<u64>()?;
    ensure!(left < 16 << 10, "{left} kB are left of the gigabyte");
    ensure!(vm.inside("alice", "test -e ~/big")?.status != 0, "there is a file");
    Ok(())
}

fn bad_names_are_refused(vm: &Vm, alice: &Https) -> Result<()> {
    for name in ["..%2Fx", "a%2F..%2F..%2Fx", "%2Fetc%2Fpasswd", "x%00y", "", "..", "%2e%2e%2fx"] {
        let answer = put(alice, name, 5)?;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
    }
    let answer = put(alice, "%E4%BD%9C%E4%B8%9A%20%241%27%3B.txt", 5)?;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(vm.inside("alice", "cat ~/'作业 $1'\\'';.txt'")?.stdout.trim(), "xxxxx");
    Ok(())
}

/// A websocket to a screen, opened as the page opens it.
fn screen(alice: &Https, desktop: &str) -> Result<(Connection, String)> {
    let mut connection = alice.connect()?;
    write!(
        connection,
        "GET /desktops/{desktop}/screen HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: {origin}\r\nCookie: {cookies}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        port = alice.port(),
        origin = origin(alice),
        cookies = alice.cookies()
    )?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8192 {
        let mut byte = [0];
        if connection.read(&mut byte)? == 0 {
            break;
        }
        head.extend(byte);
    }
    Ok((connection, String::from_utf8_lossy(&head).into_owned()))
}

/// What the next frame from a screen holds, pings aside. Those of this test are short.
fn frame(connection: &mut Connection) -> Result<Vec<u8>> {
    loop {
        let mut head = [0; 2];
        connection.read_exact(&mut head)?;
        let [kind, length] = head;
        ensure!(length < 126, "a long frame: {head:?}");
        let mut body = vec![0; length.into()];
        connection.read_exact(&mut body)?;
        if kind != PING {
            ensure!(kind == BINARY, "no binary frame: {head:?}");
            return Ok(body);
        }
    }
}

const BINARY: u8 = 0x82;
const PING: u8 = 0x89;

fn garbage_ends_only_its_own_connection(vm: &Vm, alice: &Https) -> Result<()> {
    let (mut good, head) = screen(alice, "alice")?;
    ensure!(head.contains(" 101 "), "{head}");
    assert_eq!(frame(&mut good)?, b"RFB 003.008\n");
    let noise: Vec<u8> = (0..200_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let masked =
        |opcode: u8, body: &[u8]| [&[opcode, 0x80 | body.len() as u8, 0, 0, 0, 0][..], body].concat();
    for (name, bytes) in [
        ("noise", noise.clone()),
        ("a frame without a mask", vec![0x82, 5, 1, 2, 3, 4, 5]),
        ("a frame of exabytes", vec![0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
        ("reserved bits", masked(0xf2, b"abc")),
        ("an unknown opcode", masked(0x8b, b"abc")),
        ("a long ping", [&[0x89, 0xfe, 0xff, 0xff, 0, 0, 0, 0][..], &noise[..65535]].concat()),
        ("another protocol", masked(0x82, b"SSH-2.0-OpenSSH\r\n")),
        (
            "an unknown message",
            [
                masked(0x82, b"RFB 003.008\n"),
                masked(0x82, &[1]),
                masked(0x82, &[1]),
                masked(0x82, &[0xee; 64]),
            ]
            .concat(),
        ),
    ] {
        let (mut bad, head) = screen(alice, "alice")?;
        ensure!(head.contains(" 101 "), "{name}: {head}");
        // The server may close in the middle of it.
        let _ = bad.write_all(&bytes).and_then(|()| bad.flush());
        let mut rest = Vec::new();
        let ended = io::Read::by_ref(&mut bad).take(1 << 20).read_to_end(&mut rest);
        assert!(
            !ended.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock),
            "{name}: the connection stays open"
        );
    }
    // Connections that broke keep nobody out, however soon they come one after the other.
    for number in 0..BROKEN {
        let (mut next, head) = screen(alice, "alice")?;
        ensure!(head.contains(" 101 "), "{number}: {head}");
        assert_eq!(frame(&mut next)?, b"RFB 003.008\n", "{number}");
    }
    // The first one is still there: its handshake goes on.
    good.write_all(&masked(0x82, b"RFB 003.008\n"))?;
    good.flush()?;
    assert_eq!(frame(&mut good)?, [1, 1], "one kind of security: none");
    vm.wait_desktop("alice", "ready", Duration::from_secs(10)).map(drop)
}

fn a_link_leads_to_no_other_screen(vm: &Vm, alice: &Https) -> Result<()> {
    let (_, head) = screen(alice, "bob")?;
    assert!(head.contains(" 403 ") || head.contains(" 404 "), "{head}");
    for target in ["/run/user-docker/screens/bob/vnc", "../bob/vnc", "/run/dockos/agent/socket"] {
        let link = format!("cd /run/dockos/screen && mv vnc kept && ln -s {target} vnc");
        ensure!(vm.inside("alice", &link)?.status == 0, "cannot make the link");
        let (_, head) = screen(alice, "alice")?;
        assert!(!head.contains(" 101 "), "{target}: {head}");
        ensure!(vm.inside("alice", "cd /run/dockos/screen && mv -f kept vnc")?.status == 0);
    }
    let (mut connection, head) = screen(alice, "alice")?;
    ensure!(head.contains(" 101 "), "{head}");
    assert_eq!(frame(&mut connection)?, b"RFB 003.008\n");
    Ok(())
}

fn wrong_passwords_lock_nobody_out(vm: &Vm, alice: &Https) -> Result<()> {
    let guesser = Https::to(alice.port())?;
    let token = token(&guesser.get("/login")?.text())?;
    // Over one connection, as somebody in a hurry would.
    let mut connection = guesser.connect()?;
    let mut guess = |number: usize| -> Result<(u16, Duration)> {
        let form = format!("token={token}&to=&name=alice&password=guess{number}");
        write!(
            connection,
            "POST /login HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: {origin}\r\nCookie: {cookies}\r\n{}: {}\r\n\
             Content-Length: {}\r\n\r\n{form}",
            FORM.0,
            FORM.1,
            form.len(),
            port = alice.port(),
            origin = origin(alice),
            cookies = guesser.cookies()
        )?;
        connection.flush()?;
        status(&mut connection)
    };
    let statuses = (0..WRONG).map(|number| Ok(guess(number)?.0)).collect::<Result<Vec<u16>>>()?;
    let wrong = statuses.iter().filter(|status| **status == 401).count();
    let told_to_wait = statuses.iter().filter(|status| **status == 429).count();
    assert_eq!(wrong + told_to_wait, WRONG, "{statuses:?}");
    assert!(wrong < 20, "{wrong} of {WRONG} passwords were checked");
    // Not where a wait ends, and the right password is let in: a wrong one there begins the next wait, a longer one.
    let (_, left) = guess(WRONG)?;
    if left < END_OF_WAIT {
        sleep(left);
        guess(WRONG + 1)?;
    }
    assert_eq!(try_password(&guesser, "alice", PASSWORD)?.status, 429);
    // Whoever is logged in stays so, and others come in.
    assert_eq!(alice.get("/desktops")?.status, 200);
    log_in(vm, "bob").map(drop)
}

/// Reads an answer of known length and returns its status, and how long to wait before the next try.
fn status(connection: &mut Connection) -> Result<(u16, Duration)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let number =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    let length = number("content-length:").context("an answer without a length")?;
    io::copy(&mut connection.take(length), &mut io::sink())?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let wait = Duration::from_secs(number("retry-after:").unwrap_or_default());
    Ok((status.context("an answer without a status")?, wait))
}
