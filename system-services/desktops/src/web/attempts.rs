//! Wrong passwords and links: after a few, each makes the next try wait longer. What waits is first of all who tries:
//! an address for one user, and an address for all; a user from everywhere only after many more.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tries of one user from one address that cost nothing.
const FREE_OF_PAIR: u32 = 5;
/// Those of one address, behind which a room and a half may be, who all log in at once: until a try is checked, it counts.
const FREE_OF_ADDRESS: u32 = 96;
/// Those of one user from everywhere: somebody at one address never gets there.
const FREE_OF_USER: u32 = 60;
/// Links of one address that there are not.
const FREE_OF_LINKS: u32 = 20;
/// A user is forgiven one wrong try in this time: more than one address makes while it waits the longest.
const FORGIVEN: Duration = Duration::from_secs(60);
/// The longest wait: who does not know the password shall not lock out for long who does.
const LONGEST: Duration = Duration::from_secs(120);
/// After this long without another, wrong tries are forgotten.
const FORGOTTEN: Duration = Duration::from_secs(15 * 60);
/// Users and addresses that are remembered.
const MOST: usize = 4096;

/// Whose tries are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whose {
    Pair(String, IpAddr),
    Address(IpAddr),
    User(String),
    Links(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Count {
    wrong: u32,
    last: Instant,
    until: Instant,
    /// The user has come in from there: what strangers do, there or elsewhere, is no reason to wait.
    is_known: bool,
}

/// A try that has been counted as wrong, and what stood there before it.
#[derive(Debug)]
pub(super) struct Try(Vec<(Whose, Count, Instant)>);

type Counts = HashMap<Whose, Count>;

/// The wrong tries of late.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<Counts>);

impl Attempts {
    /// Counts a try as wrong before it is checked, so that many at once gain nothing; or tells how long it has to wait.
    pub(super) fn begin(&self, user: &str, address: IpAddr, now: Instant) -> Result<Try, Duration> {
        let mut counts = self.lock();
        let [pair, by_address, by_user] = keys(user, address);
        let is_known = counts.get(&pair.0).is_some_and(|count| count.is_known);
        let mut keys = vec![pair];
        keys.extend([by_address, by_user].into_iter().filter(|_| !is_known));
        begin(&mut counts, keys, now)
    }

    /// Takes back what a right try counted, and no more: others may have tried meanwhile.
    pub(super) fn succeed(&self, user: &str, address: IpAddr, tried: Try) {
        let mut counts = self.lock();
        for (key, before, until) in tried.0 {
            let Some(count) = counts.get_mut(&key) else { continue };
            count.wrong = count.wrong.saturating_sub(1);
            if count.until == until {
                count.until = before.until;
            }
        }
        if let Some(count) = counts.get_mut(&Whose::Pair(user.to_owned(), address)) {
            (count.wrong, count.until, count.is_known) = (0, count.last, true);
        }
    }

    /// How long who opens links from there has to wait.
    pub(super) fn wait_for_link(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        left(&self.lock(), &Whose::Links(address), now)
    }

    /// Counts a link that there is not.
    pub(super) fn miss_link(&self, address: IpAddr, now: Instant) {
        count(&mut self.lock(), Whose::Links(address), FREE_OF_LINKS, now);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keys(user: &str, address: IpAddr) -> [(Whose, u32); 3] {
    [
        (Whose::Pair(user.to_owned(), address), FREE_OF_PAIR),
        (Whose::Address(address), FREE_OF_ADDRESS),
        (Whose::User(user.to_owned()), FREE_OF_USER),
    ]
}

fn begin(counts: &mut Counts, keys: Vec<(Whose, u32)>, now: Instant) -> Result<Try, Duration> {
    if let Some(wait) = keys.iter().filter_map(|(key, _)| left(counts, key, now)).max() {
        return Err(wait);
    }
    let counted = keys.into_iter().map(|(key, free)| {
        let (before, until) = count(counts, key.clone(), free, now);
        (key, before, until)
    });
    Ok(Try(counted.collect()))
}

fn left(counts: &Counts, key: &Whose, now: Instant) -> Option<Duration> {
    counts.get(key)?.until.checked_duration_since(now).filter(|wait| !wait.is_zero())
}

/// Counts one more; gives what was there before, and until when the next one waits.
fn count(counts: &mut Counts, key: Whose, free: u32, now: Instant) -> (Count, Instant) {
    make_room(counts, &key, now);
    let fresh = Count { wrong: 0, last: now, until: now, is_known: false };
    let is_user = matches!(key, Whose::User(_));
    let count = counts.entry(key).or_insert(fresh);
    let since = now.saturating_duration_since(count.last);
    if since > FORGOTTEN {
        *count = Count { is_known: count.is_known, ..fresh };
    }
    let before = *count;
    if is_user {
        // A steady trickle from one address is forgiven as fast as it comes.
        let forgiven = since.as_secs() / FORGIVEN.as_secs();
        count.wrong = count.wrong.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX));
    }
    count.wrong = count.wrong.saturating_add(1);
    count.last = now;
    count.until = now + pause(count.wrong, free);
    (before, count.until)
}

fn pause(wrong: u32, free: u32) -> Duration {
    match wrong.checked_sub(free) {
        None => Duration::ZERO,
        Some(more) => Duration::from_secs(1 << more.min(10)).min(LONGEST),
    }
}

fn make_room(counts: &mut Counts, key: &Whose, now: Instant) {
    if counts.len() < MOST || counts.contains_key(key) {
        return;
    }
    counts.retain(|_, count| count.is_known || now.duration_since(count.last) <= FORGOTTEN);
    while counts.len() >= MOST {
        // Whoever has tried least: names that were made up fall out before one that is under attack.
        let least = counts.iter().min_by_key(|(_, count)| (count.is_known, count.wrong, count.last));
        let Some((least, _)) = least else { return };
        let least = least.clone();
        counts.remove(&least);
    }
}

#[cfg(test)]
#[path = "attempts_tests.rs"]
mod tests;
