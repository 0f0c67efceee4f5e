//! Amounts: memory, CPUs, processes.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use super::ValueError;

/// A size in bytes, written as Docker and Compose do: `64M`, `1.5G`, `512mb`; units are powers of 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(NonZeroU64);

/// How large the swap file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapSize {
    /// As memory and the disk's free space suggest.
    Auto,
    /// So many bytes.
    Bytes(Size),
}

/// A number of CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpus(u64);

/// How many processes a container may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PidsLimit(Option<u32>);

/// A service's `oom_score_adj`, from -1000 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OomScore(i16);

impl Size {
    /// The size in bytes; never zero.
    pub fn bytes(self) -> u64 {
        self.0.get()
    }
}

impl Cpus {
    /// Billionths of a CPU, as Docker counts them.
    pub fn nano(self) -> u64 {
        self.0
    }
}

impl PidsLimit {
    /// The limit; `None` says that there is none.
    pub fn get(self) -> Option<u32> {
        self.0
    }
}

impl OomScore {
    /// The value.
    pub fn get(self) -> i16 {
        self.0
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes();
        let units = [(1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
        match units.into_iter().find(|(unit, _)| bytes.is_multiple_of(*unit)) {
            Some((unit, suffix)) => write!(f, "{}{suffix}", bytes / unit),
            None => write!(f, "{bytes}"),
        }
    }
}

impl FromStr for Size {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |why| {
            ValueError::not_a(
                "a size",
                text,
                why,
                "bytes, or a number with K, M, G or T, such as `64M` or `1.5G`",
            )
        };
        let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let unit = unit_bytes(unit.trim_start()).ok_or_else(|| wrong("unknown unit"))?;
        let bytes = scaled(number, unit).ok_or_else(|| wrong("it does not begin with a number"))?;
        let bytes = u64::try_from(bytes).ok().filter(|b| *b <= i64::MAX as u64);
        let bytes = bytes.ok_or_else(|| wrong("it is too large"))?;
        let zero = || wrong("it is zero (for no limit, leave the key out)");
        NonZeroU64::new(bytes).map(Self).ok_or_else(zero)
    }
}

impl FromStr for SwapSize {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "auto" => Ok(Self::Auto),
            "0" => Err(ValueError::new("`0` makes no swap", "for no swap, remove the key `swap`")),
            _ => text.parse().map(Self::Bytes),
        }
    }
}

impl FromStr for Cpus {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ONE: u64 = 1_000_000_000;
        let wrong = |why| ValueError::not_a("a number of CPUs", text, why, "a number such as `0.5` or `2`");
        let nano = scaled(text, ONE).ok_or_else(|| wrong(""))?;
        match u64::try_from(nano) {
            Ok(nano) if nano < ONE / 100 => Err(wrong("the least is 0.01 (for no limit, leave the key out)")),
            Ok(nano) if nano <= 1024 * ONE => Ok(Self(nano)),
            _ => Err(wrong("it is more than 1024")),
        }
    }
}

impl FromStr for PidsLimit {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text.parse::<i64>() {
            Ok(-1) => Ok(Self(None)),
            // The kernel's own limit of process ids.
            Ok(n @ 1..=4_194_304) => Ok(Self(u32::try_from(n).ok())),
            _ => Err(ValueError::not_a(
                "a number of processes",
                text,
                "",
                "a number from 1 to 4194304, such as `64`, or -1 for no limit",
            )),
        }
    }
}

impl FromStr for OomScore {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let score = text.parse::<i16>().ok().filter(|n| (-1000..=1000).contains(n));
        score.map(Self).ok_or_else(|| {
            ValueError::not_a(
                "an OOM score",
                text,
                "",
                "a number from -1000 (never killed) to 1000 (killed first)",
            )
        })
    }
}

fn unit_bytes(unit: &str) -> Option<u64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    })
}

/// A decimal number times a unit, rounded down; `None` if it is no decimal number of at most 18 digits a side.
fn scaled(number: &str, unit: u64) -> Option<u128> {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let digits = |text: &str| match text.len() {
        1..=18 if text.bytes().all(|b| b.is_ascii_digit()) => text.parse::<u128>().ok(),
        _ => None,
    };
    let unit = u128::from(unit);
    let part = match fraction {
        Some(fraction) => digits(fraction)? * unit / 10u128.pow(u32::try_from(fraction.len()).ok()?),
        None => 0,
    };
    Some(digits(whole)? * unit + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        let cases = [
            ("1", 1),
            ("4096", 4096),
            ("64M", 64 << 20),
            ("64m", 64 << 20),
            ("512mb", 512 << 20),
            ("512 MiB", 512 << 20),
            ("1.5G", 3 << 29),
            ("2k", 2048),
            ("1T", 1 << 40),
            ("7b", 7),
        ];
        for (text, bytes) in cases {
            assert_eq!(text.parse::<Size>().map(Size::bytes), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_says_why() {
        let cases = [
            ("64Q", "unknown unit"),
            ("", "it does not begin with a number"),
            ("M", "it does not begin with a number"),
            ("-1", "unknown unit"),
            ("1.2.3M", "it does not begin with a number"),
            ("0", "it is zero (for no limit, leave the key out)"),
            ("99999999T", "it is too large"),
            (".5G", "it does not begin with a number"),
        ];
        for (text, why) in cases {
            let message = text.parse::<Size>().unwrap_err().message;
            assert_eq!(message, format!("`{text}` is not a size: {why}"));
        }
    }

    #[test]
    fn a_size_is_shown_as_it_is_written() {
        for text in ["64M", "3K", "1T", "1000"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn cpus_are_counted_in_billionths() {
        let cases =
            [("0.5", 500_000_000), ("2", 2_000_000_000), ("0.01", 10_000_000), ("1.25", 1_250_000_000)];
        for (text, nano) in cases {
            assert_eq!(text.parse::<Cpus>().map(Cpus::nano), Ok(nano), "{text}");
        }
        for bad in ["0", "-1", "half", "1e3", "nan", "inf", "", "0.001", "1025", "50%"] {
            assert!(bad.parse::<Cpus>().is_err(), "{bad}");
        }
    }

    #[test]
    fn pids_and_oom_scores_have_bounds() {
        assert_eq!("64".parse::<PidsLimit>().unwrap().get(), Some(64));
        assert_eq!("-1".parse::<PidsLimit>().unwrap().get(), None);
        assert!("0".parse::<PidsLimit>().is_err());
        assert_eq!("-999".parse::<OomScore>().unwrap().get(), -999);
        assert!("1001".parse::<OomScore>().is_err());
    }
}
