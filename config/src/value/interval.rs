//! Durations.

use std::str::FromStr;
use std::time::Duration;

use super::ValueError;

/// A duration as Compose writes it: `10s`, `1m30s`, `500ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(Duration);

impl Interval {
    /// The duration.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Interval {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |why| {
            ValueError::not_a("a duration", text, why, "numbers with h, m, s or ms, such as `10s` or `1m30s`")
        };
        if text.is_empty() {
            return Err(wrong("it is empty"));
        }
        let (mut total, mut rest) = (Duration::ZERO, text);
        while !rest.is_empty() {
            let (number, tail) = take(rest, |c| c.is_ascii_digit());
            let (unit, tail) = take(tail, |c| !c.is_ascii_digit());
            let number: u64 = number.parse().map_err(|_| wrong("a number is expected before a unit"))?;
            let part = match unit {
                "h" => number.checked_mul(3600).map(Duration::from_secs),
                "m" => number.checked_mul(60).map(Duration::from_secs),
                "s" => Some(Duration::from_secs(number)),
                "ms" => Some(Duration::from_millis(number)),
                "us" => Some(Duration::from_micros(number)),
                "" => return Err(wrong("the unit is missing")),
                _ => return Err(wrong("unknown unit")),
            };
            total = part.and_then(|part| total.checked_add(part)).ok_or_else(|| wrong("it is too long"))?;
            rest = tail;
        }
        Ok(Self(total))
    }
}

/// A number of minutes; `now`: none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay(u32);

impl Delay {
    /// The minutes.
    pub fn minutes(self) -> u32 {
        self.0
    }
}

impl FromStr for Delay {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let minutes = match text.strip_prefix('+').unwrap_or(text) {
            "now" => Some(0),
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok(),
            _ => None,
        };
        let week = 7 * 24 * 60;
        minutes.filter(|minutes| *minutes <= week).map(Self).ok_or_else(|| {
            ValueError::not_a("a delay", text, "", "`now`, or a number of minutes up to a week, such as `5`")
        })
    }
}

/// Hours of the day, by the machine's clock, `FROM-TO`; over midnight if FROM is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Minutes of the day when it begins.
    pub from: u16,
    /// Minutes of the day when it ends.
    pub to: u16,
}

impl FromStr for Window {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let minutes = |text: &str| -> Option<u16> {
            let (hours, minutes) = text.split_once(':')?;
            let two = |text: &str, below: u16| {
                let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
                text.parse::<u16>().ok().filter(|n| digits && *n < below)
            };
            Some(two(hours, 24)? * 60 + two(minutes, 60)?)
        };
        let ends = text.split_once('-').and_then(|(from, to)| minutes(from).zip(minutes(to)));
        match ends {
            Some((from, to)) if from != to => Ok(Self { from, to }),
            _ => Err(ValueError::not_a("a time of day", text, "", "FROM-TO, such as `02:00-05:30`")),
        }
    }
}

/// Splits after the first characters that are wanted.
fn take(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !wanted(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up() {
        for (text, ms) in [("10s", 10_000), ("1m30s", 90_000), ("500ms", 500), ("1h", 3_600_000), ("0s", 0)] {
            assert_eq!(text.parse::<Interval>().unwrap().duration(), Duration::from_millis(ms), "{text}");
        }
    }

    #[test]
    fn windows_are_two_times_of_the_day() {
        assert_eq!("22:00-05:30".parse(), Ok(Window { from: 1320, to: 330 }));
        for bad in ["", "2:00-5:00", "22:00", "24:00-05:00", "02:60-03:00", "02:00-02:00", "+2:00-03:00"] {
            assert!(bad.parse::<Window>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_not_a_duration_says_why() {
        let cases = [
            ("10", "the unit is missing"),
            ("s", "a number is expected before a unit"),
            ("10 s", "unknown unit"),
            ("1d", "unknown unit"),
            ("", "it is empty"),
            ("-1s", "a number is expected before a unit"),
            ("9999999999999999999h", "it is too long"),
        ];
        for (text, why) in cases {
            let message = text.parse::<Interval>().unwrap_err().message;
            assert_eq!(message, format!("`{text}` is not a duration: {why}"));
        }
    }
}
