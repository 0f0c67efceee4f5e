//! The interfaces that are there.

use std::fs;
use std::path::{Path, PathBuf};

use dockos_config::MacAddress;
use futures_util::StreamExt;
use rtnetlink::Handle;
use rtnetlink::packet_route::link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};

use dockos_control::error::{Context, Result};

/// ARPHRD_ETHER of linux/if_arp.h.
const ETHERNET: &str = "1";

/// An interface as the kernel has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) index: u32,
    pub(super) name: String,
    /// The name that the kernel gave it first.
    pub(super) born: String,
    pub(super) mac: Option<MacAddress>,
    /// The address that the card was made with.
    pub(super) own_mac: Option<MacAddress>,
    pub(super) mtu: u32,
    pub(super) up: bool,
    pub(super) carrier: bool,
    /// The bond or bridge that it is part of.
    pub(super) controller: Option<u32>,
    pub(super) kind: Kind,
    pub(super) driver: String,
}

/// What an interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A wired network card.
    Card,
    Bond,
    Bridge,
    Vlan,
    Other,
}

/// All interfaces, in the order of their names.
pub(super) async fn scan(handle: &Handle) -> Result<Vec<Seen>> {
    let mut links = handle.link().get().execute();
    let mut seen = Vec::new();
    while let Some(message) = links.next().await {
        seen.push(read(message.context(|| "list the interfaces".to_owned())?));
    }
    seen.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(seen)
}

fn read(message: LinkMessage) -> Seen {
    let flags = message.header.flags;
    let mut seen = Seen {
        index: message.header.index,
        name: String::new(),
        born: String::new(),
        mac: None,
        own_mac: None,
        mtu: 0,
        up: flags.contains(LinkFlags::Up),
        carrier: flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
        controller: None,
        kind: Kind::Other,
        driver: String::new(),
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => seen.name = name,
            LinkAttribute::Address(mac) => seen.mac = mac.try_into().ok().map(MacAddress),
            LinkAttribute::PermAddress(mac) => seen.own_mac = mac.try_into().ok().map(MacAddress),
            LinkAttribute::Mtu(mtu) => seen.mtu = mtu,
            LinkAttribute::Controller(index) => seen.controller = Some(index).filter(|index| *index != 0),
            LinkAttribute::LinkInfo(infos) => seen.kind = kind(&infos),
            _ => {}
        }
    }
    seen.own_mac = seen.own_mac.or(seen.mac);
    let sysfs = PathBuf::from("/sys/class/net").join(&seen.name);
    if seen.kind == Kind::Other && is_wired(&sysfs) {
        seen.kind = Kind::Card;
        let driver = fs::read_link(sysfs.join("device/driver")).unwrap_or_default();
        seen.driver = driver.file_name().unwrap_or_default().to_string_lossy().into_owned();
    }
    seen
}

fn kind(infos: &[LinkInfo]) -> Kind {
    let kind = infos.iter().find_map(|info| match info {
        LinkInfo::Kind(InfoKind::Bond) => Some(Kind::Bond),
        LinkInfo::Kind(InfoKind::Bridge) => Some(Kind::Bridge),
        LinkInfo::Kind(InfoKind::Vlan) => Some(Kind::Vlan),
        _ => None,
    });
    kind.unwrap_or(Kind::Other)
}

/// Real Ethernet cards: bridges, veths and tunnels have no device behind them, wireless ones have a `wireless` folder.
fn is_wired(sysfs: &Path) -> bool {
    let kind = fs::read_to_string(sysfs.join("type")).unwrap_or_default();
    kind.trim() == ETHERNET && sysfs.join("device").exists() && !sysfs.join("wireless").exists()
}
