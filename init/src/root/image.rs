//! The root image as a file in RAM: how it gets there, and whether it is the one that is wanted.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use sha2::{Digest, Sha256};

use dockos_control::error::{Context, Fault, Result};

/// The root image, where the second initrd puts it.
pub(super) const IMAGE: &str = "/root.img";
/// Where it is while it is not known to be whole.
const UNCHECKED: &str = "/root.img.part";
/// Read at once.
const CHUNK: usize = 128 << 10;
/// `bytes_used` of the squashfs superblock (kernel: fs/squashfs/squashfs_fs.h).
const SQUASHFS_MAGIC: &[u8] = b"hsqs";
const SQUASHFS_SIZE: usize = 40;

/// Pieces that wait for their checksum, at most.
const QUEUE: usize = 64;

/// An image that is being written. Its checksum is made on another thread: on processors without SHA instructions it
/// would take longer than the transfer.
pub(super) struct Incoming {
    file: File,
    pieces: SyncSender<Vec<u8>>,
    hasher: JoinHandle<Sha256>,
}

impl Incoming {
    /// Begins anew.
    pub(super) fn begin() -> Result<Self> {
        let file = File::create(UNCHECKED).context(|| format!("make {UNCHECKED}"))?;
        let (pieces, arriving) = sync_channel(QUEUE);
        let hasher = thread::Builder::new().spawn(move || hash(&arriving));
        Ok(Self { file, pieces, hasher: hasher.context(|| "start a thread".to_owned())? })
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).context(|| "keep the root image in RAM".to_owned())?;
        self.pieces.send(bytes.to_vec()).context(|| "hash the root image".to_owned())
    }

    /// Puts it in place if it has the SHA-256, given in hexadecimal; else returns the one that it has.
    pub(super) fn finish(self, wanted: &str) -> Result<Option<String>> {
        drop(self.pieces);
        let hash = self.hasher.join().map_err(|_| Fault::new("hashing the root image failed"))?;
        let found = hex(&hash.finalize());
        if found == wanted {
            fs::rename(UNCHECKED, IMAGE).context(|| format!("rename {UNCHECKED}"))?;
            return Ok(None);
        }
        fs::remove_file(UNCHECKED).context(|| format!("remove {UNCHECKED}"))?;
        Ok(Some(found))
    }
}

fn hash(pieces: &Receiver<Vec<u8>>) -> Sha256 {
    pieces.iter().fold(Sha256::new(), |hash, piece| hash.chain_update(piece))
}

/// Gives up an image that is half there: its RAM is needed.
pub(super) fn discard() {
    let _ = fs::remove_file(UNCHECKED);
}

/// Copies an image to its place if it has the SHA-256; tells whether it had.
pub(super) fn take_copy(mut from: &File, wanted: &str) -> Result<bool> {
    let mut incoming = Incoming::begin()?;
    for_each_chunk(&mut from, |chunk| incoming.push(chunk))?;
    incoming.finish(wanted).map(|other| other.is_none())
}

/// The SHA-256 of a file, in hexadecimal.
pub(crate) fn checksum(path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let name = || path.display().to_string();
    let mut file = File::open(path).context(name)?;
    let read = for_each_chunk(&mut file, |chunk| {
        hash.update(chunk);
        Ok(())
    });
    read.context(name)?;
    Ok(hex(&hash.finalize()))
}

/// Reads all of a file, a piece at a time.
pub(super) fn for_each_chunk(from: &mut impl Read, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk).context(|| "read".to_owned())? {
            0 => return Ok(()),
            length => take(chunk.get(..length).unwrap_or_default())?,
        }
    }
}

/// Fails for an image that is shorter than it says of itself: the kernel would mount it and stumble later.
pub(super) fn check_length(path: &Path) -> Result<()> {
    let mut file = File::open(path).context(|| format!("open {}", path.display()))?;
    let size = file.metadata().context(|| format!("look at {}", path.display()))?.len();
    let mut superblock = [0; SQUASHFS_SIZE + 8];
    if file.read_exact(&mut superblock).is_err() || !superblock.starts_with(SQUASHFS_MAGIC) {
        return Ok(());
    }
    let [.., a, b, c, d, e, f, g, h] = superblock;
    let used = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    if used > size {
        return Err(Fault::new(format!("the root image is cut short: it has {size} bytes of {used}")));
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
