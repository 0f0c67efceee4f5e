//! Reading pictures: tesseract on a screenshot, enlarged, because it wants letters three times as high as screens have.

use std::{
    fs::File,
    io::{BufReader, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result, bail, ensure};
use png::{ColorType, Decoder, Transformations};

use crate::tool::{self, tool};

/// How many times larger the picture becomes.
const SCALE: usize = 3;
/// Pixels of a cell whose ground is looked for at once, and how far around it.
const CELL: usize = 4;
const AROUND: usize = 10;
/// Larger pictures are no screens.
const MOST_PIXELS: usize = 16 << 20;

/// A picture in shades of grey.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// The text on a picture. Languages are tesseract's: `eng`, `chi_sim+eng`.
pub fn text_of(png: &Path, languages: &str) -> Result<String> {
    let picture = read(png).with_context(|| format!("cannot read {}", png.display()))?;
    let picture = picture.on_white().enlarged();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("picture.pgm");
    let mut file = File::create(&path)?;
    write!(file, "P5\n{} {}\n255\n", picture.width, picture.height)?;
    file.write_all(&picture.pixels)?;
    drop(file);
    // Text anywhere, in no order; threads only get into each other's way beside a machine.
    let mut command = tool("tesseract");
    command
        .arg(&path)
        .args(["stdout", "-l", languages, "--psm", "11", "--dpi", "300"])
        .env("OMP_THREAD_LIMIT", "1");
    command.stderr(std::process::Stdio::null());
    tool::run(&mut command)
}

/// Whether a text that was read contains `wanted`, blanks and the width of commas and the like aside: tesseract sets them
/// among Chinese characters as it likes.
pub fn reads(text: &str, wanted: &str) -> bool {
    let narrow = |c| WIDE.iter().find(|(wide, _)| *wide == c).map_or(c, |(_, narrow)| *narrow);
    let dense = |text: &str| text.chars().filter(|c| !c.is_whitespace()).map(narrow).collect::<String>();
    dense(text).contains(&dense(wanted))
}

/// Chinese punctuation, and what it is read as.
const WIDE: [(char, char); 5] = [('，', ','), ('！', '!'), ('？', '?'), ('：', ':'), ('；', ';')];

fn read(path: &Path) -> Result<Grey> {
    let mut decoder = Decoder::new(BufReader::new(File::open(path)?));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let size = reader.output_buffer_size().context("it is too large")?;
    ensure!(size <= 4 * MOST_PIXELS, "it is too large for a screen");
    let mut bytes = vec![0; size];
    let info = reader.next_frame(&mut bytes)?;
    bytes.truncate(info.buffer_size());
    let samples = match info.color_type {
        ColorType::Grayscale => 1,
        ColorType::GrayscaleAlpha => 2,
        ColorType::Rgb => 3,
        ColorType::Rgba => 4,
        ColorType::Indexed => bail!("its palette was not resolved"),
    };
    let grey = |pixel: &[u8]| match pixel {
        [red, green, blue, ..] => {
            u8::try_from((u32::from(*red) * 299 + u32::from(*green) * 587 + u32::from(*blue) * 114) / 1000)
                .unwrap_or(u8::MAX)
        }
        [grey, ..] => *grey,
        [] => 0,
    };
    let pixels = bytes.chunks_exact(samples).map(grey).collect();
    Ok(Grey { width: usize::try_from(info.width)?, height: usize::try_from(info.height)?, pixels })
}

impl Grey {
    /// Larger, with straight transitions between what were pixels.
    fn enlarged(&self) -> Self {
        let (width, height) = (self.width * SCALE, self.height * SCALE);
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            let (top, down) = place(y, self.height);
            for x in 0..width {
                let (left, right) = place(x, self.width);
                let row = |y: usize| {
                    self.at(left, y) * (STEPS - right) + self.at((left + 1).min(self.width - 1), y) * right
                };
                let sum = row(top) * (STEPS - down) + row((top + 1).min(self.height - 1)) * down;
                pixels.push(u8::try_from(sum / (STEPS * STEPS)).unwrap_or(u8::MAX));
            }
        }
        Self { width, height, pixels }
    }

    /// What differs from the ground around it, dark on white. tesseract takes a terminal among light windows for a
    /// photograph, and reads nothing in it.
    fn on_white(&self) -> Self {
        let mut pixels = vec![u8::MAX; self.pixels.len()];
        for top in (0..self.height).step_by(CELL) {
            for left in (0..self.width).step_by(CELL) {
                let ground = self.ground(left, top);
                for y in top..(top + CELL).min(self.height) {
                    for x in left..(left + CELL).min(self.width) {
                        let contrast = self.at(x, y).abs_diff(ground) * 3 / 2;
                        if let Some(pixel) = pixels.get_mut(y * self.width + x) {
                            *pixel = u8::try_from(255_usize.saturating_sub(contrast)).unwrap_or(u8::MAX);
                        }
                    }
                }
            }
        }
        Self { pixels, ..*self }
    }

    /// The most common shade around a cell.
    fn ground(&self, left: usize, top: usize) -> usize {
        let mut counts = [0_u32; 64];
        for y in top.saturating_sub(AROUND)..(top + CELL + AROUND).min(self.height) {
            for x in left.saturating_sub(AROUND)..(left + CELL + AROUND).min(self.width) {
                if let Some(count) = counts.get_mut(self.at(x, y) / 4) {
                    *count += 1;
                }
            }
        }
        let most = counts.iter().enumerate().max_by_key(|(_, count)| **count);
        most.map_or(255, |(shade, _)| shade * 4 + 2)
    }

    fn at(&self, x: usize, y: usize) -> usize {
        self.pixels.get(y * self.width + x).copied().map_or(0, usize::from)
    }
}

/// Parts of the way from a pixel's middle to the next one's.
const STEPS: usize = 2 * SCALE;

/// Which pixel's middle comes before a place of the enlarged picture, and how far it is from there.
fn place(at: usize, length: usize) -> (usize, usize) {
    let from_first = (2 * at + 1).saturating_sub(SCALE);
    let (pixel, rest) = (from_first / STEPS, from_first % STEPS);
    if pixel + 1 < length { (pixel, rest) } else { (length.saturating_sub(1), 0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Browser, Server};

    #[test]
    fn a_picture_keeps_its_colours_when_it_grows() {
        let small = Grey { width: 2, height: 1, pixels: vec![0, 240] };
        let large = small.enlarged();
        assert_eq!((large.width, large.height), (6, 3));
        assert_eq!(large.pixels[..6], [0, 0, 80, 160, 240, 240]);
        assert_eq!(large.pixels[..6], large.pixels[12..]);
    }

    #[test]
    fn blanks_and_widths_do_not_matter() {
        assert!(reads("程 序 设计\n入门 C", "程序设计入门"));
        assert!(reads("Hello，你好!", "Hello, 你好！"));
        assert!(!reads("程序", "程序设计"));
    }

    #[test]
    fn no_picture_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.png");
        for bad in [
            &b""[..],
            b"GIF89a",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\x06\0\0\0",
        ] {
            std::fs::write(&path, bad).unwrap();
            assert!(text_of(&path, "eng").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn chinese_of_a_screens_size_is_read() {
        let page = "<!doctype html><meta charset=utf-8><body style='font: 14px sans-serif'>\
                    <p>程序设计入门：你好，世界</p><p>Hello, world</p>\
                    <pre style='background: #222; color: #eee; padding: 2em'>student@c:~$ gcc hello.c\n编译成功，没有错误</pre>";
        let server = Server::start(&[("/", page.as_bytes())]).unwrap();
        let browser = Browser::start().unwrap();
        let window = browser.page().unwrap();
        window.allow("favicon");
        window.open(&server.local_url("/")).unwrap();
        let text = text_of(&window.screenshot("unit-ocr").unwrap(), "chi_sim+eng").unwrap();
        for wanted in ["程序设计入门", "你好", "世界", "Hello, world", "gcc", "编译成功"] {
            assert!(reads(&text, wanted), "{wanted} is not in {text}");
        }
    }
}
