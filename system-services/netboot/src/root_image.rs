//! Where in the file `rootfs` the root image is: within a cpio archive that has the one file `root.img`, or alone.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};

/// The part of a file that is the root image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where it begins.
    pub(crate) offset: u64,
    /// Its bytes.
    pub(crate) length: u64,
}

/// The header of an archive's file in the "new ASCII" format.
const CPIO_HEADER: usize = 110;
/// The file in it.
const NAME: &[u8] = b"root.img\0";
/// The superblock of squashfs 4.0.
const SUPERBLOCK: usize = 96;

/// Finds the root image, or says what is wrong with the file.
pub(crate) fn find(file: &File, size: u64) -> io::Result<Result<Place, String>> {
    let mut head = Vec::new();
    read_part(file, 0, 512, &mut head)?;
    let place = match locate(&head, size) {
        Ok(place) => place,
        Err(why) => return Ok(Err(why)),
    };
    let mut superblock = Vec::new();
    read_part(file, place.offset, SUPERBLOCK, &mut superblock)?;
    Ok(check_squashfs(&superblock, place.length).map(|()| place))
}

/// Reads up to `most` bytes from a place.
fn read_part(file: &File, offset: u64, most: usize, into: &mut Vec<u8>) -> io::Result<()> {
    into.resize(most, 0);
    let mut got = 0;
    while got < most {
        match file.read_at(&mut into[got..], offset + got as u64)? {
            0 => break,
            n => got += n,
        }
    }
    into.truncate(got);
    Ok(())
}

/// Where the image is, told by the first bytes of a file of `size` bytes.
fn locate(head: &[u8], size: u64) -> Result<Place, String> {
    if head.starts_with(b"hsqs") {
        return Ok(Place { offset: 0, length: size });
    }
    if !head.starts_with(b"070701") {
        return Err("neither a cpio archive nor a squashfs".to_owned());
    }
    let field = |number: usize| -> Option<u64> {
        let at = 6 + number * 8;
        let text = std::str::from_utf8(head.get(at..at + 8)?).ok()?;
        u64::from_str_radix(text, 16).ok()
    };
    let (Some(length), Some(name_size)) = (field(6), field(11)) else {
        return Err("the archive's header is damaged".to_owned());
    };
    let name_end = CPIO_HEADER.saturating_add(usize::try_from(name_size).unwrap_or(usize::MAX));
    if head.get(CPIO_HEADER..name_end) != Some(NAME) {
        return Err("the archive's first file is not root.img".to_owned());
    }
    let offset = name_end.next_multiple_of(4) as u64;
    match offset.checked_add(length) {
        Some(end) if end <= size => Ok(Place { offset, length }),
        _ => Err(format!("cut off: the root image in it has {length} bytes, the file only {size}")),
    }
}

fn check_squashfs(superblock: &[u8], length: u64) -> Result<(), String> {
    if superblock.len() < SUPERBLOCK || !superblock.starts_with(b"hsqs") {
        return Err("the root image in it is not a squashfs".to_owned());
    }
    let number = |at: usize| {
        superblock.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes)
    };
    match number(40) {
        Some(used) if used < SUPERBLOCK as u64 => Err("the superblock of its squashfs is damaged".to_owned()),
        Some(used) if used > length => {
            Err(format!("cut off: its squashfs has {used} bytes, and only {length} are there"))
        }
        _ => Ok(()),
    }
}

/// The SHA-256 of a part of a file, in hexadecimal.
pub(crate) fn sha256(file: &File, place: Place) -> io::Result<String> {
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let (mut at, end) = (place.offset, place.offset + place.length);
    while at < end {
        let most = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
        let got = file.read_at(&mut buffer[..most], at)?;
        if got == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read"));
        }
        sum.update(&buffer[..got]);
        at += got as u64;
    }
    Ok(hex(&sum.finalize()))
}

/// The SHA-256 of all that a reader gives, in hexadecimal.
pub(crate) fn sha256_of(mut reader: impl Read) -> io::Result<String> {
    let mut sum = Sha256::new();
    let mut buffer = [0; 64 << 10];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hex(&sum.finalize())),
            got => sum.update(&buffer[..got]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A squashfs that says so, with nothing in it.
    pub(crate) fn squashfs(length: usize) -> Vec<u8> {
        let mut image = vec![7; length];
        image[..4].copy_from_slice(b"hsqs");
        image[40..48].copy_from_slice(&(length as u64).to_le_bytes());
        image
    }

    /// The archive that the builder wraps it in.
    pub(crate) fn cpio(name: &str, content: &[u8]) -> Vec<u8> {
        let mut archive = Vec::new();
        for (name, content) in [(name, content), ("TRAILER!!!", &[][..])] {
            let mut fields = [0; 13];
            (fields[1], fields[6], fields[11]) = (0o100_444, content.len(), name.len() + 1);
            archive.extend(b"070701");
            fields.iter().for_each(|field| archive.extend(format!("{field:08x}").bytes()));
            archive.extend(name.bytes().chain([0]));
            archive.resize(archive.len().next_multiple_of(4), 0);
            archive.extend(content);
            archive.resize(archive.len().next_multiple_of(4), 0);
        }
        archive
    }

    fn found(bytes: &[u8]) -> Result<Place, String> {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, bytes).unwrap();
        find(&file, bytes.len() as u64).unwrap()
    }

    #[test]
    fn the_image_is_found_in_its_archive_and_alone() {
        let image = squashfs(5000);
        assert_eq!(found(&image), Ok(Place { offset: 0, length: 5000 }));
        assert_eq!(found(&cpio("root.img", &image)), Ok(Place { offset: 120, length: 5000 }));
    }

    #[test]
    fn damage_is_named() {
        let image = squashfs(5000);
        let archive = cpio("root.img", &image);
        let mut small = image.clone();
        small[40..48].fill(0);
        for (bytes, message) in [
            (&[][..], "neither"),
            (&archive[..50], "header is damaged"),
            (&archive[..4000], "cut off: the root image in it has 5000 bytes, the file only 4000"),
            (&image[..4000], "cut off: its squashfs has 5000 bytes, and only 4000 are there"),
            (&image[..50], "not a squashfs"),
            (&small, "superblock"),
            (&cpio("init", &image), "not root.img"),
            (&cpio("root.img", b"hello"), "not a squashfs"),
        ] {
            let error = found(bytes).unwrap_err();
            assert!(error.contains(message), "{message}: {error}");
        }
    }

    #[test]
    fn the_sum_is_of_the_image_itself() {
        let image = squashfs(300_000);
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &cpio("root.img", &image)).unwrap();
        let sum = sha256(&file, Place { offset: 120, length: 300_000 }).unwrap();
        assert_eq!(sum, sha256_of(&image[..]).unwrap());
        assert_eq!(
            sha256_of(&b""[..]).unwrap(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(mut head in proptest::collection::vec(any::<u8>(), 0..600), cpio: bool, size: u64) {
            if cpio && head.len() > 6 {
                head[..6].copy_from_slice(b"070701");
                head[6..].iter_mut().for_each(|byte| *byte = b"0123456789abcdefF+- "[usize::from(*byte) % 20]);
            }
            if let Ok(place) = locate(&head, size) {
                prop_assert!(place.offset + place.length <= size);
            }
            let _ = check_squashfs(&head, size);
        }
    }
}
