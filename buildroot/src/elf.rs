//! Just enough of ELF to learn what a program needs in order to start: its loader and its libraries.

/// What a dynamic ELF file asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The program loader, as an absolute path.
    pub(crate) interpreter: Option<String>,
    /// Names of libraries.
    pub(crate) libraries: Vec<String>,
}

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const DT_NULL: u64 = 0;
/// Tag of a needed library.
pub(crate) const DT_NEEDED: u64 = 1;
/// Tag of the table of names.
pub(crate) const DT_STRTAB: u64 = 5;

/// The headers of an ELF file.
pub(crate) struct Elf {
    segments: Vec<Segment>,
    dynamic: Vec<(u64, u64)>,
}

/// One entry of the program header table.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
}

/// Whether a file starts as 64-bit little-endian ELF files do.
pub(crate) fn is_elf(head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF\x02\x01")
}

/// What the file needs; `None` when its headers make no sense.
pub(crate) fn needs(file: &[u8]) -> Option<Needs> {
    let elf = Elf::read(file)?;
    let interpreter = match elf.interpreter() {
        Some(at) => Some(text(file, at)?),
        None => None,
    };
    let mut libraries = Vec::new();
    for name in elf.values(DT_NEEDED) {
        libraries.push(text(file, elf.offset_of(DT_STRTAB)?.checked_add(name)?)?);
    }
    Some(Needs { interpreter, libraries })
}

impl Elf {
    /// Reads the headers; `None` when they make no sense.
    pub(crate) fn read(file: &[u8]) -> Option<Self> {
        let segments = segments(file)?;
        let mut dynamic = Vec::new();
        if let Some(segment) = segments.iter().find(|segment| segment.kind == PT_DYNAMIC) {
            for index in 0..segment.size / 16 {
                let at = segment.offset.checked_add(index * 16)?;
                match (u64_at(file, at)?, u64_at(file, at.checked_add(8)?)?) {
                    (DT_NULL, _) => break,
                    entry => dynamic.push(entry),
                }
            }
        }
        Some(Self { segments, dynamic })
    }

    /// Where the loader's name lies; only programs have one.
    pub(crate) fn interpreter(&self) -> Option<u64> {
        self.segments.iter().find(|segment| segment.kind == PT_INTERP).map(|segment| segment.offset)
    }

    /// All values of a dynamic tag.
    pub(crate) fn values(&self, tag: u64) -> impl Iterator<Item = u64> {
        self.dynamic.iter().filter(move |entry| entry.0 == tag).map(|entry| entry.1)
    }

    /// The value of a dynamic tag.
    pub(crate) fn value(&self, tag: u64) -> Option<u64> {
        self.values(tag).next()
    }

    /// Where in the file the table lies whose address is the value of a dynamic tag.
    pub(crate) fn offset_of(&self, tag: u64) -> Option<u64> {
        let address = self.value(tag)?;
        let holds = |segment: &&Segment| {
            segment.kind == PT_LOAD
                && address.checked_sub(segment.address).is_some_and(|distance| distance < segment.size)
        };
        let segment = self.segments.iter().find(holds)?;
        segment.offset.checked_add(address - segment.address)
    }
}

fn segments(file: &[u8]) -> Option<Vec<Segment>> {
    let table = u64_at(file, 32)?;
    let entry = u64::from(u16_at(file, 54)?);
    (0..u64::from(u16_at(file, 56)?))
        .map(|index| {
            let at = table.checked_add(index * entry)?;
            Some(Segment {
                kind: u32_at(file, at)?,
                offset: u64_at(file, at.checked_add(8)?)?,
                address: u64_at(file, at.checked_add(16)?)?,
                size: u64_at(file, at.checked_add(32)?)?,
            })
        })
        .collect()
}

/// The zero-terminated text at `at`.
pub(crate) fn text(file: &[u8], at: u64) -> Option<String> {
    let rest = file.get(usize::try_from(at).ok()?..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    Some(std::str::from_utf8(rest.get(..end)?).ok()?.to_owned())
}

fn bytes<const N: usize>(file: &[u8], at: u64) -> Option<[u8; N]> {
    let at = usize::try_from(at).ok()?;
    file.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// A little-endian number.
pub(crate) fn u16_at(file: &[u8], at: u64) -> Option<u16> {
    bytes(file, at).map(u16::from_le_bytes)
}

/// A little-endian number.
pub(crate) fn u32_at(file: &[u8], at: u64) -> Option<u32> {
    bytes(file, at).map(u32::from_le_bytes)
}

/// A little-endian number.
pub(crate) fn u64_at(file: &[u8], at: u64) -> Option<u64> {
    bytes(file, at).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_program_names_its_loader_and_libc() {
        let shell = std::fs::read("/bin/sh").unwrap();
        assert!(is_elf(&shell));
        let needs = needs(&shell).unwrap();
        assert!(needs.interpreter.unwrap().starts_with("/lib64/ld-linux"));
        assert!(needs.libraries.iter().any(|name| name == "libc.so.6"));
    }

    #[test]
    fn cut_files_are_refused_without_a_panic() {
        let shell = std::fs::read("/bin/sh").unwrap();
        for length in [0, 6, 40, 63, 64, 100, 500, 1000] {
            assert_eq!(needs(&shell[..length]), None, "first {length} bytes");
        }
    }
}
