//! The real service on a loopback port, asked as boot loaders, PID 1 and hostile clients ask.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, in their helpers too")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use common::{Answer, BOUND, Folder, Service, connect_as, kernel, rootfs, run, skipped, tool};

const MACHINES: &str = "default: lab\ngroups:\n  lab: { config: lab.yml }\nmachines:\n  \
    - { mac: \"52:54:00:00:00:01\", config: teacher.yml, hostname: teacher }\n";

/// A folder with a room in it.
fn room() -> Folder {
    let folder = Folder::new();
    folder.write("configs/lab.yml", b"#cloud-config\nhostname: lab\n");
    folder.write("configs/teacher.yml", b"#cloud-config\nhostname: pc\n");
    folder.write("machines.yml", MACHINES.as_bytes());
    folder
}

/// Asks until the answer is as wanted.
fn wait_until(service: &Service, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let end = Instant::now() + BOUND;
    loop {
        let answer = service.get(path);
        if wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < end, "{path}: {} {}\n{}", answer.status, answer.text(), service.said());
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn files_come_whole_in_parts_and_without_their_bodies() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let root = fs::read(folder.path().join("boot/rootfs")).unwrap();
    let whole = service.get("/rootfs");
    assert_eq!(whole.status, 200);
    assert!(whole.body == root, "{} bytes of {}", whole.body.len(), root.len());
    assert!(whole.head.contains("accept-ranges: bytes"), "{}", whole.head);
    assert_eq!(service.get("/vmlinuz").body, kernel(20_000));
    assert_eq!(service.get("/snponly.efi").text(), "a loader for UEFI");

    let with = |more: &str| format!("GET /rootfs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n\r\n");
    let part = service.ask(&with("Range: bytes=1000000-1999999"));
    assert_eq!((part.status, part.body.len()), (206, 1_000_000));
    assert!(part.body == root[1_000_000..2_000_000]);
    assert!(
        part.head.contains(&format!("content-range: bytes 1000000-1999999/{}", root.len())),
        "{}",
        part.head
    );
    let rest = service.ask(&with("Range: bytes=2999000-"));
    assert!(rest.body == root[2_999_000..]);
    assert_eq!(service.ask(&with("Range: bytes=9999999999-")).status, 416);
    assert_eq!(service.ask(&with("Range: bytes=5-9\r\nIf-Range: \"of-last-week\"")).body.len(), root.len());

    let head = service.ask("HEAD /rootfs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(head.head.contains(&format!("content-length: {}", root.len())), "{}", head.head);
    assert!(head.body.is_empty());
}

#[test]
fn one_connection_takes_many_requests() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let mut stream = TcpStream::connect(service.address()).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    // The next ones are there before the first is answered: files between, at the start and at the end.
    let request = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n");
    let all = [
        request("/rootfs", "Range: bytes=0-99999\r\n"),
        request("/", ""),
        request("/vmlinuz", ""),
        request("/initramfs", ""),
        request("/machine", ""),
        request("/rootfs", "Connection: close\r\n"),
    ];
    stream.write_all(all.concat().as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let mut rest = &bytes[..];
    let mut seen = Vec::new();
    while !rest.is_empty() {
        let answer = Answer::parse(rest);
        let length = answer.head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
        let length: usize = length.parse().unwrap();
        seen.push((answer.status, length));
        rest = &rest[answer.head.len() + 4 + length..];
    }
    let root = fs::metadata(folder.path().join("boot/rootfs")).unwrap().len() as usize;
    assert_eq!(seen.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [206, 200, 200, 200, 400, 200]);
    assert_eq!((seen[0].1, seen[2].1, seen[5].1), (100_000, 20_000, root));
}

#[test]
fn each_machine_gets_its_own_script_and_config() {
    let folder = room();
    let mut service = Service::start(&folder);
    let origin = format!("http://127.0.0.1:{}", service.port);
    let first = service.get("/boot.ipxe").text();
    assert!(first.contains(&format!("{origin}/boot.ipxe?again=1&mac=${{netX/mac:hexhyp}}")), "{first}");

    let script = service.get("/boot.ipxe?mac=52-54-00-00-00-01&serial=&uuid=").text();
    let line = script.lines().find(|line| line.starts_with("kernel ")).unwrap();
    assert!(line.contains(" cc.hostname=teacher "), "{line}");
    let url = line.split("cloud-config-url=").nth(1).unwrap().split(' ').next().unwrap();
    let (url, pin) = url.split_once("#sha256=").unwrap();
    let path = url.strip_prefix(&origin).unwrap();
    assert_eq!(path, format!("/config/{pin}.yml"));
    assert_eq!(service.get(path).text(), "#cloud-config\nhostname: pc\n");

    // An edit between the script and the fetch.
    folder.write("configs/teacher.yml", b"#cloud-config\nhostname: other\n");
    let words = wait_until(&service, "/machine?mac=525400000001", |answer| !answer.text().contains(pin));
    assert!(words.text().starts_with("cloud-config-url="), "{}", words.text());
    assert_eq!(service.get(path).text(), "#cloud-config\nhostname: pc\n", "it was told of this one");

    assert!(
        service.get("/machine?mac=525400000009").text().contains("cloud-config-url="),
        "the default group's"
    );
    let grub = service.get("/grub.cfg?mac=52:54:00:00:00:01").text();
    let unsure = service.get("/grub.cfg?mac=52:54:00:00:00:09").text();
    assert!(unsure.contains("\"ds=netboot;s="), "it may be listed by its serial number: {unsure}");
    assert!(grub.contains("linux (http,127.0.0.1:") && grub.contains("\"cc.hostname=teacher\""), "{grub}");
    service.wait_for("127.0.0.1 (mac 52:54:00:00:00:01) boots with teacher.yml");
}

#[test]
fn a_server_that_was_started_again_knows_the_configs_of_before() {
    let folder = room();
    let service = Service::start(&folder);
    let words = service.get("/machine?mac=525400000001").text();
    let pin = words.split("#sha256=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    service.end();
    let service = Service::start(&folder);
    let answer = service.get(&format!("/config/{pin}.yml"));
    assert_eq!((answer.status, answer.text().as_str()), (200, "#cloud-config\nhostname: pc\n"));
}

#[test]
fn boot_files_that_are_still_copied_hold_nobody_up() {
    let folder = room();
    let service = Service::start(&folder);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // rsync --inplace: another length at each look.
            for more in 0.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                fs::write(folder.path().join("boot/initramfs"), vec![b'0'; 100 + more]).unwrap();
                thread::sleep(Duration::from_millis(200));
            }
        });
        folder.write("machines.yml", b"groups: {lab: {config: lab.yml}}\n");
        let end = Instant::now() + BOUND;
        while service.get("/machine?mac=525400000001").status != 404 && Instant::now() < end {
            thread::sleep(Duration::from_millis(100));
        }
        over.store(true, Ordering::Relaxed);
        assert!(Instant::now() < end, "{}", service.said());
    });
}

#[test]
fn a_machine_with_many_cards_is_known_by_each() {
    let folder = Folder::new();
    folder.write("configs/lab.yml", b"#cloud-config\nhostname: lab\n");
    folder.write(
        "machines.yml",
        b"groups: {lab: {config: lab.yml}}\nmachines: [{mac: 525400000002, group: lab}]\n",
    );
    let service = Service::start(&folder);
    let boots_by = "/boot.ipxe?mac=52-54-00-00-00-01&serial=&uuid=";
    assert!(service.get(boots_by).text().contains(" ds=netboot;s="), "of this card nothing is known yet");
    // PID 1 asks with all its cards, one of them of InfiniBand.
    let all = "/machine?mac=52-54-00-00-00-01&mac=80-00-02-08-fe-80-00-00-00-00-00-00-00-02-c9-03-00-1e-2b-41\
               &mac=52-54-00-00-00-02&serial=&uuid=";
    assert!(service.get(all).text().starts_with("cloud-config-url="));
    assert!(service.get(boots_by).text().contains(" cloud-config-url="), "it is the same machine");
    service.end();
    let (_, list) = run(&folder, &["list"]);
    assert_eq!(list.lines().count(), 2, "{list}");
    let service = Service::start(&folder);
    assert!(service.get(boots_by).text().contains(" cloud-config-url="), "after a restart, too");
}

#[test]
fn who_asks_with_the_card_of_another_machine_makes_no_other_of_its_own() {
    let folder = room();
    folder.write(
        "machines.yml",
        format!("{MACHINES}  - {{ serial: PF3X, config: lab.yml, hostname: lab-07 }}\n").as_bytes(),
    );
    let service = Service::start(&folder);
    let asks = "/machine?mac=525400000007&serial=PF3X";
    service.get(asks);
    service.get("/machine?mac=525400000007&mac=525400000001");
    service.end();
    let service = Service::start(&folder);
    assert!(service.get(asks).text().ends_with("cc.hostname=lab-07\n"));
    let grub = service.get("/grub.cfg?mac=52:54:00:00:00:07").text();
    assert!(grub.contains("\"ds=netboot;s="), "PID 1 says more: {grub}");
    assert!(service.get("/machine?mac=525400000001").text().ends_with("cc.hostname=teacher\n"));
}

#[test]
fn a_boot_loader_that_knows_nothing_is_asked_once() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    for (path, again) in [
        ("/boot.ipxe", "again=1&mac=&serial=&uuid="),
        ("/grub.cfg", "again=1&mac=&uuid="),
        ("/grub.cfg", "again=1&mac=00:00:00:00:00:00&uuid="),
    ] {
        let first = service.get(path).text();
        assert!(first.contains(&format!("{path}?again=1&mac=${{net")), "{first}");
        let script = service.get(&format!("{path}?{again}")).text();
        assert!(!script.contains("?again=1") && script.contains("ds=netboot;s=http://"), "{script}");
    }
    let said = service.end();
    assert!(said.contains("127.0.0.1 (this machine says nothing of itself) boots with"), "{said}");
    assert!(run(&folder, &["list"]).1.contains("no machine has asked yet"));
}

#[test]
fn how_machines_are_assigned_here_is_said() {
    let folder = Folder::new();
    let mut service = Service::start(&folder);
    let words = format!("assign MAC --group GROUP --hostname NAME --state {}", folder.path().display());
    let command = format!("{} {words}", common::PROGRAM);
    service.wait_for(&format!("a machine that waits is sent on by: {command}\n"));
    assert!(service.get("/").text().contains(&command));
}

#[test]
fn grub_understands_its_scripts() {
    let Some(check) = tool("/usr/bin/grub-script-check") else {
        skipped("there is no grub-script-check: install grub-common");
        return;
    };
    let folder = room();
    let service = Service::start(&folder);
    for path in [
        "/grub.cfg",
        "/grub.cfg?again=1&mac=&uuid=",
        "/grub.cfg?mac=52:54:00:00:00:01",
        "/grub.cfg?mac=52:54:00:00:00:09",
        "/grub.cfg?serial=it%27s%24%28x%29",
    ] {
        let script = service.get(path).body;
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &script).unwrap();
        let output = std::process::Command::new(&check).arg(file.path()).output().unwrap();
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_scripts_name_the_root_image_by_the_sum_of_its_bytes() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let archive = fs::read(folder.path().join("boot/rootfs")).unwrap();
    let image = tempfile::NamedTempFile::new().unwrap();
    fs::write(image.path(), &archive[120..120 + 3_000_000]).unwrap();
    let output = std::process::Command::new("sha256sum").arg(image.path()).output().unwrap();
    let sum = String::from_utf8(output.stdout).unwrap()[..64].to_owned();
    let script = service.get("/boot.ipxe?mac=525400000001").text();
    assert!(
        script.contains(&format!("/rootfs#sha256={sum} dockos.loader=ipxe,${{t0}},${{t1}} ")),
        "{script}"
    );
}

#[test]
fn an_unknown_machine_waits_until_it_is_assigned() {
    let folder = Folder::new();
    folder.write("configs/lab.yml", b"#cloud-config\nhostname: lab\n");
    folder.write("machines.yml", b"# Room 3\ngroups:\n  lab: { config: lab.yml }\n");
    let service = Service::start(&folder);
    let script = service.get("/boot.ipxe?mac=52-54-00-00-00-07&serial=PF-1&uuid=").text();
    assert!(
        script.contains(&format!(" ds=netboot;s=http://127.0.0.1:{}/machine ", service.port)),
        "{script}"
    );
    let asks = "/machine?mac=52-54-00-00-00-07&serial=PF-1";
    let answer = service.get(asks);
    assert_eq!(answer.status, 404);
    assert!(
        answer.text().contains("not assigned yet: mac 52:54:00:00:00:07, serial PF-1"),
        "{}",
        answer.text()
    );

    let end = Instant::now() + BOUND;
    while !run(&folder, &["list"]).1.contains("waits to be assigned  52:54:00:00:00:07  PF-1") {
        assert!(Instant::now() < end, "{}", run(&folder, &["list"]).1);
        thread::sleep(Duration::from_millis(200));
    }
    let (good, said) = run(&folder, &["assign", "pf1", "--group", "lab", "--hostname", "lab-07"]);
    assert!(good, "{said}");
    let answer = wait_until(&service, asks, |answer| answer.status == 200);
    assert!(answer.text().ends_with(" cc.hostname=lab-07\n"), "{}", answer.text());
    assert!(run(&folder, &["list"]).1.contains("group lab  52:54:00:00:00:07"));
    assert!(fs::read_to_string(folder.path().join("machines.yml")).unwrap().starts_with("# Room 3\n"));
}

#[test]
fn bad_edits_are_said_and_the_last_good_ones_stay() {
    let folder = room();
    let mut service = Service::start(&folder);
    let before = service.get("/machine?mac=525400000001").text();
    folder.write("machines.yml", b"groups: {lab: {config: lab.yml}}\nmachines: [{mca: x}]\n");
    service.wait_for("machines.yml:2:13: error: unknown key `mca`; did you mean `mac`?");
    service.wait_for("what was good before is used until that is mended");
    assert_eq!(service.get("/machine?mac=525400000001").text(), before);
    folder.write("machines.yml", MACHINES.as_bytes());
    folder.write("configs/teacher.yml", b"#cloud-config\nhostnme: x\n");
    service.wait_for("teacher.yml:2:1: error: unknown key `hostnme`");
    assert_eq!(service.get("/machine?mac=525400000001").text(), before);
}

#[test]
fn damaged_boot_files_are_refused_and_good_ones_taken_while_it_runs() {
    let folder = Folder::new();
    let mut service = Service::start(&folder);
    let old = service.get("/rootfs").body;
    let mut cut = rootfs(3_000_000, 2);
    cut.truncate(2_000_000);
    folder.write("boot/rootfs", &cut);
    let said = service.wait_for("the boot files of before are served");
    assert!(said.contains("boot/rootfs: cut off: the root image in it has 3000000 bytes"), "{said}");
    assert!(service.get("/rootfs").body == old);
    folder.write("boot/rootfs", &rootfs(3_000_000, 2));
    service.wait_for("other boot files are served now");
    assert!(service.get("/rootfs").body == rootfs(3_000_000, 2));
    // As `cp` does: the file that is open becomes another one.
    fs::write(folder.path().join("boot/rootfs"), &cut).unwrap();
    service.wait_for("rootfs was written over in its place: nobody can boot until it is mended");
    fs::write(folder.path().join("boot/rootfs"), rootfs(3_000_000, 3)).unwrap();
    wait_until(&service, "/rootfs", |answer| answer.body == rootfs(3_000_000, 3));
    drop(service);

    fs::remove_file(folder.path().join("boot/vmlinuz")).unwrap();
    let (good, said) = run(&folder, &["serve", "--dhcp", "none", "--port", "0"]);
    assert!(!good && said.contains("boot/vmlinuz: cannot be served: No such file"), "{said}");
}

#[test]
fn hostile_requests_are_refused_in_plain_words() {
    let folder = room();
    let service = Service::start(&folder);
    let long = format!("/{}", "a".repeat(3000));
    for (path, status) in [
        ("/../../etc/passwd", 404),
        ("/config/../machines.yml", 404),
        ("/%2e%2e%2fmachines.yml", 404),
        ("/config/%2e%2e%2f%2e%2e%2fmachines.yml", 404),
        ("/configs/lab.yml", 404),
        ("/machines.yml", 404),
        ("/seen.json", 404),
        ("/rootfs%00", 404),
        ("//rootfs", 404),
        ("/rootfs/", 404),
        (&format!("/config/{}.yml", "0".repeat(64)), 404),
        (&long, 414),
        ("/boot.ipxe?mac=../../etc", 400),
        ("/boot.ipxe?mac=%0d%0aX", 400),
        ("/machine?mac=ff:ff:ff:ff:ff:ff", 400),
        ("/machine?mac=%ff", 400),
        ("/machine", 400),
    ] {
        let answer = service.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(answer.head.contains("text/plain") && !answer.text().contains('<'), "{path}");
    }
    for (request, status) in [
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 405),
        ("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
        (&format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(100_000)), 431),
    ] {
        assert_eq!(service.ask(request).status, status, "{request:.40}");
    }
    // What a client calls the server never gets into a script as it is.
    let host = "GET /boot.ipxe?mac=525400000001 HTTP/1.1\r\nHost: evil\nshell\r\nConnection: close\r\n\r\n";
    assert!(!service.ask(host).text().contains("shell"));
    let host = "GET /boot.ipxe?mac=525400000001 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert!(service.ask(host).text().contains(&format!("http://127.0.0.1:{}/vmlinuz", service.port)));
}

#[test]
fn slow_clients_hold_nobody_up() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    let mut slow: Vec<TcpStream> = (0..16).map(|_| TcpStream::connect(service.address()).unwrap()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET / HT").unwrap();
    }
    // All places of this address are taken: that is said, and at once.
    let busy = wait_until(&service, "/", |answer| answer.status == 503);
    assert!(busy.head.contains("retry-after"), "{}", busy.head);
    let other = connect_as(1, service.address());
    assert_eq!(Service::ask_by(other, "GET / HTTP/1.0\r\n\r\n").status, 200, "others have theirs");
    drop(slow);
    wait_until(&service, "/", |answer| answer.status == 200);
}

#[test]
fn it_ends_when_it_is_told_to_and_keeps_what_it_saw() {
    let folder = Folder::new();
    let service = Service::start(&folder);
    service.get("/machine?mac=525400000001");
    let said = service.end();
    assert!(said.contains("netboot: ended"), "{said}");
    assert!(fs::read_to_string(folder.path().join("seen.json")).unwrap().contains("52:54:00:00:00:01"));
}

#[test]
fn whatever_is_asked_it_answers_and_lives() {
    let folder = room();
    let service = Service::start(&folder);
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(request in "(GET|HEAD) /[ -~]{0,60} HTTP/1.[01]\r\n([A-Za-z-]{1,8}: [ -~]{0,20}\r\n){0,4}")| {
        let mut stream = TcpStream::connect(service.address()).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        stream.write_all(format!("{request}Connection: close\r\n\r\n").as_bytes()).unwrap();
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
    });
    assert_eq!(service.get("/").status, 200);
}
