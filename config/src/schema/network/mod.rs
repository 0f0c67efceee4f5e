//! The machine's network, in the words of cloud-init's version 2 and of netplan.

mod bond;
mod bridge;
mod link;
mod route;

use crate::decode::{Decode, Problems, keys};
use crate::map::Map;
use crate::shape::Shape;
use crate::value::{Glob, Globs, InterfaceId, InterfaceName, MacAddress, Version, VlanId};
use crate::yaml::{Kind, Node};

pub use bond::{Bond, BondMode, BondParameters};
pub use bridge::{Bridge, BridgeParameters};
pub use link::{
    AddressGeneration, DhcpIdentifier, DhcpOverrides, Link, LinkLocal, Nameservers, OptionalAddress,
    UseDomains,
};
pub use route::{Route, RouteKind, RouteScope};

/// The machine's network, in the words of cloud-init's version 2 and of netplan. With no interface in it every wired card
/// that has a cable gets its address by DHCP; with any, cards that no entry of `ethernets` matches stay down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// Network cards, by name or by what `match` says.
    pub ethernets: Map<InterfaceId, Ethernet>,
    /// Several interfaces used as one.
    pub bonds: Map<InterfaceName, Bond>,
    /// Interfaces joined as by a switch.
    pub bridges: Map<InterfaceName, Bridge>,
    /// Numbered networks on the wire of another interface.
    pub vlans: Map<InterfaceName, Vlan>,
}

keys! {
    /// The machine's network, in the words of cloud-init's version 2 and of netplan. With no interface in it every wired card
    /// that has a cable gets its address by DHCP; with any, cards that no entry of `ethernets` matches stay down.
    #[derive(Default)]
    struct NetworkKeys {
        /// The version of this format.
        @default("2")
        pub version: Option<Version>,
        /// Network cards, by name or by what `match` says.
        pub ethernets: Map<InterfaceId, Ethernet>,
        /// Several interfaces used as one.
        pub bonds: Map<InterfaceName, Bond>,
        /// Interfaces joined as by a switch.
        pub bridges: Map<InterfaceName, Bridge>,
        /// Numbered networks on the wire of another interface.
        pub vlans: Map<InterfaceName, Vlan>,
    }
}

keys! {
    /// Network cards.
    #[derive(Default)]
    pub struct Ethernet {
        /// Which cards are meant; all that is said must hold. Without it the card that has the entry's name.
        pub matching = "match": Option<Match>,
        /// The name that the matched card gets.
        pub set_name = "set-name": Option<InterfaceName>,
        /// Let a packet of the card's maker switch the machine on.
        pub wakeonlan: bool,
        .. pub link: Link,
    }
}

keys! {
    /// Which cards are meant.
    #[derive(Default)]
    pub struct Match {
        /// The kernel's name for it.
        pub name: Option<Glob>,
        /// The address that the card was made with.
        pub macaddress: Option<MacAddress>,
        /// The kernel's name for its driver.
        pub driver: Option<Globs>,
    }
}

keys! {
    /// A numbered network on the wire of another interface.
    pub struct Vlan {
        /// Its number.
        pub id: VlanId,
        /// The interface whose wire it is on.
        pub base = "link": InterfaceId,
        .. pub link: Link,
    }
}

/// Keys that others know and DockOS does not take: the key, why, and what to do.
const REFUSED: &[(&str, &str, &str)] = &[
    ("wifis", "wireless networks are not supported", WIRED),
    ("modems", "mobile networks are not supported", WIRED),
    ("tunnels", "tunnels are not supported", "run them in a service of the machine"),
    ("vrfs", "routing domains are not supported", "give routes a `table` of their own"),
    ("nm-devices", "NetworkManager's own settings cannot be used", WIRED),
    ("dummy-devices", "interfaces without a wire are not supported", "give an address to one with a wire"),
    (
        "virtual-ethernets",
        "pairs of virtual interfaces are not supported",
        "Docker makes those of containers",
    ),
    ("openvswitch", "Open vSwitch is not supported", "use `bridges`"),
];
const WIRED: &str = "use `ethernets`, `bonds`, `bridges` or `vlans`";

/// The mapping without the keys that are refused, each noted, and without `renderer`: there is one only.
fn without_refused(node: &Node, problems: &mut Problems) -> Node {
    let mut kept = node.clone();
    let Kind::Mapping(entries) = &mut kept.kind else { return kept };
    entries.retain(|entry| {
        if entry.key == "renderer" {
            problems.warn(
                entry.mark,
                "`renderer` is ignored",
                "remove it: DockOS sets up the network itself",
            );
            return false;
        }
        let refused = REFUSED.iter().find(|(key, ..)| *key == entry.key);
        if let Some((_, why, hint)) = refused {
            problems.add(entry.mark, *why, *hint);
        }
        refused.is_none()
    });
    kept
}

impl Network {
    /// Whether nothing is said of any interface.
    pub fn is_empty(&self) -> bool {
        self.ethernets.is_empty() && self.bonds.is_empty() && self.bridges.is_empty() && self.vlans.is_empty()
    }

    /// What all kinds of interfaces have in common, by the entry's kind and name.
    pub fn links(&self) -> impl Iterator<Item = (&'static str, &str, &Link)> {
        let ethernets = self.ethernets.iter().map(|(id, e)| ("ethernets", id.as_str(), &e.link));
        let bonds = self.bonds.iter().map(|(name, b)| ("bonds", name.as_str(), &b.link));
        let bridges = self.bridges.iter().map(|(name, b)| ("bridges", name.as_str(), &b.link));
        let vlans = self.vlans.iter().map(|(name, v)| ("vlans", name.as_str(), &v.link));
        ethernets.chain(bonds).chain(bridges).chain(vlans)
    }

    /// What the interface of an entry is made of: a bond's and a bridge's members, a VLAN's link.
    pub fn below(&self, id: &str) -> Vec<&InterfaceId> {
        let named = |name: &InterfaceName| name.as_str() == id;
        let members =
            self.bonds.iter().filter(|(name, _)| named(name)).flat_map(|(_, bond)| &bond.interfaces);
        let ports = self.bridges.iter().filter(|(name, _)| named(name)).flat_map(|(_, b)| &b.interfaces);
        let base = self.vlans.iter().filter(|(name, _)| named(name)).map(|(_, vlan)| &vlan.base);
        members.chain(ports).chain(base).collect()
    }
}

impl Decode for Network {
    const SHAPE: &'static Shape = NetworkKeys::SHAPE;
    const REQUIRED: bool = false;

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let keys = NetworkKeys::decode(&without_refused(node, problems), problems)?;
        let NetworkKeys { version: _, ethernets, bonds, bridges, vlans } = keys;
        Some(Self { ethernets, bonds, bridges, vlans })
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}
