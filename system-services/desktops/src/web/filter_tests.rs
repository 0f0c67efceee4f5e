//! Every message, cut at every place.

use proptest::prelude::*;

use super::*;

/// What a viewer sends to begin with.
const BEGIN: &[u8] = b"RFB 003.008\n\x01\x01";

/// What passes of it: the screen keeps what is copied to itself.
fn begun() -> Vec<u8> {
    [BEGIN, &ONLY_EXTENDED, &NO_CLIPBOARD].concat()
}

/// What becomes of a message that passes.
fn passed_as(message: &[u8]) -> Vec<u8> {
    match message {
        [2, padding, high, low, rest @ ..] => {
            let count = u16::from_be_bytes([*high, *low]) + 1;
            [&[2, *padding], &count.to_be_bytes()[..], rest, &EXTENDED, &NO_CLIPBOARD].concat()
        }
        other => other.to_vec(),
    }
}

fn request() -> Vec<u8> {
    vec![3, 1, 0, 0, 0, 0, 5, 0, 3, 32]
}

/// A message, and whether it passes.
fn messages() -> Vec<(&'static str, Vec<u8>, bool)> {
    let with = |head: &[u8], rest: usize| [head, &vec![0xaa; rest]].concat();
    vec![
        ("SetPixelFormat", with(&[0], 19), true),
        ("SetEncodings", with(&[2, 0, 0, 3], 12), true),
        ("SetEncodings of none", vec![2, 0, 0, 0], true),
        ("FramebufferUpdateRequest", request(), true),
        ("EnableContinuousUpdates", with(&[150, 1], 8), true),
        ("ClientFence", with(&[248, 0, 0, 0, 0, 0, 0, 1, 8], 8), true),
        ("KeyEvent", vec![4, 1, 0, 0, 0, 0, 0, 0x61], false),
        ("PointerEvent", vec![5, 1, 0, 10, 0, 10], false),
        ("PointerEvent with more buttons", vec![5, 0x81, 0, 10, 0, 10, 1], false),
        ("ClientCutText", with(&[6, 0, 0, 0, 0, 0, 0, 5], 5), false),
        ("extended ClientCutText", with(&[6, 0, 0, 0, 0xff, 0xff, 0xff, 0xf8], 8), false),
        ("SetDesktopSize", with(&[251, 0, 5, 0, 3, 32, 1, 0], 16), false),
        ("QEMU key", with(&[255, 0, 0, 1], 8), false),
    ]
}

#[test]
fn only_what_looks_passes_wherever_it_is_cut() {
    for (name, message, passes) in messages() {
        let sent = [BEGIN, &message, &request()].concat();
        let own = if passes { passed_as(&message) } else { Vec::new() };
        let expected = [begun(), own, request()].concat();
        for cut in 0..=sent.len() {
            let mut filter = Filter::new();
            let (one, other) = sent.split_at(cut);
            let passed = [filter.take(one).unwrap(), filter.take(other).unwrap()].concat();
            assert_eq!(passed, expected, "{name}, cut at {cut}");
        }
        let mut filter = Filter::new();
        let passed: Vec<u8> = sent.iter().flat_map(|byte| filter.take(&[*byte]).unwrap()).collect();
        assert_eq!(passed, expected, "{name}, byte by byte");
    }
}

#[test]
fn what_is_not_known_ends_it() {
    let after_begin = |message: &[u8]| [BEGIN, message].concat();
    for (name, sent) in [
        ("another version", b"RFB 003.003\n".to_vec()),
        ("HTTP", b"GET / HTTP/1.1".to_vec()),
        ("another security", b"RFB 003.008\n\x02".to_vec()),
        ("FixColourMapEntries", after_begin(&[1])),
        ("xvp", after_begin(&[250, 0, 1, 2])),
        ("QEMU audio", after_begin(&[255, 1])),
        ("too many encodings", after_begin(&[2, 0, 0xff, 0xff])),
        ("a long fence", after_begin(&[248, 0, 0, 0, 0, 0, 0, 0, 65])),
        ("a huge clipboard", after_begin(&[6, 0, 0, 0, 0x7f, 0, 0, 0])),
        ("the most negative clipboard", after_begin(&[6, 0, 0, 0, 0x80, 0, 0, 0])),
    ] {
        assert_eq!(Filter::new().take(&sent), Err(Unknown), "{name}");
    }
}

#[test]
fn nobody_is_sent_away_by_who_only_looks() {
    let passed = Filter::new().take(b"RFB 003.008\n\x01\x00").unwrap();
    assert_eq!(passed[13], SHARED);
}

proptest! {
    #[test]
    fn pieces_make_no_difference(
        order in prop::collection::vec(0..13_usize, 1..20),
        cuts in prop::collection::vec(1..40_usize, 1..60),
    ) {
        let all = messages();
        let mut sent = BEGIN.to_vec();
        let mut expected = begun();
        for at in order {
            let (_, message, passes) = &all[at];
            sent.extend(message);
            if *passes {
                expected.extend(passed_as(message));
            }
        }
        let (mut filter, mut passed, mut rest) = (Filter::new(), Vec::new(), &sent[..]);
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            passed.extend(filter.take(now).unwrap());
            rest = later;
        }
        prop_assert_eq!(passed, expected);
    }

    #[test]
    fn garbage_passes_nothing_that_touches(garbage: Vec<u8>) {
        let mut filter = Filter::new();
        filter.take(BEGIN).unwrap();
        if let Ok(passed) = filter.take(&garbage) {
            // Four bytes of SetEncodings have twenty more.
            prop_assert!(passed.len() <= garbage.len() * 6);
            // Whatever passed begins with a message that only looks.
            if let Some(first) = passed.first() {
                prop_assert!([0, 2, 3, 150, 248].contains(first), "{}", first);
            }
        }
    }
}
