//! Copying and hashing raw disks that are mostly holes.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use nix::{
    errno::Errno,
    unistd::{Whence, lseek},
};
use sha2::{Digest as _, Sha256};

/// Copies `length` bytes at `offset` of `source` into the new file `target`, leaving holes as holes.
pub(crate) fn extract(source: &Path, offset: u64, length: u64, target: &Path) -> io::Result<()> {
    let mut from = File::open(source)?;
    let mut to = File::create(target)?;
    to.set_len(length)?;
    for (start, end) in extents(&from, offset, offset + length)? {
        copy_range(&mut from, start, &mut to, start - offset, end - start)?;
    }
    Ok(())
}

/// Copies all of `source` into `target` from `offset` on.
pub(crate) fn insert(source: &Path, target: &Path, offset: u64) -> io::Result<()> {
    let mut from = File::open(source)?;
    let mut to = File::options().write(true).open(target)?;
    let length = from.metadata()?.len();
    for (start, end) in extents(&from, 0, length)? {
        copy_range(&mut from, start, &mut to, offset + start, end - start)?;
    }
    Ok(())
}

/// The SHA-256 of where the file's data lies and of the data. Zeros and holes may differ, so only compare files that
/// were not copied in between.
pub(crate) fn hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut sha = Sha256::new();
    let length = file.metadata()?.len();
    for (start, end) in extents(&file, 0, length)? {
        file.seek(SeekFrom::Start(start))?;
        sha.update(start.to_le_bytes());
        io::copy(&mut (&file).take(end - start), &mut sha)?;
    }
    Ok(format!("{:x}", sha.finalize()))
}

fn copy_range(from: &mut File, start: u64, to: &mut File, target: u64, length: u64) -> io::Result<()> {
    from.seek(SeekFrom::Start(start))?;
    to.seek(SeekFrom::Start(target))?;
    io::copy(&mut from.take(length), to).map(drop)
}

/// The stretches of data of `file` between `start` and `end`.
fn extents(file: &File, start: u64, end: u64) -> io::Result<Vec<(u64, u64)>> {
    let mut extents = Vec::new();
    let mut at = start;
    while at < end {
        let Some(data) = seek(file, at, Whence::SeekData)? else { break };
        let hole = seek(file, data, Whence::SeekHole)?.unwrap_or(end).min(end);
        if data < end {
            extents.push((data, hole));
        }
        at = hole;
    }
    Ok(extents)
}

fn seek(file: &File, at: u64, whence: Whence) -> io::Result<Option<u64>> {
    match lseek(file, at.cast_signed(), whence) {
        Ok(found) => Ok(Some(found.cast_unsigned())),
        Err(Errno::ENXIO) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn data_survives_and_holes_stay() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["disk", "part", "copy"].map(|name| folder.path().join(name));
        let mut disk = File::create(&paths[0]).unwrap();
        disk.set_len(1 << 30).unwrap();
        disk.seek(SeekFrom::Start(5 << 20)).unwrap();
        disk.write_all(b"data").unwrap();
        extract(&paths[0], 1 << 20, 512 << 20, &paths[1]).unwrap();
        File::create(&paths[2]).unwrap().set_len(1 << 30).unwrap();
        insert(&paths[1], &paths[2], 1 << 20).unwrap();
        assert_eq!(hash(&paths[0]).unwrap(), hash(&paths[2]).unwrap());
        assert!(std::os::unix::fs::MetadataExt::blocks(&paths[2].metadata().unwrap()) < 1000);
    }

    #[test]
    fn one_byte_changes_the_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        std::fs::write(&path, [7; 9000]).unwrap();
        let before = hash(&path).unwrap();
        File::options().write(true).open(&path).unwrap().write_all(b"x").unwrap();
        assert_ne!(hash(&path).unwrap(), before);
    }
}
