//! Tries until one succeeds, none can, or the bounds are reached.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    io::{self, Write},
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::Client,
    failure::{Again, Failure},
    options::Options,
};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// What the URL holds, or the failure of the last try.
pub(crate) fn fetch(options: &Options) -> Result<Vec<u8>, Failure> {
    let end = Instant::now() + options.timeout;
    let client = Client::new(options)?;
    let mut tries = 1;
    loop {
        let failure = match client.get(end) {
            Ok(bytes) => return Ok(bytes),
            Err(failure) => failure,
        };
        let left = end.saturating_duration_since(Instant::now());
        let pause = match pause(&failure, tries, left, options, random()) {
            Ok(pause) => pause,
            Err(why) => return Err(Failure { what: format!("{}{why}", failure.what), ..failure }),
        };
        let _ = writeln!(
            io::stderr(),
            "fetch: {}: try {tries} of {}: {}; next in {:.1} s",
            options.address,
            options.attempts,
            failure.what,
            pause.as_secs_f64()
        );
        thread::sleep(pause);
        tries += 1;
    }
}

/// How long to wait before the next try; else why there is none, to be added to the failure.
fn pause(
    failure: &Failure,
    tries: u32,
    left: Duration,
    options: &Options,
    random: u64,
) -> Result<Duration, String> {
    let pause = match failure.again {
        Again::Never => return Err(String::new()),
        Again::Soon => backoff(tries, random),
        Again::After(asked) => asked.max(backoff(tries, random)),
    };
    let bound = options.timeout.as_secs();
    if tries >= options.attempts {
        return Err(format!(" (try {tries} of {})", options.attempts));
    }
    if let Again::After(asked) = failure.again
        && asked >= left
    {
        return Err(format!(" (asks to come back in {} s, past the bound of {bound} s)", asked.as_secs()));
    }
    if pause >= left {
        return Err(format!(" (try {tries}, the bound of {bound} s is reached)"));
    }
    Ok(pause)
}

/// Half a second, doubled with each try; a quarter more or less, so that a room full of machines does not come at once.
fn backoff(tries: u32, random: u64) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(1 << (tries - 1).min(10)).min(LONGEST_PAUSE);
    pause.mul_f64(0.75 + (random % 1000) as f64 / 2000.0)
}

/// The standard library seeds its hash tables from the kernel's random numbers.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::options::{Command, parse};

    const SECOND: Duration = Duration::from_secs(1);

    fn pause_of(again: Again, tries: u32, left: Duration) -> Result<Duration, String> {
        let arguments = ["dockos-fetch", "--timeout", "20", "http://h/"].map(OsString::from);
        let Ok(Command::Fetch(options)) = parse(arguments) else { panic!("not understood") };
        pause(&Failure { again, ..Failure::last("", "") }, tries, left, &options, 500)
    }

    #[test]
    fn pauses_grow_and_stay_within_the_bound() {
        for (tries, millis) in [(1, 500), (2, 1000), (3, 2000), (4, 4000)] {
            assert_eq!(pause_of(Again::Soon, tries, 20 * SECOND), Ok(Duration::from_millis(millis)));
        }
        assert_eq!(backoff(40, 500), LONGEST_PAUSE);
        assert!(pause_of(Again::Soon, 5, 20 * SECOND).unwrap_err().contains("try 5 of 5"));
        assert!(pause_of(Again::Soon, 4, 4 * SECOND).unwrap_err().contains("bound of 20 s"));
        assert_eq!(pause_of(Again::Never, 1, 20 * SECOND), Err(String::new()));
    }

    #[test]
    fn the_server_may_ask_for_more_patience_but_not_for_less() {
        assert_eq!(pause_of(Again::After(7 * SECOND), 1, 20 * SECOND), Ok(7 * SECOND));
        assert_eq!(pause_of(Again::After(Duration::ZERO), 1, 20 * SECOND), Ok(FIRST_PAUSE));
        let past = pause_of(Again::After(3600 * SECOND), 1, 20 * SECOND).unwrap_err();
        assert!(past.contains("in 3600 s"), "{past}");
    }

    #[test]
    fn pauses_differ_by_chance() {
        assert_eq!(backoff(1, 0), Duration::from_millis(375));
        assert!((1..100).map(|_| random()).any(|number| number != random()));
    }
}
