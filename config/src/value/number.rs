//! Whole numbers with bounds.

use super::ValueError;
use crate::decode::{Decode, Problems, scalar};
use crate::shape::{Scalar, Shape};
use crate::yaml::Node;

/// A whole number within bounds; the error says what it should be.
fn whole(text: &str, what: &str, least: i64, most: i64) -> Result<i64, ValueError> {
    // `i64::from_str` takes a leading plus, which is a typing error at least as often as it is meant.
    let number = text.parse().ok().filter(|number| (least..=most).contains(number) && !text.starts_with('+'));
    number.ok_or_else(|| ValueError::not_a(what, text, "", &format!("a whole number from {least} to {most}")))
}

/// Declares types of whole numbers: what a message calls one, its name in the reference, its bounds.
macro_rules! numbers {
    ($($(#[doc = $doc:literal])* $type:ident($int:ty): $what:literal, $name:literal, $least:literal, $most:literal;)*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
            pub struct $type($int);

            impl $type {
                /// The number.
                pub fn get(self) -> $int {
                    self.0
                }
            }

            impl std::str::FromStr for $type {
                type Err = ValueError;

                fn from_str(text: &str) -> Result<Self, ValueError> {
                    let number = whole(text, $what, $least, $most)?;
                    // Never fails: the bounds are the type's.
                    <$int>::try_from(number).map(Self).map_err(|_| ValueError::new($what, ""))
                }
            }

            impl Decode for $type {
                const SHAPE: &'static Shape = &Shape::Scalar(&Scalar {
                    name: $name,
                    doc: concat!("a whole number from ", $least, " to ", $most),
                    examples: &[stringify!($least)],
                });

                fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
                    let text = scalar(node, $what, problems)?;
                    text.parse().map_err(|error| problems.value(node.mark, error)).ok()
                }
            }
        )*

        #[cfg(test)]
        const BOUNDS: &[(&str, i64, i64, i64)] =
            &[$((stringify!($type), $least, $most, <$int>::MAX as i64)),*];
    };
}

numbers! {
    /// The number of a user or a group.
    AccountId(u32): "a number of a user or group", "account number", 0, 65533;
    /// A TCP or UDP port.
    Port(u16): "a port", "port", 1, 65535;
    /// A number of seconds.
    WaitSeconds(u32): "a number of seconds", "seconds", 0, 86400;
    /// How often something is tried, or at most how many of it there are.
    Times(u32): "a count", "count", 1, 1000000;
    /// A share of the CPUs when they are short, beside 1024 of any other container.
    CpuShares(u32): "a share of the CPUs", "cpu shares", 2, 262144;
    /// How urgent a message of the kernel must be to reach a console: below this number.
    ConsoleLevel(u8): "a level of messages", "console level", 1, 8;
    /// The bits that all addresses of a network share.
    PrefixLength(u8): "a number of bits", "prefix length", 1, 128;
    /// A limit of setrlimit(2); -1: none.
    RlimitValue(i64): "a limit", "limit", -1, 9223372036854775807;
    /// A field of fstab: how often it is dumped, when it is checked.
    FstabNumber(u8): "a field of fstab", "fstab number", 0, 9;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_fit_their_types() {
        for (name, least, most, of_type) in BOUNDS {
            assert!(least < most && most <= of_type, "{name}");
        }
    }

    #[test]
    fn only_whole_numbers_within_bounds_are_taken() {
        assert_eq!("65535".parse::<Port>().map(Port::get), Ok(65535));
        assert_eq!("0".parse::<WaitSeconds>().map(WaitSeconds::get), Ok(0));
        for bad in ["0", "65536", "+80", "-1", "80.0", "0x50", "", "99999999999999999999"] {
            let error = bad.parse::<Port>().unwrap_err();
            assert_eq!(error.message, format!("`{bad}` is not a port"));
            assert_eq!(error.hint, "a whole number from 1 to 65535");
        }
    }
}
