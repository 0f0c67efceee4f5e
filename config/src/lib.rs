//! The cloud-config: one YAML that describes a whole machine.
//!
//! Text becomes a [`Config`] in three steps, each blind to the next: `yaml` reads a tree that knows the line and
//! column of everything in it, `decode` turns the tree into the types of `schema`, and `check` looks at what no
//! single key can tell (two desktops on one port). Every step notes what is wrong and goes on, so that the person
//! who wrote the file sees all of it at once, each with its place and what to do.
//!
//! ```
//! let config = dockos_config::parse("lab.yml", "hostname: lab-01").unwrap();
//! assert_eq!(config.hostname.unwrap().as_str(), "lab-01");
//!
//! let report = dockos_config::parse("lab.yml", "hostnme: lab-01").unwrap_err();
//! assert_eq!(report.short(), "lab.yml:1:1: error: unknown key `hostnme`; did you mean `hostname`?");
//! ```

mod boot_words;
mod check;
mod chinese;
mod cmdline;
mod datasource;
mod decode;
mod diagnostic;
mod diff;
mod early;
mod edit;
mod emit;
pub mod import;
mod input;
mod json_schema;
mod key_path;
mod layers;
mod map;
mod mask;
mod merge;
mod meta_data;
mod order;
mod room_machines;
mod schema;
mod secret;
mod shape;
mod show;
mod suggest;
mod user_data;
mod value;
mod yaml;

pub use boot_words::{Loader, RootImage};
pub use check::is_own_folder;
pub use chinese::{translate, wants_chinese};
pub use cmdline::{Cmdline, SOURCE as CMDLINE_SOURCE};
pub use datasource::{ConfigUrl, Datasource, NoCloud, Seed};
pub use decode::Severity;
pub use diagnostic::{Diagnostic, Report};
pub use diff::{Change, diff};
pub use edit::{EditError, append, set, unset};
pub use input::{MAX_SIZE, parse, parse_bytes, parse_service, parse_user_data, utf8};
pub use json_schema::{config_shape, json_schema};
pub use key_path::{KeyPath, Segment};
pub use layers::{Form, Layer, Loaded, Source, load};
pub use map::Map;
pub use meta_data::instance_id;
pub use room_machines::{
    Assignment, ConfigFile, KernelWords, MachineMac, MachineSerial, MachineUuid, RoomGroup, RoomMachine,
    RoomMachines, parse_machines,
};
pub use schema::{
    AddressGeneration, AddressPool, Bond, BondMode, BondParameters, Bridge, BridgeParameters, CaCerts,
    Center, CenterDashboard, CenterNetboot, CenterRegistry, CenterVolumes, CgroupMode, Channel, Condition,
    Config, Console, Course, CreateState, Dependency, DependsCondition, DependsOn, Desktop, DesktopStart,
    DhcpIdentifier, DhcpOverrides, Docker, DockerTls, Dockos, Ethernet, ExtraHosts, Group, GrowMode,
    Growpart, HealthTest, Healthcheck, InputMethod, IpcMode, Link, LinkLocal, LogDriver, LogLevel, LogOpts,
    Logging, ManageEtcHosts, Match, Module, ModuleItem, Mount, MountDefaults, MountFields, Nameservers,
    NetbootDhcp, Network, NetworkMode, NodeRole, Ntp, OptionalAddress, PidMode, PowerMode, PowerState,
    Proxies, RegistryAuth, ResizeRootfs, Restart, Route, RouteKind, RouteScope, Service, State, Swap,
    SystemDocker, Ulimit, UlimitName, Ulimits, Upgrade, UseDomains, User, UserItem, UtsMode, Vlan, Watchdog,
    Web, WebRole, WebUser, WriteFile,
};
pub use secret::secrets;
pub use shape::{Key, Keys, Lists, Refused, Scalar, Shape, Stage, Word};
pub use show::ShowOptions;
pub use user_data::{Content, MAX_USER_DATA, Part, UserData, unpack};
pub use value::{
    AbsPath, Account, AccountId, Accounts, Argv, AuthorizedKey, BasicAuth, Capability, Certificates, Command,
    ConsoleLevel, CpuSet, CpuShares, Cpus, Delay, Device, DomainName, Field, FstabNumber, Gecos, HostAddr,
    Hostname, ImageRef, Interval, KeyValues, Line, LinkSum, Locale, Mirror, Mode, ModuleName, Name, OomScore,
    Owner, PasswordHash, PidsLimit, Port, PortMapping, PrefixLength, PrivateKey, Protocol, ProxyUrl,
    Registry, RegistryHost, RlimitValue, ScreenSize, Secret, SecurityOpt, ServiceVolume, Signal, Size,
    Subnet, Sudo, SwapSize, SysctlName, TenantVolume, TimeZone, Times, Tmpfs, ValueError, WaitSeconds,
    Window,
};
pub use value::{
    AddressRange, Cidr, Count, Destination, Glob, Globs, InterfaceId, InterfaceName, Ip, MacAddress, Metric,
    Millis, Mtu, PathCost, PortPriority, Priority, SearchDomain, Seconds, Table, Version, VlanId,
};
