//! What the machine is to the other machines of its room, and how it is kept up to date.

use crate::decode::{choice, keys};
use crate::value::{
    AddressRange, HostAddr, InterfaceName, KeyValues, Mirror, Name, Port, Size, Times, Window,
};

keys! {
    /// The services that a center offers to its nodes: each runs if its key has a value, such as `registry: {}`.
    #[derive(Default)]
    pub struct Center {
        /// Keeps images for the nodes.
        @later
        pub registry: Option<CenterRegistry>,
        /// Boots machines of the room over the network.
        pub netboot: Option<CenterNetboot>,
        /// Keeps the tenants' volumes for the nodes.
        @later
        pub volumes: Option<CenterVolumes>,
        /// Shows the room in a browser.
        @later
        pub dashboard: Option<CenterDashboard>,
    }
}

keys! {
    /// The center's registry.
    #[derive(Default)]
    pub struct CenterRegistry {
        /// The port of the machine.
        @default("5000")
        pub port: Option<Port>,
    }
}

keys! {
    /// The center's netboot: boot files, and a config for each machine by `/var/lib/dockos/netboot/machines.yml`. All of
    /// it is readable by everybody on the network.
    #[derive(Default)]
    pub struct CenterNetboot {
        /// The card that the room's machines are reached by.
        @default("that of the default route")
        pub interface: Option<InterfaceName>,
        /// How machines learn of it.
        pub dhcp: NetbootDhcp,
        /// The addresses given to machines; needed with `dhcp: server`, and only there.
        pub range: Option<AddressRange>,
        /// The port of the machine for HTTP.
        @default("80")
        pub port: Option<Port>,
    }
}

choice! {
    /// What netboot does of DHCP.
    pub enum NetbootDhcp {
        /// It tells machines where to boot from; their addresses come from the DHCP server that is there.
        Proxy = "proxy" (default),
        /// It is the network's DHCP server: a second one is not allowed there.
        Server = "server",
        /// Nothing: the DHCP server that is there names the boot file.
        None = "none",
    }
}

keys! {
    /// The center's volumes.
    #[derive(Default)]
    pub struct CenterVolumes {
        /// The most that one tenant's volumes may hold together.
        @default("no limit")
        pub quota: Option<Size>,
    }
}

keys! {
    /// The center's dashboard and API.
    #[derive(Default)]
    pub struct CenterDashboard {
        /// The port of the machine.
        @default("443")
        pub port: Option<Port>,
    }
}

keys! {
    /// A node: a machine that runs desktops for a center. A machine may be its own center's node.
    pub struct NodeRole {
        /// The center, by name or address.
        pub center: HostAddr,
        /// Labels by which the center chooses machines for desktops.
        pub labels: KeyValues,
        /// The seat that the machine's own screen, keyboard and mouse are.
        pub seat: Option<Name>,
    }
}

keys! {
    /// How the machine gets a newer DockOS.
    #[derive(Default)]
    pub struct Upgrade {
        /// Where new versions are; none: the machine's center, or no upgrades.
        pub url: Option<Mirror>,
        /// Which of them are taken.
        pub channel: Channel,
        /// When the machine may restart to run a new version, by its own clock.
        @default("any time at which no desktop is in use")
        pub window: Option<Window>,
        /// How many versions are kept to go back to.
        @default("2")
        pub slots: Option<Times>,
    }
}

choice! {
    /// Which versions are taken.
    pub enum Channel {
        /// Those that are released.
        Stable = "stable" (default),
        /// Those that are about to be.
        Testing = "testing",
        /// None.
        None = "none",
    }
}
