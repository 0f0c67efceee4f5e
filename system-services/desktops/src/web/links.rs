//! Links that log in once: from the config, and made by `dockos desktop link`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dockos_control::error::{Context, Result};
use dockos_control::files;
use dockos_control::wanted::Web;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::web::sessions::now;
use crate::web::{random, say};

/// Links that were made here, each a file with the sum of its word for a name.
const FOLDER: &str = "links";
/// The sums of the config's links that have been used.
const USED: &str = "used-links.json";
/// Only the server, and who may make links, read them.
const MODE: u32 = 0o600;
/// Seconds by which a clock may be put back without a link being of the future.
const SLACK: u64 = 300;
/// Letters of a word.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=128;

/// A link that was made here.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Link {
    user: String,
    made: u64,
    until: u64,
}

/// The sums of those that have been used; `None`: they could not be read, so each may have been.
type Used = Option<BTreeSet<String>>;

/// What is known of links.
#[derive(Clone, Debug)]
pub(super) struct Links {
    state: PathBuf,
    /// Of the config's links.
    used: Arc<Mutex<Used>>,
    /// Links are used up one after the other: each knows what the one before it wrote.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Makes a link for a user, good for so many seconds: gives its word.
pub(super) fn make(state: &Path, user: &str, seconds: u64) -> Result<String> {
    let word = random::word()?;
    let made = now();
    let link = Link { user: user.to_owned(), made, until: made.saturating_add(seconds) };
    let path = state.join(FOLDER).join(random::sha256(&word));
    let text = serde_json::to_vec(&link).context(|| "make a link".to_owned())?;
    files::write_durably(&path, &text, MODE)?;
    Ok(word)
}

impl Links {
    /// What was kept; links whose time is over are removed.
    pub(super) fn load(state: &Path) -> Self {
        let used = Arc::new(Mutex::new(used(&state.join(USED))));
        let links = Self { state: state.to_owned(), used, turn: Arc::default() };
        for entry in fs::read_dir(state.join(FOLDER)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // One that was made later than now waits for the clock to be put right.
            if links.kept(&name).is_none_or(|link| link.until <= now()) {
                let _ = fs::remove_file(entry.path());
            }
        }
        links
    }

    /// Whose link this is, if it still logs in.
    pub(super) fn find(&self, web: &Web, word: &str) -> Option<String> {
        if !LENGTHS.contains(&word.len()) {
            return None;
        }
        let sum = random::sha256(word);
        let made = || self.made(&sum).map(|link| link.user);
        let name = self.of_config(web, &sum).or_else(made)?;
        web.users.iter().any(|user| user.name == name).then_some(name)
    }

    /// Uses a link, durably before anybody is logged in by it; `None`: somebody was faster.
    pub(super) async fn take(&self, web: Arc<Web>, word: &str) -> Result<Option<String>> {
        if !LENGTHS.contains(&word.len()) {
            return Ok(None);
        }
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let (links, sum) = (self.clone(), random::sha256(word));
        let taken = spawn_blocking(move || {
            // It ends with the writing, also where whoever waits for it has gone.
            let _turn = turn;
            links.use_up(&web, sum)
        });
        taken.await.context(|| "use up the link".to_owned())?
    }

    fn use_up(&self, web: &Web, sum: String) -> Result<Option<String>> {
        if let Some(link) = self.made(&sum) {
            let folder = self.state.join(FOLDER);
            let removed = fs::remove_file(folder.join(&sum)).and_then(|()| File::open(&folder)?.sync_all());
            removed.context(|| "use up the link".to_owned())?;
            return Ok(Some(link.user));
        }
        // Where it is not known which have been used, none is good.
        let used = self.used().clone().filter(|used| !used.contains(&sum));
        let Some(mut used) = used else { return Ok(None) };
        let Some(user) = config_user(web, &sum) else { return Ok(None) };
        // Those that the config no longer has need not be known.
        used.retain(|sum| config_user(web, sum).is_some());
        used.insert(sum);
        let text = serde_json::to_vec(&used).context(|| "use up the link".to_owned())?;
        files::write_durably(&self.state.join(USED), &text, MODE)?;
        *self.used() = Some(used);
        Ok(Some(user))
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of_config(&self, web: &Web, sum: &str) -> Option<String> {
        let used = self.used();
        config_user(web, sum).filter(|_| used.as_ref().is_some_and(|used| !used.contains(sum)))
    }

    /// The link of a sum, while it is good: from when it was made, or a clock that is wrong would bring it back.
    fn made(&self, sum: &str) -> Option<Link> {
        self.kept(sum).filter(|link| is_good(link, now()))
    }

    /// The link of a sum. The name is a sum's, so no other file is ever read.
    fn kept(&self, sum: &str) -> Option<Link> {
        if sum.len() != 64 || !sum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let text = fs::read(self.state.join(FOLDER).join(sum)).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// Says which links will log in again: where what is kept is in memory, a reboot forgets which have been used.
pub(super) fn warn(web: &Web, state: &Path) {
    if !statfs(state).is_ok_and(|found| found.filesystem_type() == TMPFS_MAGIC) {
        return;
    }
    for user in web.users.iter().filter(|user| user.link_sha256.is_some()) {
        say!(
            "{}: the link of the config logs in again after each reboot, as there is no state disk to remember its use",
            user.name
        );
    }
}

fn is_good(link: &Link, now: u64) -> bool {
    link.made <= now.saturating_add(SLACK) && now < link.until
}

/// The sums of those that have been used; none where there is no file yet.
fn used(path: &Path) -> Used {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(BTreeSet::new()),
        Err(error) => {
            say!("{}: {error}; links of the config log nobody in", path.display());
            return None;
        }
    };
    let used = serde_json::from_slice(&text);
    let bad = |error| {
        say!(
            "{}: {error}; links of the config log nobody in (give them other words, then remove it)",
            path.display()
        );
    };
    used.map_err(bad).ok()
}

fn config_user(web: &Web, sum: &str) -> Option<String> {
    let fits = |own: &Option<String>| own.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(sum));
    web.users.iter().find(|user| fits(&user.link_sha256)).map(|user| user.name.clone())
}

#[cfg(test)]
mod tests {
    use dockos_control::wanted::WebUser;

    use super::*;

    fn web(word: &str) -> Arc<Web> {
        let link_sha256 = Some(random::sha256(word).to_uppercase());
        let user = WebUser { name: "alice".to_owned(), password_hash: None, link_sha256, teacher: false };
        Arc::new(Web { port: 0, certificate: None, key: None, users: vec![user] })
    }

    #[tokio::test]
    async fn a_link_of_the_config_works_once_even_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let web = web("a-long-word");
        let links = Links::load(dir.path());
        assert_eq!(links.find(&web, "a-long-word").as_deref(), Some("alice"));
        assert_eq!(links.find(&web, "another-word"), None);
        assert_eq!(links.take(Arc::clone(&web), "a-long-word").await.unwrap().as_deref(), Some("alice"));
        for links in [links, Links::load(dir.path())] {
            assert_eq!(links.find(&web, "a-long-word"), None);
            assert_eq!(links.take(Arc::clone(&web), "a-long-word").await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_link_works_once_though_many_use_it_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let (links, web) = (Links::load(dir.path()), web("a-long-word"));
        let made = make(dir.path(), "alice", 60).unwrap();
        for word in ["a-long-word", &made] {
            let takes = (0..8).map(|_| links.take(Arc::clone(&web), word));
            let taken = futures_util::future::join_all(takes).await;
            assert_eq!(taken.into_iter().filter_map(Result::unwrap).collect::<Vec<_>>(), ["alice"]);
        }
    }

    #[tokio::test]
    async fn a_disk_that_is_slow_holds_up_only_those_who_use_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (links, web) = (Links::load(dir.path()), web("a-long-word"));
        let using = links.turn.lock().await;
        let mut take = Box::pin(links.take(Arc::clone(&web), "a-long-word"));
        assert!(futures_util::poll!(&mut take).is_pending());
        assert_eq!(links.find(&web, "a-long-word").as_deref(), Some("alice"));
        drop(using);
        assert_eq!(take.await.unwrap().as_deref(), Some("alice"));
    }

    #[tokio::test]
    async fn a_made_link_works_once_and_in_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let web = web("x");
        let links = Links::load(dir.path());
        let word = make(dir.path(), "alice", 60).unwrap();
        assert_eq!(links.find(&web, &word).as_deref(), Some("alice"));
        assert_eq!(links.take(Arc::clone(&web), &word).await.unwrap().as_deref(), Some("alice"));
        assert_eq!(links.take(Arc::clone(&web), &word).await.unwrap(), None);
        let over = make(dir.path(), "alice", 0).unwrap();
        let stranger = make(dir.path(), "mallory", 60).unwrap();
        assert_eq!((links.find(&web, &over), links.find(&web, &stranger)), (None, None));
        Links::load(dir.path());
        assert_eq!(fs::read_dir(dir.path().join(FOLDER)).unwrap().count(), 1, "what is over is removed");
    }

    #[test]
    fn no_clock_brings_a_link_back() {
        let link = Link { user: "alice".to_owned(), made: 1_800_000_000, until: 1_800_003_600 };
        for (now, good) in [
            (1_800_000_000, true),
            (1_799_999_990, true),
            (1_800_003_600, false),
            (0, false),
            (1_799_990_000, false),
        ] {
            assert_eq!(is_good(&link, now), good, "at {now}");
        }
    }

    #[test]
    fn a_link_waits_for_the_clock_over_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let word = make(dir.path(), "alice", 60).unwrap();
        let path = dir.path().join(FOLDER).join(random::sha256(&word));
        let later = now() + 10_000;
        let link = Link { user: "alice".to_owned(), made: later, until: later + 60 };
        fs::write(&path, serde_json::to_vec(&link).unwrap()).unwrap();
        assert_eq!(Links::load(dir.path()).find(&web("x"), &word), None);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn links_that_may_have_been_used_are_no_good() {
        let dir = tempfile::tempdir().unwrap();
        let web = web("a-long-word");
        for bad in ["", "{", "[1]"] {
            fs::write(dir.path().join(USED), bad).unwrap();
            let links = Links::load(dir.path());
            assert_eq!(links.find(&web, "a-long-word"), None, "{bad}");
            assert_eq!(links.take(Arc::clone(&web), "a-long-word").await.unwrap(), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn no_word_is_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let links = Links::load(dir.path());
        for bad in ["", "../used-links.json", "a/b/c/d/e", &"x".repeat(500)] {
            assert_eq!(links.find(&web("x"), bad), None, "{bad}");
            assert_eq!(links.take(web("y"), bad).await.unwrap(), None, "{bad}");
        }
    }
}
