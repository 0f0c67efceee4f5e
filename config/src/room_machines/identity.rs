//! What a machine is known by. Case and separators do not matter; what many machines have in common is no identity.

use std::fmt;
use std::str::FromStr;

use crate::value::ValueError;

/// The address of a machine's network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MachineMac([u8; 6]);

/// A serial number of a machine's firmware, equal to others with the same letters and digits.
#[derive(Clone, Debug)]
pub struct MachineSerial {
    shown: String,
    plain: String,
}

/// A UUID of a machine's firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MachineUuid([u8; 16]);

/// What firmware says where nobody wrote a serial number, as letters and digits only.
const NO_SERIALS: [&str; 18] = [
    "",
    "123456789",
    "0123456789",
    "1234567890",
    "chassisserialnumber",
    "default",
    "defaultstring",
    "empty",
    "invalid",
    "na",
    "none",
    "notapplicable",
    "notavailable",
    "notspecified",
    "oem",
    "systemserialnumber",
    "tobefilledbyoem",
    "unknown",
];

/// UUIDs that whole series of mainboards have.
const NO_UUIDS: [[u8; 16]; 2] = [
    [0x03, 0, 0x02, 0, 0x04, 0, 0x05, 0, 0, 0x06, 0, 0x07, 0, 0x08, 0, 0x09],
    [0, 0x02, 0, 0x03, 0, 0x04, 0, 0x05, 0, 0x06, 0, 0x07, 0, 0x08, 0, 0x09],
];

/// Letters of a serial number: SMBIOS has no longer strings in practice.
const MAX_SERIAL: usize = 64;

impl MachineMac {
    /// Its bytes in hexadecimal with dashes, as in the address of a request.
    pub fn dashed(self) -> String {
        self.to_string().replace(':', "-")
    }
}

impl MachineSerial {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Its letters and digits, which tell it from others.
    pub(crate) fn plain(&self) -> &str {
        &self.plain
    }
}

impl PartialEq for MachineSerial {
    fn eq(&self, other: &Self) -> bool {
        self.plain == other.plain
    }
}

impl Eq for MachineSerial {}

impl fmt::Display for MachineMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Display for MachineSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Display for MachineUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            let dash = if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for MachineMac {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |why| {
            ValueError::not_a("the address of a network card", text, why, "such as `52:54:00:12:34:56`")
        };
        let bytes: [u8; 6] = hex(text).ok_or_else(|| wrong(""))?;
        match bytes {
            _ if bytes == [0; 6] => Err(wrong("it is all zero")),
            // The lowest bit of the first byte: an address of many cards.
            [first, ..] if first & 1 == 1 => Err(wrong("it is not the address of one card")),
            _ => Ok(Self(bytes)),
        }
    }
}

impl FromStr for MachineSerial {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let shown = text.trim();
        let wrong = |why| {
            ValueError::not_a(
                "a serial number",
                text,
                why,
                "as the machine's own screen shows it, or use `mac`",
            )
        };
        if shown.len() > MAX_SERIAL {
            return Err(wrong("it is longer than 64 letters"));
        }
        if !shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(wrong("it has a character that no firmware tells"));
        }
        let plain: String =
            shown.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        let mut bytes = plain.bytes();
        let first = bytes.next();
        // `0`, `00000000` and `xxxxxxx` are no more than a filled field.
        let filled = bytes.all(|byte| Some(byte) == first);
        if filled || NO_SERIALS.contains(&plain.as_str()) {
            return Err(wrong("many machines say the same"));
        }
        Ok(Self { shown: shown.to_owned(), plain })
    }
}

impl FromStr for MachineUuid {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong =
            |why| ValueError::not_a("a UUID", text, why, "such as `01234567-89ab-cdef-0123-456789abcdef`");
        let bytes: [u8; 16] = hex(text).ok_or_else(|| wrong(""))?;
        let filled = bytes.iter().all(|byte| *byte == bytes[0]);
        if filled || NO_UUIDS.contains(&bytes) {
            return Err(wrong("many machines say the same"));
        }
        Ok(Self(bytes))
    }
}

/// So many bytes in hexadecimal, with or without separators.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let mut digits = 0;
    for c in text.trim().chars() {
        if matches!(c, ':' | '-' | '.') {
            continue;
        }
        let digit = u8::try_from(c.to_digit(16)?).ok()?;
        let byte = bytes.get_mut(digits / 2)?;
        *byte = *byte << 4 | digit;
        digits += 1;
    }
    (digits == 2 * N).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_separators_do_not_matter() {
        for text in [
            "52:54:00:AB:cd:01",
            "52-54-00-ab-cd-01",
            "525400abcd01",
            "5254.00ab.cd01",
            " 52:54:00:ab:cd:01 ",
        ] {
            assert_eq!(text.parse::<MachineMac>().unwrap().to_string(), "52:54:00:ab:cd:01");
        }
        assert_eq!("PF-3X 12".parse::<MachineSerial>().unwrap(), "pf3x12".parse::<MachineSerial>().unwrap());
        let uuid = "0123456789ABCDEF0123456789abcdef".parse::<MachineUuid>().unwrap();
        assert_eq!(uuid.to_string(), "01234567-89ab-cdef-0123-456789abcdef");
    }

    #[test]
    fn what_many_machines_say_is_no_identity() {
        for bad in [
            "",
            "0",
            "00000000",
            "None",
            "To Be Filled By O.E.M.",
            "Default string",
            "N/A",
            "xxxxxxx",
            "\u{7}a",
        ] {
            assert!(bad.parse::<MachineSerial>().is_err(), "{bad}");
        }
        for bad in [
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            "03000200-0400-0500-0006-000700080009",
            "01234567-89ab-cdef-0123-456789abcde",
            "01234567-89ab-cdef-0123-456789abcdeff",
            "",
        ] {
            assert!(bad.parse::<MachineUuid>().is_err(), "{bad}");
        }
        for bad in [
            "",
            "00:00:00:00:00:00",
            "ff:ff:ff:ff:ff:ff",
            "01:00:5e:00:00:01",
            "52:54:00:12:34",
            "52:54:00:12:34:5g",
            "..",
            "５2:54:00:12:34:56",
        ] {
            assert!(bad.parse::<MachineMac>().is_err(), "{bad}");
        }
    }
}
