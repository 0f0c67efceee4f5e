//! The machine's desktops: what their agent says of them, and commands in them.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;

use super::Vm;
use crate::{Output, shell::quote};

/// Where the agent writes what it knows.
const STATUS: &str = "/run/dockos/desktops/status.json";
/// What the session's programs have.
const SESSION: &str = "DISPLAY=:1 XAUTHORITY=/tmp/.session/xauthority HOME=/home/student";
/// What an emulated machine needs to start and end a command.
const SLACK: Duration = Duration::from_secs(60);
/// The titles of the windows that the window manager manages, one each line.
const TITLES: &str = "xprop -root _NET_CLIENT_LIST | grep -o '0x[0-9a-f]*' | while read -r window; do \
                      xprop -id $window -notype _NET_WM_NAME WM_NAME 2>/dev/null | grep -m 1 -o '\".*\"'; done; true";

/// A desktop, as the agent sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Desktop {
    /// Its name.
    pub name: String,
    /// `stopped`, `waiting`, `starting`, `ready`, `stopping` or `failed`.
    pub state: String,
    /// Why, for people.
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    desktops: Vec<Desktop>,
}

impl Vm {
    /// All desktops.
    pub fn desktops(&self) -> Result<Vec<Desktop>> {
        let text = self.check(&format!("cat {STATUS}"))?;
        let status: Status =
            serde_json::from_str(&text).with_context(|| format!("status.json is not as agreed: {text}"))?;
        Ok(status.desktops)
    }

    /// Waits until a desktop is in a state. One that fails before is an error at once.
    pub fn wait_desktop(&self, name: &str, state: &str, timeout: Duration) -> Result<Desktop> {
        let deadline = Instant::now() + timeout;
        loop {
            let found = self.desktops()?.into_iter().find(|desktop| desktop.name == name);
            match found {
                Some(desktop) if desktop.state == state => return Ok(desktop),
                Some(desktop) if desktop.state == "failed" => {
                    let logs = self.run(&format!("docker logs --tail 20 desktop-{name}"))?.stdout;
                    bail!(self.report(anyhow!("{desktop:?} should be {state}; its log: {logs}")));
                }
                found if Instant::now() >= deadline => {
                    bail!(self.report(anyhow!("{name} is not {state} after {timeout:?}: {found:?}")));
                }
                _ => sleep(Duration::from_millis(500)),
            }
        }
    }

    /// Runs a command in a desktop, as the tenant, with the screen's variables.
    pub fn inside(&self, desktop: &str, command: &str) -> Result<Output> {
        self.run(&inside(desktop, command))
    }

    /// Runs a command in a desktop again and again until it succeeds, and returns what it printed, trimmed.
    pub fn inside_eventually(&self, desktop: &str, command: &str, timeout: Duration) -> Result<String> {
        self.eventually(&inside(desktop, command), timeout)
    }

    /// The titles of a desktop's windows.
    pub fn window_titles(&self, desktop: &str) -> Result<Vec<String>> {
        let titles = self.check(&inside(desktop, TITLES))?;
        Ok(titles.lines().map(|line| line.trim().trim_matches('"').to_owned()).collect())
    }

    /// Waits for a window whose title contains `text`. One command waits inside: starting many would take the processors
    /// from what is waited for.
    pub fn wait_window(&self, desktop: &str, text: &str, timeout: Duration) -> Result<String> {
        let wait = format!(
            "end=$((SECONDS + {})); until titles=$({TITLES}); grep -F -m 1 -- {} <<< \"$titles\"; do \
             [ $SECONDS -lt $end ] || {{ echo $titles; exit 1; }}; sleep 1; done",
            timeout.as_secs(),
            quote(text),
        );
        let found = self.run_within(&inside(desktop, &wait), timeout + SLACK)?;
        let said = found.stdout.trim().trim_matches('"').to_owned();
        if found.status != 0 {
            bail!(self.report(anyhow!("{desktop} has no window `{text}` after {timeout:?}, but {said}")));
        }
        Ok(said)
    }
}

fn inside(desktop: &str, command: &str) -> String {
    format!("docker exec desktop-{desktop} env {SESSION} bash -c {}", quote(command))
}
