//! The root image inside `out/rootfs`, and its SHA-256 as boot loaders give it to PID 1.

use std::fs;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::paths;

/// Size of a cpio header of the "newc" format, and where in it the sizes of the file and of its name stand.
const HEADER: usize = 110;
const FILE_SIZE: usize = 54;
const NAME_SIZE: usize = 94;

/// The file `rootfs`, and what is in it.
#[derive(Debug, Clone)]
pub struct RootImage {
    /// The file as it is served.
    pub file: Vec<u8>,
    start: usize,
    end: usize,
}

impl RootImage {
    /// Reads `out/rootfs`.
    pub fn read() -> Result<Self> {
        let path = paths::out().join("rootfs");
        let file = fs::read(&path)
            .with_context(|| format!("{} is missing: build the image first", path.display()))?;
        let number = |at: usize| {
            let digits = std::str::from_utf8(file.get(at..at + 8)?).ok()?;
            usize::from_str_radix(digits, 16).ok()
        };
        let sizes = number(FILE_SIZE).zip(number(NAME_SIZE));
        let (size, name) = sizes.with_context(|| format!("{} is no cpio archive", path.display()))?;
        let start = (HEADER + name).next_multiple_of(4);
        Ok(Self { file, start, end: start + size })
    }

    /// The image itself.
    pub fn image(&self) -> &[u8] {
        self.file.get(self.start..self.end).unwrap_or_default()
    }

    /// Its SHA-256.
    pub fn sha256(&self) -> String {
        sha256(self.image())
    }

    /// The same file with one bit of the image turned over.
    #[must_use]
    pub fn altered(mut self) -> Self {
        let middle = usize::midpoint(self.start, self.end);
        if let Some(byte) = self.file.get_mut(middle) {
            *byte ^= 1;
        }
        self
    }
}

/// A SHA-256 in hexadecimal, as pins have it.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_found_in_its_archive() {
        let rootfs = RootImage::read().unwrap();
        assert!(rootfs.image().starts_with(b"hsqs"), "no squashfs");
        assert_ne!(rootfs.clone().altered().sha256(), rootfs.sha256());
    }
}
