//! The boot timeline, as PID 1 writes it to `/run/dockos/boot.json`.

use serde::Deserialize;

/// The whole timeline; times are seconds since the kernel started.
#[derive(Debug, Clone, Deserialize)]
pub struct Timeline {
    /// The kernel's release.
    pub kernel: String,
    /// When the machine was ready or known to be degraded.
    pub ready: Option<f64>,
    /// `ready`, or `degraded: REASON`.
    pub result: Option<String>,
    /// The boot phases.
    pub phases: Vec<Phase>,
    /// Single moments, such as a tenant's container running.
    #[serde(default)]
    pub marks: Vec<Mark>,
}

/// One phase of the boot.
#[derive(Debug, Clone, Deserialize)]
pub struct Phase {
    /// The phase's name.
    pub name: String,
    /// When it began, if it did.
    pub start: Option<f64>,
    /// When it ended, if it did.
    pub end: Option<f64>,
    /// `ok`, `failed`, `skipped` or `running`.
    pub result: String,
    /// The phases it waited for.
    #[serde(default)]
    pub after: Vec<String>,
    /// What it has to say.
    pub note: Option<String>,
}

/// A moment of the boot.
#[derive(Debug, Clone, Deserialize)]
pub struct Mark {
    /// What happened.
    pub name: String,
    /// When.
    pub at: f64,
}

impl Timeline {
    /// The phase called `name`.
    pub fn phase(&self, name: &str) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.name == name)
    }

    /// When the desktop `name` was running.
    pub fn desktop_running(&self, name: &str) -> Option<f64> {
        let wanted = format!("desktop {name} running");
        self.marks.iter().find(|mark| mark.name == wanted).map(|mark| mark.at)
    }
}
