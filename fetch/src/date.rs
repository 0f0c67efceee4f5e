//! Dates: a certificate's and the clock's, shown; those of HTTP headers, read.

/// Before this, 2024, no DockOS was built: such a clock was never set.
const CLOCK_WAS_SET: u64 = 1_704_067_200;
const DAY: u64 = 86_400;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Whether a clock that says this was never set.
pub(crate) fn is_unset(now: u64) -> bool {
    now < CLOCK_WAS_SET
}

/// Seconds since 1970 as `2026-11-21 15:04 UTC`.
pub(crate) fn show(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / DAY);
    let minutes = seconds % DAY / 60;
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

/// Seconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that servers may send.
pub(crate) fn parse_http(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, day, month, year, time, "GMT"] = words[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let (day, year) = (day.parse().ok()?, year.parse().ok()?);
    let clock: Vec<u64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = clock[..] else { return None };
    let valid = (1..=31).contains(&day)
        && (1970..10_000).contains(&year)
        && hours < 24
        && minutes < 60
        && seconds <= 60;
    valid.then(|| days(year, month, day) * DAY + hours * 3600 + minutes * 60 + seconds)
}

/// Days since 1970 of a date. Years are counted from March, so that the leap day is the last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    // 719468 days lie between 0000-03-01 and 1970-01-01.
    (365 * year + year / 4 - year / 100 + year / 400 + day_of_year) - 719_468
}

fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_shown_and_read() {
        for (seconds, shown) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (CLOCK_WAS_SET, "2024-01-01 00:00 UTC"),
            (4_102_444_799, "2099-12-31 23:59 UTC"),
        ] {
            assert_eq!(show(seconds), shown);
        }
        assert_eq!(parse_http("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(parse_http("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        for wrong in
            ["", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 8 GMT", "Sun, 06 Noe 1994 08:49:37 GMT"]
        {
            assert_eq!(parse_http(wrong), None, "{wrong}");
        }
        for day in 0..60_000 {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_date_or_none(day in any::<u64>(), year in any::<u64>(), text in ".{0,40}") {
            for text in [text, format!("Sun, {day} Feb {year} 23:59:60 GMT")] {
                let seconds = parse_http(&text).unwrap_or_default();
                prop_assert!(seconds < 10_000 * 366 * DAY, "{text}");
                prop_assert!(show(seconds).ends_with(" UTC"));
            }
        }
    }
}
