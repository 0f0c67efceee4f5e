//! Whether another server on the network answers machines that want to boot: asked for at the start and every minute,
//! as such a machine would ask. Two of them are no error, but whose answer comes first is chance.
//!
//! The one packet that is sent and the few fields that are read are written out here: the libraries for DHCP that were
//! tried panic on answers that lie about their lengths, and anybody on the network can answer.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use dockos_config::NetbootDhcp;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, setsockopt, socket, sockopt};

use crate::address::{self, Place};
use crate::options::Options;
use crate::say;
use crate::serve::Service;

/// How long after the start, and how often after that.
const FIRST: Duration = Duration::from_secs(3);
const OFTEN: Duration = Duration::from_secs(60);
/// How long answers are waited for: DHCP servers first look whether an address is free.
const LISTEN: Duration = Duration::from_secs(5);
/// What firmware calls itself: BIOS, by the version of PXE that all have.
const CLASS: &[u8] = b"PXEClient:Arch:00000:UNDI:002001";
/// Where things stand in a packet.
const YOUR_ADDRESS: usize = 16;
const HARDWARE_ADDRESS: usize = 28;
const FILE: usize = 108;
const OPTIONS: usize = 240;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// The shortest packet that all servers take.
const LEAST: usize = 300;
/// Options and their values.
const MESSAGE_TYPE: u8 = 53;
const SERVER: u8 = 54;
const CLASS_IDENTIFIER: u8 = 60;
const BOOT_FILE: u8 = 67;
const END: u8 = 255;
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const CLIENT_PORT: u16 = 68;
const SERVER_PORT: u16 = 67;

/// Starts the thread that asks. What fails is said once.
pub(crate) fn start(options: Options, service: Arc<Service>) {
    let ask = move || {
        let mut said = false;
        thread::sleep(FIRST);
        loop {
            // Who has no address yet answers nobody either.
            let Ok(place) = address::find(options.interface.as_deref()) else {
                thread::sleep(FIRST);
                continue;
            };
            if let (Err(error), false) = (look(&place, options.dhcp, &service), said) {
                say!("other servers cannot be looked for: {error}");
                said = true;
            }
            thread::sleep(OFTEN);
        }
    };
    if let Err(error) = thread::Builder::new().name("probe".to_owned()).spawn(ask) {
        say!("other servers are not looked for: {error}");
    }
}

/// Asks once, and notes who answers.
fn look(place: &Place, dhcp: NetbootDhcp, service: &Service) -> io::Result<()> {
    let mac = mac_of(&place.interface)?;
    let xid = xid();
    let socket = open(&place.interface)?;
    socket.send_to(&question(mac, xid), (Ipv4Addr::BROADCAST, SERVER_PORT))?;
    let end = Instant::now() + LISTEN;
    let mut buffer = [0; 1500];
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        socket.set_read_timeout(Some(left))?;
        let (length, from) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                break;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let std::net::IpAddr::V4(from) = from.ip() else { continue };
        let offer = offer(&buffer[..length], xid, from);
        if let Some(offer) = offer.filter(|offer| offer.server != place.address && from != place.address)
            && let Some(what) = offer.rivals(dhcp)
        {
            service.note_rival(offer.server, what);
        }
    }
    Ok(())
}

/// What another server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offer {
    server: Ipv4Addr,
    /// It tells where to boot from.
    boots: bool,
    /// It gives an address.
    address: bool,
}

impl Offer {
    /// What it does that this server does too.
    fn rivals(self, dhcp: NetbootDhcp) -> Option<&'static str> {
        match (self.boots, self.address, dhcp) {
            (true, _, _) => Some("tells machines where to boot from"),
            (false, true, NetbootDhcp::Server) => Some("gives addresses to machines"),
            _ => None,
        }
    }
}

/// What a PC's firmware says when it looks for something to boot (RFC 2131, RFC 4578).
fn question(mac: [u8; 6], xid: u32) -> Vec<u8> {
    // A request over Ethernet, with six bytes of hardware address.
    let mut packet = vec![1, 1, 6, 0];
    packet.extend(xid.to_be_bytes());
    // Answers to all: no address of ours is meant.
    packet.extend([0, 0, 0x80, 0]);
    packet.resize(HARDWARE_ADDRESS, 0);
    packet.extend(mac);
    packet.resize(OPTIONS - COOKIE.len(), 0);
    packet.extend(COOKIE);
    let options: [(u8, &[u8]); 5] = [
        (MESSAGE_TYPE, &[DISCOVER]),
        // Net mask, vendor's options, class, boot server, boot file.
        (55, &[1, 43, CLASS_IDENTIFIER, 66, BOOT_FILE]),
        (CLASS_IDENTIFIER, CLASS),
        // A PC with a BIOS, and its interface for network cards.
        (93, &[0, 0]),
        (94, &[1, 2, 1]),
    ];
    for (number, value) in options {
        packet.extend([number, u8::try_from(value.len()).unwrap_or(0)]);
        packet.extend(value);
    }
    packet.push(END);
    packet.resize(LEAST, 0);
    packet
}

/// Reads an answer to the question, if it is one.
fn offer(packet: &[u8], xid: u32, from: Ipv4Addr) -> Option<Offer> {
    let is_reply = packet.first() == Some(&2) && packet.get(4..8)? == xid.to_be_bytes();
    if !is_reply || packet.get(OPTIONS - COOKIE.len()..OPTIONS)? != COOKIE {
        return None;
    }
    let options = options(packet.get(OPTIONS..)?);
    let get = |wanted: u8| options.iter().find(|(number, _)| *number == wanted).map(|(_, value)| *value);
    if get(MESSAGE_TYPE) != Some(&[OFFER]) {
        return None;
    }
    let server = get(SERVER).and_then(|value| <[u8; 4]>::try_from(value).ok()).map_or(from, Ipv4Addr::from);
    let class = get(CLASS_IDENTIFIER).is_some_and(|class| class.starts_with(b"PXEClient"));
    let file = packet.get(FILE).is_some_and(|name| *name != 0) || get(BOOT_FILE).is_some();
    let address = packet.get(YOUR_ADDRESS..YOUR_ADDRESS + 4).is_some_and(|address| address != [0; 4]);
    Some(Offer { server, boots: class || file, address })
}

/// The options of a packet, up to the first that does not fit in it.
fn options(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    loop {
        bytes = match bytes {
            [0, rest @ ..] => rest,
            [END, ..] | [] | [_] => return found,
            [number, length, rest @ ..] => {
                let Some((value, rest)) = rest.split_at_checked(usize::from(*length)) else { return found };
                found.push((*number, value));
                rest
            }
        };
    }
}

/// A socket that hears broadcasts of one interface. It is bound to the broadcast address, and so takes nothing that is for
/// this machine: its own DHCP client can bind the port meanwhile, on any address of the machine.
fn open(interface: &str) -> io::Result<UdpSocket> {
    let fd: OwnedFd = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    setsockopt(&fd, sockopt::Broadcast, &true)?;
    setsockopt(&fd, sockopt::BindToDevice, &interface.into())?;
    bind(fd.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT)))?;
    Ok(UdpSocket::from(fd))
}

fn mac_of(interface: &str) -> io::Result<[u8; 6]> {
    let path = format!("/sys/class/net/{interface}/address");
    let text = std::fs::read_to_string(&path)?;
    let mut bytes = text.trim().split(':').map(|byte| u8::from_str_radix(byte, 16));
    let mut mac = [0; 6];
    for byte in &mut mac {
        *byte = bytes
            .next()
            .and_then(Result::ok)
            .ok_or_else(|| io::Error::other(format!("{path}: not a card's address")))?;
    }
    Ok(mac)
}

/// A number that no other client uses now.
fn xid() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    // Keyed with random bytes of the system.
    let number = std::collections::hash_map::RandomState::new().build_hasher().finish();
    number as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ME: [u8; 6] = [0x52, 0x54, 0, 1, 2, 3];

    /// An answer with these options besides its type and server.
    fn answer(kind: u8, more: &[(u8, &[u8])], change: impl Fn(&mut Vec<u8>)) -> Option<Offer> {
        let mut packet = question(ME, 7)[..OPTIONS].to_vec();
        packet[0] = 2;
        let first: [(u8, &[u8]); 2] = [(MESSAGE_TYPE, &[kind]), (SERVER, &[10, 0, 0, 2])];
        for (number, value) in first.iter().chain(more) {
            packet.extend([0, *number, u8::try_from(value.len()).unwrap()]);
            packet.extend(*value);
        }
        packet.push(END);
        change(&mut packet);
        offer(&packet, 7, Ipv4Addr::new(10, 0, 0, 3))
    }

    #[test]
    fn who_answers_machines_is_told_from_who_does_not() {
        let plain = answer(OFFER, &[], |packet| packet[YOUR_ADDRESS] = 10).unwrap();
        assert_eq!(plain, Offer { server: Ipv4Addr::new(10, 0, 0, 2), boots: false, address: true });
        assert_eq!(plain.rivals(NetbootDhcp::Proxy), None);
        assert_eq!(plain.rivals(NetbootDhcp::Server), Some("gives addresses to machines"));
        let proxy = answer(OFFER, &[(CLASS_IDENTIFIER, b"PXEClient")], |_| {}).unwrap();
        assert!(proxy.rivals(NetbootDhcp::Proxy).is_some());
        let named = answer(OFFER, &[], |packet| packet[FILE] = b'p').unwrap();
        assert!(named.rivals(NetbootDhcp::Proxy).is_some());
        assert_eq!(answer(5, &[], |_| {}), None, "an acknowledgement is no offer");
        assert_eq!(answer(OFFER, &[], |packet| packet[7] = 8), None, "it answers somebody else");
    }

    #[test]
    fn the_question_is_that_of_firmware() {
        let bytes = question(ME, 7);
        assert!(bytes.windows(CLASS.len()).any(|part| part == CLASS));
        assert_eq!(bytes[10] & 0x80, 0x80, "answers are broadcast");
        assert_eq!(options(&bytes[OPTIONS..]).len(), 5);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..600), whole: bool) {
            if whole && bytes.len() > 243 {
                bytes[..8].copy_from_slice(&[2, 1, 6, 0, 0, 0, 0, 7]);
                bytes[236..243].copy_from_slice(&[99, 130, 83, 99, 53, 1, 2]);
            }
            let _ = offer(&bytes, 7, Ipv4Addr::UNSPECIFIED);
        }
    }
}
