//! The archive of an image: Docker's own form and an OCI layout in one, its layers compressed.

use std::{
    fs::{self, File},
    io::{BufWriter, Read},
    path::Path,
};

use anyhow::{Context, Result};
use serde_json::json;

use crate::{
    desktops::record::Record,
    oci::{descriptor, index},
    project::Project,
    util::{sha256, temp_name},
};

/// Writes it. Loaders stream archives, so what they read first comes first.
pub(crate) fn write(project: &Project, record: &Record, epoch: u64, to: &Path) -> Result<()> {
    let temp = temp_name(to);
    let name = format!("dockos/{}", record.name);
    let pack = || -> Result<()> {
        let mut tar = tar::Builder::new(BufWriter::new(File::create(&temp)?));
        for (path, bytes) in papers(record, &name)? {
            append(&mut tar, &path, bytes.len() as u64, epoch, bytes.as_slice())?;
        }
        for layer in &record.layers {
            let file = File::open(layer.file(project))?;
            append(&mut tar, &format!("blobs/sha256/{}", layer.packed), layer.packed_bytes, epoch, file)?;
        }
        tar.into_inner()?.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&temp, to)?;
        Ok(())
    };
    pack().with_context(|| format!("cannot write {}", to.display()))
}

/// All but the layers.
fn papers(record: &Record, name: &str) -> Result<[(String, Vec<u8>); 5]> {
    let blob = |hash: &str| format!("blobs/sha256/{hash}");
    let config = serde_json::to_vec(&record.config)?;
    let layers: Vec<_> = record
        .layers
        .iter()
        .map(|layer| {
            json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar+zstd",
                "digest": format!("sha256:{}", layer.packed),
                "size": layer.packed_bytes,
            })
        })
        .collect();
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": layers,
    }))?;
    let docker = serde_json::to_vec(&json!([{
        "Config": blob(&sha256(&config)),
        "RepoTags": [format!("{name}:latest")],
        "Layers": record.layers.iter().map(|layer| blob(&layer.packed)).collect::<Vec<_>>(),
    }]))?;
    Ok([
        ("manifest.json".to_owned(), docker),
        ("index.json".to_owned(), serde_json::to_vec(&index(name, &manifest))?),
        ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        (blob(&sha256(&config)), config),
        (blob(&sha256(&manifest)), manifest),
    ])
}

fn append(
    tar: &mut tar::Builder<impl std::io::Write>,
    path: &str,
    size: u64,
    epoch: u64,
    from: impl Read,
) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_mtime(epoch);
    header.set_size(size);
    tar.append_data(&mut header, path, from)?;
    Ok(())
}
