//! Limits and further settings of containers, in the words of the Compose Specification.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::decode::{Decode, Problems, choice, keys, mapping, scalar};
use crate::shape::{Scalar, Shape};
use crate::value::{DomainName, KeyValues, RlimitValue, ValueError};
use crate::yaml::{Kind, Node};

choice! {
    /// What a process can have too much of: a limit of setrlimit(2).
    pub enum UlimitName {
        /// The size of a core dump.
        Core = "core",
        /// Seconds of CPU time.
        Cpu = "cpu",
        /// The size of its data.
        Data = "data",
        /// The size of a file that it writes.
        Fsize = "fsize",
        /// Locks of files.
        Locks = "locks",
        /// Memory that is never swapped.
        Memlock = "memlock",
        /// Bytes in message queues.
        Msgqueue = "msgqueue",
        /// How nice it can be.
        Nice = "nice",
        /// Open files.
        Nofile = "nofile",
        /// Processes of its user.
        Nproc = "nproc",
        /// Its resident memory.
        Rss = "rss",
        /// Its real-time priority.
        Rtprio = "rtprio",
        /// Microseconds of real-time scheduling.
        Rttime = "rttime",
        /// Signals that wait.
        Sigpending = "sigpending",
        /// The size of its stack.
        Stack = "stack",
    }
}

keys! {
    /// A limit that can be raised, up to another that cannot.
    struct UlimitKeys {
        /// What holds.
        pub soft: RlimitValue,
        /// What a process may raise it to.
        pub hard: RlimitValue,
    }
}

/// A limit: a number for both, or a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ulimit {
    /// What holds; -1: no limit.
    pub soft: i64,
    /// What a process may raise it to; -1: no limit.
    pub hard: i64,
}

/// Limits by what they limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ulimits(pub Vec<(UlimitName, Ulimit)>);

impl Decode for Ulimit {
    const SHAPE: &'static Shape = &Shape::OneOf(&[UlimitKeys::SHAPE, RlimitValue::SHAPE]);

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::Scalar(_) = node.kind {
            let both = RlimitValue::decode(node, problems)?.get();
            return Some(Self { soft: both, hard: both });
        }
        let UlimitKeys { soft, hard } = UlimitKeys::decode(node, problems)?;
        let (soft, hard) = (soft.get(), hard.get());
        if hard >= 0 && !(0..=hard).contains(&soft) {
            problems.add(node.mark, "`soft` is more than `hard`", "lower `soft`, or raise `hard`");
            return None;
        }
        Some(Self { soft, hard })
    }
}

impl Decode for Ulimits {
    const SHAPE: &'static Shape = &Shape::Map { key: UlimitName::SHAPE, value: Ulimit::SHAPE };
    const REQUIRED: bool = false;

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let entries = mapping(node, problems)?;
        let mut limits = Vec::new();
        for entry in entries {
            let name = UlimitName::decode(&entry.key_node(), problems);
            let limit = Ulimit::decode(&entry.value, problems);
            limits.extend(name.zip(limit));
        }
        (limits.len() == entries.len()).then_some(Self(limits))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

/// Names of machines and their addresses, for `/etc/hosts`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraHosts(pub BTreeMap<String, IpAddr>);

impl Decode for ExtraHosts {
    const SHAPE: &'static Shape = &Shape::OneOf(&[
        &Shape::Map { key: DomainName::SHAPE, value: ADDRESS },
        &Shape::List(&Shape::Scalar(&Scalar {
            name: "name and address",
            doc: "`NAME:ADDRESS` or `NAME=ADDRESS`",
            examples: &["center:10.0.0.1"],
        })),
    ]);
    const REQUIRED: bool = false;

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let pairs: Vec<(&Node, String, String)> = match &node.kind {
            Kind::Sequence(items) => {
                items.iter().filter_map(|item| name_and_address(item, problems)).collect()
            }
            _ => {
                let entries = mapping(node, problems)?.iter();
                let text =
                    |node, problems: &mut Problems| scalar(node, "an address", problems).map(str::to_owned);
                entries
                    .filter_map(|entry| {
                        Some((&entry.value, entry.key.clone(), text(&entry.value, problems)?))
                    })
                    .collect()
            }
        };
        let mut hosts = BTreeMap::new();
        let mut good = pairs.len() == node.children();
        for (at, name, address) in pairs {
            let host = name.parse::<DomainName>();
            match host.and_then(|_| address.parse().map_err(|_| not_an_address(&address))) {
                Ok(address) => drop(hosts.insert(name, address)),
                Err(error) => {
                    problems.value(at.mark, error);
                    good = false;
                }
            }
        }
        good.then_some(Self(hosts))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

const ADDRESS: &Shape = &Shape::Scalar(&Scalar {
    name: "address of a machine",
    doc: "an IPv4 or IPv6 address",
    examples: &["10.0.0.1", "fd00::1"],
});

fn name_and_address<'n>(item: &'n Node, problems: &mut Problems) -> Option<(&'n Node, String, String)> {
    let text = scalar(item, "a name and an address", problems)?;
    let Some((name, address)) = text.split_once(['=', ':']) else {
        let error =
            ValueError::not_a("a name and an address", text, "", "NAME:ADDRESS, such as `center:10.0.0.1`");
        problems.value(item.mark, error);
        return None;
    };
    let bare = address.strip_prefix('[').and_then(|address| address.strip_suffix(']'));
    Some((item, name.to_owned(), bare.unwrap_or(address).to_owned()))
}

fn not_an_address(text: &str) -> ValueError {
    ValueError::not_a("an address", text, "", "such as `10.0.0.1` or `fd00::1`")
}

keys! {
    /// Where a service's output goes.
    #[derive(Default)]
    pub struct Logging {
        /// How it is kept.
        pub driver: LogDriver,
        /// What the driver is told, such as `max-size`.
        pub options: KeyValues,
    }
}

choice! {
    /// How the output of a container is kept.
    pub enum LogDriver {
        /// In a file that Docker packs.
        Local = "local" (default),
        /// In a file of JSON.
        JsonFile = "json-file",
        /// Not at all.
        None = "none",
        /// Elsewhere, by the syslog protocol.
        Syslog = "syslog",
        /// Elsewhere, as Graylog takes it.
        Gelf = "gelf",
        /// Elsewhere, as Fluentd takes it.
        Fluentd = "fluentd",
    }
}

choice! {
    /// A service's shared memory and semaphores.
    pub enum IpcMode {
        /// Its own, with none for others.
        Private = "private" (default),
        /// Its own, that others may share.
        Shareable = "shareable",
        /// Its own, without `/dev/shm`.
        None = "none",
        /// The machine's.
        Host = "host",
    }
}

choice! {
    /// Whose host name a service sees.
    pub enum UtsMode {
        /// Its own.
        Private = "private" (default),
        /// The machine's, and it may change it.
        Host = "host",
    }
}
