//! Values of single keys: each a type that can only hold what is valid, with an error that says what would be.

mod account;
mod amount;
pub(crate) mod base64;
mod command;
mod desktop;
mod host;
mod interval;
mod kernel;
mod locale;
mod mode;
mod name;
mod network;
mod number;
mod pairs;
mod path;
mod pem;
mod port;
mod registry;
mod secret;
mod subnet;
mod volume;
mod words;

pub use account::{Account, Accounts, Gecos, PasswordHash, Sudo};
pub use amount::{Cpus, OomScore, PidsLimit, Size, SwapSize};
pub use command::{Argv, Command};
pub use desktop::{LinkSum, ScreenSize};
pub use host::{AuthorizedKey, Capability, Device, SecurityOpt};
pub use interval::{Delay, Interval, Window};
pub use kernel::{CpuSet, Line, ModuleName, Signal, SysctlName};
pub use locale::{DomainName, Field, HostAddr, Locale, TimeZone};
pub use mode::{Mode, Owner};
pub use name::{Hostname, Name};
pub use network::{
    AddressRange, Cidr, Count, Destination, Glob, Globs, InterfaceId, InterfaceName, Ip, MacAddress, Metric,
    Millis, Mtu, PathCost, PortPriority, Priority, SearchDomain, Seconds, Table, Version, VlanId,
};
pub use number::{
    AccountId, ConsoleLevel, CpuShares, FstabNumber, Port, PrefixLength, RlimitValue, Times, WaitSeconds,
};
pub use pairs::KeyValues;
pub use path::AbsPath;
pub use pem::Certificates;
pub use port::{PortMapping, Protocol};
pub use registry::{ImageRef, Mirror, Registry, RegistryHost};
pub use secret::{BasicAuth, PrivateKey, ProxyUrl, Secret};
pub use subnet::Subnet;
pub use volume::{ServiceVolume, TenantVolume, Tmpfs};

use crate::decode::{Decode, Problems, scalar};
use crate::shape::{Scalar, Shape};
use crate::yaml::Node;

/// A value that is not what its key needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}: {hint}")]
pub struct ValueError {
    /// What was found, and what is wrong with it.
    pub message: String,
    /// What is expected, with an example.
    pub hint: String,
}

impl ValueError {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }

    /// "`found` is not a THING: WHY".
    pub(crate) fn not_a(thing: &str, found: &str, why: &str, hint: &str) -> Self {
        let colon = if why.is_empty() { "" } else { ": " };
        Self::new(format!("{} is not {thing}{colon}{why}", quoted(found)), hint)
    }
}

/// A found text for a message: in backquotes, on one line, cut when long.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).flat_map(visible).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    format!("`{shown}`")
}

/// The character, escaped if a terminal would not show it.
fn visible(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

/// Decodes types that are read from the text of a scalar: what a message calls it, and its row in the reference.
macro_rules! from_text {
    ($($type:ty: $what:literal, $name:literal, $doc:literal, [$($example:literal),*];)*) => {
        $(
            impl Decode for $type {
                const SHAPE: &'static Shape =
                    &Shape::Scalar(&Scalar {
                        name: $name,
                        doc: crate::shape::doc($doc),
                        examples: if cfg!(feature = "docs") { &[$($example),*] } else { &[] },
                    });

                fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
                    let text = scalar(node, $what, problems)?;
                    text.parse().map_err(|error| problems.value(node.mark, error)).ok()
                }
            }
        )*

        #[test]
        fn every_example_of_the_reference_is_valid() {
            $($(assert!($example.parse::<$type>().is_ok(), "{}: {}", $name, $example);)*)*
        }
    };
}

pub(crate) use from_text;

from_text! {
    AddressRange: "a range of addresses", "address range", "`FIRST-LAST`, of IPv4", ["10.0.0.100-10.0.0.199"];
    AbsPath: "a path", "path", "absolute, no `..`", ["/etc/motd"];
    Account: "a name", "account", "1 to 32 of `a-z`, `0-9`, `-`, `_`; no digit or `-` first", ["alice"];
    AuthorizedKey: "a public key", "public key", "a line of an `authorized_keys` file",
        ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxYV0n1kZ0m2e8y2m6C5cZ6qgJw0w0n1kZ0m2e8y2m6 teacher"];
    BasicAuth: "a login", "login", "`USER:PASSWORD` in base64", ["bWU6c2VzYW1l"];
    Capability: "a capability", "capability", "a Linux capability, with or without `CAP_`; `ALL`", ["NET_ADMIN"];
    Certificates: "a certificate", "certificate", "the text of a .pem file, of one or more certificates",
        ["-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUXg==\n-----END CERTIFICATE-----"];
    CpuSet: "a set of CPUs", "cpu set", "numbers and ranges from 0", ["0-3", "0"];
    Cpus: "a number of CPUs", "cpus", "a number from 0.01 to 1024", ["0.5", "2"];
    Delay: "a delay", "delay", "`now`, or a number of minutes", ["now", "5"];
    Device: "a device", "device", "`/dev/X[:/dev/Y[:rwm]]`", ["/dev/fuse", "/dev/ttyUSB0:/dev/board:rw"];
    DomainName: "a name", "domain name", "host names with dots between", ["lab-01.school.example"];
    Field: "a text", "word", "a text with no blank", ["defaults,nofail", "null"];
    Gecos: "a text", "full name", "one line with no `:`", ["Alice Li"];
    HostAddr: "a name or an address", "host", "the name or address of a machine", ["time.school.example", "10.0.0.1"];
    Hostname: "a host name", "host name", "1 to 63 letters, digits, `-`", ["lab-01", "01"];
    ImageRef: "an image", "image", "`[REGISTRY/]NAME[:TAG][@DIGEST]`", ["debian:13"];
    Interval: "a duration", "duration", "numbers with `h`, `m`, `s`, `ms`, `us`", ["1m30s"];
    LinkSum: "a SHA-256", "sha256", "64 hex digits, as `sha256sum` prints them",
        ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"];
    Line: "a text", "line", "a text of one line", ["1", "10 20"];
    Locale: "a locale", "locale", "`LANGUAGE_COUNTRY.UTF-8`", ["zh_CN.UTF-8", "C.UTF-8"];
    Mirror: "an address", "address", "an `http://` or `https://` address", ["https://mirror.lab.example"];
    Mode: "permissions", "mode", "3 or 4 octal digits", ["0644"];
    ModuleName: "a kernel module", "module", "the name of a kernel module", ["i2c_dev"];
    Name: "a name", "name", "1 to 63 of `a-z`, `0-9`, `-`; no `-` first or last", ["alice", "lab-2", "01"];
    OomScore: "a number", "oom score", "-1000 to 1000", ["-500"];
    Owner: "a user and a group", "owner", "`USER` or `USER:GROUP`", ["root:root", "1000"];
    PasswordHash: "the hash of a password", "password hash", "as `openssl passwd -6` or `mkpasswd` print it: `$6$...`, `$y$...`",
        ["$5$saltsalt$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"];
    PidsLimit: "a number", "pids", "a number from 1 to 4194304; -1: no limit", ["64"];
    PortMapping: "a port mapping", "port mapping", "`[IP:]HOST:CONTAINER[/tcp|udp]`", ["8080:80", "127.0.0.1:53:53/udp"];
    PrivateKey: "a private key", "private key", "the text of a .pem file with no password",
        ["-----BEGIN PRIVATE KEY-----\nMAo=\n-----END PRIVATE KEY-----"];
    ProxyUrl: "an address", "proxy", "`http://[USER:PASSWORD@]HOST:PORT`; also `https://`, `socks5://`", ["http://proxy.school.example:3128"];
    Registry: "a registry", "registry name", "`HOST[:PORT]`; `docker.io` is Docker Hub", ["center.lab:5000", "docker.io"];
    RegistryHost: "a registry", "registry", "`HOST[:PORT]` or a network", ["registry.lab:5000", "10.0.0.0/8"];
    ScreenSize: "the size of a screen", "screen size", "`WIDTHxHEIGHT` in pixels", ["1280x800"];
    Secret: "a password", "secret", "a text of one line", ["sesame", "1234"];
    SecurityOpt: "a security option", "security option", "`no-new-privileges[:true|false]`, `seccomp:unconfined` or `systempaths=unconfined`", ["no-new-privileges"];
    ServiceVolume: "a volume", "service volume",
        "`SOURCE:/PATH[:OPTIONS]`: a path of the machine or a volume; `ro`, `rw`, `nocopy`, `[r]private`, `[r]shared`, `[r]slave`",
        ["/usr:/usr:ro"];
    Signal: "a signal", "signal", "its name or number", ["SIGTERM", "15"];
    Size: "a size", "size", "bytes, or a number with K, M, G, T: powers of 1024", ["64M", "1.5G", "512mb", "1073741824"];
    Subnet: "a network", "network", "`ADDRESS/BITS`, the address being its first", ["10.128.0.0/16", "fd00::/64"];
    SwapSize: "a size", "swap size", "a size, or `auto`", ["2G", "auto", "1073741824"];
    SysctlName: "a kernel setting", "kernel setting", "its path below `/proc/sys`, with dots or slashes", ["vm.swappiness", "net/ipv4/ip_forward"];
    TenantVolume: "a volume", "tenant volume", "`NAME:/PATH[:ro|rw]`: folders of the machine are refused", ["data:/data"];
    TimeZone: "a time zone", "time zone", "a name of the IANA list", ["Asia/Shanghai", "UTC"];
    Tmpfs: "a path", "tmpfs", "`/PATH[:OPTIONS]`", ["/run", "/tmp:size=64m"];
    Window: "a time of day", "time window", "`HH:MM-HH:MM`, over midnight if it ends earlier", ["02:00-05:30"];
}

impl Decode for String {
    const SHAPE: &'static Shape =
        &Shape::Scalar(&Scalar { name: "text", doc: "any text", examples: &["hello", "42", "true"] });

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        scalar(node, "a text", problems).map(str::to_owned)
    }
}

impl Decode for bool {
    const SHAPE: &'static Shape = &Shape::Bool;
    const REQUIRED: bool = false;

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        // YAML 1.1's words too: people write them, and nothing else can be meant.
        match scalar(node, "true or false", problems)?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => {
                problems.kind(node, "true or false", "write `true` or `false`");
                None
            }
        }
    }

    fn absent() -> Option<Self> {
        Some(false)
    }
}
