//! The machine itself: the top level of the file and what `dockos:` holds.

use super::desktop::COURSE_MEMORY;
use super::{
    CaCerts, Center, Console, Course, Desktop, Docker, Group, Growpart, ManageEtcHosts, ModuleItem, Mount,
    MountDefaults, Network, NodeRole, Ntp, PowerState, Proxies, RegistryAuth, ResizeRootfs, Service, Swap,
    SystemDocker, Upgrade, UserItem, Watchdog, Web, WriteFile, refused,
};
use crate::decode::{choice, keys};
use crate::map::Map;
use crate::value::{
    AbsPath, AuthorizedKey, Command, DomainName, Hostname, KeyValues, Line, Locale, Name, Registry,
    SysctlName, TimeZone,
};

keys! {
    /// A whole cloud-config. Its default is what an empty file means.
    #[derive(Default)]
    @refused(refused::TOP)
    pub struct Config {
        /// The machine's name, without its domain.
        @default("what the network calls it, or `dockos`")
        pub hostname: Option<Hostname>,
        /// The machine's name with its domain.
        pub fqdn: Option<DomainName>,
        /// Use `fqdn` as the machine's name in place of `hostname`.
        pub prefer_fqdn_over_hostname: bool,
        /// What becomes of `/etc/hosts`.
        pub manage_etc_hosts: ManageEtcHosts,
        /// The time zone.
        @default("UTC")
        pub timezone: Option<TimeZone>,
        /// The language of messages, and of new desktops where it is given: theirs is `zh_CN.UTF-8` else.
        @default("C.UTF-8")
        pub locale: Option<Locale>,
        /// Groups of the machine: names, or `NAME: [USER, ...]`.
        @add
        pub groups: Vec<Group>,
        /// Users of the machine besides root. A user keeps its number for as long as its folder is there.
        @by("name")
        pub users: Vec<UserItem>,
        /// Public keys that may log in as root by ssh; none: no ssh service.
        @add
        pub ssh_authorized_keys: Vec<AuthorizedKey>,
        /// Let users log in by ssh with their password.
        pub ssh_pwauth: bool,
        /// Keep root from logging in by ssh. cloud-init's default is true; DockOS has no other user of its own.
        pub disable_root: bool,
        /// Files to write before anything is started.
        @by("path")
        pub write_files: Vec<WriteFile>,
        /// Commands run before the network is up, in this order.
        @add
        pub bootcmd: Vec<Command>,
        /// Commands run once both Dockers answer, in this order.
        @add
        pub runcmd: Vec<Command>,
        /// Filesystems to mount besides the machine's own: lists of the fields of fstab,
        /// `[SPEC, PATH, TYPE, OPTIONS, FREQ, PASSNO]`, of which the first two are needed. Shares of other
        /// machines are not mounted yet.
        @add
        pub mounts: Vec<Mount>,
        /// What `mounts` leave out, six fields of fstab.
        @default("[null, null, auto, \"defaults,nofail\", 0, 2]")
        pub mount_default_fields: MountDefaults,
        /// A file that the machine swaps to.
        pub swap: Swap,
        /// Where the machine gets the time from.
        @later
        pub ntp: Ntp,
        /// Authorities whose certificates the machine and its engines trust.
        pub ca_certs: CaCerts,
        /// cloud-init's old name for `ca_certs`; one of both can be set.
        pub ca_certs_old = "ca-certs": CaCerts,
        /// Whether the state disk's partition grows with the disk.
        @later
        pub growpart: Growpart,
        /// Whether the state disk's filesystem grows with its partition.
        @later
        pub resize_rootfs: ResizeRootfs,
        /// What becomes of the machine once it has booted and all commands have run. With a command as its condition at
        /// each boot; else once, which the state disk remembers. A machine that goes down at each boot stays on with
        /// `dockos.debug` on the kernel command line.
        pub power_state: Option<PowerState>,
        /// What the consoles show once the machine is ready.
        pub final_message: Option<String>,
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
        /// How the machine logs in to registries when it pulls images for services and desktops, by `HOST[:PORT]`; `docker.io` is Docker Hub.
        pub registry_auths: Map<Registry, RegistryAuth>,
        /// System services by name.
        pub services: Map<Name, Service>,
        /// Courses by name: what desktops are made of.
        pub courses: Map<Name, Course>,
        /// Desktops, started in this order.
        @by("name")
        pub desktops: Vec<Desktop>,
        /// Show desktops in a browser; without a value (such as `web: {}`) no port is open.
        pub web: Option<Web>,
        /// Kernel modules to load besides those that the hardware asks for: names, or mappings.
        @later
        @by("name")
        pub modules: Vec<ModuleItem>,
        /// Settings of the kernel, by their path below `/proc/sys` with dots or slashes.
        pub sysctl: Map<SysctlName, Line>,
        /// The hardware that restarts a machine which hangs.
        @later
        pub watchdog: Watchdog,
        /// The text consoles.
        @later
        pub console: Console,
        /// Variables of every command, service and desktop; their own go over these.
        pub environment: KeyValues,
        /// How engines and commands reach the world outside.
        pub proxies: Proxies,
        /// How the machine gets a newer DockOS.
        @later
        pub upgrade: Upgrade,
        /// Make the machine a center: what it offers to the nodes. One machine may be both center and node.
        pub center: Option<Center>,
        /// Make the machine a node: whose desktops it runs.
        @later
        pub node: Option<NodeRole>,
    }
}

impl Dockos {
    /// A desktop's course.
    pub fn course_of(&self, desktop: &Desktop) -> Option<&Course> {
        self.courses.get(desktop.course.as_ref()?)
    }

    /// How many bytes of memory a desktop may use.
    pub fn memory_of(&self, desktop: &Desktop) -> u64 {
        let of_course = || self.course_of(desktop).map_or(COURSE_MEMORY, Course::memory_or_default);
        desktop.memory.map_or_else(of_course, |size| size.bytes())
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
