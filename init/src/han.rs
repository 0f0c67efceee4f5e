//! Chinese on the PC's own screen.
//!
//! The kernel's text console draws with a font of 256 glyphs, none of them Chinese. It takes one of 512, and shows the
//! characters U+F000 to U+F1FF as glyphs by number. So the 256 more hold the left and right halves of up to 128 Chinese
//! characters, those of the last texts, and a text is written as such numbers. When all places are taken, the oldest go,
//! and where one is still on the screen, another stands there then.
//!
//! What it costs: in VGA's text mode, the bit that chooses the upper glyphs is the one that made colours bright; on a
//! framebuffer, the one that made them blink. Any failure leaves the text and the font as they are.
#![expect(unsafe_code, reason = "the ioctls of consoles have no safe wrapper")]

use std::fs::File;
use std::os::fd::AsRawFd;

/// Records of [`RECORD`] bytes, sorted; the builder makes it (buildroot/src/han.rs).
const FONT_FILE: &str = "/usr/share/dockos/han16.font";
/// A code point in two bytes, the cells it takes, the rows of both halves.
const RECORD: usize = 35;
/// Rows of a glyph.
const HEIGHT: usize = 16;
/// From one glyph to the next where the kernel takes and gives fonts.
const PITCH: usize = 32;
/// The kernel's own glyphs, which stay.
const KERNEL_GLYPHS: u32 = 256;
/// With ours.
const ALL_GLYPHS: u32 = 512;
/// Ours begin here.
const FIRST_OWN: usize = KERNEL_GLYPHS as usize * PITCH;
/// Characters for which there is room.
const PLACES: usize = 128;
/// What the kernel shows as our first glyph.
const FIRST_CODE: u32 = 0xF100;

/// `KD_FONT_OP_SET` and `KD_FONT_OP_GET` of linux/kd.h.
const SET: u32 = 0;
const GET: u32 = 1;

/// `struct console_font_op` of linux/kd.h.
#[repr(C)]
struct FontOp {
    op: u32,
    flags: u32,
    width: u32,
    height: u32,
    glyphs: u32,
    data: *mut u8,
}

nix::ioctl_readwrite_bad!(kd_font_op, 0x4B72, FontOp);
nix::ioctl_read_bad!(window_size, libc::TIOCGWINSZ, libc::winsize);

/// A virtual terminal's glyphs that are ours.
pub(crate) struct Screen {
    places: Vec<Place>,
    oldest: usize,
}

/// Two neighbouring glyphs and the character that they show.
struct Place {
    letter: char,
    cells: u8,
    halves: [u8; 2 * HEIGHT],
}

impl Screen {
    /// That of a console, if it is a virtual terminal; the far end of a serial line has fonts of its own.
    pub(crate) fn of(console: &str) -> Option<Self> {
        let rest = console.strip_prefix("tty")?;
        rest.starts_with(|first: char| first.is_ascii_digit())
            .then_some(Self { places: Vec::new(), oldest: 0 })
    }

    /// Puts the Chinese characters of a text into the terminal's font, and returns the text as it is then to be written;
    /// `None` if there are none, or it cannot be done.
    pub(crate) fn load(&mut self, terminal: &File, text: &str) -> Option<String> {
        if !text.chars().any(is_chinese) {
            return None;
        }
        let mut font = vec![0; ALL_GLYPHS as usize * PITCH];
        let glyphs = font_op(terminal, GET, ALL_GLYPHS, &mut font)?;
        // Another program's font of 512 glyphs is left alone.
        if glyphs == ALL_GLYPHS && font.get(FIRST_OWN..) != Some(&self.glyphs()) {
            return None;
        }
        let is_new = |letter| letter >= '\u{80}' && self.find(letter).is_none();
        let placed = text.chars().any(is_new)
            && self.place(text, std::fs::read(FONT_FILE).unwrap_or_default().as_chunks().0);
        if self.places.is_empty() {
            return None;
        }
        // The kernel forgets the font when another driver takes the screen over.
        if placed || glyphs == KERNEL_GLYPHS {
            font.get_mut(FIRST_OWN..)?.copy_from_slice(&self.glyphs());
            font_op(terminal, SET, ALL_GLYPHS, &mut font)?;
        }
        Some(self.replace(text, columns(terminal)))
    }

    fn find(&self, letter: char) -> Option<usize> {
        self.places.iter().position(|place| place.letter == letter)
    }

    /// Finds places for the characters of a text that the font has, until all are its own; whether any was new.
    fn place(&mut self, text: &str, font: &[[u8; RECORD]]) -> bool {
        let mut placed = false;
        let mut used = Vec::new();
        for letter in text.chars().filter(|letter| *letter >= '\u{80}') {
            if used.len() == PLACES {
                break;
            }
            if used.contains(&letter) {
                continue;
            }
            if self.find(letter).is_none() {
                let Some(place) = look_up(letter, font) else { continue };
                self.put(place, &used);
                placed = true;
            }
            used.push(letter);
        }
        placed
    }

    /// Takes a free place, or the oldest that is not in use.
    fn put(&mut self, place: Place, used: &[char]) {
        if self.places.len() < PLACES {
            self.places.push(place);
            return;
        }
        for _ in 0..PLACES {
            let at = self.oldest;
            self.oldest = (at + 1) % PLACES;
            if let Some(old) = self.places.get_mut(at).filter(|old| !used.contains(&old.letter)) {
                *old = place;
                return;
            }
        }
    }

    /// The upper half of the font.
    fn glyphs(&self) -> [u8; 2 * PLACES * PITCH] {
        let mut glyphs = [0; 2 * PLACES * PITCH];
        let halves = self.places.iter().flat_map(|place| place.halves.chunks(HEIGHT));
        for (glyph, half) in glyphs.chunks_mut(PITCH).zip(halves) {
            glyph.iter_mut().zip(half).for_each(|(to, from)| *to = *from);
        }
        glyphs
    }

    /// The text with the numbers of our glyphs. No character is cut in two by the end of a line.
    fn replace(&self, text: &str, columns: usize) -> String {
        let mut out = String::with_capacity(2 * text.len());
        let mut column = 0;
        let mut in_escape = false;
        for letter in text.chars() {
            let place = self.find(letter).and_then(|at| Some((at, self.places.get(at)?)));
            let cells = place.map_or(1, |(_, place)| usize::from(place.cells));
            match letter {
                '\x1b' => in_escape = true,
                _ if in_escape => in_escape = !letter.is_ascii_alphabetic(),
                '\n' | '\r' => column = 0,
                '\t' => column = (column / 8 + 1) * 8,
                _ => {
                    if cells == 2 && columns > 0 && column % columns == columns - 1 {
                        out.push(' ');
                        column += 1;
                    }
                    column += if place.is_none() && is_chinese(letter) { 2 } else { cells };
                }
            }
            match place {
                Some((at, _)) => {
                    let left = FIRST_CODE + 2 * at as u32;
                    out.extend((left..left + cells as u32).filter_map(char::from_u32));
                }
                None => out.push(letter),
            }
        }
        out
    }
}

/// Chinese, or punctuation as wide as it.
fn is_chinese(letter: char) -> bool {
    matches!(letter, '\u{2e80}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}')
}

fn look_up(letter: char, font: &[[u8; RECORD]]) -> Option<Place> {
    let code = u16::try_from(u32::from(letter)).ok()?;
    let at = font.binary_search_by_key(&code, |[low, high, ..]| u16::from_le_bytes([*low, *high])).ok()?;
    let [_, _, cells, halves @ ..] = *font.get(at)?;
    Some(Place { letter, cells: cells.clamp(1, 2), halves })
}

/// Gets or sets the font of a terminal; how many glyphs it has, if they are 8 by 16 pixels. `data` has room for all.
fn font_op(terminal: &File, op: u32, glyphs: u32, data: &mut [u8]) -> Option<u32> {
    let mut request =
        FontOp { op, flags: 0, width: 8, height: HEIGHT as u32, glyphs, data: data.as_mut_ptr() };
    // SAFETY: the request is laid out as the kernel's; `data` outlives the call and has a pitch of bytes for each of the
    // 512 glyphs, more than which, or larger ones, the kernel refuses to give.
    unsafe { kd_font_op(terminal.as_raw_fd(), &raw mut request) }.ok()?;
    let known = request.glyphs == KERNEL_GLYPHS || request.glyphs == ALL_GLYPHS;
    (request.width == 8 && request.height == HEIGHT as u32 && known).then_some(request.glyphs)
}

/// How many characters a line has; 0 if the terminal does not say.
fn columns(terminal: &File) -> usize {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: `size` is what the kernel fills in, and outlives the call.
    let _ = unsafe { window_size(terminal.as_raw_fd(), &raw mut size) };
    usize::from(size.ws_col)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A font of the characters from U+4E00 on, each drawn as its number, and a narrow dash.
    fn font(letters: u16) -> Vec<[u8; RECORD]> {
        let mut font = vec![[0; RECORD]];
        font[0][..3].copy_from_slice(&[0x14, 0x20, 1]);
        for code in 0x4e00..0x4e00 + letters {
            let mut record = [code as u8; RECORD];
            record[..2].copy_from_slice(&code.to_le_bytes());
            record[2] = 2;
            font.push(record);
        }
        font
    }

    fn letters(range: std::ops::Range<u32>) -> String {
        range.filter_map(|number| char::from_u32(0x4e00 + number)).collect()
    }

    fn screen(text: &str) -> Screen {
        let mut screen = Screen::of("tty0").unwrap();
        screen.place(text, &font(400));
        screen
    }

    #[test]
    fn only_virtual_terminals_have_one() {
        for (name, has) in
            [("tty0", true), ("tty12", true), ("ttyS0", false), ("tty", false), ("hvc0", false)]
        {
            assert_eq!(Screen::of(name).is_some(), has, "{name}");
        }
    }

    #[test]
    fn characters_become_halves() {
        let text = "a\u{4e00}\u{4e01}—\u{4e00}\u{9999}é\n";
        let screen = screen(text);
        assert_eq!(
            screen.replace(text, 80),
            "a\u{f100}\u{f101}\u{f102}\u{f103}\u{f104}\u{f100}\u{f101}\u{9999}é\n",
            "what the font lacks must stay"
        );
        let glyphs = screen.glyphs();
        assert_eq!(glyphs[2 * PITCH..3 * PITCH], [[1; HEIGHT], [0; HEIGHT]].concat()[..]);
        assert_eq!(glyphs[6 * PITCH..], [0; 250 * PITCH][..]);
    }

    #[test]
    fn no_character_is_cut_by_the_end_of_a_line() {
        let screen = screen("\u{4e00}");
        let halves = "\u{f100}\u{f101}";
        for (text, shown) in [
            ("abc\u{4e00}", format!("abc {halves}")),
            ("ab\u{4e00}\u{4e00}\u{4e00}", format!("ab{halves}{halves}{halves}")),
            ("abc\u{4e00}a\u{4e00}", format!("abc {halves}a {halves}")),
            ("abc\r\n\u{4e00}", format!("abc\r\n{halves}")),
            ("\x1b[1;31mab\x1b[0m\u{4e00}", format!("\x1b[1;31mab\x1b[0m{halves}")),
            ("\u{9999}a\u{4e00}", format!("\u{9999}a {halves}")),
        ] {
            assert_eq!(screen.replace(text, 4), shown, "{text:?}");
            assert_eq!(screen.replace(text, 0).replace(halves, "\u{4e00}"), text, "no width");
        }
        assert_eq!(screen.replace("\t\u{4e00}", 9), format!("\t {halves}"));
    }

    #[test]
    fn the_oldest_make_room_but_not_those_in_use() {
        let mut screen = screen(&letters(0..128));
        assert!(!screen.place(&letters(0..128), &font(400)), "all are there");
        // The first is in use, so the second goes.
        assert!(screen.place(&(letters(0..1) + &letters(200..201)), &font(400)));
        assert_eq!(screen.find('\u{4e00}'), Some(0));
        assert_eq!(screen.find('\u{4ec8}'), Some(1));
        assert_eq!(screen.find('\u{4e01}'), None);
        // Of too many the first have their places.
        assert!(screen.place(&letters(100..300), &font(400)));
        for number in 100..228 {
            assert!(screen.find(char::from_u32(0x4e00 + number).unwrap()).is_some(), "{number}");
        }
        assert_eq!((screen.places.len(), screen.find('\u{4ee4}')), (PLACES, None));
    }

    #[test]
    fn what_is_no_terminal_is_left_alone() {
        let mut screen = screen("\u{4e00}");
        let file = File::open("/dev/null").unwrap();
        assert_eq!(screen.load(&file, "\u{4e00}"), None);
        assert_eq!(screen.load(&file, "English · only"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_font_and_text_will_do(bytes: Vec<u8>, text: String, columns in 0..200_usize) {
            let mut screen = Screen::of("tty0").unwrap();
            screen.place(&text, bytes.as_chunks().0);
            screen.glyphs();
            let shown = screen.replace(&text, columns);
            proptest::prop_assert!(shown.len() <= 4 * text.len());
        }
    }
}
