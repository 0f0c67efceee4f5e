//! Who guesses waits, and nobody else.

use super::*;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

/// Tries wrongly as soon as it is allowed, so often; gives the time at the end.
fn guess(attempts: &Attempts, user: &str, address: IpAddr, times: u32, mut now: Instant) -> Instant {
    for _ in 0..times {
        while let Err(wait) = attempts.begin(user, address, now) {
            now += wait;
        }
    }
    now
}

fn wait(attempts: &Attempts, user: &str, address: IpAddr, now: Instant) -> Option<Duration> {
    let keys = keys(user, address);
    keys.iter().filter_map(|(key, _)| left(&attempts.lock(), key, now)).max()
}

#[test]
fn waits_grow_and_end() {
    let (attempts, mut now) = (Attempts::default(), Instant::now());
    let mut waits = Vec::new();
    for _ in 0..16 {
        if let Err(wait) = attempts.begin("alice", ADDRESS, now) {
            waits.push(wait.as_secs());
            now += wait;
            attempts.begin("alice", ADDRESS, now).unwrap();
        }
    }
    assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 64, 120]);
    assert_eq!(wait(&attempts, "bob", ADDRESS, now), None, "the room goes on");
    assert_eq!(wait(&attempts, "alice", ELSEWHERE, now), None, "and so does she elsewhere");
    let later = now + FORGOTTEN * 2;
    assert!((0..FREE_OF_PAIR - 1).all(|_| attempts.begin("alice", ADDRESS, later).is_ok()), "forgotten");
}

#[test]
fn an_address_that_tries_many_names_waits_too() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    for n in 0..FREE_OF_ADDRESS {
        attempts.begin(&format!("user{n}"), ADDRESS, now).unwrap();
    }
    assert!(attempts.begin("another", ADDRESS, now).is_err());
    assert!(attempts.begin("another", ELSEWHERE, now).is_ok());
}

#[test]
fn a_room_behind_one_address_comes_in_at_once() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    let names: Vec<String> = (0..60).map(|n| format!("user{n}")).collect();
    let tries: Vec<Try> = names.iter().map(|name| attempts.begin(name, ADDRESS, now).unwrap()).collect();
    for (name, tried) in names.iter().zip(tries) {
        attempts.succeed(name, ADDRESS, tried);
    }
    assert_eq!(attempts.lock()[&Whose::Address(ADDRESS)].wrong, 0);
}

#[test]
fn who_has_come_in_from_an_address_neither_waits_for_others_there_nor_makes_them_wait() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    let own = attempts.begin("alice", ADDRESS, now).unwrap();
    attempts.succeed("alice", ADDRESS, own);
    attempts.begin("alice", ADDRESS, now).unwrap();
    assert_eq!(attempts.lock()[&Whose::Address(ADDRESS)].wrong, 0);
    for n in 0..FREE_OF_ADDRESS {
        attempts.begin(&format!("user{n}"), ADDRESS, now).unwrap();
    }
    assert!(attempts.begin("another", ADDRESS, now).is_err());
    assert!(attempts.begin("alice", ADDRESS, now).is_ok());
}

#[test]
fn coming_in_clears_nothing_that_others_are_held_by() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    let own = attempts.begin("mallory", ADDRESS, now).unwrap();
    for n in 1..FREE_OF_ADDRESS {
        attempts.begin(&format!("user{n}"), ADDRESS, now).unwrap();
    }
    let before = wait(&attempts, "another", ADDRESS, now);
    assert!(before.is_some());
    attempts.succeed("mallory", ADDRESS, own);
    assert_eq!(wait(&attempts, "another", ADDRESS, now), before);
}

#[test]
fn who_comes_in_leaves_no_trace() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    for _ in 0..200 {
        let tried = attempts.begin("alice", ADDRESS, now).unwrap();
        attempts.succeed("alice", ADDRESS, tried);
    }
    assert_eq!(wait(&attempts, "bob", ADDRESS, now), None);
}

#[test]
fn a_stranger_locks_nobody_out_for_ever() {
    let (attempts, start) = (Attempts::default(), Instant::now());
    // As fast as it is allowed, for more than six hours.
    let now = guess(&attempts, "zhao", ADDRESS, 200, start);
    assert!(now.duration_since(start) > Duration::from_secs(6 * 3600));
    assert!(wait(&attempts, "zhao", ADDRESS, now).is_some());
    assert!(attempts.begin("zhao", ELSEWHERE, now).is_ok());
}

#[test]
fn many_strangers_make_a_user_wait_but_not_where_the_user_has_been() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    let own = attempts.begin("zhao", ADDRESS, now).unwrap();
    attempts.succeed("zhao", ADDRESS, own);
    for n in 0..100_u8 {
        let _ = attempts.begin("zhao", IpAddr::from([10, 1, 0, n]), now);
    }
    assert!(attempts.begin("zhao", ELSEWHERE, now).is_err(), "many addresses share the guesses");
    assert!(attempts.begin("zhao", ADDRESS, now).is_ok());
}

#[test]
fn links_that_there_are_not_make_an_address_wait() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    for _ in 0..FREE_OF_LINKS {
        assert_eq!(attempts.wait_for_link(ADDRESS, now), None);
        attempts.miss_link(ADDRESS, now);
    }
    assert!(attempts.wait_for_link(ADDRESS, now).is_some());
    assert_eq!(attempts.wait_for_link(ELSEWHERE, now), None);
    assert!(attempts.begin("alice", ADDRESS, now).is_ok(), "passwords are another matter");
}

#[test]
fn made_up_names_take_a_bounded_room_and_free_nobody() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    let now = guess(&attempts, "alice", ADDRESS, 20, now);
    for n in 0..MOST + 100 {
        let bits = u32::try_from(n).unwrap();
        let _ = attempts.begin(&format!("u{n}"), IpAddr::from(bits.to_be_bytes()), now);
    }
    assert!(attempts.lock().len() <= MOST + 1);
    assert!(attempts.begin("alice", ADDRESS, now).is_err());
}
