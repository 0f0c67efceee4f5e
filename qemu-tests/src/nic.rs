//! Network cards, and what their cables lead to.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU16, Ordering},
};

use anyhow::Result;

use crate::{Firmware, Forward, Segment, boot::escaped};

/// The model that DockOS and every firmware know.
const VIRTIO: &str = "virtio-net-pci";

/// A network card.
#[derive(Debug, Clone)]
pub struct Nic {
    network: Network,
    model: String,
    mac: Option<String>,
}

#[derive(Debug, Clone)]
enum Network {
    User { tftp: Option<PathBuf>, boot_file: Option<String> },
    Segment(Segment),
}

impl Nic {
    /// A card on a network of its own, which QEMU plays: DHCP, names, a way out, the host as 10.0.2.2.
    pub fn user() -> Self {
        Self::new(Network::User { tftp: None, boot_file: None }, None)
    }

    /// A card on a segment, with an address that no other card in this process has.
    pub fn on(segment: &Segment) -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(1);
        let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Self::new(Network::Segment(segment.clone()), Some(format!("52:54:00:d0:{high:02x}:{low:02x}")))
    }

    fn new(network: Network, mac: Option<String>) -> Self {
        Self { network, model: VIRTIO.to_owned(), mac }
    }

    /// Another model than virtio: `e1000`, `e1000e`, `rtl8139`.
    #[must_use]
    pub fn model(mut self, model: &str) -> Self {
        model.clone_into(&mut self.model);
        self
    }

    /// A MAC address, written with colons.
    #[must_use]
    pub fn mac(mut self, mac: &str) -> Self {
        self.mac = Some(mac.to_owned());
        self
    }

    /// The MAC address, where one was chosen.
    pub fn mac_address(&self) -> Option<&str> {
        self.mac.as_deref()
    }

    /// Makes QEMU's network serve a folder by TFTP and name the boot file in it; no meaning on a segment.
    #[must_use]
    pub fn tftp(mut self, folder: &Path, file: &str) -> Self {
        if let Network::User { tftp, .. } = &mut self.network {
            *tftp = Some(folder.to_owned());
        }
        self.boot_file(file)
    }

    /// What the DHCP server of QEMU's network gives as boot file; no meaning on a segment.
    #[must_use]
    pub fn boot_file(mut self, name: &str) -> Self {
        if let Network::User { boot_file, .. } = &mut self.network {
            *boot_file = Some(name.to_owned());
        }
        self
    }

    pub(crate) fn is_on_user_network(&self) -> bool {
        matches!(self.network, Network::User { .. })
    }

    /// Adds the card: the `number`th of `machine`, first to be booted from if `first`.
    pub(crate) fn add(&self, qemu: &mut Command, card: &Card<'_>) -> Result<()> {
        let suffix = if card.number == 0 { String::new() } else { card.number.to_string() };
        qemu.args(["-netdev", &format!("{},id=net{suffix}", self.netdev(card)?)]);
        let mut device = format!("{},netdev=net{suffix},id=nic{suffix}", self.model);
        if let Some(mac) = &self.mac {
            device += &format!(",mac={mac}");
        }
        if card.boots {
            device += ",bootindex=0";
        }
        if card.firmware == Firmware::Uefi && self.model == VIRTIO {
            // The firmware's own driver and PXE, not those of QEMU's ROM, which is iPXE.
            device += ",romfile=";
        }
        qemu.args(["-device", &device]);
        Ok(())
    }

    fn netdev(&self, card: &Card<'_>) -> Result<String> {
        let (tftp, boot_file) = match &self.network {
            Network::User { tftp, boot_file } => (tftp, boot_file),
            Network::Segment(segment) => {
                let socket = segment.port(card.machine)?;
                return Ok(format!("stream,server=off,addr.type=unix,addr.path={}", escaped(&socket)));
            }
        };
        let mut netdev = "user".to_owned();
        for Forward { host, guest } in card.forwards {
            netdev += &format!(",hostfwd=tcp:127.0.0.1:{host}-:{guest}");
        }
        if let Some(folder) = tftp {
            netdev += &format!(",tftp={}", escaped(folder));
        }
        if let Some(name) = boot_file {
            netdev += &format!(",bootfile={}", name.replace(',', ",,"));
        }
        Ok(netdev)
    }
}

/// What a card has to know about the machine that it is in.
pub(crate) struct Card<'a> {
    pub(crate) machine: &'a str,
    pub(crate) number: usize,
    pub(crate) firmware: Firmware,
    /// The machine boots from this card.
    pub(crate) boots: bool,
    /// Ports that this card's network forwards.
    pub(crate) forwards: &'a [Forward],
}
