//! What lies on a block device, told from its bytes: file systems, partition tables, containers of both.
//!
//! Pure functions over a reader, in one commented order. They decide what may never be formatted, so everything that
//! is not known to be nothing counts as something ([`Content::Unknown`]).

/// Reads up to `length` bytes at `offset`; fewer at the end of the device, none on an error.
pub(crate) trait ReadAt {
    fn read_at(&self, offset: u64, length: usize) -> Vec<u8>;
    /// The device's size in bytes.
    fn size(&self) -> u64;
}

/// What a device holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// All bytes that anything could begin or end with are zero.
    Empty,
    /// A file system or another known format, with its label ("" where it has none).
    Known { format: &'static str, label: String },
    /// Bytes that mean nothing to us, but are there.
    Unknown,
}

impl Content {
    /// A word for messages.
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::Empty => "nothing",
            Self::Known { format, .. } => format,
            Self::Unknown => "unknown data",
        }
    }
}

/// A format told by bytes at a place, and where its label is.
struct Magic {
    format: &'static str,
    offset: u64,
    bytes: &'static [u8],
    /// Offset and length of the label in bytes.
    label: Option<(u64, usize)>,
}

/// In the order of trust: containers first (an encrypted disk may hold leftovers of an older file system behind its
/// header), then file systems, then partition tables, whose magic some file systems' boot sectors share.
/// Offsets are from each format's on-disk documentation: for the kernel's own in fs/*/ headers.
#[rustfmt::skip]
const MAGICS: [Magic; 19] = [
    Magic { format: "luks",     offset: 0,       bytes: b"LUKS\xba\xbe",             label: None },
    Magic { format: "bitlocker", offset: 3,      bytes: b"-FVE-FS-",                 label: None },
    Magic { format: "lvm",      offset: 512 + 24, bytes: b"LVM2 001",                label: None },
    Magic { format: "md raid",  offset: 4096,    bytes: b"\xfc\x4e\x2b\xa9",         label: None },
    Magic { format: "md raid",  offset: 0,       bytes: b"\xfc\x4e\x2b\xa9",         label: None },
    Magic { format: "bcache",   offset: 4096 + 24, bytes: b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca", label: None },
    Magic { format: "zfs",      offset: 131_072, bytes: b"\x0c\xb1\xba\x00",         label: None },
    Magic { format: "xfs",      offset: 0,       bytes: b"XFSB",                     label: Some((108, 12)) },
    Magic { format: "ext4",     offset: 1024 + 0x38, bytes: b"\x53\xef",             label: Some((1024 + 0x78, 16)) },
    Magic { format: "btrfs",    offset: 65_536 + 64, bytes: b"_BHRfS_M",             label: Some((65_536 + 299, 256)) },
    Magic { format: "f2fs",     offset: 1024,    bytes: b"\x10\x20\xf5\xf2",         label: None },
    Magic { format: "squashfs", offset: 0,       bytes: b"hsqs",                     label: None },
    Magic { format: "erofs",    offset: 1024,    bytes: b"\xe2\xe1\xf5\xe0",         label: Some((1024 + 64, 16)) },
    Magic { format: "iso9660",  offset: 32_769,  bytes: b"CD001",                    label: Some((32_808, 32)) },
    Magic { format: "ntfs",     offset: 3,       bytes: b"NTFS    ",                 label: None },
    Magic { format: "exfat",    offset: 3,       bytes: b"EXFAT   ",                 label: None },
    Magic { format: "vfat",     offset: 82,      bytes: b"FAT32   ",                 label: Some((71, 11)) },
    Magic { format: "vfat",     offset: 54,      bytes: b"FAT",                      label: Some((43, 11)) },
    Magic { format: "swap",     offset: 4096 - 10, bytes: b"SWAPSPACE2",             label: Some((1024 + 28, 16)) },
];

/// `sb_inprogress` of the XFS superblock: set by mkfs at its start, cleared at its end.
const XFS_IN_PROGRESS: u64 = 126;

/// Looked at from the start, where nearly every format begins (ZFS's last copies and GPT's backup are at the end).
const HEAD: u64 = 4 << 20;
/// Looked at from the end: GPT's backup, md's old superblocks, ZFS's labels.
const TAIL: u64 = 1 << 20;
/// Read at once.
const CHUNK: usize = 64 << 10;

/// Tells what a device holds.
pub(crate) fn content(device: &dyn ReadAt) -> Content {
    if device.read_at(0, 4) == b"XFSB" && device.read_at(XFS_IN_PROGRESS, 1) == [1] {
        return Content::Known { format: crate::state_create::UNFINISHED, label: String::new() };
    }
    if let Some(magic) = MAGICS.iter().find(|magic| matches(device, magic)) {
        return Content::Known { format: magic.format, label: label(device, magic) };
    }
    if let Some(format) = partition_table(device) {
        return Content::Known { format, label: String::new() };
    }
    if is_zero(device) { Content::Empty } else { Content::Unknown }
}

fn matches(device: &dyn ReadAt, magic: &Magic) -> bool {
    device.read_at(magic.offset, magic.bytes.len()) == magic.bytes
}

fn label(device: &dyn ReadAt, magic: &Magic) -> String {
    let Some((offset, length)) = magic.label else { return String::new() };
    let bytes = device.read_at(offset, length);
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default());
    let text = text.trim_end();
    // FAT's word for "none".
    if text == "NO NAME" { String::new() } else { text.to_owned() }
}

fn partition_table(device: &dyn ReadAt) -> Option<&'static str> {
    // The backup alone means a disk whose start was wiped: still somebody's.
    for sector in [512, 4096] {
        let ends = [sector, device.size().saturating_sub(sector)];
        if ends.iter().any(|&at| device.read_at(at, 8) == b"EFI PART") {
            return Some("gpt");
        }
    }
    (device.read_at(510, 2) == [0x55, 0xaa]).then_some("mbr")
}

fn is_zero(device: &dyn ReadAt) -> bool {
    let size = device.size();
    let tail = size.saturating_sub(TAIL);
    size > 0 && range_is_zero(device, 0, HEAD.min(size)) && range_is_zero(device, tail, size)
}

/// False, too, for bytes that cannot be read.
fn range_is_zero(device: &dyn ReadAt, start: u64, end: u64) -> bool {
    let mut offset = start;
    while offset < end {
        let wanted = CHUNK.min(usize::try_from(end - offset).unwrap_or(CHUNK));
        let bytes = device.read_at(offset, wanted);
        if bytes.len() < wanted || bytes.iter().any(|&byte| byte != 0) {
            return false;
        }
        offset += wanted as u64;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes(Vec<u8>);

    impl ReadAt for Bytes {
        fn read_at(&self, offset: u64, length: usize) -> Vec<u8> {
            let start = (offset as usize).min(self.0.len());
            self.0[start..(start + length).min(self.0.len())].to_vec()
        }
        fn size(&self) -> u64 {
            self.0.len() as u64
        }
    }

    fn disk(parts: &[(usize, &[u8])]) -> Content {
        let mut bytes = vec![0; 8 << 20];
        for (offset, part) in parts {
            bytes[*offset..offset + part.len()].copy_from_slice(part);
        }
        content(&Bytes(bytes))
    }

    fn known(format: &'static str, label: &str) -> Content {
        Content::Known { format, label: label.to_owned() }
    }

    #[test]
    fn tells_formats_and_labels() {
        assert_eq!(disk(&[(0, b"XFSB"), (108, b"DOCKOS_STATE")]), known("xfs", "DOCKOS_STATE"));
        assert_eq!(disk(&[(1080, b"\x53\xef"), (1144, b"home\0junk")]), known("ext4", "home"));
        assert_eq!(
            disk(&[(54, b"FAT16   "), (43, b"cidata     "), (510, b"\x55\xaa")]),
            known("vfat", "cidata")
        );
        assert_eq!(disk(&[(82, b"FAT32   "), (71, b"NO NAME    ")]), known("vfat", ""));
        assert_eq!(disk(&[(32_769, b"CD001"), (32_808, b"cidata   ")]), known("iso9660", "cidata"));
        assert_eq!(disk(&[(510, b"\x55\xaa")]), known("mbr", ""));
        assert_eq!(disk(&[((8 << 20) - 512, b"EFI PART")]), known("gpt", ""));
        assert_eq!(disk(&[(0, b"LUKS\xba\xbe"), (1080, b"\x53\xef")]), known("luks", ""));
    }

    #[test]
    fn only_zeros_are_nothing() {
        assert_eq!(disk(&[]), Content::Empty);
        assert_eq!(disk(&[(3 << 20, b"x")]), Content::Unknown);
        assert_eq!(disk(&[((8 << 20) - 1, b"x")]), Content::Unknown);
        assert_eq!(
            content(&Bytes(Vec::new())),
            Content::Unknown,
            "a device that cannot be read is never empty"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_told_without_harm(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..70_000)) {
            let any = bytes.iter().any(|&b| b != 0);
            let got = content(&Bytes(bytes));
            proptest::prop_assert!(!(any && got == Content::Empty));
        }
    }
}
