//! The kernel's announcements of devices (NETLINK_KOBJECT_UEVENT): PID 1 waits for the device it needs, never "settles".

use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};
use tokio::io::unix::AsyncFd;

use crate::watch;
use dockos_control::error::{Context, Result};

/// The multicast group of the kernel's own events (group 2 would be udev's).
const KERNEL_GROUP: u32 = 1;
/// The kernel's UEVENT_BUFFER_SIZE is 2048; a message also has its header line.
const MESSAGE_MAX: usize = 8192;

/// One announcement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Uevent {
    /// `add`, `remove`, `change`, …
    pub(crate) action: String,
    /// `block`, `net`, `input`, …
    pub(crate) subsystem: String,
    /// Name below /dev, where it has one.
    pub(crate) device: String,
}

impl Uevent {
    /// Reads a message: `ACTION@PATH`, then `KEY=VALUE`, each ended by NUL. None for what is no kernel event.
    pub(crate) fn parse(message: &[u8]) -> Option<Self> {
        let mut fields = message.split(|&byte| byte == 0);
        if !fields.next()?.contains(&b'@') {
            return None;
        }
        let mut event = Self::default();
        for field in fields.filter_map(|field| std::str::from_utf8(field).ok()) {
            match field.split_once('=') {
                Some(("ACTION", value)) => event.action = value.to_owned(),
                Some(("SUBSYSTEM", value)) => event.subsystem = value.to_owned(),
                Some(("DEVNAME", value)) => event.device = value.to_owned(),
                _ => {}
            }
        }
        (!event.action.is_empty()).then_some(event)
    }
}

/// An open subscription. Subscribe first and look at sysfs then: nothing falls between.
pub(crate) struct Listener(AsyncFd<OwnedFd>);

impl Listener {
    /// Subscribes.
    pub(crate) fn open() -> Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let protocol = SockProtocol::NetlinkKObjectUEvent;
        let fd = socket(AddressFamily::Netlink, SockType::Datagram, flags, protocol);
        let fd = fd.context(|| "open the uevent socket".to_owned())?;
        let address = NetlinkAddr::new(0, KERNEL_GROUP);
        bind(fd.as_raw_fd(), &address).context(|| "subscribe to uevents".to_owned())?;
        Ok(Self(watch::readable(fd)?))
    }

    /// The next event. `None` when some were lost (the buffer ran over): the caller looks at sysfs again.
    pub(crate) async fn next(&self) -> Option<Uevent> {
        loop {
            let Ok(mut ready) = self.0.readable().await else { return None };
            let mut buffer = vec![0; MESSAGE_MAX];
            let fd = self.0.get_ref().as_raw_fd();
            match ready.try_io(|_| recv(fd, &mut buffer, MsgFlags::empty()).map_err(Into::into)) {
                Ok(Ok(length)) => {
                    if let Some(event) = buffer.get(..length).and_then(Uevent::parse) {
                        return Some(event);
                    }
                }
                Ok(Err(_)) => return None,
                Err(_would_block) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_kernel_message_and_nothing_else() {
        let message = b"add@/devices/pci/vda\0ACTION=add\0SUBSYSTEM=block\0DEVNAME=vda\0SEQNUM=7\0";
        let event = Uevent::parse(message).unwrap();
        assert_eq!((&*event.action, &*event.subsystem, &*event.device), ("add", "block", "vda"));
        assert_eq!(Uevent::parse(b"libudev\0\xfe\xed\xca\xfe"), None);
        assert_eq!(Uevent::parse(b""), None);
    }

    proptest::proptest! {
        #[test]
        fn any_message_is_read_without_harm(message: Vec<u8>) {
            let _ = Uevent::parse(&message);
        }
    }
}
