//! What is known of a finished image: its configuration, and its layers, which are kept in the cache compressed.

use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    desktops::{
        course::Course,
        layer::{Cleaner, Contents},
    },
    project::Project,
    util::{make_dir, read_text, rfc3339, sha256_file, size, temp_name, write_atomic},
};

/// A good part of what -19 saves, at a fifth of its time.
const LEVEL: &str = "-12";

/// One image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Its name after `dockos/`.
    pub(crate) name: String,
    /// Of what it was made from.
    pub(crate) key: String,
    /// Its configuration, as in the archive.
    pub(crate) config: Value,
    /// From the lowest.
    pub(crate) layers: Vec<Layer>,
}

/// One layer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Layer {
    /// Its hash in buildah's store, before it was cleaned.
    pub(crate) raw: String,
    /// The hash of the plain layer.
    pub(crate) plain: String,
    /// The hash of the compressed one.
    pub(crate) packed: String,
    /// The compressed one's size.
    pub(crate) packed_bytes: u64,
    /// What is in it.
    pub(crate) contents: Contents,
}

impl Layer {
    /// Where the compressed layer is kept.
    pub(crate) fn file(&self, project: &Project) -> PathBuf {
        layers(project).join(format!("{}.tar.zst", self.plain))
    }
}

impl Record {
    /// What an earlier build left for this key.
    pub(crate) fn load(project: &Project, key: &str) -> Option<Self> {
        serde_json::from_str(&read_text(&path(project, key)).ok()?).ok()
    }

    /// Keeps it.
    pub(crate) fn store(&self, project: &Project) -> Result<()> {
        let path = path(project, &self.key);
        make_dir(path.parent().unwrap_or(&path))?;
        write_atomic(&path, &serde_json::to_vec_pretty(self)?)
    }

    /// Whether all its layers are still in the cache.
    pub(crate) fn is_whole(&self, project: &Project) -> bool {
        self.layers
            .iter()
            .all(|layer| size(&layer.file(project)).is_ok_and(|size| size == layer.packed_bytes))
    }

    /// The layers that another image does not have.
    pub(crate) fn beyond(&self, other: Option<&Self>) -> impl Iterator<Item = &Layer> {
        let shared = other.map(|other| other.layers.as_slice()).unwrap_or_default();
        self.layers.iter().filter(move |layer| !shared.iter().any(|other| other.plain == layer.plain))
    }

    /// Room on disk and compressed size of the layers that another image does not have.
    pub(crate) fn sizes(&self, other: Option<&Self>) -> (u64, u64) {
        let sizes = self.beyond(other).map(|layer| (layer.contents.disk, layer.packed_bytes));
        sizes.fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1))
    }

    /// A line for the user.
    pub(crate) fn summary(&self, base: Option<&Self>) -> String {
        let mb = |bytes: u64| format!("{:.0} MB", bytes as f64 / 1e6);
        let (disk, packed) = self.sizes(None);
        let mut text = format!("desktop {}: {} on disk, {} compressed", self.name, mb(disk), mb(packed));
        if base.is_some_and(|base| base.name != self.name) {
            let (disk, packed) = self.sizes(base);
            text.push_str(&format!(", of which {} and {} are not in base", mb(disk), mb(packed)));
        }
        text
    }
}

/// Takes an image out of the folder that buildah wrote. Layers that the parent has are not looked at again.
pub(crate) fn collect(
    project: &Project,
    cleaner: &Cleaner<'_>,
    course: &Course,
    key: &str,
    layout: &Path,
    parent: Option<&Record>,
) -> Result<Record> {
    let manifest = json_file(&layout.join("manifest.json"))?;
    let mut config = json_file(&layout.join(digest(&manifest["config"]["digest"])?))?;
    let mut layers = Vec::new();
    for descriptor in manifest["layers"].as_array().context("buildah wrote no layers")? {
        let raw = digest(&descriptor["digest"])?;
        let known = parent.and_then(|parent| {
            parent.layers.iter().find(|layer| layer.raw == raw || layer.plain == raw).cloned()
        });
        layers.push(match known {
            Some(layer) => layer,
            None => pack(project, cleaner, raw, &layout.join(raw))?,
        });
    }
    settle(&mut config, &layers, cleaner.epoch);
    let record = Record { name: course.name.clone(), key: key.to_owned(), config, layers };
    fs::remove_dir_all(layout).with_context(|| format!("cannot remove {}", layout.display()))?;
    Ok(record)
}

/// The configuration names the cleaned layers, and no date but the archive's.
fn settle(config: &mut Value, layers: &[Layer], epoch: u64) {
    let names: Vec<_> = layers.iter().map(|layer| format!("sha256:{}", layer.plain)).collect();
    config["rootfs"]["diff_ids"] = json!(names);
    config["created"] = json!(rfc3339(epoch));
    for step in config["history"].as_array_mut().into_iter().flatten() {
        step["created"] = json!(rfc3339(epoch));
    }
}

/// Cleans and compresses one layer into the cache.
fn pack(project: &Project, cleaner: &Cleaner<'_>, raw: &str, file: &Path) -> Result<Layer> {
    let folder = layers(project);
    make_dir(&folder)?;
    let plain = folder.join(format!("{raw}.tar"));
    let open = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let create = File::create(&plain).with_context(|| format!("cannot write {}", plain.display()))?;
    let mut writer = BufWriter::new(create);
    let contents = cleaner.clean(BufReader::new(open), &mut writer)?;
    writer.flush().with_context(|| format!("cannot write {}", plain.display()))?;
    let name = sha256_file(&plain)?;
    let to = folder.join(format!("{name}.tar.zst"));
    let temp = temp_name(&to);
    let mut zstd = Command::new("zstd");
    zstd.args([LEVEL, "-T0", "--quiet", "--force", "--rm", "-o"]).arg(&temp).arg(&plain);
    project.progress.run("desktop-layers", &mut zstd)?;
    fs::rename(&temp, &to).with_context(|| format!("cannot rename {}", temp.display()))?;
    Ok(Layer {
        raw: raw.to_owned(),
        plain: name,
        packed: sha256_file(&to)?,
        packed_bytes: size(&to)?,
        contents,
    })
}

fn layers(project: &Project) -> PathBuf {
    project.cache.join("desktops/layers")
}

fn path(project: &Project, key: &str) -> PathBuf {
    project.cache.join("desktops/images").join(format!("{key}.json"))
}

fn json_file(path: &Path) -> Result<Value> {
    serde_json::from_str(&read_text(path)?).with_context(|| format!("{} is no JSON", path.display()))
}

fn digest(value: &Value) -> Result<&str> {
    value
        .as_str()
        .and_then(|text| text.strip_prefix("sha256:"))
        .context("buildah wrote a blob without a name")
}
