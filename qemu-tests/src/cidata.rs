//! The NoCloud disk: a small FAT labelled `cidata` with `meta-data` and `user-data`.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::tool::{self, tool};

/// Writes a NoCloud disk with `user_data`, byte for byte, into `image`.
pub fn write_cidata(image: &Path, user_data: &[u8]) -> Result<()> {
    write_fat(image, "cidata", &[("meta-data", b"instance-id: dockos-vm\n"), ("user-data", user_data)])
}

/// Writes a FAT disk of a label with these files, given by their paths on it.
pub fn write_fat(image: &Path, label: &str, files: &[(&str, &[u8])]) -> Result<()> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut bytes = 0;
    for (path, content) in files {
        let path = folder.path().join(path);
        path.parent().map(fs::create_dir_all).transpose()?;
        fs::write(path, content)?;
        bytes += content.len();
    }
    if image.exists() {
        fs::remove_file(image)?;
    }
    let kibibytes = (1024 + bytes / 1024 * 2).to_string();
    tool::run(tool("mkfs.vfat").args(["-n", label, "-C"]).arg(image).arg(kibibytes))?;
    let top = fs::read_dir(folder.path())?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    tool::run(tool("mcopy").args(["-s", "-i"]).arg(image).args(top).arg("::"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_and_the_bytes_arrive() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("cidata.img");
        let data = [b"#cloud-config\n".as_slice(), &[0xff, 0, b'\r', b'\n']].concat();
        write_cidata(&image, &data).unwrap();
        let raw = fs::read(&image).unwrap();
        assert_eq!(&raw[43..54], b"cidata     ");
        let back = tool("mcopy").arg("-i").arg(&image).args(["::user-data", "-"]).output().unwrap();
        assert_eq!(back.stdout, data);
    }
}
