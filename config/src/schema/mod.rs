//! The keys of the cloud-config and their types: one struct for each mapping of the file.

mod desktop;
mod file;
mod machine;
mod network;
mod service;

pub use desktop::Desktop;
pub use file::WriteFile;
pub use machine::{Config, CreateState, Docker, Dockos, LogLevel, State, SystemDocker};
pub use network::{
    AddressGeneration, Bond, BondMode, BondParameters, Bridge, BridgeParameters, DhcpIdentifier,
    DhcpOverrides, Ethernet, Link, LinkLocal, Match, Nameservers, Network, OptionalAddress, Route, RouteKind,
    RouteScope, UseDomains, Vlan,
};
pub use service::{CgroupMode, NetworkMode, PidMode, Restart, Service};
