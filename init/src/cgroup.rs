//! Control groups (v2): who lives where, and how a whole group is ended.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dockos_control::error::{Context, Result};

/// Where the hierarchy is mounted, on the host and in every system service.
pub(crate) const MOUNT: &str = "/sys/fs/cgroup";

/// Memory that reclaim leaves to PID 1 (its own is under 8 MB).
const INIT_MEMORY_MIN: &str = "16M";
/// Memory that reclaim takes from the engines last.
const ENGINES_MEMORY_LOW: &str = "128M";

/// A group below the mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    /// Makes the group, its parents too, with every controller passed on to it.
    pub(crate) fn make(name: &str) -> Result<Self> {
        let mut path = PathBuf::from(MOUNT);
        for part in name.split('/') {
            pass_on_controllers(&path);
            path.push(part);
            fs::create_dir_all(&path).context(|| format!("make cgroup {}", path.display()))?;
        }
        Ok(Self(path))
    }

    /// Makes a group right below the mount and passes nothing on: the way out of a group that still has processes in
    /// it, whose controllers cannot be passed on (and, tried all the same, would spoil it).
    pub(crate) fn make_bare(name: &str) -> Result<Self> {
        let path = Path::new(MOUNT).join(name);
        fs::create_dir_all(&path).context(|| format!("make cgroup {}", path.display()))?;
        Ok(Self(path))
    }

    /// An open handle, for a child to start in.
    pub(crate) fn open(&self) -> Result<File> {
        File::open(&self.0).context(|| format!("open cgroup {}", self.0.display()))
    }

    /// Sets one of the group's files.
    pub(crate) fn set(&self, file: &str, value: &str) -> Result<()> {
        let path = self.0.join(file);
        fs::write(&path, value).context(|| format!("write {value} to {}", path.display()))
    }

    /// Moves a process into the group.
    pub(crate) fn add(&self, pid: u32) -> Result<()> {
        self.set("cgroup.procs", &pid.to_string())
    }

    /// A group below it.
    pub(crate) fn below(&self, name: &str) -> Self {
        Self(self.0.join(name))
    }

    /// The groups right below it.
    pub(crate) fn children(&self) -> Vec<Self> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).map(Self).collect()
    }

    /// Whether there is such a group.
    pub(crate) fn exists(&self) -> bool {
        self.0.exists()
    }

    /// The processes in it, by their numbers on the machine.
    pub(crate) fn pids(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.trim().parse().ok()).collect()
    }

    /// True while any process lives in the group or below.
    pub(crate) fn populated(&self) -> bool {
        is_populated(&fs::read_to_string(self.0.join("cgroup.events")).unwrap_or_default())
    }

    /// Kills all that lives in it, double-forked children too (`cgroup.kill`), and waits until they are gone, at most
    /// `bound`. Tells whether they are.
    pub(crate) async fn kill(&self, bound: Duration) -> bool {
        let _ = self.set("cgroup.kill", "1");
        self.wait_empty(bound).await
    }

    /// Waits until nobody lives in it, at most `bound`. Tells whether that is so.
    pub(crate) async fn wait_empty(&self, bound: Duration) -> bool {
        let end = tokio::time::Instant::now() + bound;
        while self.populated() {
            if tokio::time::Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        true
    }
}

fn is_populated(events: &str) -> bool {
    events.lines().any(|line| line == "populated 1")
}

/// Enables every controller that the group has for its children. One at a time: a single refusal would void them all.
fn pass_on_controllers(group: &Path) {
    let controllers = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    for controller in controllers.split_whitespace() {
        let _ = fs::write(group.join("cgroup.subtree_control"), format!("+{controller}"));
    }
}

/// Gives PID 1 its own group, safe from reclaim and never an OOM victim, and makes the group of the engines.
pub(crate) fn set_up_host() -> Result<()> {
    let init = Cgroup::make("init")?;
    init.add(std::process::id())?;
    init.set("memory.min", INIT_MEMORY_MIN)?;
    Cgroup::make("engines")?.set("memory.low", ENGINES_MEMORY_LOW)?;
    fs::write("/proc/self/oom_score_adj", "-1000").context(|| "write /proc/self/oom_score_adj".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn populated_is_read_from_its_own_line() {
        assert!(is_populated("populated 1\nfrozen 0\n"));
        assert!(!is_populated("populated 0\nfrozen 1\n"));
        assert!(!is_populated(""));
    }
}
