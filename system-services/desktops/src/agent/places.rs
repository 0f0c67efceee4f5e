//! Where the agent finds everything: a machine's places, or others by option, for tests.

use std::ffi::OsString;
use std::path::PathBuf;

use dockos_control::wanted;
use lexopt::Parser;
use lexopt::prelude::{Long, Short};

/// What `--help` shows.
pub(crate) const HELP: &str = "\
desktops agent: runs tenants' desktops as the config and `dockos desktop` want them

  desktops agent [OPTION]...
      --docker SOCKET           the user Docker (/run/user-docker/docker.sock)
      --screens FOLDER          screens of desktops (/run/user-docker/screens)
      --screens-inside FOLDER   the same folder as the user Docker sees it (/run/screens)
      --state FOLDER            what is kept over reboots (/var/lib/dockos/desktops)
      --wanted FILE             what the config wants (/run/dockos/desktops/wanted.json)
      --status FILE             what became of it (/run/dockos/desktops/status.json)
      --socket SOCKET           where it answers (/run/dockos/agent/socket)
      --cgroups FOLDER          control groups of the machine (/run/cgroups)
      --no-networks             desktops have no network at all, for an engine without bridges

Exit status: 0 it was told to end, 1 failed, 2 wrong use.
";

/// The places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// The user Docker's socket.
    pub(crate) docker: String,
    /// One folder for each desktop, in which its X server listens.
    pub(crate) screens: PathBuf,
    /// The same, as the user Docker sees it.
    pub(crate) screens_inside: String,
    /// What is kept.
    pub(crate) state: PathBuf,
    /// What is wanted.
    pub(crate) wanted: PathBuf,
    /// What became of it.
    pub(crate) status: PathBuf,
    /// Where the agent answers.
    pub(crate) socket: PathBuf,
    /// The machine's control groups, read-only.
    pub(crate) cgroups: PathBuf,
    /// Whether the engine has bridges.
    pub(crate) networks: bool,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            docker: "/run/user-docker/docker.sock".to_owned(),
            screens: "/run/user-docker/screens".into(),
            screens_inside: "/run/screens".to_owned(),
            state: "/var/lib/dockos/desktops".into(),
            wanted: wanted::DESKTOPS.into(),
            status: wanted::STATUS.into(),
            socket: wanted::AGENT.into(),
            cgroups: "/run/cgroups".into(),
            networks: true,
        }
    }
}

impl Places {
    /// Reads the words after `agent`; `None`: help was asked for.
    pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Option<Self>, String> {
        let mut places = Self::default();
        let mut parser = Parser::from_args(words);
        while let Some(word) = parser.next().map_err(|error| error.to_string())? {
            let option = match word {
                Short('h') | Long("help") => return Ok(None),
                Long("no-networks") => {
                    places.networks = false;
                    continue;
                }
                Long(option) => option.to_owned(),
                other => return Err(other.unexpected().to_string()),
            };
            let mut value = || parser.value().map_err(|error| error.to_string());
            match option.as_str() {
                "docker" => places.docker = text(value()?)?,
                "screens" => places.screens = value()?.into(),
                "screens-inside" => places.screens_inside = text(value()?)?,
                "state" => places.state = value()?.into(),
                "wanted" => places.wanted = value()?.into(),
                "status" => places.status = value()?.into(),
                "socket" => places.socket = value()?.into(),
                "cgroups" => places.cgroups = value()?.into(),
                other => return Err(format!("there is no --{other}")),
            }
        }
        Ok(Some(places))
    }
}

fn text(value: OsString) -> Result<String, String> {
    value.into_string().map_err(|value| format!("{}: not UTF-8", value.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Option<Places>, String> {
        Places::parse(words.iter().map(OsString::from))
    }

    #[test]
    fn places_are_a_machines_unless_it_is_said_otherwise() {
        assert_eq!(parse(&[]), Ok(Some(Places::default())));
        assert_eq!(parse(&["--help"]), Ok(None));
        let places = parse(&["--state", "/s", "--no-networks"]).unwrap().unwrap();
        assert_eq!((places.state, places.networks), (PathBuf::from("/s"), false));
        assert!(parse(&["--stat", "x"]).unwrap_err().contains("--stat"));
        assert!(parse(&["x"]).is_err() && parse(&["--state"]).is_err());
        let defaults = Places::default();
        for path in [&defaults.screens, &defaults.state, &defaults.wanted, &defaults.status, &defaults.socket]
        {
            assert!(HELP.contains(&*path.to_string_lossy()), "{}", path.display());
        }
    }
}
