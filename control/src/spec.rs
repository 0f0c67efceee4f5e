//! What descriptions of containers have in common: their hash, which tells whether one was made of the one that is wanted
//! now, and limits that fit the machine.

use nix::unistd::{SysconfVar, sysconf};
use serde::Serialize;

/// Label that carries it.
pub const LABEL: &str = "dockos.spec";

/// A hash of a description and of what else it was made of, the same in every boot of the same DockOS. Maps are serialised
/// in the order of their keys, which serde_json's own map gives.
pub fn hash<T: Serialize>(description: &T, more: &str) -> serde_json::Result<String> {
    let text = serde_json::to_value(description)?.to_string();
    // FNV-1a: the standard library's hash may change with the compiler, and desktops would lose their layers for it.
    let hash = text.bytes().chain(more.bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Ok(format!("{hash:016x}"))
}

/// How many billionths of a CPU a container gets: as many as are wanted, and not more than the machine has, which engines
/// refuse. One config is for machines with many and with few.
pub fn cpu_limit(wanted: u64) -> i64 {
    let most = sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten().unwrap_or(i64::MAX);
    wanted.cast_signed().min(most.saturating_mul(NANO))
}

/// Billionths.
const NANO: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{NANO, cpu_limit, hash};

    #[test]
    fn nobody_gets_more_cpus_than_there_are() {
        let limit = |wanted: i64| cpu_limit(wanted.cast_unsigned());
        assert_eq!(limit(NANO / 2), NANO / 2);
        assert!(limit(10_000 * NANO) < 10_000 * NANO && limit(10_000 * NANO) % NANO == 0);
    }

    #[test]
    fn the_hash_does_not_depend_on_the_order_of_maps() {
        let of = |keys: &mut dyn Iterator<Item = u32>| {
            hash(&keys.map(|key| (key.to_string(), key)).collect::<HashMap<_, _>>(), "").unwrap()
        };
        assert_eq!(of(&mut (0..50)), of(&mut (0..50).rev()));
        assert_ne!(of(&mut (0..50)), of(&mut (0..49)));
        assert_ne!(hash(&"a", "").unwrap(), hash(&"a", "b").unwrap());
    }

    #[test]
    fn the_hash_of_today_is_the_hash_of_tomorrow() {
        assert_eq!(hash(&[1, 2], "x").unwrap(), "43d99defae9f890a");
    }
}
