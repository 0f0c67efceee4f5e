//! Numbers of `network:`, each within what the kernel takes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::decode::{Decode, Problems, scalar};
use crate::shape::{Scalar, Shape};
use crate::value::{Interval, ValueError, from_text};
use crate::yaml::Node;

/// Declares numbers: what a message calls them, and their bounds.
macro_rules! numbers {
    ($($(#[doc = $doc:literal])* $type:ident: $what:literal, $least:literal..=$most:expr;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $type(u32);

        impl $type {
            /// The number.
            pub fn get(self) -> u32 {
                self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $type {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                number(text, $what, $least, $most).map(Self)
            }
        }
    )*};
}

numbers! {
    /// How many of something.
    Count: "a number", 0..=u32::MAX;
    /// How bad a route is: of several to one place the one with the least metric is taken.
    Metric: "a metric", 0..=u32::MAX;
    /// The largest packet in bytes.
    Mtu: "an MTU", 68..=65535;
    /// What it costs a bridge to send by a port.
    PathCost: "a path cost", 1..=65535;
    /// A port's rank in its bridge.
    PortPriority: "a port's priority", 0..=63;
    /// A bridge's rank among bridges.
    Priority: "a bridge's priority", 0..=65535;
    /// The number of a routing table.
    Table: "a routing table", 1..=u32::MAX;
    /// The number of a VLAN.
    VlanId: "a VLAN's number", 1..=4094;
}

/// The version of the format: 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version;

/// Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Millis(Duration);

/// Seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(Duration);

impl Millis {
    /// The duration.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl Seconds {
    /// The duration.
    pub fn duration(self) -> Duration {
        self.0
    }
}

fn number(text: &str, what: &str, least: u32, most: u32) -> Result<u32, ValueError> {
    // `u32::from_str` takes a leading plus.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|n| digits && (least..=most).contains(n));
    number.ok_or_else(|| ValueError::not_a(what, text, "", &format!("a number from {least} to {most}")))
}

/// A duration whose unit may be left out.
fn span(text: &str, unit: &str) -> Result<Duration, ValueError> {
    let bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let duration = if bare { format!("{text}{unit}").parse() } else { text.parse::<Interval>() };
    duration.map(Interval::duration)
}

impl FromStr for Millis {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        span(text, "ms").map(Self)
    }
}

impl FromStr for Seconds {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        span(text, "s").map(Self)
    }
}

impl FromStr for Version {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "2" => Ok(Self),
            "1" => Err(ValueError::new(
                "version 1 of the network config is not supported",
                "write `version: 2` and the keys that go with it: `ethernets`, `bonds`, `bridges`, `vlans`",
            )),
            _ => Err(ValueError::not_a("a version of the network config", text, "", "write `version: 2`")),
        }
    }
}

from_text! {
    Count: "a number", "number", "a whole number, not negative", ["0", "8"];
    Metric: "a metric", "metric", "a whole number; less is better", ["100"];
    Millis: "a duration", "milliseconds", "milliseconds, or a number with a unit", ["100", "1s"];
    Mtu: "an MTU", "mtu", "68 to 65535", ["1500", "9000"];
    PathCost: "a path cost", "path cost", "1 to 65535", ["4"];
    PortPriority: "a port's priority", "port priority", "0 to 63", ["32"];
    Priority: "a bridge's priority", "priority", "0 to 65535", ["32768"];
    Seconds: "a duration", "seconds", "seconds, or a number with a unit", ["15", "500ms"];
    Table: "a routing table", "table", "1 to 4294967295", ["100"];
    Version: "a version", "network version", "2", ["2"];
    VlanId: "a VLAN's number", "vlan", "1 to 4094", ["10"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_bounds() {
        for (text, good) in
            [("68", true), ("65535", true), ("67", false), ("65536", false), ("+100", false), ("", false)]
        {
            assert_eq!(text.parse::<Mtu>().is_ok(), good, "{text}");
        }
        let error = "4095".parse::<VlanId>().unwrap_err();
        assert_eq!(error.to_string(), "`4095` is not a VLAN's number: a number from 1 to 4094");
    }

    #[test]
    fn durations_have_a_unit_of_their_own() {
        assert_eq!("100".parse::<Millis>().unwrap().duration(), Duration::from_millis(100));
        assert_eq!("1s".parse::<Millis>().unwrap().duration(), Duration::from_secs(1));
        assert_eq!("15".parse::<Seconds>().unwrap().duration(), Duration::from_secs(15));
        for bad in ["", "-1", "1.5", "x"] {
            assert!(bad.parse::<Seconds>().is_err(), "{bad}");
        }
    }

    #[test]
    fn version_1_is_refused_with_a_reason() {
        assert!("2".parse::<Version>().is_ok());
        assert!("1".parse::<Version>().unwrap_err().message.contains("version 1"));
        assert!("3".parse::<Version>().is_err());
    }
}
