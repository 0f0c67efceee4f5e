//! Who is logged in. A browser has a random word; what is kept of it is its sum, in memory and on the state disk, so
//! that sessions outlive the server and nobody can use what is read from the disk.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dockos_control::error::Result;
use dockos_control::files;
use dockos_control::wanted::{Web, WebUser};
use serde::{Deserialize, Serialize};

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
    /// The sum of the password's hash: with another password, sessions are over.
    credential: String,
    until: u64,
}

/// All sessions, by the sum of their word.
#[derive(Debug)]
pub(super) struct Sessions {
    path: PathBuf,
    all: Mutex<All>,
}

#[derive(Debug)]
struct All {
    by_sum: HashMap<String, Session>,
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
        let all = All { by_sum: kept.unwrap_or_default(), seen: (now(), Instant::now()) };
        Self { path, all: Mutex::new(all) }
    }

    /// Logs somebody in; gives the word for the browser.
    pub(super) fn begin(&self, user: &WebUser) -> Result<String> {
        let word = random::word()?;
        let (mut all, now) = self.lock();
        let all = &mut all.by_sum;
        all.retain(|_, session| now < session.until);
        let oldest = |all: &HashMap<String, Session>, own: Option<&str>| {
            let fitting = all.iter().filter(|(_, session)| own.is_none_or(|own| session.user == own));
            fitting.min_by_key(|(_, session)| session.until).map(|(sum, _)| sum.clone())
        };
        let count = all.values().filter(|session| session.user == user.name).count();
        let goes = match () {
            () if count >= MOST_OF_ONE => oldest(all, Some(&user.name)),
            () if all.len() >= MOST => oldest(all, None),
            () => None,
        };
        goes.map(|sum| all.remove(&sum));
        let session =
            Session { user: user.name.clone(), credential: credential(user), until: now + LASTS.as_secs() };
        all.insert(random::sha256(&word), session);
        self.keep(all);
        Ok(word)
    }

    /// Who has this word, by the settings as they are now.
    pub(super) fn find(&self, web: &Web, word: &str) -> Option<Who> {
        let sum = random::sha256(word);
        let (mut all, now) = self.lock();
        let all = &mut all.by_sum;
        let session = all.get_mut(&sum).filter(|session| is_current(session, now))?;
        let user = web.users.iter().find(|user| user.name == session.user)?;
        if session.credential != credential(user) {
            return None;
        }
        let (name, teacher) = (user.name.clone(), user.teacher);
        let later = now + LASTS.as_secs();
        if later > session.until + STEP.as_secs() {
            session.until = later;
            self.keep(all);
        }
        Some(Who { name, teacher, csrf: random::token(word, "form"), word: word.to_owned() })
    }

    /// Logs out.
    pub(super) fn end(&self, word: &str) {
        let (mut all, _) = self.lock();
        if all.by_sum.remove(&random::sha256(word)).is_some() {
            self.keep(&all.by_sum);
        }
    }

    /// All of them, and what the clock says.
    fn lock(&self) -> (MutexGuard<'_, All>, u64) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now();
        if all.follow(now, Instant::now()) {
            self.keep(&all.by_sum);
        }
        (all, now)
    }

    /// A login is seldom, and the file small: it is written at once, while others wait.
    fn keep(&self, all: &HashMap<String, Session>) {
        let written = serde_json::to_vec(all).map_err(|error| error.to_string());
        let kept = written.and_then(|text| {
            files::write_durably(&self.path, &text, MODE).map_err(|fault| fault.to_string())
        });
        if let Err(why) = kept {
            say!("{why}; who is logged in now will have to again when the page restarts");
        }
    }
}

/// Also over: one that lasts longer than any can, of a clock that was wrong.
fn is_current(session: &Session, now: u64) -> bool {
    now < session.until && session.until <= now + LASTS.as_secs() + STEP.as_secs()
}

fn credential(user: &WebUser) -> String {
    random::sha256(user.password_hash.as_deref().unwrap_or_default())
}

/// Seconds of the clock.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_session_outlives_the_server_but_not_the_password() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let one = web("one");
        let word = Sessions::load(dir.path()).begin(&one.users[0]).unwrap();
        let sessions = Sessions::load(dir.path());
        let who = sessions.find(&one, &word).unwrap();
        assert_eq!((who.name.as_str(), who.teacher), ("alice", false));
        assert!(sessions.find(&web("two"), &word).is_none());
        assert!(sessions.find(&one, "x").is_none());
        let kept = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(!kept.contains(&word), "the disk has no word that logs in");
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        sessions.end(&word);
        assert!(Sessions::load(dir.path()).find(&one, &word).is_none());
    }

    #[test]
    fn the_oldest_of_a_user_ends_when_there_are_many() {
        let dir = tempfile::tempdir().unwrap();
        let (sessions, web) = (Sessions::load(dir.path()), web("x"));
        let others = sessions.begin(&web.users[1]).unwrap();
        (0..MOST_OF_ONE + 4).for_each(|_| drop(sessions.begin(&web.users[0]).unwrap()));
        assert_eq!(sessions.lock().0.by_sum.len(), MOST_OF_ONE + 1);
        assert!(sessions.find(&web, &others).is_some_and(|who| who.teacher));
    }

    #[test]
    fn a_clock_that_is_put_right_logs_nobody_out() {
        const REAL: u64 = 1_800_000_000;
        let start = Instant::now();
        let of = |until| Session { user: String::new(), credential: String::new(), until };
        let by_sum = [("early", 1000 + 3600), ("over", 900), ("kept", REAL + 3600)];
        let by_sum = by_sum.map(|(sum, until)| (sum.to_owned(), of(until))).into();
        let mut all = All { by_sum, seen: (1000, start) };
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
