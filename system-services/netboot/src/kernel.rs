//! Whether `vmlinuz` and `initramfs` are what they should be: told by their first bytes, and by their length where those
//! tell it.

/// Bytes of a kernel that are looked at.
pub(crate) const HEAD: usize = 0x210;

/// Looks at the head of a bzImage whose file has `size` bytes (the kernel's Documentation/arch/x86/boot.rst).
pub(crate) fn check_kernel(head: &[u8], size: u64) -> Result<(), String> {
    if head.get(0x1fe..0x200) != Some(&[0x55, 0xaa]) || head.get(0x202..0x206) != Some(b"HdrS") {
        return Err("not a kernel that a PC can boot".to_owned());
    }
    // A zero means four.
    let setup = match head.get(0x1f1).copied().unwrap_or_default() {
        0 => 4,
        sectors => u64::from(sectors),
    };
    let paragraphs =
        head.get(0x1f4..0x1f8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
    let needed = (setup + 1) * 512 + u64::from(paragraphs) * 16;
    if size < needed {
        return Err(format!("cut off: the kernel has {needed} bytes, and only {size} are there"));
    }
    Ok(())
}

/// Looks at an initramfs: an archive, or one that is compressed in a way that the kernel knows. One that is cut off is
/// told by its frames (RFC 8878) if it is compressed as the builder does it.
pub(crate) fn check_initramfs(bytes: &[u8]) -> Result<(), String> {
    match bytes {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd(bytes),
        [b'0', b'7', b'0', b'7', b'0', b'1' | b'2', ..] => Ok(()),
        [0x1f, 0x8b, ..] | [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Ok(()),
        _ => Err("neither a cpio archive nor a compressed one".to_owned()),
    }
}

/// Steps over the blocks of every frame.
fn zstd(mut rest: &[u8]) -> Result<(), String> {
    while !rest.is_empty() {
        // What the kernel pads archives with.
        if rest.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        rest = frame(rest).ok_or("cut off, or damaged")?;
    }
    Ok(())
}

/// What comes after the first frame.
fn frame(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?;
    let (descriptor, rest) = rest.split_first()?;
    let single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content_size = match descriptor >> 6 {
        0 => usize::from(single),
        n => 1 << n,
    };
    let mut rest = rest.get(usize::from(!single) + dictionary + content_size..)?;
    loop {
        let [a, b, c] = *rest.first_chunk()?;
        let header = u32::from_le_bytes([a, b, c, 0]);
        let length = match header >> 1 & 3 {
            // One byte, repeated.
            1 => 1,
            3 => return None,
            _ => usize::try_from(header >> 3).ok()?,
        };
        rest = rest.get(3 + length..)?;
        if header & 1 == 1 {
            let checksum = if descriptor & 4 != 0 { 4 } else { 0 };
            return rest.get(checksum..);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What looks like a kernel of so many bytes.
    pub(crate) fn kernel(size: usize) -> Vec<u8> {
        let mut bytes = vec![3; size];
        bytes[0x1f1] = 1;
        bytes[0x1f4..0x1f8].copy_from_slice(&u32::try_from((size - 1024) / 16).unwrap().to_le_bytes());
        bytes[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
        bytes[0x202..0x206].copy_from_slice(b"HdrS");
        bytes
    }

    /// A frame with a block as it is and a repeated byte.
    fn frames() -> Vec<u8> {
        let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58];
        bytes.extend((5u32 << 3).to_le_bytes()[..3].iter().chain(b"hello"));
        bytes.extend((100u32 << 3 | 1 << 1 | 1).to_le_bytes()[..3].iter().chain(b"x"));
        bytes.extend(b"summ");
        bytes
    }

    #[test]
    fn kernels_are_known_and_measured() {
        let bytes = kernel(4096);
        assert_eq!(check_kernel(&bytes[..HEAD], 4096), Ok(()));
        assert!(check_kernel(&bytes[..HEAD], 3000).unwrap_err().contains("cut off"));
        assert!(check_kernel(&bytes[..100], 4096).is_err());
        assert!(check_kernel(b"<!doctype html>", 15).unwrap_err().contains("not a kernel"));
    }

    #[test]
    fn archives_are_known_and_measured() {
        let bytes = frames();
        assert_eq!(check_initramfs(&bytes), Ok(()));
        assert_eq!(check_initramfs(&[&bytes[..], &bytes[..], &[0; 3]].concat()), Ok(()));
        for cut in 4..bytes.len() {
            assert!(check_initramfs(&bytes[..cut]).is_err(), "{cut}");
        }
        assert_eq!(check_initramfs(b"070701"), Ok(()));
        assert!(check_initramfs(b"").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..700), size: u64) {
            let _ = check_kernel(&bytes, size);
            let _ = check_initramfs(&[&[0x28, 0xb5, 0x2f, 0xfd], &bytes[..]].concat());
        }
    }
}
