//! Who looks at which desktop: the agent is told how many, and the tenant is shown who.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::web::site::Site;

/// How often the agent is told.
const TELL: Duration = Duration::from_secs(15);
/// Screens that one session may look at, at once.
const MOST_OF_ONE: usize = 16;
/// All of them.
const MOST: usize = 256;

/// Somebody who looks at a desktop.
#[derive(Clone, Debug)]
struct Viewer {
    number: u64,
    name: String,
    view_only: bool,
}

#[derive(Debug, Default)]
struct All {
    next: u64,
    by_desktop: BTreeMap<String, Vec<Viewer>>,
}

/// All viewers.
#[derive(Debug, Default)]
pub(super) struct Viewers {
    all: Mutex<All>,
    changed: Notify,
}

/// The place of a viewer, left when it is dropped.
#[derive(Debug)]
pub(super) struct Looking {
    viewers: Arc<Viewers>,
    desktop: String,
    number: u64,
}

impl Viewers {
    /// Somebody begins to look; `None`: too many do.
    pub(super) fn enter(self: &Arc<Self>, desktop: &str, name: &str, view_only: bool) -> Option<Looking> {
        let mut all = self.lock();
        let everybody = || all.by_desktop.values().flatten();
        if everybody().count() >= MOST
            || everybody().filter(|viewer| viewer.name == name).count() >= MOST_OF_ONE
        {
            return None;
        }
        all.next += 1;
        let number = all.next;
        let viewer = Viewer { number, name: name.to_owned(), view_only };
        all.by_desktop.entry(desktop.to_owned()).or_default().push(viewer);
        self.changed.notify_one();
        Some(Looking { viewers: Arc::clone(self), desktop: desktop.to_owned(), number })
    }

    /// How many look at a desktop.
    pub(super) fn count(&self, desktop: &str) -> usize {
        self.lock().by_desktop.get(desktop).map_or(0, Vec::len)
    }

    /// Who looks at a desktop without being its tenant.
    pub(super) fn watchers(&self, desktop: &str) -> BTreeSet<String> {
        let all = self.lock();
        let viewers = all.by_desktop.get(desktop).into_iter().flatten();
        viewers.filter(|viewer| viewer.view_only).map(|viewer| viewer.name.clone()).collect()
    }

    fn counts(&self) -> BTreeMap<String, usize> {
        self.lock().by_desktop.iter().map(|(desktop, viewers)| (desktop.clone(), viewers.len())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        let mut all = self.viewers.lock();
        if let Some(viewers) = all.by_desktop.get_mut(&self.desktop) {
            viewers.retain(|viewer| viewer.number != self.number);
            if viewers.is_empty() {
                all.by_desktop.remove(&self.desktop);
            }
        }
        drop(all);
        self.viewers.changed.notify_one();
    }
}

/// Tells the agent from time to time, and when somebody comes or goes.
pub(super) async fn tell(site: Arc<Site>) {
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    loop {
        let _ = tokio::time::timeout(TELL, site.viewers.changed.notified()).await;
        let counts = site.viewers.counts();
        // Nobody looks any more: that is told once.
        let left =
            told.keys().filter(|desktop| !counts.contains_key(*desktop)).map(|desktop| (desktop.clone(), 0));
        let news: Vec<(String, usize)> = left.chain(counts.clone()).collect();
        for (desktop, viewers) in news {
            // An agent that is away is told again soon.
            let _ = site.agent.viewed(&desktop, viewers).await;
        }
        told = counts;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewers_come_and_go() {
        let viewers = Arc::new(Viewers::default());
        let alice = viewers.enter("a", "alice", false);
        let zhao = viewers.enter("a", "zhao", true);
        assert_eq!(viewers.count("a"), 2);
        assert_eq!(viewers.watchers("a").into_iter().collect::<Vec<_>>(), ["zhao"]);
        drop(zhao);
        assert!(viewers.watchers("a").is_empty());
        drop(alice);
        assert!(viewers.counts().is_empty());
    }

    #[test]
    fn one_looks_at_a_bounded_number() {
        let viewers = Arc::new(Viewers::default());
        let held: Vec<_> = (0..99).filter_map(|_| viewers.enter("a", "alice", false)).collect();
        assert_eq!(held.len(), MOST_OF_ONE);
    }
}
