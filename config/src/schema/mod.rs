//! The keys of the cloud-config and their types: one struct for each mapping of the file.

mod desktop;
mod file;
mod machine;
mod service;

pub use desktop::Desktop;
pub use file::WriteFile;
pub use machine::{Config, CreateState, Docker, Dockos, LogLevel, State, SystemDocker};
pub use service::{CgroupMode, NetworkMode, PidMode, Restart, Service};
