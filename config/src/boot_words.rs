//! What a boot loader tells PID 1 on the kernel command line: where the root image is, what it loaded from, and when.

use std::str::FromStr;

use crate::datasource::{sha256, url_of_address};
use crate::value::{ValueError, quoted};

/// `dockos.root=URL#sha256=HEX`: where the root image is, and what it must be; without a URL the one that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootImage {
    /// Where it is fetched from, by http; `None`: the boot loader loads it.
    pub url: Option<String>,
    /// The SHA-256 of the image itself, without the archive that it may be wrapped in.
    pub sha256: [u8; 32],
}

impl RootImage {
    /// The checksum as it is written.
    pub fn sha256_hex(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl FromStr for RootImage {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const FORM: &str = "such as `http://10.0.0.1/rootfs#sha256=` and 64 hex digits";
        let wrong = |why| ValueError::not_a("a root image", text, why, FORM);
        let (address, fragment) = text.split_once('#').ok_or_else(|| wrong("it has no checksum"))?;
        let hex = fragment.strip_prefix("sha256=").ok_or_else(|| wrong("it has no checksum"))?;
        // Its bytes are checked, so nobody can put others in their place; PID 1 does without TLS.
        let url = (!address.is_empty()).then(|| url_of_address(address)).transpose()?;
        Ok(Self { url, sha256: sha256(hex)? })
    }
}

/// `dockos.loader=NAME,BEGAN,LOADING`: which boot loader it was, when it began, and when it began to load the kernel.
/// Times are seconds since 1970 by the machine's own clock, or a date and time; empty where the loader has no clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loader {
    /// Its name, such as `grub`.
    pub name: String,
    /// When it began.
    pub began: Option<i64>,
    /// When it began to load.
    pub loading: Option<i64>,
}

impl FromStr for Loader {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let mut parts = text.split(',');
        let name = parts.next().unwrap_or_default();
        if name.is_empty() || name.len() > 16 || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(ValueError::not_a("a boot loader", name, "", "such as `grub,1700000000,1700000003`"));
        }
        let mut time = || seconds(parts.next().unwrap_or_default());
        Ok(Self { name: name.to_owned(), began: time(), loading: time() })
    }
}

/// Seconds since 1970 of a number of them, or of `2026-11-21T9:05:03`. None for what is neither: a loader's clock is no
/// reason for an error.
fn seconds(text: &str) -> Option<i64> {
    let parts: Vec<i64> = text.split(['-', 'T', ':']).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let in_range = |value: i64, range: std::ops::RangeInclusive<i64>| range.contains(&value).then_some(value);
    match *parts.as_slice() {
        [seconds] => in_range(seconds, 1..=1 << 40),
        [year, month, day, hour, minute, second] => {
            let days = days(in_range(year, 1970..=9999)?, in_range(month, 1..=12)?, in_range(day, 1..=31)?);
            let minutes = in_range(hour, 0..=23)? * 60 + in_range(minute, 0..=59)?;
            Some((days * 1440 + minutes) * 60 + in_range(second, 0..=60)?)
        }
        _ => None,
    }
}

/// Days since 1970 of a day of the Gregorian calendar, by years that begin in March: the leap day is then their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    // 719468 days lie between the first of March of the year 0 and 1970.
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// A label of a medium, as ISO 9660 and FAT have them.
pub(crate) fn medium(text: &str) -> Result<String, ValueError> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    match !text.is_empty() && text.len() <= 32 && text.bytes().all(good) {
        true => Ok(text.to_owned()),
        false => {
            Err(ValueError::new(format!("{} is no label of a medium", quoted(text)), "such as `DOCKOS`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_image_is_always_pinned() {
        let sum = "ab".repeat(32);
        let image: RootImage = format!("http://10.0.0.1:8080/rootfs#sha256={sum}").parse().unwrap();
        assert_eq!(image.url.as_deref(), Some("http://10.0.0.1:8080/rootfs"));
        assert_eq!(image.sha256_hex(), sum);
        let loaded: RootImage = format!("#sha256={sum}").parse().unwrap();
        assert_eq!((loaded.url, loaded.sha256), (None, image.sha256));
        let bad =
            ["", "http://h/rootfs", "http://h/rootfs#", "http://10.0.0.1/rootfs#sha256=ab", "rootfs#sha256="];
        let bad = bad.map(str::to_owned).into_iter();
        for text in bad.chain(
            ["https://10.0.0.1/r", "ftp://10.0.0.1/r", "http://center/r"]
                .map(|url| format!("{url}#sha256={sum}")),
        ) {
            assert!(text.parse::<RootImage>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_loaders_clock_is_read_or_left_out() {
        let cases = [
            ("ipxe,1700000000,1700000003", Some(1_700_000_000), Some(1_700_000_003)),
            ("grub,2026-11-21T9:05:03,2026-11-21T09:05:06", Some(1_795_251_903), Some(1_795_251_906)),
            ("grub,2024-2-29T23:59:59,1970-01-01T0:0:1", Some(1_709_251_199), Some(1)),
            ("ipxe,,", None, None),
            ("ipxe", None, None),
            ("grub,--T::,2026-13-01T0:0:0", None, None),
            ("grub,99999999999999999999,-5", None, None),
        ];
        for (text, began, loading) in cases {
            let loader: Loader = text.parse().unwrap();
            assert_eq!((loader.began, loader.loading), (began, loading), "{text}");
        }
        assert!("".parse::<Loader>().is_err() && ",1,2".parse::<Loader>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_word_gets_an_answer(text in "\\PC{0,80}|[a-z]{1,4},[0-9T:-]{0,20},[0-9T:-]{0,20}") {
            let _ = (text.parse::<Loader>(), text.parse::<RootImage>(), medium(&text));
        }
    }
}
