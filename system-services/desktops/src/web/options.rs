//! The command line of the web server. A machine's defaults are all it needs; tests give each place.

use std::ffi::OsString;
use std::path::PathBuf;

use dockos_control::wanted;
use lexopt::Parser;
use lexopt::prelude::{Long, Short};

use crate::screen::SCREENS;

/// What `--help` shows.
pub(crate) const HELP: &str = "\
desktops web: shows tenants' desktops in a browser, over HTTPS

  desktops web [OPTION]...
      --wanted FILE       the settings, as PID 1 writes them (/run/dockos/web/wanted.json)
      --announced FILE    where it writes its port and fingerprint (/run/dockos/web/announced.json)
      --agent SOCKET      the agent's socket (/run/dockos/agent/socket)
      --screens FOLDER    the desktops' screens (/run/user-docker/screens)
      --state FOLDER      its certificate, sessions and links (/var/lib/dockos/web)

Exit status: 0 done, 1 failed, 2 wrong use.
";
/// What is kept.
pub(super) const STATE: &str = "/var/lib/dockos/web";

/// Where everything is.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The settings.
    pub(super) wanted: PathBuf,
    /// What the server says of itself.
    pub(super) announced: PathBuf,
    /// The agent.
    pub(super) agent: PathBuf,
    /// The screens.
    pub(super) screens: PathBuf,
    /// What is kept.
    pub(super) state: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            wanted: wanted::WEB.into(),
            announced: wanted::ANNOUNCED.into(),
            agent: wanted::AGENT.into(),
            screens: SCREENS.into(),
            state: STATE.into(),
        }
    }
}

/// Reads the arguments; `None`: help is asked for.
pub(super) fn parse(words: impl Iterator<Item = OsString>) -> Result<Option<Places>, lexopt::Error> {
    let mut places = Places::default();
    let mut parser = Parser::from_args(words);
    while let Some(argument) = parser.next()? {
        let place = match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("wanted") => &mut places.wanted,
            Long("announced") => &mut places.announced,
            Long("agent") => &mut places.agent,
            Long("screens") => &mut places.screens,
            Long("state") => &mut places.state,
            other => return Err(other.unexpected()),
        };
        *place = parser.value()?.into();
    }
    Ok(Some(places))
}
