//! The root image as a file in RAM: how it gets there, and whether it is the one that is wanted.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use sha2::{Digest, Sha256};

use dockos_control::error::{Context, Fault, Result};

/// The root image, where the second initrd puts it.
pub(super) const IMAGE: &str = "/root.img";
/// Where one is while it is not known to be whole, with a number after it: one that was given up may still be written.
const UNCHECKED: &str = "/root.img.part";
/// Read at once.
const CHUNK: usize = 128 << 10;
/// `bytes_used` of the squashfs superblock (kernel: fs/squashfs/squashfs_fs.h).
const SQUASHFS_MAGIC: &[u8] = b"hsqs";
const SQUASHFS_SIZE: usize = 40;

/// Pieces that wait for their checksum, at most.
const QUEUE: usize = 64;

/// A file that nobody has checked yet: it goes, for its RAM is needed, unless it is put in place.
struct Unchecked(String);

impl Unchecked {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self(format!("{UNCHECKED}{}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Drop for Unchecked {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// An image that is being written. Its checksum is made on another thread: on processors without SHA instructions it
/// would take longer than the transfer.
pub(super) struct Incoming {
    path: Unchecked,
    file: File,
    pieces: SyncSender<Vec<u8>>,
    hasher: JoinHandle<Sha256>,
}

impl Incoming {
    /// Begins anew.
    pub(super) fn begin() -> Result<Self> {
        let path = Unchecked::new();
        let file = File::create(&path.0).context(|| format!("make {}", path.0))?;
        let (pieces, arriving) = sync_channel(QUEUE);
        let hasher = thread::Builder::new().spawn(move || hash(&arriving));
        Ok(Self { path, file, pieces, hasher: hasher.context(|| "start a thread".to_owned())? })
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
            fs::rename(&self.path.0, IMAGE).context(|| format!("rename {}", self.path.0))?;
            return Ok(None);
        }
        Ok(Some(found))
    }
}

fn hash(pieces: &Receiver<Vec<u8>>) -> Sha256 {
    pieces.iter().fold(Sha256::new(), |hash, piece| hash.chain_update(piece))
}

/// Copies an image to its place if it has the SHA-256; tells whether it had. Fails once nobody waits for it any more.
pub(super) fn take_copy(mut from: &File, wanted: &str, given_up: &AtomicBool) -> Result<bool> {
    let mut incoming = Incoming::begin()?;
    for_each_chunk(&mut from, |chunk| match given_up.load(Ordering::Relaxed) {
        true => Err(Fault::new("it took too long")),
        false => incoming.push(chunk),
    })?;
    // The last piece may have come too late as well.
    if given_up.load(Ordering::Relaxed) {
        return Err(Fault::new("it took too long"));
    }
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
