//! `machines.yml` of a center: which machine of the room boots with which cloud-config.
//!
//! ```
//! let text = "groups: {lab-a: {config: lab-a.yml}}\nmachines: [{mac: 52-54-00-12-34-56, group: lab-a}]\n";
//! let (machines, _) = dockos_config::parse_machines("machines.yml", text).unwrap();
//! assert_eq!(machines.machines[0].mac.unwrap().to_string(), "52:54:00:12:34:56");
//! ```

mod check;
mod identity;

use std::fmt;
use std::str::FromStr;

use crate::decode::{Decode, Problems, keys, scalar};
use crate::diagnostic::Report;
use crate::input;
use crate::map::Map;
use crate::shape::{Scalar, Shape};
use crate::value::{Hostname, Name, ValueError, from_text};
use crate::yaml::Node;

pub use identity::{MachineMac, MachineSerial, MachineUuid};

keys! {
    /// The machines of a room.
    #[derive(Default)]
    pub struct RoomMachines {
        /// The group of machines that are not listed; none: they show who they are, and wait.
        pub default: Option<Name>,
        /// Words that every machine gets on its kernel command line, such as `console=ttyS0`.
        pub append: Option<KernelWords>,
        /// Machines that boot with the same config.
        pub groups: Map<Name, RoomGroup>,
        /// Machines by what they are known by.
        pub machines: Vec<RoomMachine>,
    }
}

keys! {
    /// What machines of a group have in common.
    pub struct RoomGroup {
        /// Their cloud-config: a file of the folder `configs`.
        pub config: ConfigFile,
        /// Words that they get on their kernel command line besides.
        pub append: Option<KernelWords>,
    }
}

keys! {
    /// One machine. It is known by any of `mac`, `serial` and `uuid`; whoever has more of them matches by the first.
    #[derive(Default)]
    pub struct RoomMachine {
        /// The address of its network card.
        pub mac: Option<MachineMac>,
        /// The serial number that its firmware tells.
        pub serial: Option<MachineSerial>,
        /// The UUID that its firmware tells.
        pub uuid: Option<MachineUuid>,
        /// Its group; either this or `config`.
        pub group: Option<Name>,
        /// Its own cloud-config: a file of the folder `configs`.
        pub config: Option<ConfigFile>,
        /// Its name, over that of the config.
        pub hostname: Option<Hostname>,
    }
}

/// The name of a file in the folder `configs`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigFile(String);

impl ConfigFile {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ConfigFile {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
        let why = match text {
            _ if text.contains('/') => "it is a path; only the name is written here",
            _ if text.len() > 200 => "it is longer than 200 bytes",
            _ if text.starts_with('.') || !text.chars().all(plain) => {
                "only letters, digits, `-`, `_` and `.` can be used, and no `.` first"
            }
            _ if !text.ends_with(".yml") && !text.ends_with(".yaml") => "it does not end in `.yml`",
            _ => return Ok(Self(text.to_owned())),
        };
        Err(ValueError::not_a(
            "a config's file name",
            text,
            why,
            "a file of the folder `configs`, such as `lab-a.yml`",
        ))
    }
}

from_text! {
    ConfigFile: "a file name", "config file", "a file of the folder `configs`", ["lab-a.yml"];
    KernelWords: "words of a kernel command line", "kernel words", "words with no quotes", ["console=ttyS0", "nomodeset quiet"];
    MachineMac: "the address of a network card", "machine mac", "12 hex digits, in pairs", ["52:54:00:12:34:56", "525400123456"];
    MachineSerial: "a serial number", "machine serial", "as the firmware tells it", ["PF3X1234"];
    MachineUuid: "a UUID", "machine uuid", "32 hex digits", ["01234567-89ab-cdef-0123-456789abcdef"];
}

/// Words of a kernel command line that need no quoting wherever they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelWords(String);

impl KernelWords {
    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KernelWords {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || " =,.:/_+-@%".contains(c);
        let why = match text {
            _ if text.len() > 512 => "they are longer than 512 bytes",
            _ if !text.chars().all(plain) => "only letters, digits and `=,.:/_+-@%` can be used",
            _ => return Ok(Self(text.split_whitespace().collect::<Vec<_>>().join(" "))),
        };
        Err(ValueError::not_a(
            "words of a kernel command line",
            text,
            why,
            "such as `console=ttyS0 nomodeset`",
        ))
    }
}

/// What a machine gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment<'a> {
    /// Its cloud-config.
    pub config: &'a ConfigFile,
    /// Its name, if it has one of its own.
    pub hostname: Option<&'a Hostname>,
    /// The group it is in, if the config is the group's.
    pub group: Option<&'a Name>,
}

impl RoomMachines {
    /// What a machine with these identities gets: by MAC first, then by serial number, then by UUID, then what the
    /// default group gets.
    pub fn find(
        &self,
        macs: &[MachineMac],
        serial: Option<&MachineSerial>,
        uuid: Option<MachineUuid>,
    ) -> Option<Assignment<'_>> {
        match self.listed(macs, serial, uuid) {
            Some(machine) => self.assignment(machine),
            None => self.of_group(self.default.as_ref()?, None),
        }
    }

    /// The machine with these identities, if it is listed: by MAC first, then by serial number, then by UUID.
    pub fn listed(
        &self,
        macs: &[MachineMac],
        serial: Option<&MachineSerial>,
        uuid: Option<MachineUuid>,
    ) -> Option<&RoomMachine> {
        let by_mac = macs.iter().find_map(|mac| self.machines.iter().find(|m| m.mac == Some(*mac)));
        let by_serial = || self.machines.iter().find(|m| serial.is_some() && m.serial.as_ref() == serial);
        let by_uuid = || self.machines.iter().find(|m| uuid.is_some() && m.uuid == uuid);
        by_mac.or_else(by_serial).or_else(by_uuid)
    }

    fn assignment<'a>(&'a self, machine: &'a RoomMachine) -> Option<Assignment<'a>> {
        let hostname = machine.hostname.as_ref();
        match (&machine.config, &machine.group) {
            (Some(config), _) => Some(Assignment { config, hostname, group: None }),
            (None, Some(group)) => self.of_group(group, hostname),
            (None, None) => None,
        }
    }

    fn of_group<'a>(&'a self, group: &'a Name, hostname: Option<&'a Hostname>) -> Option<Assignment<'a>> {
        let config = &self.groups.get(group)?.config;
        Some(Assignment { config, hostname, group: Some(group) })
    }

    /// The files that it names, each once.
    pub fn configs(&self) -> Vec<&ConfigFile> {
        let groups = self.groups.values().map(|group| &group.config);
        let mut all: Vec<&ConfigFile> =
            groups.chain(self.machines.iter().filter_map(|machine| machine.config.as_ref())).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Reads a machines.yml: the machines, and what its writer should know besides. An empty text has no machines.
pub fn parse_machines(source: &str, text: &str) -> Result<(RoomMachines, Report), Report> {
    input::read_with_warnings(source, text, check::machines)
}
