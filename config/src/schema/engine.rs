//! The two Docker engines, and the registries they log in to.

use crate::decode::{choice, keys};
use crate::value::{
    BasicAuth, Certificates, KeyValues, Line, Mirror, Port, PrefixLength, PrivateKey, RegistryHost, Secret,
    Size, Subnet, Times,
};

use super::Ulimits;

keys! {
    /// The Docker of the machine's own services.
    #[derive(Default)]
    pub struct SystemDocker {
        /// How much the engine logs.
        pub log_level: LogLevel,
        /// Mirrors asked before Docker Hub.
        pub registry_mirrors: Vec<Mirror>,
        /// Registries spoken to without TLS.
        pub insecure_registries: Vec<RegistryHost>,
        /// How much of each service's output is kept.
        pub log_opts: LogOpts,
        /// Labels of the engine.
        pub labels: KeyValues,
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
        /// How much of each desktop's output is kept.
        pub log_opts: LogOpts,
        /// Networks that the engine's own networks are cut from.
        @default("172.16.0.0/12, in networks of 26 bits, 62 addresses each")
        pub address_pools: Vec<AddressPool>,
        /// Labels of the engine, by which a room's desktops find their machines.
        pub labels: KeyValues,
        /// Limits of every container that has none of its own.
        @default("{core: 0, nofile: 16384}")
        pub default_ulimits: Ulimits,
        /// Let others on the network use this engine, with certificates; without it only the machine itself does.
        @later
        pub tls: Option<DockerTls>,
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

keys! {
    /// How much of each container's output is kept, in the words of Docker's daemon.json.
    #[derive(Default)]
    pub struct LogOpts {
        /// The size of a file at which the next one begins.
        @default("1M")
        pub max_size = "max-size": Option<Size>,
        /// How many files there are.
        @default("2")
        pub max_file = "max-file": Option<Times>,
    }
}

keys! {
    /// A network that smaller ones are cut from.
    pub struct AddressPool {
        /// The whole network.
        pub base: Subnet,
        /// The bits of each network that is cut from it.
        pub size: PrefixLength,
    }
}

keys! {
    /// How others on the network prove that they may use an engine. All three are the text of .pem files.
    pub struct DockerTls {
        /// The authority that signed what others show.
        pub ca: Certificates,
        /// What the engine shows.
        pub cert: Certificates,
        /// The private key to `cert`.
        @secret
        pub key: PrivateKey,
        /// Refuse those who show no certificate of `ca`.
        @default("true")
        pub verify: Option<bool>,
        /// The port of the machine.
        @default("2376")
        pub port: Option<Port>,
    }
}

keys! {
    /// How both engines log in to a registry: `username` and `password`, or `auth`, or `identity_token`.
    pub struct RegistryAuth {
        /// The user.
        pub username: Option<Line>,
        /// The user's password, or a token made for it.
        @secret
        pub password: Option<Secret>,
        /// Both of them, as in Docker's config.json.
        @secret
        pub auth: Option<BasicAuth>,
        /// A token in place of both.
        @secret
        pub identity_token: Option<Secret>,
    }
}
