//! An image archive, as `docker save` and OCI tools write it: which images are in it, and whether it is whole.
//!
//! PID 1 loads archives into the user Docker, and a command puts them into an ISO. Only tar headers and `manifest.json` are
//! read; the engine reads the rest.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;

use crate::error::{Context, Fault, Result};

/// Size of a tar record, POSIX ustar.
const RECORD: u64 = 512;
/// A longer manifest is no manifest.
const MANIFEST_MOST: u64 = 1 << 20;
/// An archive with more entries is no image.
const ENTRIES_MOST: usize = 100_000;

/// One image of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Image {
    /// Path of the image's config in the archive, which ends in its digest: the image's ID.
    #[serde(rename = "Config")]
    config: String,
    /// Names such as `dockos/hello:latest`.
    #[serde(rename = "RepoTags", default)]
    pub tags: Vec<String>,
}

impl Image {
    /// The image's ID as engines give it, if the archive names its config by digest.
    pub fn id(&self) -> Option<String> {
        let digest = self.config.rsplit('/').next()?.trim_end_matches(".json");
        (digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| format!("sha256:{digest}"))
    }
}

/// The images of an archive. An error for one that is cut short or is none.
pub fn images(path: &Path) -> Result<Vec<Image>> {
    let name = || path.display().to_string();
    let mut file = File::open(path).context(name)?;
    let size = file.metadata().context(name)?.len();
    read_images(&mut file, size).context(name)
}

/// The images of an archive of this size that is read from its start.
pub fn read_images(file: &mut (impl Read + Seek), size: u64) -> Result<Vec<Image>> {
    let mut manifest = None;
    let mut offset = 0;
    for _ in 0..ENTRIES_MOST {
        let Some(header) = read_header(file, offset)? else {
            let json: Vec<u8> =
                manifest.ok_or_else(|| Fault::new("no manifest.json: not an image archive"))?;
            return serde_json::from_slice(&json).context(|| "manifest.json".to_owned());
        };
        let end = offset + RECORD + header.size;
        if end > size {
            return Err(Fault::new(format!("cut short: {size} bytes, but {} needs {end}", header.name)));
        }
        if header.name == "manifest.json" && header.size <= MANIFEST_MOST {
            manifest = Some(read_exact(file, header.size).context(|| "manifest.json".to_owned())?);
        }
        offset = offset + RECORD + header.size.div_ceil(RECORD) * RECORD;
    }
    Err(Fault::new("too many entries: not an image archive"))
}

struct Header {
    name: String,
    size: u64,
}

/// The header at the offset; none at the archive's end, which is a record of zeros. Anything else is an error: an
/// archive without its end was cut short.
fn read_header(file: &mut (impl Read + Seek), offset: u64) -> Result<Option<Header>> {
    file.seek(SeekFrom::Start(offset)).context(|| "seek".to_owned())?;
    let record = read_exact(file, RECORD).map_err(|_| Fault::new(format!("cut short at byte {offset}")))?;
    if record.iter().all(|&byte| byte == 0) {
        return Ok(None);
    }
    if record.get(257..262) != Some(b"ustar") {
        return Err(Fault::new("not a tar archive"));
    }
    let name = text(record.get(..100));
    let size = u64::from_str_radix(text(record.get(124..136)).trim(), 8);
    let size = size.map_err(|_| Fault::new(format!("{name}: unreadable size")))?;
    Ok(Some(Header { name, size }))
}

fn text(field: Option<&[u8]>) -> String {
    let field = field.unwrap_or_default();
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}

fn read_exact(file: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(MANIFEST_MOST as usize)];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn entry(name: &str, content: &[u8]) -> Vec<u8> {
        let mut record = vec![0; 512];
        record[..name.len()].copy_from_slice(name.as_bytes());
        record[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        record[257..262].copy_from_slice(b"ustar");
        record.extend_from_slice(content);
        record.resize(record.len().div_ceil(512) * 512, 0);
        record
    }

    fn archive() -> Vec<u8> {
        let digest = "ab".repeat(32);
        let manifest = format!(
            r#"[{{"Config":"blobs/sha256/{digest}","RepoTags":["dockos/hello:latest"],"Layers":[]}}]"#
        );
        [entry("layer", &[7; 1500]), entry("manifest.json", manifest.as_bytes()), vec![0; 1024]].concat()
    }

    fn read(bytes: Vec<u8>) -> Result<Vec<Image>> {
        let size = bytes.len() as u64;
        read_images(&mut Cursor::new(bytes), size)
    }

    #[test]
    fn tells_tags_and_id() {
        let images = read(archive()).unwrap();
        assert_eq!(images[0].tags, ["dockos/hello:latest"]);
        assert_eq!(images[0].id().unwrap(), format!("sha256:{}", "ab".repeat(32)));
    }

    #[test]
    fn every_cut_is_noticed() {
        let whole = archive();
        for length in 0..whole.len() - 1024 {
            assert!(read(whole[..length].to_vec()).is_err(), "cut at {length}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            let _ = read(bytes);
        }
    }
}
