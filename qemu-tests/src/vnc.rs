//! A VNC client of the plainest kind: no encodings but raw pixels, no security. What the page's is measured by.

use std::io::{Read, Write};

use anyhow::{Context as _, Result, bail, ensure};

const VERSION: &[u8; 12] = b"RFB 003.008\n";
/// Screens are not larger than this.
const MOST_PIXELS: usize = 16 << 20;
/// Texts of a server are not longer.
const MOST_TEXT: usize = 1 << 20;
const BYTES_PER_PIXEL: usize = 4;

/// A connection to a screen, at the point where it shows something.
#[derive(Debug)]
pub struct Vnc<S> {
    stream: S,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The screen's name.
    pub name: String,
}

impl<S: Read + Write> Vnc<S> {
    /// Shakes hands and asks for raw pixels of four bytes.
    pub fn open(stream: S) -> Result<Self> {
        let mut vnc = Self { stream, width: 0, height: 0, name: String::new() };
        let greeting: [u8; 12] = vnc.take().context("no greeting")?;
        ensure!(greeting.starts_with(b"RFB 003."), "no VNC server: {:?}", String::from_utf8_lossy(&greeting));
        vnc.stream.write_all(VERSION)?;
        let [count] = vnc.take()?;
        let kinds = vnc.bytes(count.into())?;
        ensure!(kinds.contains(&1), "it wants a password: security {kinds:?}");
        vnc.stream.write_all(&[1])?;
        ensure!(vnc.take::<4>()? == [0; 4], "it refuses");
        // Shared: whoever looks already stays.
        vnc.stream.write_all(&[1])?;
        vnc.width = vnc.take().map(u16::from_be_bytes)?.into();
        vnc.height = vnc.take().map(u16::from_be_bytes)?.into();
        ensure!(vnc.width * vnc.height <= MOST_PIXELS, "a screen of {} by {}", vnc.width, vnc.height);
        vnc.take::<16>()?;
        vnc.name = vnc.text()?;
        vnc.stream.write_all(&[0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0])?;
        vnc.stream.write_all(&[2, 0, 0, 1, 0, 0, 0, 0])?;
        Ok(vnc)
    }

    /// Presses a key, by X's number for it, and lets it go.
    pub fn strike(&mut self, keysym: u32) -> Result<()> {
        for down in [1, 0] {
            let [a, b, c, d] = keysym.to_be_bytes();
            self.stream.write_all(&[4, down, 0, 0, a, b, c, d])?;
        }
        Ok(self.stream.flush()?)
    }

    /// Asks for all of the screen, or for what changes from now on.
    pub fn ask(&mut self, all: bool) -> Result<()> {
        let (width, height) =
            (u16::try_from(self.width)?.to_be_bytes(), u16::try_from(self.height)?.to_be_bytes());
        self.stream.write_all(&[3, u8::from(!all), 0, 0, 0, 0, width[0], width[1], height[0], height[1]])?;
        Ok(self.stream.flush()?)
    }

    /// Waits for the next update and returns how many pixels came.
    pub fn update(&mut self) -> Result<usize> {
        loop {
            match self.take()? {
                [0] => return self.rectangles(),
                [2] => {}
                [3] => {
                    self.take::<3>()?;
                    self.text()?;
                }
                [kind] => bail!("an unknown message: {kind}"),
            }
        }
    }

    fn rectangles(&mut self) -> Result<usize> {
        self.take::<1>()?;
        let count = self.take().map(u16::from_be_bytes)?;
        let mut pixels = 0;
        for _ in 0..count {
            self.take::<4>()?;
            let (width, height) =
                (self.take().map(u16::from_be_bytes)?, self.take().map(u16::from_be_bytes)?);
            let encoding = self.take().map(u32::from_be_bytes)?;
            ensure!(encoding == 0, "encoding {encoding} was not asked for");
            let size = usize::from(width) * usize::from(height);
            ensure!(size <= MOST_PIXELS, "a rectangle of {width} by {height}");
            self.bytes(size * BYTES_PER_PIXEL)?;
            pixels += size;
        }
        Ok(pixels)
    }

    fn text(&mut self) -> Result<String> {
        let length = usize::try_from(self.take().map(u32::from_be_bytes)?)?;
        ensure!(length <= MOST_TEXT, "a text of {length} bytes");
        Ok(String::from_utf8_lossy(&self.bytes(length)?).into_owned())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).context("the screen is gone")?;
        Ok(bytes)
    }

    fn bytes(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).context("the screen is gone")?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixStream, thread};

    use super::*;

    /// What a server of a screen of 2 by 1 says until it shows something.
    fn greeting(width: u16) -> Vec<u8> {
        let mut said = b"RFB 003.008\n\x01\x01\0\0\0\0".to_vec();
        said.extend(width.to_be_bytes());
        said.extend([0, 1]);
        said.extend([0; 16]);
        said.extend([0, 0, 0, 5]);
        said.extend(b"alice");
        said
    }

    fn told(said: Vec<u8>) -> UnixStream {
        let (client, mut server) = UnixStream::pair().unwrap();
        thread::spawn(move || {
            let _ = server.write_all(&said);
            let _ = server.shutdown(std::net::Shutdown::Write);
            let _ = server.read_to_end(&mut Vec::new());
        });
        client
    }

    #[test]
    fn a_screen_shows_its_pixels() {
        let mut said = greeting(2);
        said.extend([2]);
        said.extend([3, 0, 0, 0, 0, 0, 0, 2, b'h', b'i']);
        said.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0]);
        said.extend([7; 8]);
        let mut vnc = Vnc::open(told(said)).unwrap();
        assert_eq!((vnc.width, vnc.height, vnc.name.as_str()), (2, 1, "alice"));
        vnc.ask(true).unwrap();
        vnc.strike(0x61).unwrap();
        assert_eq!(vnc.update().unwrap(), 2);
        assert!(vnc.update().is_err(), "it has ended");
    }

    #[test]
    fn what_is_no_screen_is_refused() {
        for said in [
            Vec::new(),
            b"SSH-2.0-dropbear".to_vec(),
            b"RFB 003.008\n\x01\x02".to_vec(),
            b"RFB 003.008\n\x00\0\0\0\x05wrong".to_vec(),
            greeting(2)[..20].to_vec(),
            [greeting(2)[..40].to_vec(), vec![0xff; 4]].concat(),
        ] {
            assert!(Vnc::open(told(said.clone())).is_err(), "{said:?}");
        }
        let mut huge = greeting(2);
        huge.extend([0, 0, 0, 1, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0]);
        assert!(Vnc::open(told(huge)).unwrap().update().unwrap_err().to_string().contains("rectangle"));
        let mut odd = greeting(2);
        odd.extend([9]);
        assert!(Vnc::open(told(odd)).unwrap().update().unwrap_err().to_string().contains("unknown"));
    }
}
