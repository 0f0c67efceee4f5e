//! Packs the page's files, as they are sent: each browser takes gzip, and the root image has little room.

use std::{env, fs, io, path::Path};

/// Where they are.
const ASSETS: &str = "assets";
/// Those that are served.
const SERVED: [&str; 7] =
    ["style.css", "list.js", "login.js", "screen.js", "files.js", "icon.svg", "novnc/novnc.js"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={ASSETS}");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    for name in SERVED {
        let bytes = fs::read(Path::new(ASSETS).join(name))?;
        let file = name.rsplit('/').next().unwrap_or(name);
        fs::write(Path::new(&out).join(format!("{file}.gz")), gzip(&bytes))?;
    }
    Ok(())
}

/// RFC 1952, with no name and no time: the same bytes from the same file.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
    packed.extend(miniz_oxide::deflate::compress_to_vec(bytes, 10));
    packed.extend(crc32(bytes).to_le_bytes());
    packed.extend((bytes.len() as u32).to_le_bytes());
    packed
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step))
}
