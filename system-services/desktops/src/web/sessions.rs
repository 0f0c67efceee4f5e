//! Who is logged in. A browser has a random word; what is kept of it is its sum, in memory and on the state disk, so
//! that sessions outlive the server and nobody can use what is read from the disk.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dockos_control::error::{Context, Result};
use dockos_control::files;
use dockos_control::wanted::{Web, WebUser};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::web::{random, say};

/// Where they are kept.
const FILE: &str = "sessions.json";
/// Only the server reads them.
const MODE: u32 = 0o600;
/// How long one lasts without being used.
const LASTS: Duration = Duration::from_secs(12 * 3600);
/// It is used longer by so much at least, so that the disk is not written at each look.
const STEP: Duration = Duration::from_secs(1800);
/// Seconds by which a clock is put right, and not only slow or fast.
const JUMP: u64 = 60;
/// All that there may be.
const MOST: usize = 4096;
/// Those of one user.
const MOST_OF_ONE: usize = 16;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Session {
    user: String,
    /// The sum of what the user logs in with: with another password or link, sessions are over.
    credential: String,
    until: u64,
}

/// All sessions, by the sum of their word.
#[derive(Debug)]
pub(super) struct Sessions {
    path: PathBuf,
    all: Mutex<All>,
    /// The last change that is on the disk; who writes holds it.
    saved: Arc<tokio::sync::Mutex<u64>>,
}

#[derive(Debug)]
struct All {
    by_sum: HashMap<String, Session>,
    /// How often they changed.
    changes: u64,
    /// What the clock said at the last look, and what really passes.
    seen: (u64, Instant),
}

impl All {
    /// Follows a clock that was put right: who uses the page is not logged out by it. Tells whether it was.
    fn follow(&mut self, now: u64, instant: Instant) -> bool {
        let expected = self.seen.0.saturating_add(instant.saturating_duration_since(self.seen.1).as_secs());
        self.seen = (now, instant);
        if now.abs_diff(expected) <= JUMP {
            return false;
        }
        // Those of another time than the clock had were kept when it was right, or are over.
        for session in self.by_sum.values_mut().filter(|session| is_current(session, expected)) {
            session.until = now.saturating_add(session.until.saturating_sub(expected));
        }
        true
    }

    fn begin(&mut self, sum: String, user: &WebUser, now: u64) {
        self.by_sum.retain(|_, session| now < session.until);
        let count = self.by_sum.values().filter(|session| session.user == user.name).count();
        let goes = match () {
            () if count >= MOST_OF_ONE => self.oldest(Some(&user.name)),
            () if self.by_sum.len() >= MOST => self.oldest(None),
            () => None,
        };
        goes.map(|sum| self.by_sum.remove(&sum));
        let until = now + LASTS.as_secs();
        let session = Session { user: user.name.clone(), credential: credential(user), until };
        self.by_sum.insert(sum, session);
        self.changes += 1;
    }

    /// The sum of the one that was used longest ago, of all or of one user.
    fn oldest(&self, of: Option<&str>) -> Option<String> {
        let fitting = self.by_sum.iter().filter(|(_, session)| of.is_none_or(|user| session.user == user));
        fitting.min_by_key(|(_, session)| session.until).map(|(sum, _)| sum.clone())
    }

    /// Whose session it is, which lasts longer by being used.
    fn find<'a>(&mut self, sum: &str, web: &'a Web, now: u64) -> Option<&'a WebUser> {
        let session = self.by_sum.get_mut(sum).filter(|session| is_current(session, now))?;
        let user = web.users.iter().find(|user| user.name == session.user)?;
        if session.credential != credential(user) {
            return None;
        }
        let later = now + LASTS.as_secs();
        if later > session.until + STEP.as_secs() {
            session.until = later;
            self.changes += 1;
        }
        Some(user)
    }

    fn end(&mut self, sum: &str) {
        self.changes += u64::from(self.by_sum.remove(sum).is_some());
    }
}

/// Somebody who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    /// The name.
    pub(super) name: String,
    /// Sees all desktops.
    pub(super) teacher: bool,
    /// What forms and scripts show to be of our own pages.
    pub(super) csrf: String,
    /// The session's word.
    pub(super) word: String,
}

impl Sessions {
    /// Those that were kept.
    pub(super) fn load(state: &Path) -> Self {
        let path = state.join(FILE);
        let kept = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let all = All { by_sum: kept.unwrap_or_default(), changes: 0, seen: (now(), Instant::now()) };
        Self { path, all: Mutex::new(all), saved: Arc::default() }
    }

    /// Logs somebody in; gives the word for the browser.
    pub(super) async fn begin(&self, user: &WebUser) -> Result<String> {
        let word = random::word()?;
        let sum = random::sha256(&word);
        self.with(|all, now| all.begin(sum, user, now)).await;
        Ok(word)
    }

    /// Who has this word, by the settings as they are now.
    pub(super) async fn find(&self, web: &Web, word: &str) -> Option<Who> {
        let sum = random::sha256(word);
        let user = self.with(|all, now| all.find(&sum, web, now)).await?;
        let (name, teacher) = (user.name.clone(), user.teacher);
        Some(Who { name, teacher, csrf: random::token(word, "form"), word: word.to_owned() })
    }

    /// Logs out.
    pub(super) async fn end(&self, word: &str) {
        let sum = random::sha256(word);
        self.with(|all, _| all.end(&sum)).await;
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with all of them at the clock's time. What that changes is on the disk afterwards.
    async fn with<T>(&self, work: impl FnOnce(&mut All, u64) -> T) -> T {
        let (done, change) = {
            let (mut all, now) = (self.lock(), now());
            let before = all.changes;
            all.changes += u64::from(all.follow(now, Instant::now()));
            let done = work(&mut all, now);
            (done, (all.changes > before).then_some(all.changes))
        };
        if let Some(change) = change
            && let Err(fault) = self.keep(change).await
        {
            say!("{fault}; who is logged in now will have to again when the page restarts");
        }
        done
    }

    /// Writes a change, with all that came after it while it was not its turn: a room that logs in at once is written
    /// a few times, and what is newer is never written over.
    async fn keep(&self, change: u64) -> Result<()> {
        let mut saved = Arc::clone(&self.saved).lock_owned().await;
        if *saved >= change {
            return Ok(());
        }
        let (newest, text) = {
            let all = self.lock();
            (all.changes, serde_json::to_vec(&all.by_sum).context(|| "keep sessions".to_owned())?)
        };
        let path = self.path.clone();
        // The turn ends with the writing, also where whoever waits for it has gone.
        let written = spawn_blocking(move || {
            files::write_durably(&path, &text, MODE)?;
            *saved = newest;
            Ok(())
        });
        written.await.context(|| "keep sessions".to_owned())?
    }
}

/// Also over: one that lasts longer than any can, of a clock that was wrong.
fn is_current(session: &Session, now: u64) -> bool {
    now < session.until && session.until <= now + LASTS.as_secs() + STEP.as_secs()
}

fn credential(user: &WebUser) -> String {
    let [password, link] =
        [&user.password_hash, &user.link_sha256].map(|own| own.as_deref().unwrap_or_default());
    random::sha256(&format!("{password}\n{link}"))
}

/// Seconds of the clock.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    fn web(hash: &str) -> Web {
        let user = |name: &str, teacher| WebUser {
            name: name.to_owned(),
            password_hash: Some(hash.to_owned()),
            link_sha256: None,
            teacher,
        };
        Web { port: 0, certificate: None, key: None, users: vec![user("alice", false), user("zhao", true)] }
    }

    #[tokio::test]
    async fn a_session_outlives_the_server_but_not_the_password() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let one = web("one");
        let word = Sessions::load(dir.path()).begin(&one.users[0]).await.unwrap();
        let sessions = Sessions::load(dir.path());
        let who = sessions.find(&one, &word).await.unwrap();
        assert_eq!((who.name.as_str(), who.teacher), ("alice", false));
        assert!(sessions.find(&web("two"), &word).await.is_none());
        assert!(sessions.find(&one, "x").await.is_none());
        let kept = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(!kept.contains(&word), "the disk has no word that logs in");
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        sessions.end(&word).await;
        assert!(Sessions::load(dir.path()).find(&one, &word).await.is_none());
    }

    #[tokio::test]
    async fn a_session_ends_with_the_link_of_a_user_without_a_password() {
        let dir = tempfile::tempdir().unwrap();
        let mut web = web("");
        web.users[0].password_hash = None;
        web.users[0].link_sha256 = Some(random::sha256("a-long-word"));
        let sessions = Sessions::load(dir.path());
        let word = sessions.begin(&web.users[0]).await.unwrap();
        assert!(sessions.find(&web, &word).await.is_some());
        for other in [Some(random::sha256("another-word")), None] {
            web.users[0].link_sha256 = other;
            assert!(sessions.find(&web, &word).await.is_none());
        }
    }

    #[tokio::test]
    async fn a_disk_that_is_slow_holds_up_only_those_who_log_in() {
        let dir = tempfile::tempdir().unwrap();
        let (sessions, web) = (Sessions::load(dir.path()), web("x"));
        let known = sessions.begin(&web.users[0]).await.unwrap();
        let writing = sessions.saved.lock().await;
        let mut begun: Vec<_> = (0..5).map(|_| Box::pin(sessions.begin(&web.users[1]))).collect();
        for begin in &mut begun {
            assert!(futures_util::poll!(begin).is_pending(), "it is on the disk before it is told");
        }
        assert!(matches!(futures_util::poll!(Box::pin(sessions.find(&web, &known))), Poll::Ready(Some(_))));
        drop(writing);
        // One that gives up keeps nobody waiting.
        drop(begun.remove(0));
        for word in futures_util::future::join_all(begun).await {
            assert!(Sessions::load(dir.path()).find(&web, &word.unwrap()).await.is_some());
        }
        assert_eq!(*sessions.saved.lock().await, sessions.lock().changes);
    }

    #[tokio::test]
    async fn the_oldest_of_a_user_ends_when_there_are_many() {
        let dir = tempfile::tempdir().unwrap();
        let (sessions, web) = (Sessions::load(dir.path()), web("x"));
        let others = sessions.begin(&web.users[1]).await.unwrap();
        for _ in 0..MOST_OF_ONE + 4 {
            sessions.begin(&web.users[0]).await.unwrap();
        }
        assert_eq!(sessions.lock().by_sum.len(), MOST_OF_ONE + 1);
        assert!(sessions.find(&web, &others).await.is_some_and(|who| who.teacher));
    }

    #[test]
    fn a_clock_that_is_put_right_logs_nobody_out() {
        const REAL: u64 = 1_800_000_000;
        let start = Instant::now();
        let of = |until| Session { user: String::new(), credential: String::new(), until };
        let by_sum = [("early", 1000 + 3600), ("over", 900), ("kept", REAL + 3600)];
        let by_sum = by_sum.map(|(sum, until)| (sum.to_owned(), of(until))).into();
        let mut all = All { by_sum, changes: 0, seen: (1000, start) };
        let until = |all: &All, sum: &str| all.by_sum[sum].until;
        assert!(!all.follow(1011, start + Duration::from_secs(10)), "it is a little fast");
        assert!(all.follow(REAL, start + Duration::from_secs(20)));
        assert_eq!(until(&all, "early"), REAL + 3600 - 21, "as long as it would have lasted");
        assert_eq!((until(&all, "over"), until(&all, "kept")), (900, REAL + 3600));
        assert!(all.follow(REAL - 86_400, start + Duration::from_secs(20)), "and back");
        assert!(["early", "kept"].iter().all(|sum| is_current(&all.by_sum[*sum], REAL - 86_400)));
        assert!(!is_current(&all.by_sum["over"], REAL - 86_400));
    }

    #[test]
    fn sessions_end_by_the_clock_even_by_a_wrong_one() {
        let session = |until| Session { user: String::new(), credential: String::new(), until };
        assert!(is_current(&session(1001), 1000) && !is_current(&session(1000), 1000));
        assert!(!is_current(&session(2_000_000), 1000));
    }
}
