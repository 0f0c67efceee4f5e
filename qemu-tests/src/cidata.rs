//! The NoCloud disk: a small FAT labelled `cidata` with `meta-data` and `user-data`.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::tool::{self, tool};

/// Writes a NoCloud disk with `user_data`, byte for byte, into `image`.
pub fn write_cidata(image: &Path, user_data: &[u8]) -> Result<()> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let (meta, user) = (folder.path().join("meta-data"), folder.path().join("user-data"));
    fs::write(&meta, "instance-id: dockos-vm\n")?;
    fs::write(&user, user_data)?;
    if image.exists() {
        fs::remove_file(image)?;
    }
    let kibibytes = (1024 + user_data.len() / 1024 * 2).to_string();
    tool::run(tool("mkfs.vfat").args(["-n", "cidata", "-C"]).arg(image).arg(kibibytes))?;
    tool::run(tool("mcopy").arg("-i").arg(image).args([meta, user]).arg("::"))?;
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
