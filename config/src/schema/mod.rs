//! The keys of the cloud-config and their types: one struct for each mapping of the file.

mod desktop;
mod engine;
#[cfg(test)]
mod everything;
mod file;
mod health;
mod kernel;
mod limits;
mod machine;
mod mount;
mod network;
mod refused;
mod room;
mod service;
mod system;
mod user;

pub use desktop::{Course, Desktop, DesktopStart, InputMethod, Web, WebRole, WebUser};
pub use engine::{AddressPool, Docker, DockerTls, LogLevel, LogOpts, RegistryAuth, SystemDocker};
pub use file::WriteFile;
pub use health::{Dependency, DependsCondition, DependsOn, HealthTest, Healthcheck};
pub use kernel::{Console, Module, ModuleItem, Proxies, Watchdog};
pub use limits::{ExtraHosts, IpcMode, LogDriver, Logging, Ulimit, UlimitName, Ulimits, UtsMode};
pub use machine::{Config, CreateState, Dockos, State};
pub use mount::{Mount, MountDefaults, MountFields, Swap};
pub use network::{
    AddressGeneration, Bond, BondMode, BondParameters, Bridge, BridgeParameters, DhcpIdentifier,
    DhcpOverrides, Ethernet, Link, LinkLocal, Match, Nameservers, Network, OptionalAddress, Route, RouteKind,
    RouteScope, UseDomains, Vlan,
};
pub use room::{
    Center, CenterDashboard, CenterNetboot, CenterRegistry, CenterVolumes, Channel, NetbootDhcp, NodeRole,
    Upgrade,
};
pub use service::{CgroupMode, NetworkMode, PidMode, Restart, Service};
pub use system::{
    CaCerts, Condition, GrowMode, Growpart, ManageEtcHosts, Ntp, PowerMode, PowerState, ResizeRootfs,
};
pub use user::{Group, User, UserItem};
