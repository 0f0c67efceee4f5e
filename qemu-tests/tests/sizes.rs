//! The image keeps to the sizes that were promised.

use anyhow::Result;
use qemu_tests::sizes;

#[test]
fn sizes() -> Result<()> {
    for size in sizes::measure()? {
        let limit = size.limit.unwrap_or(u64::MAX);
        assert!(size.bytes <= limit, "{} has {} bytes, more than {limit}", size.name, size.bytes);
    }
    Ok(())
}
