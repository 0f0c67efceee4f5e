//! An ISO 9660 file system with Rock Ridge names, as far as it takes to find files in it and to see that none of it is
//! missing. Everything in it is foreign: sizes are bounded, and nothing is believed that the file does not have.

use std::io::{Read, Seek, SeekFrom};

use dockos_control::error::{Context, Fault, Result};

use crate::window::Window;

/// ISO 9660's block, in all that anybody makes.
pub(crate) const BLOCK: u64 = 2048;
/// Descriptors begin after 16 blocks; nobody has more than a few.
const DESCRIPTORS: std::ops::Range<u64> = 16..32;
/// A folder of DockOS has a handful of entries.
const FOLDER_MOST: u64 = 1 << 20;
/// Rock Ridge goes on elsewhere where a record has no room, once or twice.
const CONTINUED_MOST: usize = 8;
/// Sectors of a partition table.
const SECTOR: u64 = 512;

/// A file or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name, as Rock Ridge has it.
    pub(crate) name: String,
    /// The bytes that it begins after.
    pub(crate) start: u64,
    /// Its size.
    pub(crate) bytes: u64,
    is_folder: bool,
    /// More of the file follows in the next record.
    goes_on: bool,
}

/// An open volume.
#[derive(Debug)]
pub(crate) struct Volume<F> {
    file: F,
    root: Entry,
    /// The volume's label.
    pub(crate) label: String,
    /// What made it, as DockOS's ISOs say: `DOCKOS 0.1.0`.
    pub(crate) application: String,
    /// How long the file has to be.
    pub(crate) needs: u64,
    /// How long it is.
    pub(crate) has: u64,
}

impl<F: Read + Seek> Volume<F> {
    /// Reads the descriptor.
    pub(crate) fn open(mut file: F) -> Result<Self> {
        let has = file.seek(SeekFrom::End(0)).context(|| "seek".to_owned())?;
        for block in DESCRIPTORS {
            let mut record = [0; BLOCK as usize];
            let read = read_at(&mut file, block * BLOCK, &mut record);
            if read.is_err() || record.get(1..6) != Some(b"CD001") {
                break;
            }
            if record.first() == Some(&1) {
                return Self::from_descriptor(file, &record, has);
            }
        }
        Err(Fault::new("not an ISO"))
    }

    fn from_descriptor(mut file: F, record: &[u8], has: u64) -> Result<Self> {
        let root = record.get(156..190).and_then(entry).ok_or_else(|| Fault::new("not an ISO"))?;
        let blocks = u64::from(u32_at(record, 80).unwrap_or_default());
        let needs = (blocks * BLOCK).max(partitions_end(&mut file).unwrap_or_default());
        let (label, application) = (field(record, 40..72), field(record, 574..702));
        Ok(Self { file, root, label, application, needs, has })
    }

    /// What is at a path such as `boot/vmlinuz`.
    pub(crate) fn find(&mut self, path: &str) -> Result<Option<Entry>> {
        let mut found = self.root.clone();
        for name in path.split('/') {
            let below = if found.is_folder { self.list(&found)? } else { Vec::new() };
            match below.into_iter().find(|entry| entry.name == name) {
                Some(entry) => found = entry,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    /// What is in a folder, files that are in several pieces put together.
    pub(crate) fn list(&mut self, folder: &Entry) -> Result<Vec<Entry>> {
        let mut bytes = vec![0; usize::try_from(folder.bytes.min(FOLDER_MOST)).unwrap_or_default()];
        read_at(&mut self.file, folder.start, &mut bytes).context(|| "the ISO's folders".to_owned())?;
        let mut entries: Vec<Entry> = Vec::new();
        for block in bytes.chunks(BLOCK as usize) {
            let mut rest = block;
            // A record never crosses blocks; a length of zero ends a block.
            while let Some(length) = rest.first().map(|&byte| usize::from(byte)).filter(|&length| length > 0)
            {
                let Some((record, next)) = rest.split_at_checked(length) else { break };
                rest = next;
                let Some(mut entry) = entry(record) else { continue };
                if let Some(name) = self.rock_ridge_name(record) {
                    entry.name = name;
                }
                match entries.last_mut().filter(|last| last.goes_on) {
                    Some(last) => join(last, &entry)?,
                    None => entries.push(entry),
                }
            }
        }
        // The folder itself and the one above it.
        entries.retain(|entry| !matches!(entry.name.as_str(), "\0" | "\u{1}" | ""));
        Ok(entries)
    }

    /// A file of the volume, to be read.
    pub(crate) fn content(&mut self, entry: &Entry) -> Window<'_, F> {
        Window::new(&mut self.file, entry.start, entry.bytes)
    }

    /// A small file's bytes; no more than `most` of them.
    pub(crate) fn read(&mut self, entry: &Entry, most: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.content(entry).take(most).read_to_end(&mut bytes).context(|| entry.name.clone())?;
        Ok(bytes)
    }

    fn rock_ridge_name(&mut self, record: &[u8]) -> Option<String> {
        let name_length = usize::from(*record.get(32)?);
        let mut area = record.get((33 + name_length).next_multiple_of(2)..)?.to_vec();
        let mut name = Vec::new();
        for _ in 0..CONTINUED_MOST {
            let next = fields(&area, &mut name);
            let Some((block, offset, length)) = next else { break };
            area = vec![0; usize::try_from(length).unwrap_or_default().min(BLOCK as usize)];
            let at = u64::from(block) * BLOCK + u64::from(offset);
            read_at(&mut self.file, at, &mut area).ok()?;
        }
        (!name.is_empty()).then(|| String::from_utf8_lossy(&name).into_owned())
    }
}

/// Adds the parts of the name that an area has; where the area goes on, if it does.
fn fields(area: &[u8], name: &mut Vec<u8>) -> Option<(u32, u32, u32)> {
    let (mut rest, mut next) = (area, None);
    while let Some(length) = rest.get(2).map(|&byte| usize::from(byte)).filter(|&length| length >= 4) {
        let Some((field, after)) = rest.split_at_checked(length) else { break };
        rest = after;
        match field.get(..2) {
            Some(b"NM") => name.extend_from_slice(field.get(5..).unwrap_or_default()),
            Some(b"CE") => next = Some((u32_at(field, 4)?, u32_at(field, 12)?, u32_at(field, 20)?)),
            _ => {}
        }
    }
    next
}

/// What a directory record says; nothing if it is none.
fn entry(record: &[u8]) -> Option<Entry> {
    let name_length = usize::from(*record.get(32)?);
    let name = String::from_utf8_lossy(record.get(33..33 + name_length)?).into_owned();
    let flags = *record.get(25)?;
    Some(Entry {
        name,
        start: u64::from(u32_at(record, 2)?) * BLOCK,
        bytes: u64::from(u32_at(record, 10)?),
        is_folder: flags & 2 != 0,
        goes_on: flags & 0x80 != 0,
    })
}

/// Files of 4 GB and more have several records, one after the other.
fn join(file: &mut Entry, piece: &Entry) -> Result<()> {
    if file.start + file.bytes.next_multiple_of(BLOCK) != piece.start {
        return Err(Fault::new(format!("{} is in pieces that are apart", file.name)));
    }
    file.bytes += piece.bytes;
    file.goes_on = piece.goes_on;
    Ok(())
}

/// Where a partition table, if there is one, says that the disk ends: behind its own copy.
fn partitions_end(file: &mut (impl Read + Seek)) -> Option<u64> {
    let mut header = [0; SECTOR as usize];
    read_at(file, SECTOR, &mut header).ok()?;
    let last = u64::from_le_bytes(header.get(32..40)?.try_into().ok()?);
    (header.get(..8)? == b"EFI PART").then(|| last.saturating_add(1).saturating_mul(SECTOR))
}

fn read_at(file: &mut (impl Read + Seek), at: u64, buffer: &mut [u8]) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(buffer)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn field(record: &[u8], range: std::ops::Range<usize>) -> String {
    String::from_utf8_lossy(record.get(range).unwrap_or_default()).trim_end_matches([' ', '\0']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn record(name: &[u8], block: u32, bytes: u32, flags: u8, system_use: &[u8]) -> Vec<u8> {
        let mut record = vec![0; 33];
        record[2..6].copy_from_slice(&block.to_le_bytes());
        record[10..14].copy_from_slice(&bytes.to_le_bytes());
        record[25] = flags;
        record[32] = u8::try_from(name.len()).unwrap();
        record.extend_from_slice(name);
        record.resize(record.len().next_multiple_of(2), 0);
        record.extend_from_slice(system_use);
        record[0] = u8::try_from(record.len()).unwrap();
        record
    }

    fn volume(records: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![0; 20 * 2048];
        let head = 16 * 2048;
        bytes[head..head + 6].copy_from_slice(b"\x01CD001");
        bytes[head + 40..head + 46].copy_from_slice(b"DOCKOS");
        bytes[head + 80..head + 84].copy_from_slice(&20_u32.to_le_bytes());
        bytes[head + 156..head + 190].copy_from_slice(&record(b"\0", 18, 2048, 2, &[]));
        let folder = [record(b"\0", 18, 2048, 2, &[]), record(b"\x01", 18, 2048, 2, &[])].concat();
        let folder = [folder, records.concat()].concat();
        bytes[18 * 2048..18 * 2048 + folder.len()].copy_from_slice(&folder);
        bytes[19 * 2048..19 * 2048 + 5].copy_from_slice(b"hello");
        bytes
    }

    fn open(bytes: Vec<u8>) -> Result<Volume<Cursor<Vec<u8>>>> {
        Volume::open(Cursor::new(bytes))
    }

    #[test]
    fn files_are_found_by_their_rock_ridge_names() {
        let name = [b"NM\x0e\x01\0".as_slice(), b"hello.txt"].concat();
        let mut volume = open(volume(&[record(b"HELLO.TXT;1", 19, 5, 0, &name)])).unwrap();
        assert_eq!((volume.label.as_str(), volume.needs, volume.has), ("DOCKOS", 40_960, 40_960));
        assert!(volume.find("HELLO.TXT;1").unwrap().is_none());
        let entry = volume.find("hello.txt").unwrap().unwrap();
        assert_eq!(volume.read(&entry, 100).unwrap(), b"hello");
        assert_eq!(volume.read(&entry, 2).unwrap(), b"he");
        assert!(volume.find("hello.txt/below").unwrap().is_none());
    }

    #[test]
    fn pieces_of_a_file_must_be_together() {
        let pieces = |second| vec![record(b"A.;1", 2, 4096, 0x80, &[]), record(b"A.;1", second, 5, 0, &[])];
        let entry = open(volume(&pieces(4))).unwrap().find("A.;1").unwrap().unwrap();
        assert_eq!((entry.start, entry.bytes), (4096, 4101));
        assert!(open(volume(&pieces(5))).unwrap().find("A.;1").is_err());
    }

    #[test]
    fn a_short_file_is_no_volume() {
        assert!(open(Vec::new()).is_err());
        assert!(open(vec![0; 100_000]).is_err());
        assert!(open(volume(&[])[..33_000].to_vec()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(changes: Vec<(u16, u8)>, cut: u16) {
            let mut bytes = volume(&[record(b"A.;1", 19, 5, 0, b"CE\x1c\x01\x13\0\0\0\0\0\0\x13\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\x10")]);
            for (at, byte) in changes {
                let at = 16 * 2048 + usize::from(at) % (4 * 2048);
                bytes[at] = byte;
            }
            bytes.truncate(40_960 - usize::from(cut) % 8192);
            if let Ok(mut volume) = open(bytes) {
                let _ = volume.find("a/b/c");
            }
        }
    }
}
