//! gzip (RFC 1952): its frame, its checks and a bound; inflating itself is a library's.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use crate::value::ValueError;

/// How gzip data begins.
pub(crate) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The frame's last bytes: CRC-32 and size.
const TRAILER: usize = 8;

const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

/// Unpacks gzip data of one or several members into at most `limit` bytes.
pub(crate) fn gunzip(bytes: &[u8], limit: usize) -> Result<Vec<u8>, ValueError> {
    let mut out = Vec::new();
    let mut rest = bytes;
    loop {
        rest = member(rest, &mut out, limit)?;
        // Zeros after the last member are the padding of a block device or an archive.
        if rest.iter().all(|b| *b == 0) {
            return Ok(out);
        }
    }
}

/// Unpacks one member onto the end of `out`, and gives what follows it.
fn member<'a>(bytes: &'a [u8], out: &mut Vec<u8>, limit: usize) -> Result<&'a [u8], ValueError> {
    let body = skip_header(bytes)?;
    let from = out.len();
    let used = inflate(body, out, limit)?;
    let trailer = body.get(used..used + TRAILER).ok_or_else(cut_short)?;
    let sums = [crc32(&out[from..]).to_le_bytes(), ((out.len() - from) as u32).to_le_bytes()];
    // A fuzzer cannot guess a checksum, and would never get past it.
    if trailer != sums.concat() && !cfg!(fuzzing) {
        return Err(broken("its checksum is wrong"));
    }
    Ok(&body[used + TRAILER..])
}

fn skip_header(bytes: &[u8]) -> Result<&[u8], ValueError> {
    if !bytes.starts_with(&MAGIC[..bytes.len().min(MAGIC.len())]) {
        return Err(broken("something else than gzip data is in it"));
    }
    let (header, mut rest) = bytes.split_at_checked(10).ok_or_else(cut_short)?;
    let flags = header[3];
    if header[2] != 8 || flags & RESERVED != 0 {
        return Err(broken("it is packed in an unknown way"));
    }
    if flags & EXTRA != 0 {
        let size = rest.get(..2).ok_or_else(cut_short)?;
        let size = usize::from(u16::from_le_bytes([size[0], size[1]]));
        rest = rest.get(2 + size..).ok_or_else(cut_short)?;
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|b| *b == 0).ok_or_else(cut_short)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & HEADER_CRC != 0 {
        rest = rest.get(2..).ok_or_else(cut_short)?;
    }
    Ok(rest)
}

/// Inflates onto the end of `out`, which grows by need, and tells how much of `body` was used.
fn inflate(body: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize, ValueError> {
    let mut state = Box::<DecompressorOxide>::default();
    let (start, mut written, mut used) = (out.len(), 0, 0);
    loop {
        // A small start: a file may have very many small members.
        let room = start + written.max(1024) * 2;
        out.resize(room.min(limit.saturating_add(1)), 0);
        let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, read, more) = decompress(&mut state, &body[used..], &mut out[start..], written, flags);
        (used, written) = (used + read, written + more);
        if start + written > limit {
            let message = format!("the gzip data is more than {limit} bytes, unpacked");
            return Err(ValueError::new(message, "large files belong into an image or onto a volume"));
        }
        match status {
            TINFLStatus::Done => {
                out.truncate(start + written);
                return Ok(used);
            }
            TINFLStatus::HasMoreOutput => {}
            TINFLStatus::FailedCannotMakeProgress | TINFLStatus::NeedsMoreInput => return Err(cut_short()),
            _ => return Err(broken("its packed data is not valid")),
        }
    }
}

fn cut_short() -> ValueError {
    broken("it is cut short")
}

fn broken(why: &str) -> ValueError {
    ValueError::new(format!("the gzip data is broken: {why}"), "pack it again; `gzip -t FILE` tests it")
}

/// The checksum, four bits at a time: a table of 64 bytes is quick enough for a few files.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = table();
    let mut crc = !0;
    for byte in bytes {
        crc ^= u32::from(*byte);
        crc = TABLE[(crc & 15) as usize] ^ (crc >> 4);
        crc = TABLE[(crc & 15) as usize] ^ (crc >> 4);
    }
    !crc
}

const fn table() -> [u32; 16] {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 16 {
        let (mut value, mut bit) = (i as u32, 0);
        while bit < 4 {
            value = if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[i] = value;
        i += 1;
    }
    table
}

/// Packs data: what a test needs of gzip.
#[cfg(test)]
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    out.extend(miniz_oxide::deflate::compress_to_vec(bytes, 6));
    out.extend(crc32(bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 'hostname: lab-01\n' | gzip -n`, and the same with a file's name.
    const LAB: &[u8] = include_bytes!("../../tests/user-data/lab.gz");
    const NAMED: &[u8] = include_bytes!("../../tests/user-data/named.gz");

    #[test]
    fn what_gzip_made_is_unpacked() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(gunzip(LAB, 1000).unwrap(), b"hostname: lab-01\n");
        assert_eq!(gunzip(NAMED, 1000).unwrap(), b"hostname: lab-01\n");
        let twice = [LAB, NAMED, &[0; 512]].concat();
        assert_eq!(gunzip(&twice, 1000).unwrap(), b"hostname: lab-01\nhostname: lab-01\n");
        assert_eq!(gunzip(LAB, 17).unwrap().len(), 17, "the limit itself is allowed");
    }

    #[test]
    fn every_cut_and_every_changed_bit_is_noticed() {
        for at in 0..LAB.len() {
            assert!(gunzip(&LAB[..at], 1000).is_err(), "cut at {at}");
        }
        // A bit that means nothing may change: the time in the header, the padding after the packed data.
        for (at, bit) in (0..LAB.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut bytes = LAB.to_vec();
            bytes[at] ^= 1 << bit;
            assert!(gunzip(&bytes, 1000).is_ok_and(|text| text == b"hostname: lab-01\n") != checked(at, bit));
        }
        assert!(gunzip(&[LAB, b"x"].concat(), 1000).is_err());
    }

    /// Whether a bit of the fixture has a meaning.
    fn checked(at: usize, bit: u8) -> bool {
        match at {
            3 => bit != 0,
            4..=9 => false,
            28 => bit < 2,
            _ => true,
        }
    }

    #[test]
    fn a_bomb_is_refused_at_its_limit() {
        let bomb = pack(&vec![0; 50 << 20]);
        let start = std::time::Instant::now();
        let error = gunzip(&bomb, 1 << 20).unwrap_err();
        assert_eq!(error.message, "the gzip data is more than 1048576 bytes, unpacked");
        assert!(start.elapsed().as_secs() < 2);
        let many: Vec<u8> = pack(&[0; 1000]).repeat(10_000);
        assert!(gunzip(&many, 1 << 20).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = gunzip(&bytes, 1000);
            let _ = gunzip(&[&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], &bytes[..]].concat(), 1000);
        }

        #[test]
        fn what_was_packed_is_unpacked(bytes in proptest::collection::vec(0..4u8, 0..5000)) {
            proptest::prop_assert_eq!(gunzip(&pack(&bytes), 5000), Ok(bytes));
        }
    }
}
