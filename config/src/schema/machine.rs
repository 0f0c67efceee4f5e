//! The machine itself: the top level of the file and what `dockos:` holds.

use std::collections::BTreeMap;

use super::{Desktop, Network, Service, WriteFile};
use crate::decode::{choice, keys};
use crate::value::{AbsPath, AuthorizedKey, Command, Hostname, Mirror, Name, RegistryHost, Size};

keys! {
    /// A whole cloud-config. Its default is what an empty file means.
    #[derive(Default)]
    pub struct Config {
        /// The machine's name.
        pub hostname: Option<Hostname>,
        /// Public keys that may log in as root by ssh; none: no ssh service.
        @add
        pub ssh_authorized_keys: Vec<AuthorizedKey>,
        /// Files to write before anything is started.
        @by("path")
        pub write_files: Vec<WriteFile>,
        /// Commands run before the network is up, in this order.
        @add
        pub bootcmd: Vec<Command>,
        /// Commands run once both Dockers answer, in this order.
        @add
        pub runcmd: Vec<Command>,
        /// The machine's network; none: DHCP on every wired card.
        @before_fetch
        pub network: Network,
        /// All that is DockOS's own.
        pub dockos: Dockos,
    }
}

keys! {
    /// The keys under `dockos:`.
    #[derive(Default)]
    pub struct Dockos {
        /// The state disk.
        @before_state
        pub state: State,
        /// The Docker of the machine's own services.
        pub system_docker: SystemDocker,
        /// The Docker of the tenants' desktops.
        pub docker: Docker,
        /// System services by name.
        pub services: BTreeMap<Name, Service>,
        /// Desktops, started in this order.
        @by("name")
        pub desktops: Vec<Desktop>,
    }
}

keys! {
    /// Where the machine keeps what outlives a boot.
    #[derive(Default)]
    pub struct State {
        /// Consent to make a state disk.
        pub create: CreateState,
        /// The only disk that may become the state disk.
        pub device: Option<AbsPath>,
        /// Keep everything in memory and leave disks alone.
        pub ram: bool,
    }
}

choice! {
    /// What PID 1 may do when it finds no state disk.
    pub enum CreateState {
        /// Nothing is formatted.
        Never = "never" (default),
        /// A disk that is all zero may be used.
        EmptyDisk = "empty-disk",
    }
}

keys! {
    /// The Docker of the machine's own services.
    #[derive(Default)]
    pub struct SystemDocker {
        /// How much the engine logs.
        pub log_level: LogLevel,
    }
}

keys! {
    /// The Docker of the tenants' desktops.
    #[derive(Default)]
    pub struct Docker {
        /// How much the engine logs.
        pub log_level: LogLevel,
        /// Mirrors asked before Docker Hub.
        pub registry_mirrors: Vec<Mirror>,
        /// Registries spoken to without TLS.
        pub insecure_registries: Vec<RegistryHost>,
        /// Memory of the whole user side: the engine and every desktop.
        pub memory: Option<Size>,
    }
}

choice! {
    /// How much an engine logs.
    pub enum LogLevel {
        /// All there is.
        Debug = "debug",
        /// What it does.
        Info = "info" (default),
        /// What looks wrong.
        Warn = "warn",
        /// What failed.
        Error = "error",
        /// Only what ends the engine.
        Fatal = "fatal",
    }
}
