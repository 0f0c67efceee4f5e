//! What the agent tells PID 1 and whoever looks: one file, written whenever something changes.

use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use dockos_control::wanted::{self, Settled};
use serde::Serialize;
use tokio::time::sleep;

use super::Agent;
use crate::say;
use crate::told::{self, State};

/// What changes at once is written at once.
const TOGETHER: Duration = Duration::from_millis(20);

/// A [`Settled`] with more of each desktop.
#[derive(Serialize)]
struct Status {
    version: u64,
    settled: bool,
    desktops: Vec<told::Desktop>,
}

/// Writes the file after each change. Before the config was read there is nothing to tell.
pub(crate) async fn write_changes(agent: Rc<Agent>) {
    let mut last = String::new();
    loop {
        agent.changed.notified().await;
        sleep(TOGETHER).await;
        let Some(version) = agent.version.get() else { continue };
        let status = {
            let all = agent.desktops.borrow();
            let desktops: Vec<_> = all.values().map(|desktop| agent.told(desktop, false)).collect();
            Status { version, settled: all.values().all(|desktop| desktop.is_settled()), desktops }
        };
        let text = serde_json::to_string(&status).unwrap_or_default();
        if text != last {
            match wanted::write(&agent.places.status.to_string_lossy(), &status) {
                Ok(()) => last = text,
                Err(fault) => say!("{fault}"),
            }
        }
    }
}

/// The desktops that ran when an agent before this one, in this boot, wrote last. The file is in RAM: a reboot leaves none.
pub(crate) fn ran_before(path: &Path) -> BTreeSet<String> {
    let status: Settled = wanted::read(&path.to_string_lossy()).unwrap_or_default();
    let is_running = |state: &str| [State::Starting, State::Ready].iter().any(|one| one.word() == state);
    let ran = status.desktops.into_iter().filter(|desktop| is_running(&desktop.state));
    ran.map(|desktop| desktop.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_ran_are_known_to_the_next_agent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("status.json");
        assert!(ran_before(&path).is_empty());
        let desktop =
            |name: &str, state| told::Desktop { name: name.to_owned(), state, ..told::Desktop::default() };
        let desktops =
            vec![desktop("a", State::Ready), desktop("b", State::Stopped), desktop("c", State::Starting)];
        let status = Status { version: 3, settled: false, desktops };
        wanted::write(&path.to_string_lossy(), &status).unwrap();
        assert_eq!(ran_before(&path), BTreeSet::from(["a".to_owned(), "c".to_owned()]));
        let read: Settled = wanted::read(&path.to_string_lossy()).unwrap();
        assert_eq!(
            (read.version, read.settled, read.desktops.len()),
            (3, false, 3),
            "PID 1 reads the beginning"
        );
        std::fs::write(&path, "{").unwrap();
        assert!(ran_before(&path).is_empty());
    }
}
