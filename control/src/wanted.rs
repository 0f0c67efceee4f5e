//! What the config wants of desktops and of the page that shows them: PID 1 writes it, the services `desktops` and `web`
//! read it. All is resolved: a course's limits are in its desktops, the machine's locale in its courses.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Context, Result};
use crate::files;

/// Where the desktops that the config wants are written.
pub const DESKTOPS: &str = "/run/dockos/desktops/wanted.json";
/// Where the settings of the page are written.
pub const WEB: &str = "/run/dockos/web/wanted.json";
/// What the agent says of its desktops (see [`Settled`]).
pub const STATUS: &str = "/run/dockos/desktops/status.json";
/// Where the agent answers: a folder of its own, which is all of these that the web server sees besides its own.
pub const AGENT: &str = "/run/dockos/agent/socket";
/// What the web server says of itself once it listens (see [`Announced`]).
pub const ANNOUNCED: &str = "/run/dockos/web/announced.json";
/// Hashes of passwords, keys and logins to registries are in them.
const MODE: u32 = 0o600;

/// All desktops and courses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desktops {
    /// Counts up with each writing, so that the agent's answer says which one it is about.
    pub version: u64,
    /// Remove what an earlier config named and this one does not. Not where there was no config to be found.
    pub remove_others: bool,
    /// The desktops of the config, in its order.
    pub desktops: Vec<Desktop>,
    /// What desktops that the config does not name can be made of, by name.
    pub courses: BTreeMap<String, Course>,
}

/// One tenant's desktop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desktop {
    /// Its name, unique on the machine.
    pub name: String,
    /// Whose it is.
    pub tenant: String,
    /// When it starts.
    pub start: Start,
    /// The course's name, if it has one.
    #[serde(default)]
    pub course_name: Option<String>,
    /// What it runs, with which limits.
    pub course: Course,
    /// Ports of the machine that lead into it.
    #[serde(default)]
    pub ports: Vec<PublishedPort>,
    /// The tenant's volumes besides the home, as the engine takes them: `TENANT.NAME:PATH[:ro]`.
    #[serde(default)]
    pub volumes: Vec<String>,
}

/// When a desktop starts for the first time; later, each boot leaves it as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// With the machine.
    Boot,
    /// When somebody asks for it.
    Demand,
}

/// A desktop image and its limits. `None` is the engine's own or no limit, unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// What people call it; `None`: as the image's label says.
    pub title: Option<String>,
    /// The image.
    pub image: String,
    /// How to log in to the image's registry.
    pub login: Option<Login>,
    /// What runs in place of the image's command.
    pub command: Option<Vec<String>>,
    /// Variables, `NAME=VALUE`.
    pub environment: Vec<String>,
    /// Billionths of a CPU.
    pub nano_cpus: Option<u64>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Processes; -1: no limit.
    pub pids: i64,
    /// Bytes that it may write outside of its home.
    pub disk: Option<u64>,
    /// Bytes of the tenant's home.
    pub home: Option<u64>,
    /// Bytes per second to read from the state disk, and as many to write.
    pub io: Option<u64>,
    /// Bytes of shared memory, out of `memory`.
    pub shm: Option<u64>,
    /// Whether the tenant may become root inside.
    pub sudo: bool,
    /// Whether it reaches other networks.
    pub internet: bool,
    /// Seconds without a viewer after which it is stopped.
    pub idle_stop: Option<u64>,
}

/// A port of the machine that leads into a desktop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedPort {
    /// The machine's address; `None`: all.
    pub ip: Option<String>,
    /// The machine's port.
    pub host: u16,
    /// The desktop's, with its protocol: `80/tcp`.
    pub container: String,
}

/// A login to a registry.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The registry.
    pub registry: String,
    /// The user.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// A token in place of both.
    pub identity_token: Option<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({})", self.registry)
    }
}

/// The page that shows desktops in a browser.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Web {
    /// The port of the machine, for HTTPS.
    pub port: u16,
    /// The chain of certificates (PEM); `None`: one made at the first start, and kept.
    pub certificate: Option<String>,
    /// Its private key (PEM).
    pub key: Option<String>,
    /// Who may log in.
    pub users: Vec<WebUser>,
}

/// Somebody who may log in to the page.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebUser {
    /// The name; the desktops of the tenant of this name are theirs.
    pub name: String,
    /// The password's hash, as in `/etc/shadow`.
    pub password_hash: Option<String>,
    /// The SHA-256 (hex) of the word in a link that logs in once.
    pub link_sha256: Option<String>,
    /// Sees all desktops, those of others without touching them.
    pub teacher: bool,
}

/// How far the agent is: the beginning of what it writes to [`STATUS`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The [`Desktops::version`] it is about.
    pub version: u64,
    /// Every desktop that is to run at boot is ready, or failed.
    pub settled: bool,
    /// What became of each of them.
    pub desktops: Vec<Outcome>,
}

/// What became of a desktop: the beginning of what the agent says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// `stopped`, `waiting`, `starting`, `ready`, `stopping` or `failed`.
    pub state: String,
    /// Why, for people; empty where there is nothing to say.
    #[serde(default)]
    pub reason: String,
}

/// Where the web server listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The port.
    pub port: u16,
    /// The certificate's SHA-256, `AA:BB:…`.
    pub fingerprint: String,
}

/// Writes one of these files.
pub fn write<T: Serialize>(path: &str, value: &T) -> Result<()> {
    let text = serde_json::to_vec(value).context(|| format!("write {path}"))?;
    files::write_durably(Path::new(path), &text, MODE)
}

/// Reads one of these files.
pub fn read<T: DeserializeOwned>(path: &str) -> Result<T> {
    let text = std::fs::read(path).context(|| format!("read {path}"))?;
    serde_json::from_slice(&text).context(|| format!("read {path}"))
}
