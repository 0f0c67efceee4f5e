//! Links that log in once: from the config, and made by `dockos desktop link`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use dockos_control::error::{Context, Result};
use dockos_control::files;
use dockos_control::wanted::Web;
use serde::{Deserialize, Serialize};

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

/// What is known of links.
#[derive(Debug)]
pub(super) struct Links {
    state: PathBuf,
    /// `None`: it could not be read, so each may have been used.
    used: Mutex<Option<BTreeSet<String>>>,
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
        let links = Self { state: state.to_owned(), used: Mutex::new(used(&state.join(USED))) };
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
    pub(super) fn take(&self, web: &Web, word: &str) -> Result<Option<String>> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = random::sha256(word);
        if let Some(link) = LENGTHS.contains(&word.len()).then(|| self.made(&sum)).flatten() {
            let folder = self.state.join(FOLDER);
            let removed = fs::remove_file(folder.join(&sum)).and_then(|()| File::open(&folder)?.sync_all());
            removed.context(|| "use up the link".to_owned())?;
            return Ok(Some(link.user));
        }
        // Where it is not known which have been used, none is good.
        let Some(used) = used.as_mut().filter(|used| !used.contains(&sum)) else { return Ok(None) };
        let Some(user) = config_user(web, &sum) else { return Ok(None) };
        // Those that the config no longer has need not be known.
        used.retain(|sum| config_user(web, sum).is_some());
        used.insert(sum);
        let text = serde_json::to_vec(used).context(|| "use up the link".to_owned())?;
        files::write_durably(&self.state.join(USED), &text, MODE)?;
        Ok(Some(user))
    }

    fn of_config(&self, web: &Web, sum: &str) -> Option<String> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
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

fn is_good(link: &Link, now: u64) -> bool {
    link.made <= now.saturating_add(SLACK) && now < link.until
}

/// The sums of those that have been used; none where there is no file yet.
fn used(path: &Path) -> Option<BTreeSet<String>> {
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

    fn web(word: &str) -> Web {
        let link_sha256 = Some(random::sha256(word).to_uppercase());
        let user = WebUser { name: "alice".to_owned(), password_hash: None, link_sha256, teacher: false };
        Web { port: 0, certificate: None, key: None, users: vec![user] }
    }

    #[test]
    fn a_link_of_the_config_works_once_even_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let web = web("a-long-word");
        let links = Links::load(dir.path());
        assert_eq!(links.find(&web, "a-long-word").as_deref(), Some("alice"));
        assert_eq!(links.find(&web, "another-word"), None);
        assert_eq!(links.take(&web, "a-long-word").unwrap().as_deref(), Some("alice"));
        for links in [links, Links::load(dir.path())] {
            assert_eq!(links.find(&web, "a-long-word"), None);
            assert_eq!(links.take(&web, "a-long-word").unwrap(), None);
        }
    }

    #[test]
    fn a_made_link_works_once_and_in_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let web = web("x");
        let links = Links::load(dir.path());
        let word = make(dir.path(), "alice", 60).unwrap();
        assert_eq!(links.find(&web, &word).as_deref(), Some("alice"));
        assert_eq!(links.take(&web, &word).unwrap().as_deref(), Some("alice"));
        assert_eq!(links.take(&web, &word).unwrap(), None);
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

    #[test]
    fn links_that_may_have_been_used_are_no_good() {
        let dir = tempfile::tempdir().unwrap();
        let web = web("a-long-word");
        for bad in ["", "{", "[1]"] {
            fs::write(dir.path().join(USED), bad).unwrap();
            let links = Links::load(dir.path());
            assert_eq!(links.find(&web, "a-long-word"), None, "{bad}");
            assert_eq!(links.take(&web, "a-long-word").unwrap(), None, "{bad}");
        }
    }

    #[test]
    fn no_word_is_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let links = Links::load(dir.path());
        for bad in ["", "../used-links.json", "a/b/c/d/e", &"x".repeat(500)] {
            assert_eq!(links.find(&web("x"), bad), None, "{bad}");
            assert_eq!(links.take(&web("y"), bad).unwrap(), None, "{bad}");
        }
    }
}
