//! Names that the kernel knows: modules, settings, signals, CPUs.

use std::fmt;
use std::str::FromStr;

use super::ValueError;

/// A kernel module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModuleName(String);

/// A setting of the kernel below `/proc/sys`, its parts joined by dots or slashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SysctlName(String);

/// What a setting of the kernel is set to: one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(String);

/// A signal, by name or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal(String);

/// A set of CPUs, such as `0-3,5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuSet(String);

macro_rules! texts {
    ($($type:ident)*) => {$(
        impl $type {
            /// As it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

texts!(ModuleName SysctlName Line Signal CpuSet);

impl SysctlName {
    /// Its path below `/proc/sys`: where the first separator is a slash, dots are part of names, as in sysctl(8).
    pub fn path(&self) -> String {
        match self.0.find(['.', '/']).map(|at| self.0.as_bytes().get(at).copied()) {
            Some(Some(b'.')) => {
                let swap = |c| match c {
                    '.' => '/',
                    '/' => '.',
                    c => c,
                };
                self.0.chars().map(swap).collect()
            }
            _ => self.0.clone(),
        }
    }
}

impl FromStr for ModuleName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
        if !matches!(text.len(), 1..=55) || !text.bytes().all(allowed) {
            let hint = "its name as `lsmod` shows it, such as `i2c_dev`";
            return Err(ValueError::not_a("a kernel module", text, "", hint));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for SysctlName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let name = Self(text.to_owned());
        let good = |part: &str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.:@".contains(&b);
            !matches!(part, "" | "." | "..") && part.bytes().all(allowed)
        };
        let path = name.path();
        if text.len() > 255 || !path.contains('/') || !path.split('/').all(good) {
            let hint = "such as `vm.swappiness` or `net/ipv4/ip_forward`";
            return Err(ValueError::not_a("a kernel setting", text, "", hint));
        }
        Ok(name)
    }
}

impl FromStr for Line {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.contains(char::is_control) || text.len() > 4095 {
            return Err(ValueError::not_a("one line", text, "", "a text of one line"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Signal {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const NAMES: [&str; 12] =
            ["HUP", "INT", "QUIT", "ABRT", "KILL", "USR1", "USR2", "TERM", "CONT", "STOP", "WINCH", "PWR"];
        let name = text.strip_prefix("SIG").unwrap_or(text);
        let real_time = |name: &str| {
            let number = name.strip_prefix("RTMIN+").and_then(|n| n.parse::<u8>().ok());
            number.is_some_and(|n| (1..=15).contains(&n))
        };
        let number = text.parse().is_ok_and(|n: u8| (1..=64).contains(&n)) && !text.starts_with('+');
        if !NAMES.contains(&name) && !real_time(name) && !number {
            return Err(ValueError::not_a("a signal", text, "", "such as `SIGTERM`, `SIGRTMIN+3` or `15`"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for CpuSet {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let number = |text: &str| {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<u16>().ok().filter(|n| digits && *n < 1024)
        };
        let range = |part: &str| match part.split_once('-') {
            Some((from, to)) => number(from).zip(number(to)).is_some_and(|(from, to)| from <= to),
            None => number(part).is_some(),
        };
        if !text.split(',').all(range) {
            return Err(ValueError::not_a(
                "a set of CPUs",
                text,
                "",
                "numbers from 0, such as `0-3` or `0,2`",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_dots_or_slashes() {
        for (text, path) in [
            ("vm.swappiness", "vm/swappiness"),
            ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
            ("net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
            ("net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
        ] {
            assert_eq!(text.parse::<SysctlName>().unwrap().path(), path);
        }
        for bad in ["", "swappiness", "vm.", ".vm", "vm..x", "/vm/x", "vm/../../etc/passwd", "vm. x", "a/./b"]
        {
            assert!(bad.parse::<SysctlName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn modules_signals_and_cpus() {
        assert!("i2c_dev".parse::<ModuleName>().is_ok());
        for bad in ["", "../x", "a b", "x.ko", &"x".repeat(56)] {
            assert!(bad.parse::<ModuleName>().is_err(), "{bad}");
        }
        for good in ["SIGTERM", "TERM", "15", "SIGRTMIN+3"] {
            assert!(good.parse::<Signal>().is_ok(), "{good}");
        }
        for bad in ["", "SIG", "SIGFOO", "0", "65", "+9", "SIGRTMIN+16", "SIGRTMIN+"] {
            assert!(bad.parse::<Signal>().is_err(), "{bad}");
        }
        for good in ["0", "0-3", "0,2-4"] {
            assert!(good.parse::<CpuSet>().is_ok(), "{good}");
        }
        for bad in ["", "3-0", "0,", "a", "+1", "0-", "99999", "1024"] {
            assert!(bad.parse::<CpuSet>().is_err(), "{bad}");
        }
    }
}
