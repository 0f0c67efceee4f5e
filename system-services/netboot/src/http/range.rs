//! Parts of a file, as clients ask for them after their transfer was cut off.

use http_range_header::parse_range_header;
use hyper::HeaderMap;
use hyper::header::{IF_RANGE, RANGE};

/// What is sent of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// The bytes from the first to the last of these.
    Bytes(u64, u64),
    /// There is no such part.
    None,
}

/// The part that a request asks for. Several parts at once, or a part of a file that is another one by now, get the
/// whole: no client is made to work by that, and none breaks.
pub(super) fn part(headers: &HeaderMap, size: u64, tag: &str) -> Part {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(range) = text(RANGE) else { return Part::Whole };
    if text(IF_RANGE).is_some_and(|wanted| wanted != tag) {
        return Part::Whole;
    }
    let Ok(ranges) = parse_range_header(range) else { return Part::Whole };
    match ranges.validate(size).as_deref() {
        Ok([range]) if size > 0 => Part::Bytes(*range.start(), *range.end()),
        Ok([] | [_]) | Err(_) => Part::None,
        Ok(_) => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(range: &str, if_range: Option<&str>) -> Part {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, range.parse().unwrap());
        if let Some(tag) = if_range {
            headers.insert(IF_RANGE, tag.parse().unwrap());
        }
        part(&headers, 1000, "\"tag\"")
    }

    #[test]
    fn one_part_is_given_and_others_are_not() {
        for (range, expected) in [
            ("bytes=0-", Part::Bytes(0, 999)),
            ("bytes=500-", Part::Bytes(500, 999)),
            ("bytes=10-19", Part::Bytes(10, 19)),
            ("bytes=-100", Part::Bytes(900, 999)),
            ("bytes=990-2000", Part::Bytes(990, 999)),
            ("bytes=1000-", Part::None),
            ("bytes=0-1,5-6", Part::Whole),
            ("lines=1-2", Part::Whole),
            ("bytes=x", Part::Whole),
        ] {
            assert_eq!(of(range, None), expected, "{range}");
        }
        assert_eq!(of("bytes=10-19", Some("\"tag\"")), Part::Bytes(10, 19));
        assert_eq!(of("bytes=10-19", Some("\"old\"")), Part::Whole);
        assert_eq!(part(&HeaderMap::new(), 1000, ""), Part::Whole);
    }

    proptest! {
        #[test]
        fn every_part_is_within_the_file(range in "bytes=[0-9,-]{0,40}", size in 0..u64::MAX) {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, range.parse().unwrap());
            if let Part::Bytes(from, to) = part(&headers, size, "") {
                prop_assert!(from <= to && to < size);
            }
        }
    }
}
