//! `out/desktops/manifest.json`: each image's sizes, and what of it is not in the base image.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::{
    desktops::record::Record,
    project::Project,
    util::{read_text, write_atomic},
};

#[derive(Debug, Serialize, Deserialize)]
struct Image {
    archive: String,
    key: String,
    title: String,
    title_en: String,
    /// Room on disk, compressed size.
    disk_bytes: u64,
    packed_bytes: u64,
    /// The same for the layers that the base image does not have.
    beyond_base_disk_bytes: u64,
    beyond_base_packed_bytes: u64,
    layers: Vec<String>,
    setuid: Vec<String>,
}

/// Adds what was built to the manifest; images built earlier stay in it.
pub(crate) fn write(project: &Project, records: &[Record]) -> Result<()> {
    let path = project.out.join("desktops/manifest.json");
    let noted = read_text(&path).ok().and_then(|text| serde_json::from_str(&text).ok());
    let mut images: BTreeMap<String, Image> = noted.unwrap_or_default();
    let base = records.iter().find(|record| record.name == "base");
    for record in records {
        images.insert(record.name.clone(), image(record, base));
    }
    let mut text = serde_json::to_vec_pretty(&images)?;
    text.push(b'\n');
    write_atomic(&path, &text)
}

fn image(record: &Record, base: Option<&Record>) -> Image {
    let (disk_bytes, packed_bytes) = record.sizes(None);
    let (beyond_base_disk_bytes, beyond_base_packed_bytes) = record.sizes(base);
    let label = |name: &str| record.config["config"]["Labels"][name].as_str().unwrap_or_default().to_owned();
    Image {
        archive: format!("{}.tar", record.name),
        key: record.key.clone(),
        title: label("dockos.title"),
        title_en: label("dockos.title.en"),
        disk_bytes,
        packed_bytes,
        beyond_base_disk_bytes,
        beyond_base_packed_bytes,
        layers: record.layers.iter().map(|layer| format!("sha256:{}", layer.plain)).collect(),
        setuid: record.layers.iter().flat_map(|layer| layer.contents.setuid.clone()).collect(),
    }
}
