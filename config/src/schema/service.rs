//! A system service, in the words of the Compose Specification.

use crate::decode::{choice, keys};
use crate::value::{
    AbsPath, Argv, Capability, Cpus, Device, ImageRef, Interval, KeyValues, Name, OomScore, PidsLimit,
    ServiceVolume, Size, Tmpfs,
};

keys! {
    /// One container of the system Docker.
    #[derive(Default)]
    pub struct Service {
        /// The image it runs; none: `dockos/skeleton`.
        pub image: Option<ImageRef>,
        /// What it runs in place of the image's command.
        pub command: Option<Argv>,
        /// What it runs in place of the image's entrypoint.
        pub entrypoint: Option<Argv>,
        /// Environment variables.
        pub environment: KeyValues,
        /// Labels of the container.
        pub labels: KeyValues,
        /// Folders of the machine, and volumes, that it sees.
        pub volumes: Vec<ServiceVolume>,
        /// Folders of its own in memory.
        pub tmpfs: Vec<Tmpfs>,
        /// Devices of the machine that it may use.
        pub devices: Vec<Device>,
        /// Its network.
        pub network_mode: NetworkMode,
        /// Its process namespace.
        pub pid: PidMode,
        /// Its cgroup namespace.
        pub cgroup: CgroupMode,
        /// All capabilities and all devices.
        pub privileged: bool,
        /// Capabilities it gets.
        pub cap_add: Vec<Capability>,
        /// Capabilities it loses.
        pub cap_drop: Vec<Capability>,
        /// The user it runs as.
        pub user: Option<String>,
        /// The folder it starts in.
        pub working_dir: Option<AbsPath>,
        /// Whether its root filesystem is read-only.
        pub read_only: bool,
        /// When it is started again after it ended.
        pub restart: Restart,
        /// Services that are started before it.
        pub depends_on: Vec<Name>,
        /// How long it may take to stop before it is killed.
        pub stop_grace_period: Option<Interval>,
        /// How much memory it may use.
        pub mem_limit: Option<Size>,
        /// How many CPUs it may use.
        pub cpus: Option<Cpus>,
        /// How many processes it may have.
        pub pids_limit: Option<PidsLimit>,
        /// How early the kernel kills it when memory is short: -1000 never, 1000 first.
        pub oom_score_adj: Option<OomScore>,
    }
}

choice! {
    /// A service's network.
    pub enum NetworkMode {
        /// Only its own loopback.
        None = "none" (default),
        /// The machine's own.
        Host = "host",
    }
}

choice! {
    /// A service's process namespace.
    pub enum PidMode {
        /// It sees its own processes.
        Private = "private" (default),
        /// It sees all the machine's processes.
        Host = "host",
    }
}

choice! {
    /// A service's cgroup namespace.
    pub enum CgroupMode {
        /// It sees its own cgroup as the root.
        Private = "private" (default),
        /// It sees the machine's tree.
        Host = "host",
    }
}

choice! {
    /// When a service is started again after it ended.
    pub enum Restart {
        /// Never.
        No = "no" (default),
        /// However it ended.
        Always = "always",
        /// However it ended, unless someone stopped it.
        UnlessStopped = "unless-stopped",
        /// When it failed.
        OnFailure = "on-failure",
    }
}
