//! What a machine's screen shows.

use anyhow::{Context as _, Result};

/// The text mode's screen: where it lies in memory, and its size.
pub(crate) const TEXT_AT: u64 = 0xb8000;
pub(crate) const COLUMNS: usize = 80;
pub(crate) const ROWS: usize = 25;

/// A screen, as its pixels' colours.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Red, green and blue of each pixel, row by row from the top.
    pub pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// Of a binary PPM: `P6`, width, height, highest value, each ended by one blank.
    pub(crate) fn parse(ppm: &[u8]) -> Result<Self> {
        Self::read(ppm).context("the screen's picture is no PPM")
    }

    fn read(ppm: &[u8]) -> Option<Self> {
        let mut words = ppm.splitn(4, |byte| byte.is_ascii_whitespace());
        let mut number = || std::str::from_utf8(words.next()?).ok()?.parse::<usize>().ok();
        let (None, Some(width), Some(height)) = (number(), number(), number()) else { return None };
        let bytes = width.checked_mul(height)?.checked_mul(3)?;
        let (_, pixels) = ppm.split_at(ppm.len().checked_sub(bytes)?);
        Some(Self { width, height, pixels: pixels.as_chunks().0.to_vec() })
    }

    /// The colour at a place, counted from the upper left corner.
    pub fn pixel(&self, x: usize, y: usize) -> Option<[u8; 3]> {
        (x < self.width).then(|| self.pixels.get(y * self.width + x).copied()).flatten()
    }

    /// How many colours there are: one means that the screen is blank.
    pub fn colours(&self) -> usize {
        self.pixels.iter().collect::<std::collections::BTreeSet<_>>().len()
    }
}

/// The lines of a text screen, from its memory: a character and an attribute for each cell.
pub(crate) fn text(memory: &[u8]) -> Vec<String> {
    let line = |row: &[u8]| {
        let shown = |cell: &[u8]| match cell.first() {
            Some(byte @ b' '..=b'~') => char::from(*byte),
            Some(0) | None => ' ',
            Some(_) => '·',
        };
        row.chunks(2).map(shown).collect::<String>().trim_end().to_owned()
    };
    memory.chunks(2 * COLUMNS).take(ROWS).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_read_and_cut_ones_are_not() {
        let ppm = b"P6\n2 1\n255\n\x01\x02\x03\x04\x05\x06";
        let picture = Picture::parse(ppm).unwrap();
        assert_eq!((picture.pixel(1, 0), picture.pixel(2, 0), picture.colours()), (Some([4, 5, 6]), None, 2));
        for bad in [&b""[..], b"P6", b"P6\n9 9\n255\nabc", b"P6\n99999999999 99999999999\n255\nabc"] {
            assert!(Picture::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn text_comes_without_attributes() {
        let mut memory = vec![0; 2 * COLUMNS * ROWS];
        for (column, byte) in b"Booting\xdb".iter().enumerate() {
            memory[2 * COLUMNS + 2 * column] = *byte;
            memory[2 * COLUMNS + 2 * column + 1] = 7;
        }
        let lines = text(&memory);
        assert_eq!((lines.len(), lines[0].as_str(), lines[1].as_str()), (ROWS, "", "Booting·"));
    }
}
