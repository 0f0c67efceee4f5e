//! The keys of the cloud-config and their types: one struct for each mapping of the file.

mod desktop;
#[cfg(test)]
mod everything;
mod file;
mod machine;
mod mount;
mod refused;
mod service;
mod system;
mod user;

pub use desktop::Desktop;
pub use file::WriteFile;
pub use machine::{Config, CreateState, Docker, Dockos, LogLevel, State, SystemDocker};
pub use mount::{Mount, MountDefaults, MountFields, Swap};
pub use service::{CgroupMode, NetworkMode, PidMode, Restart, Service};
pub use system::{
    CaCerts, Condition, GrowMode, Growpart, ManageEtcHosts, Ntp, PowerMode, PowerState, ResizeRootfs,
};
pub use user::{Group, User, UserItem};
