//! The hash of a container's description: whether it was made of the one that is wanted now.

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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::hash;

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
