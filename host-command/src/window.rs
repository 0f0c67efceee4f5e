//! A file inside another: a part of it that reads like a file of its own.

use std::io::{self, Read, Seek, SeekFrom};

/// `length` bytes of `inner` from `start` on.
#[derive(Debug)]
pub(crate) struct Window<'a, F> {
    inner: &'a mut F,
    start: u64,
    length: u64,
    at: u64,
}

impl<'a, F: Read + Seek> Window<'a, F> {
    pub(crate) fn new(inner: &'a mut F, start: u64, length: u64) -> Self {
        Self { inner, start, length, at: 0 }
    }
}

impl<F: Read + Seek> Read for Window<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        self.inner.seek(SeekFrom::Start(self.start.saturating_add(self.at)))?;
        let read = self.inner.read(buffer)?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

impl<F: Read + Seek> Seek for Window<'_, F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn ends_where_the_part_ends() {
        let mut whole = Cursor::new(b"0123456789".to_vec());
        let mut part = Window::new(&mut whole, 3, 4);
        let mut text = String::new();
        part.read_to_string(&mut text).unwrap();
        assert_eq!(text, "3456");
        part.seek(SeekFrom::End(-1)).unwrap();
        text.clear();
        part.read_to_string(&mut text).unwrap();
        assert_eq!(text, "6");
        assert!(part.seek(SeekFrom::Current(-9)).is_err());
        part.seek(SeekFrom::Start(u64::MAX)).unwrap();
        assert_eq!(part.read(&mut [0; 4]).unwrap(), 0);
    }
}
