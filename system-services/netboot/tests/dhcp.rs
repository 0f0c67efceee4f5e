//! Real dnsmasq, as the service runs it, asked by packets as firmware sends them: in network namespaces of their own,
//! which takes root. Without it the tests say so and do
//! nothing; where CI is set they fail.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, in their helpers too")]

mod common;

use std::fs::{self, File};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{setsockopt, sockopt};

use common::{BOUND, Folder, PROGRAM, Service, skipped, tool};

const DNSMASQ: &str = "/usr/sbin/dnsmasq";
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 9);
const DISCOVER: u8 = 1;
const REQUEST: u8 = 3;
const BIOS: &[u8] = b"PXEClient:Arch:00000:UNDI:002001";
const EFI: &[u8] = b"PXEClient:Arch:00007:UNDI:003016";
const EFI_HTTP: &[u8] = b"HTTPClient:Arch:00016:UNDI:003001";

/// Namespaces on one segment: `server`, `other`, `client`, each with a card `lan`.
struct Segment {
    name: String,
}

impl Segment {
    /// None where it cannot be made.
    fn new(name: &str) -> Option<Self> {
        let root = nix::unistd::geteuid().is_root();
        if root && tool(DNSMASQ).is_none() {
            panic!("there is no {DNSMASQ}: run buildroot/setup.sh, or install dnsmasq-base");
        }
        if !root {
            skipped("network namespaces need root: run it as root");
            return None;
        }
        let segment = Self { name: format!("{name}{}", std::process::id()) };
        let switch = segment.of("switch");
        ip(&format!("netns add {switch}"));
        ip(&format!("-n {switch} link add br0 type bridge forward_delay 0"));
        ip(&format!("-n {switch} link set br0 up"));
        for (who, address) in [("server", SERVER), ("other", OTHER), ("client", CLIENT)] {
            let namespace = segment.of(who);
            ip(&format!("netns add {namespace}"));
            ip(&format!("-n {namespace} link add lan type veth peer name {who} netns {switch}"));
            ip(&format!("-n {namespace} link set lo up"));
            ip(&format!("-n {namespace} address add {address}/24 dev lan"));
            ip(&format!("-n {namespace} link set lan up"));
            ip(&format!("-n {switch} link set {who} master br0 up"));
        }
        Some(segment)
    }

    fn of(&self, who: &str) -> String {
        format!("{}-{who}", self.name)
    }

    fn command(&self, who: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.of(who), program]);
        command
    }

    /// The service in its place.
    fn serve(&self, folder: &Folder, words: &[&str]) -> Service {
        let mut command = self.command("server", PROGRAM);
        command.args(["serve", "--interface", "lan", "--state"]).arg(folder.path()).args(words);
        let mut service = Service::spawn(command);
        service.wait_for("]: started, version");
        service.wait_for("TFTP root is");
        service
    }

    /// Does something in the client's place.
    fn as_client<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.inside("client", work)
    }

    /// Does something in a namespace.
    fn inside<T: Send>(&self, who: &str, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/run/netns/{}", self.of(who))).unwrap();
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
                work()
            });
            inside.join().unwrap()
        })
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        for who in ["client", "other", "server", "switch"] {
            let _ = Command::new("ip").args(["netns", "delete", &self.of(who)]).status();
        }
    }
}

fn ip(words: &str) {
    let done = Command::new("ip").args(words.split(' ')).status().unwrap();
    assert!(done.success(), "ip {words}");
}

/// A DHCP packet, taken apart.
#[derive(Debug)]
struct Packet {
    yours: Ipv4Addr,
    next: Ipv4Addr,
    from: Ipv4Addr,
    file: String,
    options: Vec<(u8, Vec<u8>)>,
}

impl Packet {
    fn read(bytes: &[u8], from: Ipv4Addr) -> Self {
        let address = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&bytes[at..at + 4]).unwrap());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
        let mut options = Vec::new();
        let mut rest = &bytes[240..];
        while let [number, length, more @ ..] = rest {
            if *number == 255 {
                break;
            }
            let (value, more) = more.split_at(usize::from(*length));
            options.push((*number, value.to_vec()));
            rest = more;
        }
        let file = text(&bytes[108..236]);
        let named = options.iter().find(|(number, _)| *number == 67).map(|(_, value)| text(value));
        let file = named.unwrap_or(file);
        Self { yours: address(16), next: address(20), from, file, options }
    }

    fn option(&self, wanted: u8) -> Option<&[u8]> {
        self.options.iter().find(|(number, _)| *number == wanted).map(|(_, value)| &value[..])
    }
}

/// What firmware sends: a DISCOVER, or to the port of PXE a REQUEST.
fn packet(kind: u8, class: &[u8], arch: u8, ipxe: bool, own: Ipv4Addr) -> Vec<u8> {
    static NUMBER: AtomicU32 = AtomicU32::new(0x0909_0909);
    let mut packet = vec![1, 1, 6, 0];
    packet.extend(NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    packet.extend([0, 0, 0x80, 0]);
    packet.extend(own.octets());
    packet.resize(28, 0);
    packet.extend([0x52, 0x54, 0, 9, 9, arch]);
    packet.resize(236, 0);
    packet.extend([99, 130, 83, 99, 53, 1, kind, 93, 2, 0, arch, 94, 3, 1, 2, 1, 55, 5, 1, 3, 43, 60, 67]);
    packet.extend([60, u8::try_from(class.len()).unwrap()]);
    packet.extend(class);
    packet.extend([97, 17, 0]);
    packet.extend([7; 16]);
    if ipxe {
        packet.extend([175, 3, 1, 1, 1]);
    }
    packet.push(255);
    packet.resize(400, 0);
    packet
}

/// Asks at the port of PXE, as firmware does that has an address by now. BIOS firmware is shown a menu, and takes what is
/// first in it.
fn choose(class: &[u8], arch: u8, ipxe: bool) -> Packet {
    let ours = |answer: &Packet| answer.from == SERVER;
    let first = ask(&packet(REQUEST, class, arch, ipxe, CLIENT), (SERVER, 4011), ours);
    if !first.file.is_empty() {
        return first;
    }
    let mut menu = first.option(43).unwrap();
    while let [number, length, rest @ ..] = menu {
        if *number == 9 {
            let mut again = packet(REQUEST, class, arch, ipxe, CLIENT);
            let end = again.iter().rposition(|byte| *byte == 255).unwrap();
            again.splice(end..end, [43, 7, 71, 4, rest[0], rest[1], 0, 0, 255]);
            return ask(&again, (SERVER, 4011), ours);
        }
        menu = &rest[usize::from(*length)..];
    }
    panic!("no menu: {first:?}");
}

/// Sends a packet until somebody answers in the wanted way. dnsmasq says that it has started a moment before it has.
fn ask(packet: &[u8], to: (Ipv4Addr, u16), wanted: impl Fn(&Packet) -> bool) -> Packet {
    let socket = UdpSocket::bind(("0.0.0.0", 68)).unwrap();
    setsockopt(&socket, sockopt::Broadcast, &true).unwrap();
    setsockopt(&socket, sockopt::BindToDevice, &"lan".into()).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let end = Instant::now() + BOUND;
    let mut others = Vec::new();
    while Instant::now() < end {
        socket.send_to(packet, to).unwrap();
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let std::net::IpAddr::V4(from) = from.ip() else { continue };
            if buffer[4..8] != packet[4..8] {
                continue;
            }
            let answer = Packet::read(&buffer[..length], from);
            if wanted(&answer) {
                return answer;
            }
            others.push(answer);
        }
    }
    panic!("no such answer, but these: {others:?}");
}

fn discover(class: &[u8], arch: u8, ipxe: bool, wanted: impl Fn(&Packet) -> bool) -> Packet {
    ask(&packet(DISCOVER, class, arch, ipxe, Ipv4Addr::UNSPECIFIED), (Ipv4Addr::BROADCAST, 67), wanted)
}

/// The first block of a file by TFTP.
fn tftp(file: &str) -> Vec<u8> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
    socket.set_read_timeout(Some(BOUND)).unwrap();
    socket.send_to(format!("\0\x01{file}\0octet\0").as_bytes(), (SERVER, 69)).unwrap();
    let mut buffer = [0; 600];
    let (length, _) = socket.recv_from(&mut buffer).unwrap();
    buffer[..length].to_vec()
}

/// Another DHCP server on the segment; it ends with its test, however that ends.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn other_server(segment: &Segment, words: &[&str]) -> Other {
    let mut command = segment.command("other", DNSMASQ);
    command.args(["--conf-file=/dev/null", "--no-daemon", "--port=0", "--interface=lan", "--bind-dynamic"]);
    command.args(["--dhcp-range=10.9.0.50,10.9.0.60,1h", "--dhcp-leasefile=/dev/null"]).args(words);
    Other(command.stderr(Stdio::null()).spawn().unwrap())
}

#[test]
fn beside_another_dhcp_server_it_only_says_where_to_boot_from() {
    let Some(segment) = Segment::new("p") else { return };
    let folder = Folder::new();
    let other = other_server(&segment, &[]);
    let service = segment.serve(&folder, &["--dhcp", "proxy", "--port", "8099"]);
    segment.as_client(|| {
        let offer = discover(BIOS, 0, false, |answer| answer.from == SERVER);
        assert!(offer.yours.is_unspecified(), "it gives no address: {offer:?}");
        assert_eq!(offer.option(60), Some(&b"PXEClient"[..]));
        let plain = discover(BIOS, 0, false, |answer| answer.from == OTHER);
        assert!(!plain.yours.is_unspecified());
        for (class, arch, ipxe, file) in [
            (BIOS, 0, false, "undionly.kpxe"),
            (EFI, 7, false, "snponly.efi"),
            (EFI, 9, false, "snponly.efi"),
            (BIOS, 0, true, "http://10.9.0.1:8099/boot.ipxe"),
            (EFI, 7, true, "http://10.9.0.1:8099/boot.ipxe"),
        ] {
            let answer = choose(class, arch, ipxe);
            assert_eq!(answer.file, file, "{arch} {ipxe}: {answer:?}");
            assert_eq!(answer.next, SERVER);
        }
        assert_eq!(tftp("undionly.kpxe")[4..], *b"a loader for BIOS");
        assert_eq!(tftp("../dnsmasq.conf")[1], 5, "an error: nothing else is there");
    });
    let said = service.end();
    drop(other);
    assert!(!said.contains("warning"), "a plain DHCP server is as it should be:\n{said}");
}

#[test]
fn as_the_only_dhcp_server_it_gives_addresses_and_boot_files() {
    let Some(segment) = Segment::new("s") else { return };
    let folder = Folder::new();
    // As under sudo: nobody's folder, in which root without its capabilities may write nothing.
    std::os::unix::fs::chown(folder.path(), Some(65534), Some(65534)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let service =
        segment.serve(&folder, &["--dhcp", "server", "--range", "10.9.0.100-10.9.0.110", "--port", "80"]);
    segment.as_client(|| {
        for (class, arch, ipxe, file) in [
            (BIOS, 0, false, "undionly.kpxe"),
            (EFI, 7, false, "snponly.efi"),
            (EFI, 9, false, "snponly.efi"),
            (EFI_HTTP, 16, false, "http://10.9.0.1/snponly.efi"),
            (BIOS, 0, true, "http://10.9.0.1/boot.ipxe"),
            (EFI, 7, true, "http://10.9.0.1/boot.ipxe"),
        ] {
            let offer = discover(class, arch, ipxe, |answer| answer.from == SERVER);
            assert_eq!(offer.file, file, "{arch} {ipxe}: {offer:?}");
            assert!((100..=110).contains(&offer.yours.octets()[3]), "{offer:?}");
            let is_http = class.starts_with(b"HTTP");
            assert_eq!(offer.option(60) == Some(b"HTTPClient"), is_http, "{offer:?}");
            assert_eq!(offer.option(3), None, "this machine forwards nothing");
        }
    });
    service.end();
    assert!(folder.path().join("leases").exists());
}

#[test]
fn another_netboot_server_is_noticed() {
    let Some(segment) = Segment::new("r") else { return };
    let folder = Folder::new();
    let other = other_server(&segment, &["--dhcp-boot=pxelinux.0"]);
    let mut service = segment.serve(&folder, &["--dhcp", "proxy"]);
    // The machine's own DHCP client renews its lease at any time; the server listens for five seconds, from the third on.
    segment.inside("server", || {
        let end = Instant::now() + Duration::from_secs(9);
        while Instant::now() < end {
            UdpSocket::bind((SERVER, 68)).unwrap();
            thread::sleep(Duration::from_millis(50));
        }
    });
    service.wait_for("warning: 10.9.0.2 tells machines where to boot from, as this server does");
    service.end();
    drop(other);
    let (_, list) = common::run(&folder, &["list"]);
    assert!(list.contains("warning: 10.9.0.2 tells machines where to boot from too"), "{list}");
}

#[test]
fn dnsmasq_that_dies_comes_back_and_ends_with_the_service() {
    let Some(segment) = Segment::new("d") else { return };
    let folder = Folder::new();
    let mut service = segment.serve(&folder, &["--dhcp", "proxy"]);
    let child = child_of(service.child.id()).unwrap();
    kill(child);
    service.wait_for("it is started again in 1 s");
    let end = Instant::now() + BOUND;
    let second = loop {
        match child_of(service.child.id()) {
            Some(second) if second != child => break second,
            _ => assert!(Instant::now() < end, "{}", service.said()),
        }
        thread::sleep(Duration::from_millis(50));
    };
    // Even where the service has no chance to end it.
    service.child.kill().unwrap();
    service.child.wait().unwrap();
    while std::path::Path::new(&format!("/proc/{second}")).exists() {
        assert!(Instant::now() < end, "dnsmasq outlives the service");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_keeps_dnsmasq_from_starting_is_explained() {
    let Some(segment) = Segment::new("x") else { return };
    let folder = Folder::new();
    let first = segment.inside("server", || UdpSocket::bind(("0.0.0.0", 69)).unwrap());
    let mut command = segment.command("server", PROGRAM);
    command.args(["serve", "--interface", "lan", "--dhcp", "proxy", "--state"]).arg(folder.path());
    let mut service = Service::spawn(command);
    service.wait_for("another DHCP or TFTP server runs on this machine");
    drop(first);
    // It is there as soon as it can be.
    service.wait_for("TFTP root is");
    service.end();
    let mut command = segment.command("server", PROGRAM);
    command.args(["serve", "--interface", "lan9", "--dhcp", "proxy", "--state"]).arg(folder.path());
    let mut service = Service::spawn(command);
    service.wait_for(
        "waiting for an address: lan9 has no IPv4 address yet (there is no such card: see `ip link`)",
    );
    service.end();
}

/// The process that a process started.
fn child_of(pid: u32) -> Option<u32> {
    let parent = format!("PPid:\t{pid}");
    std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
        let child = entry.file_name().to_str()?.parse().ok()?;
        status.lines().any(|line| line == parent).then_some(child)
    })
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
}
