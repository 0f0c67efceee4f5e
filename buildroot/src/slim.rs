//! Takes out of programs what nothing ever reads: the names that Go's linker exports for the sake of Go plugins.
//!
//! Debian links dockerd, containerd and its shim so that each of their functions is a dynamic symbol: 29 MB of tables,
//! a seventh of the compressed image. No plugin is ever loaded, and no C library can ask for a name such as
//! `net/http.(*Client).Do`. So these symbols are blanked in place: nothing moves, and zeros compress to nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::elf::{DT_NEEDED, DT_STRTAB, Elf, text, u16_at, u32_at, u64_at};

const DT_PLTRELSZ: u64 = 2;
const DT_HASH: u64 = 4;
const DT_SYMTAB: u64 = 6;
const DT_RELA: u64 = 7;
const DT_RELASZ: u64 = 8;
const DT_STRSZ: u64 = 10;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_JMPREL: u64 = 23;
const DT_RUNPATH: u64 = 29;
const DT_GNU_HASH: u64 = 0x6fff_fef5;
const DT_VERDEF: u64 = 0x6fff_fffc;
const DT_VERNEED: u64 = 0x6fff_fffe;
const DT_VERNEEDNUM: u64 = 0x6fff_ffff;

/// Size of a symbol, and of a relocation.
const ENTRY: u64 = 24;

/// Blanks the symbols of a dynamic executable that C cannot name, and says how many. When its tables are not as
/// expected the file stays as it is.
pub(crate) fn slim(file: &mut Vec<u8>) -> usize {
    let mut slimmed = file.clone();
    let count = blank(&mut slimmed).unwrap_or_default();
    if count > 0 {
        *file = slimmed;
    }
    count
}

fn blank(file: &mut [u8]) -> Option<usize> {
    let elf = Elf::read(file)?;
    // Libraries, and tables of kinds that would have to be changed too.
    if elf.interpreter().is_none() || elf.value(DT_HASH).is_some() || elf.value(DT_VERDEF).is_some() {
        return None;
    }
    let symbols = elf.offset_of(DT_SYMTAB)?;
    let strings = elf.offset_of(DT_STRTAB)?;
    let hash = Hash::read(file, elf.offset_of(DT_GNU_HASH)?)?;
    let used = used_by_relocations(file, &elf)?;
    let name_at =
        |file: &[u8], index: u64| Some(u64::from(u32_at(file, symbols.checked_add(index * ENTRY)?)?));

    let mut names = names_of_libraries(file, &elf)?;
    for index in 0..hash.first {
        names.insert(name_at(file, index)?);
    }
    let (mut kept, mut dropped) = (BTreeMap::new(), Vec::new());
    for (index, last) in hash.symbols(file)? {
        let name = name_at(file, index)?;
        let spelled = text(file, strings.checked_add(name)?)?;
        if used.contains(&index) || is_c_name(&spelled) {
            names.insert(name);
            kept.insert(index, gnu_hash(&spelled));
        } else {
            dropped.push((index, last));
        }
    }
    if dropped.is_empty() {
        return Some(0);
    }
    keep_strings(file, strings, elf.value(DT_STRSZ)?, &names)?;
    for (index, last) in &dropped {
        fill(file, symbols + index * ENTRY, &[0; ENTRY as usize])?;
        // A hash that no name is looked up with; its lowest bit still ends the chain.
        fill(file, hash.chain(*index), &u32::from(*last).to_le_bytes())?;
    }
    hash.rewrite(file, &kept)?;
    Some(dropped.len())
}

/// Whether a C program could have or want a symbol of this name.
fn is_c_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Indexes of the symbols that the loader itself looks up.
fn used_by_relocations(file: &[u8], elf: &Elf) -> Option<BTreeSet<u64>> {
    let mut used = BTreeSet::new();
    for (table, size) in [(DT_RELA, DT_RELASZ), (DT_JMPREL, DT_PLTRELSZ)] {
        let Some(size) = elf.value(size) else { continue };
        let start = elf.offset_of(table)?;
        for index in 0..size / ENTRY {
            used.insert(u64_at(file, start.checked_add(index * ENTRY + 8)?)? >> 32);
        }
    }
    Some(used)
}

/// Where in the string table the names of libraries and of their versions are.
fn names_of_libraries(file: &[u8], elf: &Elf) -> Option<BTreeSet<u64>> {
    let tags = [DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH];
    let mut names: BTreeSet<_> = tags.into_iter().flat_map(|tag| elf.values(tag)).collect();
    let Some(mut library) = elf.offset_of(DT_VERNEED) else { return Some(names) };
    for _ in 0..elf.value(DT_VERNEEDNUM)? {
        names.insert(u64::from(u32_at(file, library + 4)?));
        let mut version = library + u64::from(u32_at(file, library + 8)?);
        for _ in 0..u16_at(file, library + 2)? {
            names.insert(u64::from(u32_at(file, version + 8)?));
            version += u64::from(u32_at(file, version + 12)?);
        }
        library += u64::from(u32_at(file, library + 12)?);
    }
    Some(names)
}

/// Zeroes the string table but for these names. One may be the end of another, so they are put back, not spared.
fn keep_strings(file: &mut [u8], strings: u64, size: u64, names: &BTreeSet<u64>) -> Option<()> {
    let kept: Option<Vec<_>> = names.iter().map(|name| Some((*name, text(file, strings + name)?))).collect();
    let start = usize::try_from(strings).ok()?;
    file.get_mut(start..start.checked_add(usize::try_from(size).ok()?)?)?.fill(0);
    kept?.into_iter().try_for_each(|(name, text)| fill(file, strings + name, text.as_bytes()))
}

/// A GNU hash table: a bloom filter, buckets holding the first symbol of a chain, a hash for each symbol.
struct Hash {
    first: u64,
    shift: u32,
    bloom: u64,
    bloom_words: u64,
    buckets: u64,
    bucket_count: u64,
    chains: u64,
}

impl Hash {
    fn read(file: &[u8], at: u64) -> Option<Self> {
        let word = |index: u64| Some(u64::from(u32_at(file, at.checked_add(index * 4)?)?));
        let (bucket_count, first, bloom_words) = (word(0)?, word(1)?, word(2)?);
        let bloom = at + 16;
        let buckets = bloom + bloom_words * 8;
        let chains = buckets + bucket_count * 4;
        let shift = u32_at(file, at + 12)?;
        (bloom_words > 0 && bucket_count > 0).then_some(Self {
            first,
            shift,
            bloom,
            bloom_words,
            buckets,
            bucket_count,
            chains,
        })
    }

    /// Where a symbol's hash lies.
    fn chain(&self, symbol: u64) -> u64 {
        self.chains + (symbol.saturating_sub(self.first)) * 4
    }

    /// All symbols that can be looked up, and whether each is the last of its chain.
    fn symbols(&self, file: &[u8]) -> Option<Vec<(u64, bool)>> {
        let mut symbols = Vec::new();
        for bucket in 0..self.bucket_count {
            let mut symbol = u64::from(u32_at(file, self.buckets + bucket * 4)?);
            while symbol != 0 {
                let last = u32_at(file, self.chain(symbol))? & 1 == 1;
                symbols.push((symbol, last));
                symbol = if last { 0 } else { symbol + 1 };
            }
        }
        Some(symbols)
    }

    /// Makes filter and buckets anew for the symbols, by index with their hashes, that are still there.
    fn rewrite(&self, file: &mut [u8], kept: &BTreeMap<u64, u32>) -> Option<()> {
        let mut bloom = vec![0_u64; usize::try_from(self.bloom_words).ok()?];
        let mut buckets = vec![0_u32; usize::try_from(self.bucket_count).ok()?];
        for (symbol, hash) in kept {
            let word = bloom.get_mut(usize::try_from(u64::from(hash / 64) % self.bloom_words).ok()?)?;
            *word |= 1 << (hash % 64) | 1 << (hash.checked_shr(self.shift)? % 64);
            // Those of one bucket lie together; what was dropped before the first need not be walked through.
            let bucket = buckets.get_mut(usize::try_from(u64::from(*hash) % self.bucket_count).ok()?)?;
            if *bucket == 0 {
                *bucket = u32::try_from(*symbol).ok()?;
            }
        }
        let bloom: Vec<_> = bloom.into_iter().flat_map(u64::to_le_bytes).collect();
        let buckets: Vec<_> = buckets.into_iter().flat_map(u32::to_le_bytes).collect();
        fill(file, self.bloom, &bloom)?;
        fill(file, self.buckets, &buckets)
    }
}

fn gnu_hash(name: &str) -> u32 {
    name.bytes().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(byte)))
}

fn fill(file: &mut [u8], at: u64, bytes: &[u8]) -> Option<()> {
    let at = usize::try_from(at).ok()?;
    file.get_mut(at..at.checked_add(bytes.len())?)?.copy_from_slice(bytes);
    Some(())
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;
    use crate::util::fresh_dir;

    /// A program that exports names of both kinds, and a library that looks one of them up in it.
    #[test]
    fn a_slimmed_program_runs_and_is_found_by_its_libraries() {
        let dir = std::env::temp_dir().join(format!("dockos-slim-{}", std::process::id()));
        fresh_dir(&dir).unwrap();
        let program = "int answer(void) { return 42; }\nint go(void) __asm__(\"net.Get\"); int go(void) \
                       { return 1; }\nint ask(void); int main(void) { return ask() + go() - 43; }\n";
        fs::write(dir.join("main.c"), program).unwrap();
        fs::write(dir.join("ask.c"), "int answer(void); int ask(void) { return answer(); }\n").unwrap();
        let cc = |arguments: &[&str]| {
            assert!(Command::new("cc").current_dir(&dir).args(arguments).status().unwrap().success());
        };
        cc(&["-shared", "-fPIC", "-o", "libask.so", "ask.c"]);
        cc(&["-rdynamic", "-Wl,--hash-style=gnu", "-Wl,-rpath,$ORIGIN", "-o", "main", "main.c", "libask.so"]);
        let mut file = fs::read(dir.join("main")).unwrap();
        assert_eq!(slim(&mut file), 1);
        assert_eq!(slim(&mut file.clone()), 0, "a second time");
        fs::write(dir.join("main"), &file).unwrap();
        let status = Command::new(dir.join("main")).env("LD_BIND_NOW", "1").status().unwrap();
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(status.code(), Some(0));
    }

    #[test]
    fn other_files_stay_as_they_are() {
        for bytes in [b"#!/bin/sh\n".to_vec(), fs::read("/bin/sh").unwrap()] {
            let mut file = bytes.clone();
            assert_eq!(slim(&mut file), 0);
            assert!(file == bytes);
        }
    }
}
