//! The root image out of the file that is served: `rootfs` is an archive (cpio, "newc") around it, a bare image is itself.
//!
//! The format is that of `Documentation/driver-api/early-userspace/buffer-format.rst` in the kernel's source.

use dockos_control::error::{Fault, Result};

/// Bytes of an entry's header: the magic and thirteen numbers of eight hex digits.
const HEADER: usize = 110;
const MAGIC: &[u8] = b"070701";
/// A name that is longer is none of ours.
const NAME_MOST: usize = 256;
/// The size of the file, and that of its name, among the header's numbers.
const FILE_SIZE: usize = 6;
const NAME_SIZE: usize = 11;

/// A file that comes in pieces, and what of it is the image.
#[derive(Debug, Default)]
pub(super) struct Unwrap {
    /// The first bytes, until they tell what the file is.
    head: Vec<u8>,
    /// Bytes of the image that are still to come; `None` until the header is read.
    left: Option<u64>,
}

impl Unwrap {
    /// Takes the next piece and gives the part of it that belongs to the image to `take`.
    pub(super) fn push(&mut self, piece: &[u8], take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if self.left.is_some() {
            return self.pass(piece, take);
        }
        self.head.extend_from_slice(piece);
        let Some((start, size)) = image_in(&self.head)? else { return Ok(()) };
        self.left = Some(size);
        let head = std::mem::take(&mut self.head);
        self.pass(head.get(start..).unwrap_or_default(), take)
    }

    /// Whether all of the image has come. A bare one ends where its file does.
    pub(super) fn is_whole(&self) -> bool {
        self.left.is_some_and(|left| left == 0 || left > u64::MAX / 2)
    }

    fn pass(&mut self, piece: &[u8], take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let left = self.left.unwrap_or_default();
        let length = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.left = Some(left - length as u64);
        take(piece.get(..length).unwrap_or_default())
    }
}

/// Where the image begins in a file, and its size, as far as the file's first bytes tell. A bare image has no end of its
/// own: its size is then the largest number.
fn image_in(head: &[u8]) -> Result<Option<(usize, u64)>> {
    if head.len() < HEADER {
        return Ok(None);
    }
    if !head.starts_with(MAGIC) {
        return Ok(Some((0, u64::MAX)));
    }
    let number = |index: usize| {
        let digits = head.get(MAGIC.len() + index * 8..MAGIC.len() + index * 8 + 8).unwrap_or_default();
        std::str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits, 16).ok())
    };
    let sizes = number(FILE_SIZE).zip(number(NAME_SIZE)).filter(|(_, name)| (*name as usize) < NAME_MOST);
    let (size, name) = sizes.ok_or_else(|| Fault::new("its header is none of a cpio archive"))?;
    let start = (HEADER + name as usize).next_multiple_of(4);
    Ok((head.len() >= start).then_some((start, size.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(image: &[u8]) -> Vec<u8> {
        let name = b"root.img\0";
        let mut bytes = MAGIC.to_vec();
        for number in [1, 0o100_644, 0, 0, 1, 0, image.len(), 0, 0, 0, 0, name.len(), 0] {
            bytes.extend(format!("{number:08x}").bytes());
        }
        bytes.extend(name);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(image);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(b"070701 and the trailer");
        bytes
    }

    fn unwrapped(file: &[u8], pieces: usize) -> Result<(Vec<u8>, bool)> {
        let (mut unwrap, mut image) = (Unwrap::default(), Vec::new());
        for piece in file.chunks(pieces) {
            unwrap.push(piece, &mut |bytes| {
                image.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        Ok((image, unwrap.is_whole()))
    }

    #[test]
    fn the_image_comes_out_however_it_is_cut() {
        let image: Vec<u8> = (0..=255).cycle().take(1001).collect();
        for pieces in [1, 7, 109, 110, 111, 120, 4096] {
            assert_eq!(unwrapped(&archive(&image), pieces).unwrap(), (image.clone(), true), "{pieces}");
            assert_eq!(unwrapped(&image, pieces).unwrap(), (image.clone(), true), "bare, {pieces}");
        }
        let cut = archive(&image);
        assert!(!unwrapped(&cut[..900], 100).unwrap().1, "cut short");
        assert!(!unwrapped(&cut[..90], 100).unwrap().1, "not even a header");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(mut bytes: Vec<u8>, pieces in 1..300_usize, magic: bool) {
            if magic {
                bytes.splice(0..0, *b"070701");
            }
            if let Ok((image, _)) = unwrapped(&bytes, pieces) {
                proptest::prop_assert!(image.len() <= bytes.len());
            }
        }
    }
}
