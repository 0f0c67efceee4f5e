//! A system service, in the words of the Compose Specification.

use super::{DependsOn, ExtraHosts, Healthcheck, IpcMode, Logging, Ulimits, UtsMode, refused};
use crate::decode::{choice, keys};
use crate::map::Map;
use crate::value::{
    AbsPath, Argv, Capability, CpuSet, CpuShares, Cpus, Device, Hostname, ImageRef, Interval, KeyValues,
    Line, OomScore, PidsLimit, SecurityOpt, ServiceVolume, Signal, Size, SysctlName, Tmpfs,
};

keys! {
    /// One container of the system Docker.
    #[derive(Default)]
    @refused(refused::SERVICE)
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
        /// Services that are started before it: a list of names, or a mapping from names to conditions.
        pub depends_on: DependsOn,
        /// How long it may take to stop before it is killed.
        pub stop_grace_period: Option<Interval>,
        /// How much memory it may use.
        pub mem_limit: Option<Size>,
        /// How many CPUs it may use; not more than the machine has.
        pub cpus: Option<Cpus>,
        /// How many processes it may have.
        pub pids_limit: Option<PidsLimit>,
        /// How early the kernel kills it when memory is short: -1000 never, 1000 first.
        pub oom_score_adj: Option<OomScore>,
        /// How it is known to be well.
        pub healthcheck: Healthcheck,
        /// The host name it sees; not with `uts: host`.
        @default("the service's name; the machine's with `network_mode: host`")
        pub hostname: Option<Hostname>,
        /// Names of machines and their addresses, for its `/etc/hosts`.
        pub extra_hosts: ExtraHosts,
        /// Start a small init as its first process, which takes care of processes that others left behind.
        pub init: bool,
        /// Where its output goes.
        pub logging: Logging,
        /// Further groups of its user, by name or number.
        pub group_add: Vec<Line>,
        /// What the kernel keeps it from, or not.
        pub security_opt: Vec<SecurityOpt>,
        /// Its shared memory and semaphores.
        pub ipc: IpcMode,
        /// Whose host name it sees.
        pub uts: UtsMode,
        /// The size of its `/dev/shm`.
        @default("64M")
        pub shm_size: Option<Size>,
        /// Kernel settings of its own namespaces.
        pub sysctls: Map<SysctlName, Line>,
        /// Limits of its processes: a number, or `{soft, hard}`.
        pub ulimits: Ulimits,
        /// The signal that asks it to stop.
        @default("the image's, or SIGTERM")
        pub stop_signal: Option<Signal>,
        /// Memory that it keeps when memory is short.
        pub mem_reservation: Option<Size>,
        /// Its share of the CPUs when they are short, beside 1024 of any other container.
        @default("1024")
        pub cpu_shares: Option<CpuShares>,
        /// The CPUs it may use.
        @default("all")
        pub cpuset: Option<CpuSet>,
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
