//! Sorting, once for all types: each type that is sorted by the standard library is some 5 kB of PID 1.

/// Puts items in the order of their keys; equal ones stay in the order they have.
pub(crate) fn sort_by_key<T>(items: &mut Vec<T>, key: impl Fn(&T) -> u128) {
    let keys = items.iter().map(key).zip(0..).collect();
    let mut left: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(order(keys).into_iter().filter_map(|at| left.get_mut(at)?.take()));
}

/// The places of keys, lowest key first.
fn order(mut keys: Vec<(u128, usize)>) -> Vec<usize> {
    keys.sort_unstable();
    keys.into_iter().map(|(_, at)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn it_is_the_stable_sort(mut items: Vec<(u8, u16)>) {
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            sort_by_key(&mut items, |item| item.0.into());
            proptest::prop_assert_eq!(items, expected);
        }
    }
}
