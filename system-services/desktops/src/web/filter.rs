//! What a viewer who may only look sends to a screen: requests for pictures pass, all that would touch the desktop is
//! dropped, and what is not known ends the connection.
//!
//! A screen tells each viewer what is copied in it. Of one that knows extended clipboards it is told to say only that
//! there is something, and what asks for it is dropped like everything else: see [`NO_CLIPBOARD`].
//!
//! Messages come in pieces of any size, and nothing of them is kept but the few bytes that tell what they are. What
//! passes is whole messages whose lengths are the protocol's, so the server sees none that was not meant to pass.

/// The only version that is spoken (RFC 6143, 7.1.1).
const VERSION: &[u8; 12] = b"RFB 003.008\n";
/// No password: who may look has been asked before.
const SECURITY_NONE: u8 = 1;
/// The screen stays open to others.
const SHARED: u8 = 1;
/// The kind of SetEncodings.
const SET_ENCODINGS: u8 = 2;
/// The longest beginning that has to be seen to know how long a message is.
const HEAD: usize = 12;
/// Encodings that a viewer may ask for.
const MOST_ENCODINGS: u32 = 256;
/// Bytes of a fence.
const MOST_FENCE: u32 = 64;
/// Bytes of a clipboard that is dropped, and screens of a size that is.
const MOST_CLIPBOARD: u32 = 32 << 20;

/// The encoding by which a viewer says that it knows extended clipboards.
const EXTENDED: [u8; 4] = [0xc0, 0xa1, 0xe5, 0xce];
/// SetEncodings of that one alone: for what is copied before the viewer has said which it knows.
const ONLY_EXTENDED: [u8; 8] = [2, 0, 0, 1, 0xc0, 0xa1, 0xe5, 0xce];
/// An extended ClientCutText: its capabilities are to be notified of text, and to be given none of it unasked.
const NO_CLIPBOARD: [u8; 16] = [6, 0, 0, 0, 0xff, 0xff, 0xff, 0xf8, 0x09, 0, 0, 0x01, 0, 0, 0, 0];

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unknown;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Version,
    Security,
    Init,
    Message,
}

/// What becomes of a message, once its beginning has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// More of it has to be seen.
    More,
    /// So many bytes altogether pass.
    Pass(u32),
    /// So many bytes altogether are dropped.
    Drop(u32),
}

/// Lets through what only looks.
#[derive(Debug)]
pub(super) struct Filter {
    stage: Stage,
    head: [u8; HEAD],
    seen: usize,
    rest: u32,
    passes: bool,
    /// What is put in when this message is over.
    after: &'static [&'static [u8]],
}

impl Filter {
    /// At the beginning of a connection.
    pub(super) fn new() -> Self {
        Self { stage: Stage::Version, head: [0; HEAD], seen: 0, rest: 0, passes: false, after: &[] }
    }

    /// Takes what came, and gives what passes of it.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, Unknown> {
        let mut passed = Vec::new();
        while !bytes.is_empty() {
            if self.rest > 0 {
                let length = bytes.len().min(usize::try_from(self.rest).unwrap_or(usize::MAX));
                let (now, later) = bytes.split_at(length);
                if self.passes {
                    passed.extend_from_slice(now);
                }
                self.rest -= u32::try_from(length).unwrap_or(self.rest);
                bytes = later;
                self.end(&mut passed);
                continue;
            }
            let (Some(slot), Some((first, later))) = (self.head.get_mut(self.seen), bytes.split_first())
            else {
                return Err(Unknown);
            };
            *slot = *first;
            self.seen += 1;
            bytes = later;
            self.look(&mut passed)?;
        }
        Ok(passed)
    }

    /// Decides about what has been seen of a message.
    fn look(&mut self, passed: &mut Vec<u8>) -> Result<(), Unknown> {
        let head = &self.head[..self.seen];
        let verdict = match self.stage {
            Stage::Version => begins(head, VERSION)?,
            Stage::Security => begins(head, &[SECURITY_NONE])?,
            // Whatever it says: nobody is sent away by who only looks.
            Stage::Init => Verdict::Pass(1),
            Stage::Message => message(head)?,
        };
        let (length, passes) = match verdict {
            Verdict::More => return Ok(()),
            Verdict::Pass(length) => (length, true),
            Verdict::Drop(length) => (length, false),
        };
        if passes {
            let is_init = self.stage == Stage::Init;
            passed.extend_from_slice(if is_init { &[SHARED] } else { head });
            if is_init {
                self.after = &[&ONLY_EXTENDED, &NO_CLIPBOARD];
            } else if self.stage == Stage::Message && head.first() == Some(&SET_ENCODINGS) {
                one_more(passed);
                self.after = &[&EXTENDED, &NO_CLIPBOARD];
            }
        }
        self.rest = length.saturating_sub(u32::try_from(self.seen).unwrap_or(0));
        self.passes = passes;
        self.seen = 0;
        self.stage = match self.stage {
            Stage::Version => Stage::Security,
            Stage::Security => Stage::Init,
            Stage::Init | Stage::Message => Stage::Message,
        };
        self.end(passed);
        Ok(())
    }

    /// Puts in what comes after a message, once it is over.
    fn end(&mut self, passed: &mut Vec<u8>) {
        if self.rest == 0 {
            std::mem::take(&mut self.after).iter().for_each(|part| passed.extend_from_slice(part));
        }
    }
}

/// Counts one more encoding in the beginning of SetEncodings that passed last.
fn one_more(passed: &mut [u8]) {
    if let [.., high, low] = passed {
        let count = u16::from_be_bytes([*high, *low]).saturating_add(1);
        [*high, *low] = count.to_be_bytes();
    }
}

fn begins(head: &[u8], expected: &[u8]) -> Result<Verdict, Unknown> {
    if !expected.starts_with(head) {
        return Err(Unknown);
    }
    let length = u32::try_from(expected.len()).unwrap_or(0);
    Ok(if head.len() == expected.len() { Verdict::Pass(length) } else { Verdict::More })
}

/// What a message of a client is, by its beginning.
fn message(head: &[u8]) -> Result<Verdict, Unknown> {
    let Some(kind) = head.first() else { return Ok(Verdict::More) };
    let u16_at = |at: usize| Some(u32::from(u16::from_be_bytes([*head.get(at)?, *head.get(at + 1)?])));
    Ok(match kind {
        // SetPixelFormat
        0 => Verdict::Pass(20),
        &SET_ENCODINGS => match u16_at(2) {
            None => Verdict::More,
            Some(count) if count <= MOST_ENCODINGS => Verdict::Pass(4 + 4 * count),
            Some(_) => return Err(Unknown),
        },
        // FramebufferUpdateRequest, EnableContinuousUpdates
        3 | 150 => Verdict::Pass(10),
        // KeyEvent
        4 => Verdict::Drop(8),
        // PointerEvent; one with more buttons is longer.
        5 => match head.get(1) {
            None => Verdict::More,
            Some(buttons) => Verdict::Drop(6 + u32::from(buttons >> 7)),
        },
        // ClientCutText; the length of an extended one is negative.
        6 => match head.get(4..8).and_then(|length| length.try_into().ok()) {
            None => Verdict::More,
            Some(length) => match i32::from_be_bytes(length).unsigned_abs() {
                length if length <= MOST_CLIPBOARD => Verdict::Drop(8 + length),
                _ => return Err(Unknown),
            },
        },
        // ClientFence
        248 => match head.get(8) {
            None => Verdict::More,
            Some(length) if u32::from(*length) <= MOST_FENCE => Verdict::Pass(9 + u32::from(*length)),
            Some(_) => return Err(Unknown),
        },
        // SetDesktopSize
        251 => match head.get(6) {
            None => Verdict::More,
            Some(screens) => Verdict::Drop(8 + 16 * u32::from(*screens)),
        },
        // QEMU's keys, with their scan codes.
        255 => match head.get(1) {
            None => Verdict::More,
            Some(0) => Verdict::Drop(12),
            Some(_) => return Err(Unknown),
        },
        _ => return Err(Unknown),
    })
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
