//! One layer: traces of the build left out, no file dated later than the archive, and what a check must know of it.

use std::io::{self, Read, Write};

use anyhow::{Context, Result, ensure};
use glob::Pattern;
use serde::{Deserialize, Serialize};
use tar::{Archive, Entry, EntryType, Header};

/// Files are looked through for the mirror's name in pieces of this size.
const PIECE: usize = 1 << 20;

/// What is known of a layer's files.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Contents {
    /// Room that the files take, in bytes, by blocks of 4 KiB.
    pub(crate) disk: u64,
    /// Setuid and setgid programs.
    pub(crate) setuid: Vec<String>,
    /// Files that name the mirror.
    pub(crate) naming_mirror: Vec<String>,
    /// Programs that the contract wants.
    pub(crate) found: Vec<String>,
}

/// How layers are cleaned.
pub(crate) struct Cleaner<'a> {
    /// Files that are left out.
    pub(crate) traces: &'a [Pattern],
    /// The latest date.
    pub(crate) epoch: u64,
    /// The mirror's host, unless it is Debian's own.
    pub(crate) host: Option<&'a str>,
    /// Paths to report when found.
    pub(crate) wanted: &'a [&'a str],
}

impl Cleaner<'_> {
    /// Copies a layer.
    pub(crate) fn clean(&self, layer: impl Read, to: &mut impl Write) -> Result<Contents> {
        let mut contents = Contents::default();
        let mut archive = Archive::new(layer);
        // Long names and attributes stand in entries of their own before the one they are about.
        let mut before: Vec<(Header, Vec<u8>)> = Vec::new();
        for entry in archive.entries().context("a layer is no tar archive")?.raw(true) {
            let mut entry = entry.context("a layer is damaged")?;
            if is_extension(entry.header().entry_type()) {
                let mut data = Vec::new();
                entry.read_to_end(&mut data).context("a layer is damaged")?;
                before.push((entry.header().clone(), data));
                continue;
            }
            let path = path(&entry, &before)?;
            if self.traces.iter().any(|pattern| pattern.matches(&path)) {
                before.clear();
                continue;
            }
            for (header, data) in before.drain(..) {
                append(to, header, &data, self.epoch)?;
            }
            self.note(&mut contents, &entry, &path);
            if self.copy(&mut entry, to)? {
                contents.naming_mirror.push(path);
            }
        }
        to.write_all(&[0; 1024]).context("cannot write a layer")?;
        Ok(contents)
    }

    fn note(&self, contents: &mut Contents, entry: &Entry<'_, impl Read>, path: &str) {
        let header = entry.header();
        let kind = header.entry_type();
        contents.disk += match kind {
            EntryType::Directory => 4096,
            EntryType::Regular => entry.size().div_ceil(4096).saturating_mul(4096),
            _ => 0,
        };
        if kind == EntryType::Regular && header.mode().unwrap_or_default() & 0o6000 != 0 {
            contents.setuid.push(path.to_owned());
        }
        if self.wanted.contains(&path) {
            contents.found.push(path.to_owned());
        }
    }

    /// Copies an entry; true if it names the mirror.
    fn copy(&self, entry: &mut Entry<'_, impl Read>, to: &mut impl Write) -> Result<bool> {
        let (header, size) = (entry.header().clone(), entry.size());
        write_header(to, header, self.epoch)?;
        let (mut names, mut copied) = (false, 0);
        let mut piece = Vec::with_capacity(PIECE);
        loop {
            // The end of the last piece stays, as the name may lie across the border.
            let kept = piece.len().min(self.host.map_or(0, |host| host.len() - 1));
            piece.drain(..piece.len() - kept);
            let read =
                entry.by_ref().take(PIECE as u64).read_to_end(&mut piece).context("a layer is damaged")?;
            if read == 0 {
                break;
            }
            copied += read as u64;
            to.write_all(&piece[kept..]).context("cannot write a layer")?;
            names = names || self.host.is_some_and(|host| contains(&piece, host.as_bytes()));
        }
        ensure!(copied == size, "a layer is damaged: it ends within a file");
        pad(to, size)?;
        Ok(names)
    }
}

fn is_extension(kind: EntryType) -> bool {
    kind.is_gnu_longname() || kind.is_gnu_longlink() || kind.is_pax_local_extensions()
}

/// The entry's path as `usr/bin/x`.
fn path(entry: &Entry<'_, impl Read>, before: &[(Header, Vec<u8>)]) -> Result<String> {
    let mut bytes = entry.path_bytes().into_owned();
    for (header, data) in before {
        if header.entry_type().is_gnu_longname() {
            bytes = data.strip_suffix(b"\0").unwrap_or(data).to_vec();
        } else if header.entry_type().is_pax_local_extensions() {
            for record in tar::PaxExtensions::new(data) {
                let record = record.context("a layer has a damaged header")?;
                if record.key_bytes() == b"path" {
                    bytes = record.value_bytes().to_vec();
                }
            }
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(text.trim_start_matches("./").trim_matches('/').to_owned())
}

fn append(to: &mut impl Write, header: Header, data: &[u8], epoch: u64) -> Result<()> {
    write_header(to, header, epoch)?;
    to.write_all(data).context("cannot write a layer")?;
    pad(to, data.len() as u64)
}

fn write_header(to: &mut impl Write, mut header: Header, epoch: u64) -> Result<()> {
    if header.mtime().context("a layer has a damaged header")? > epoch {
        header.set_mtime(epoch);
        header.set_cksum();
    }
    to.write_all(header.as_bytes()).context("cannot write a layer")
}

fn pad(to: &mut impl Write, size: u64) -> Result<()> {
    let rest = (512 - size % 512) % 512;
    io::copy(&mut io::repeat(0).take(rest), to).map(drop).context("cannot write a layer")
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return false };
    let mut rest = haystack;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = &rest[at..];
        if rest.starts_with(needle) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

#[cfg(test)]
mod tests;
