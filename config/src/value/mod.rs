//! Values of single keys: each a type that can only hold what is valid, with an error that says what would be.

mod amount;
pub(crate) mod base64;
mod command;
mod host;
mod interval;
mod mode;
mod name;
mod pairs;
mod path;
mod port;
mod registry;
mod volume;
mod words;

pub use amount::{Cpus, OomScore, PidsLimit, Size};
pub use command::{Argv, Command};
pub use host::{AuthorizedKey, Capability, Device};
pub use interval::Interval;
pub use mode::{Mode, Owner};
pub use name::{Hostname, Name};
pub use pairs::KeyValues;
pub use path::AbsPath;
pub use port::{PortMapping, Protocol};
pub use registry::{ImageRef, Mirror, RegistryHost};
pub use volume::{ServiceVolume, TenantVolume, Tmpfs};

use crate::decode::{Decode, Problems, scalar};
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

/// Decodes types that are read from the text of a scalar.
macro_rules! from_text {
    ($($type:ty: $what:literal,)*) => {$(
        impl Decode for $type {
            fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
                let text = scalar(node, $what, problems)?;
                text.parse().map_err(|error| problems.value(node.mark, error)).ok()
            }
        }
    )*};
}

from_text! {
    AbsPath: "a path",
    AuthorizedKey: "a public key",
    Capability: "a capability",
    Cpus: "a number of CPUs",
    Device: "a device",
    Hostname: "a host name",
    ImageRef: "an image",
    Interval: "a duration",
    Mirror: "an address",
    Mode: "permissions",
    Name: "a name",
    OomScore: "a number",
    Owner: "a user and a group",
    PidsLimit: "a number",
    PortMapping: "a port mapping",
    RegistryHost: "a registry",
    ServiceVolume: "a volume",
    Size: "a size",
    TenantVolume: "a volume",
    Tmpfs: "a path",
}

impl Decode for String {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        scalar(node, "a text", problems).map(str::to_owned)
    }
}

impl Decode for bool {
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
