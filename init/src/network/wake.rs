//! Wake-on-LAN: whether a card may switch the machine on. One ioctl of Linux's `linux/ethtool.h`.
#![expect(unsafe_code, reason = "ethtool's ioctl has no safe wrapper")]

use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use dockos_control::error::{Context, Fault, Result};

/// `ETHTOOL_SWOL`.
const SET_WAKE: u32 = 6;
/// `WAKE_MAGIC`: by a packet that holds the card's address sixteen times.
const MAGIC: u32 = 1 << 5;

/// `struct ethtool_wolinfo`.
#[repr(C)]
struct WakeInfo {
    command: u32,
    supported: u32,
    options: u32,
    password: [u8; 6],
}

/// `struct ifreq` with a pointer in its union.
#[repr(C)]
struct Request {
    name: [u8; 16],
    data: *mut WakeInfo,
    rest: [u8; 16],
}

nix::ioctl_readwrite_bad!(ethtool, 0x8946, Request);

/// Lets a magic packet to a card switch the machine on, or no longer.
pub(super) fn set(nic: &str, on: bool) -> Result<()> {
    let what = || format!("wake-on-LAN of {nic}");
    let mut info =
        WakeInfo { command: SET_WAKE, supported: 0, options: if on { MAGIC } else { 0 }, password: [0; 6] };
    let mut name = [0; 16];
    let bytes = nic.as_bytes();
    name.get_mut(..bytes.len())
        .filter(|_| bytes.len() < 16)
        .ok_or_else(|| Fault::new(what()))?
        .copy_from_slice(bytes);
    let socket =
        socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).context(what)?;
    let mut request = Request { name, data: &raw mut info, rest: [0; 16] };
    // SAFETY: the request is laid out as the kernel's and points to a wolinfo that outlives the call.
    match unsafe { ethtool(socket.as_raw_fd(), &raw mut request) } {
        Err(Errno::EINVAL | Errno::EOPNOTSUPP) => Err(Fault::new(format!("{}: the card has none", what()))),
        result => result.map(drop).context(what),
    }
}
