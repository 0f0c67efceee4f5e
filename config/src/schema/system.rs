//! What a machine is and does as a whole, in cloud-init's words: clock, certificates, disks, power.

use super::refused;
use crate::decode::{Decode, Problems, choice, keys};
use crate::shape::Shape;
use crate::value::{AbsPath, Certificates, Command, Delay, HostAddr, WaitSeconds};
use crate::yaml::{Kind, Node};

choice! {
    /// What becomes of `/etc/hosts`.
    pub enum ManageEtcHosts {
        /// It has the machine's own names once it has booted, and is left to others after that.
        No = "false" (default),
        /// It is written anew at each boot, with the machine's names.
        Yes = "true",
        /// Only the line of the machine's own names, on 127.0.1.1, is kept up to date.
        Localhost = "localhost",
    }
}

keys! {
    /// Where the machine gets the time from.
    #[derive(Default)]
    @refused(refused::NTP)
    pub struct Ntp {
        /// Whether the clock is set from the network.
        @default("true")
        pub enabled: Option<bool>,
        /// Time servers, by name or address.
        @add
        pub servers: Vec<HostAddr>,
        /// Names that stand for many time servers.
        @add
        pub pools: Vec<HostAddr>,
    }
}

keys! {
    /// Authorities whose certificates the machine and its engines trust.
    #[derive(Default)]
    pub struct CaCerts {
        /// Trust only those of `trusted`.
        pub remove_defaults: bool,
        /// Certificates, each as the text of a .pem file.
        @add
        pub trusted: Vec<Certificates>,
    }
}

keys! {
    /// Whether the state disk's partition grows with the disk.
    #[derive(Default)]
    pub struct Growpart {
        /// Whether it grows.
        pub mode: GrowMode,
        /// What grows: `/` stands for the state disk, the only one that DockOS grows.
        @default("[/]")
        pub devices: Vec<AbsPath>,
        /// The same as cloud-init's; DockOS has no `/etc/growroot-disabled`.
        pub ignore_growroot_disabled: bool,
    }
}

choice! {
    /// Whether partitions grow.
    pub enum GrowMode {
        /// They do.
        Auto = "auto" (default),
        /// cloud-init's name of a tool: the same as `auto`.
        Growpart = "growpart",
        /// cloud-init's name of a tool: the same as `auto`.
        Gpart = "gpart",
        /// They do not.
        Off = "off",
        /// The same as `off`.
        False = "false",
    }
}

choice! {
    /// Whether a filesystem grows with its partition.
    pub enum ResizeRootfs {
        /// It does.
        True = "true" (default),
        /// It does not.
        False = "false",
        /// It does, and nothing waits for it: the same as `true`, since it grows while it is mounted.
        Noblock = "noblock",
    }
}

keys! {
    /// What becomes of the machine once it has booted and all commands have run.
    pub struct PowerState {
        /// When: `now`, or in so many minutes. Before a reboot there is at least one, in which somebody can log in.
        @default("now")
        pub delay: Option<Delay>,
        /// What.
        pub mode: PowerMode,
        /// What is shown on the consoles before.
        pub message: Option<String>,
        /// How many seconds commands that still run are waited for.
        @default("30")
        pub timeout: Option<WaitSeconds>,
        /// Whether at all: `true`, `false`, or a command that must succeed.
        @default("true")
        pub condition: Option<Condition>,
    }
}

choice! {
    /// What becomes of the machine.
    pub enum PowerMode {
        /// It is switched off.
        Poweroff = "poweroff",
        /// It boots again.
        Reboot = "reboot",
        /// It stops and stays on.
        Halt = "halt",
    }
}

/// Whether something is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Said in advance.
    Is(bool),
    /// If this command succeeds.
    Command(Command),
}

impl Decode for Condition {
    const SHAPE: &'static Shape = &Shape::OneOf(&[&Shape::Bool, Command::SHAPE]);

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Scalar(text) if ["true", "false"].contains(&text.to_ascii_lowercase().as_str()) => {
                bool::decode(node, problems).map(Self::Is)
            }
            _ => Command::decode(node, problems).map(Self::Command),
        }
    }
}
