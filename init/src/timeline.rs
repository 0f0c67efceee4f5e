//! The boot timeline: each phase's start, end, result and what it waited for, in `/run/dockos/boot.json`.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clock::uptime;

/// Where the timeline is kept.
pub(crate) const FILE: &str = "/run/dockos/boot.json";

/// How a phase stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Waiting,
    Running,
    Ok,
    Skipped,
    Failed,
}

impl Outcome {
    /// True once nothing more will happen in the phase.
    pub(crate) fn ended(self) -> bool {
        matches!(self, Self::Ok | Self::Skipped | Self::Failed)
    }

    /// The word on the screen.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// One phase. Times are seconds since the kernel started; what was before it has negative ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) start: f64,
    pub(crate) end: f64,
    pub(crate) result: Outcome,
    /// Phases that had to end first.
    pub(crate) after: Vec<String>,
    /// What came of it, or what it waits for.
    pub(crate) note: String,
}

/// A moment worth knowing that is no phase.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) name: String,
    /// Seconds since the kernel started.
    pub(crate) at: f64,
}

/// The whole boot.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Timeline {
    /// The kernel's release.
    pub(crate) kernel: String,
    /// When the machine was ready or degraded, in seconds since the kernel started; 0 until then.
    pub(crate) ready: f64,
    /// `booting`, `ready`, or `degraded: REASON`.
    pub(crate) result: String,
    pub(crate) phases: Vec<Entry>,
    pub(crate) marks: Vec<Mark>,
}

impl Timeline {
    /// Notes a moment.
    pub(crate) fn mark(&mut self, name: impl Into<String>) {
        self.marks.push(Mark { name: name.into(), at: uptime() });
    }

    /// The phase of that name.
    pub(crate) fn entry(&mut self, name: &str) -> Option<&mut Entry> {
        self.phases.iter_mut().find(|entry| entry.name == name)
    }

    /// Writes the file; on tmpfs, so it costs no disk.
    pub(crate) fn save(&self) {
        let Ok(json) = serde_json::to_vec(self) else { return };
        let beside = format!("{FILE}.new");
        let done = std::fs::create_dir_all("/run/dockos")
            .and_then(|()| std::fs::write(&beside, json))
            .and_then(|()| std::fs::rename(&beside, FILE));
        if let Err(error) = done {
            tracing::warn!("write {FILE}: {error}");
        }
    }

    /// Reads the file of the running machine.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// The timeline as a table for a terminal.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("kernel {}: {} at {:.3} s", self.kernel, self.result, self.ready);
        let first = self.phases.iter().map(|phase| phase.start).fold(0.0, f64::min);
        if first < 0.0 {
            let _ = write!(text, ", {:.3} s after power-on", self.ready - first);
        }
        text.push('\n');
        text.push_str("   start      end  seconds  result   phase            note\n");
        for entry in &self.phases {
            let seconds = (entry.end - entry.start).max(0.0);
            let (name, word) = (&entry.name, entry.result.word());
            let note = entry.note.replace('\n', " ");
            let _ = writeln!(
                text,
                "{:8.3} {:8.3} {seconds:8.3}  {word:<8} {name:<16} {note}",
                entry.start, entry.end
            );
        }
        for mark in &self.marks {
            let _ = writeln!(text, "{:8.3}  {}", mark.at, mark.name);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_goes_there_and_back_and_the_table_names_every_phase() {
        let mut timeline =
            Timeline { kernel: "6.12".into(), result: "ready".into(), ready: 9.5, ..Timeline::default() };
        timeline.phases.push(Entry {
            name: "network".into(),
            start: 1.0,
            end: 2.5,
            result: Outcome::Ok,
            after: vec!["config".into()],
            note: "eth0".into(),
        });
        timeline.marks.push(Mark { name: "desktop hello running".into(), at: 9.0 });
        let again: Timeline = serde_json::from_str(&serde_json::to_string(&timeline).unwrap()).unwrap();
        let table = again.table();
        assert!(table.contains("network") && table.contains("1.500") && table.contains("hello"), "{table}");
    }
}
