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

mod check;
mod chinese;
mod cmdline;
mod datasource;
mod decode;
mod diagnostic;
mod early;
mod input;
mod json_schema;
mod key_path;
mod layers;
mod merge;
mod meta_data;
mod schema;
mod shape;
mod suggest;
mod user_data;
mod value;
mod yaml;

pub use chinese::{translate, wants_chinese};
pub use cmdline::{Cmdline, SOURCE as CMDLINE_SOURCE};
pub use datasource::{ConfigUrl, Datasource, NoCloud, Seed};
pub use decode::Severity;
pub use diagnostic::{Diagnostic, Report};
pub use input::{MAX_SIZE, parse, parse_bytes, parse_service, parse_user_data, utf8};
pub use json_schema::{config_shape, json_schema};
pub use key_path::{KeyPath, Segment};
pub use layers::{Form, Layer, Loaded, Source, load};
pub use meta_data::instance_id;
pub use schema::{
    AddressGeneration, Bond, BondMode, BondParameters, Bridge, BridgeParameters, DhcpIdentifier,
    DhcpOverrides, Ethernet, Link, LinkLocal, Match, Nameservers, Network, OptionalAddress, Route, RouteKind,
    RouteScope, UseDomains, Vlan,
};
pub use schema::{
    CgroupMode, Config, CreateState, Desktop, Docker, Dockos, LogLevel, NetworkMode, PidMode, Restart,
    Service, State, SystemDocker, WriteFile,
};
pub use shape::{Key, Keys, Lists, Scalar, Shape, Stage, Word};
pub use user_data::{Content, MAX_USER_DATA, Part, UserData, unpack};
pub use value::{
    AbsPath, Argv, AuthorizedKey, Capability, Command, Cpus, Device, Hostname, ImageRef, Interval, KeyValues,
    Mirror, Mode, Name, OomScore, Owner, PidsLimit, PortMapping, Protocol, RegistryHost, ServiceVolume, Size,
    TenantVolume, Tmpfs, ValueError,
};
pub use value::{
    Cidr, Count, Destination, Glob, Globs, InterfaceId, InterfaceName, Ip, MacAddress, Metric, Millis, Mtu,
    PathCost, PortPriority, Priority, SearchDomain, Seconds, Table, Version, VlanId,
};
