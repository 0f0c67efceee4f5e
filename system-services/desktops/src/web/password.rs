//! Checks passwords against hashes as a shadow file has them, one at a time and apart from all else: a thousand tries
//! cost one thread, and who is not there takes as long as who is.

use std::sync::Arc;

use dockos_control::wanted::Web;
use sha_crypt::{PasswordVerifier, ShaCrypt};
use tokio::sync::Semaphore;
use yescrypt::{PasswordHash, Yescrypt};

/// Checked at once. Each of yescrypt takes 16 MB.
const AT_ONCE: usize = 1;
/// Those that may wait for it: a room and a half.
const MOST_WAITING: usize = 96;
/// Bytes of a password. Of the SHA hashes, the time grows with it.
const MOST: usize = 256;
/// What is compared with where no user has a password: no password fits it.
const NOBODY: &str =
    "$6$dockos.nobody$......................................................................................";

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// It is the password.
    Right,
    /// It is not, or there is no such user.
    Wrong,
    /// Too many wait already.
    Busy,
}

/// Where checks wait for each other.
#[derive(Debug)]
pub(super) struct Checks {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Checks {
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(AT_ONCE)), waiting: Arc::new(Semaphore::new(MOST_WAITING)) }
    }
}

impl Checks {
    /// Checks the password of a user of the settings.
    pub(super) async fn check(&self, web: &Web, name: &str, password: String) -> Checked {
        let Ok(_waits) = Arc::clone(&self.waiting).try_acquire_owned() else { return Checked::Busy };
        let Ok(runs) = Arc::clone(&self.running).acquire_owned().await else { return Checked::Busy };
        let own = web.users.iter().find(|user| user.name == name).and_then(|user| user.password_hash.clone());
        let is_there = own.is_some();
        let hash = own.unwrap_or_else(|| somebodys(web));
        let fits = tokio::task::spawn_blocking(move || {
            let _runs = runs;
            password.len() <= MOST && fits(&password, &hash)
        });
        if fits.await.unwrap_or(false) && is_there { Checked::Right } else { Checked::Wrong }
    }
}

/// The hash that stands for those who are not there: of the kind that takes the users' time here.
fn somebodys(web: &Web) -> String {
    let mut hashes = web.users.iter().filter_map(|user| user.password_hash.as_deref());
    hashes.find(|hash| is_known(hash)).unwrap_or(NOBODY).to_owned()
}

/// Whether a hash is of a kind that can be checked here.
pub(super) fn is_known(hash: &str) -> bool {
    ["$6$", "$5$", "$y$", "$2a$", "$2b$", "$2y$"].iter().any(|kind| hash.starts_with(kind))
}

fn fits(password: &str, hash: &str) -> bool {
    if hash.starts_with("$2") {
        return bcrypt::verify(password, hash).unwrap_or(false);
    }
    let Ok(parsed) = PasswordHash::new(hash) else { return false };
    let password = password.as_bytes();
    if hash.starts_with("$y$") {
        return Yescrypt::default().verify_password(password, &parsed).is_ok();
    }
    ShaCrypt::default().verify_password(password, &parsed).is_ok()
}

#[cfg(test)]
mod tests {
    use dockos_control::wanted::WebUser;

    use super::*;

    /// Of `dockos 李`, by mkpasswd and openssl.
    const KINDS: [&str; 5] = include!("password_fixtures.in");

    #[test]
    fn hashes_of_other_programs_fit_their_password_only() {
        for hash in KINDS {
            assert!(is_known(hash), "{hash}");
            assert!(fits("dockos 李", hash), "{hash}");
            assert!(!fits("dockos", hash) && !fits("", hash), "{hash}");
        }
    }

    #[test]
    fn what_is_no_hash_fits_nothing() {
        for bad in
            ["", "$", "$6$", "$y$", "$2b$", "$6$rounds=99999999999$a$b", "$y$!!$a$b", "$2b$99$x", NOBODY]
        {
            assert!(!fits("", bad) && !fits("x", bad), "{bad}");
        }
    }

    #[tokio::test]
    async fn who_is_not_there_is_checked_all_the_same() {
        let user = |name: &str, hash: Option<&str>| WebUser {
            name: name.to_owned(),
            password_hash: hash.map(str::to_owned),
            link_sha256: None,
            teacher: false,
        };
        let users = vec![user("alice", Some(KINDS[0])), user("bob", None)];
        let web = Web { port: 0, certificate: None, key: None, users };
        let checks = Checks::default();
        for (name, password, expected) in [
            ("alice", "dockos 李", Checked::Right),
            ("alice", "x", Checked::Wrong),
            ("bob", "dockos 李", Checked::Wrong),
            ("nobody", "dockos 李", Checked::Wrong),
        ] {
            assert_eq!(checks.check(&web, name, password.to_owned()).await, expected, "{name}");
        }
    }
}
