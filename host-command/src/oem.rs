//! What a room may put into an ISO: checked here, whether it is on its way in or found there.

use std::{
    fs::{self, File},
    io::{Read, Seek},
    path::{Path, PathBuf},
};

use dockos_control::{
    archive,
    error::{Context, Fault, Result},
};

/// The config's place in the ISO.
pub(crate) const CONFIG: &str = "oem/cloud-config.yml";
/// The folder of image archives.
pub(crate) const IMAGES: &str = "oem/images";
/// Reading a config stops here; its reader refuses what is that long.
pub(crate) const CONFIG_MOST: u64 = 64 << 20;

/// A file that goes into the ISO.
#[derive(Debug)]
pub(crate) struct Addition {
    /// Where it is now.
    pub(crate) from: PathBuf,
    /// Its path in the ISO.
    pub(crate) to: String,
    /// Its size.
    pub(crate) bytes: u64,
}

/// The config, if it has no errors. What is wrong with it has been said otherwise.
pub(crate) fn config(file: &Path) -> Result<Option<Addition>> {
    let name = file.display().to_string();
    let mut content = Vec::new();
    let open = File::open(file).context(|| name.clone())?;
    open.take(CONFIG_MOST).read_to_end(&mut content).context(|| name.clone())?;
    let sound = dockos_config_command::check(&name, &content);
    let bytes = content.len() as u64;
    Ok(sound.then(|| Addition { from: file.to_owned(), to: CONFIG.to_owned(), bytes }))
}

/// An archive, if it is whole and holds images.
pub(crate) fn image(file: &Path) -> Result<Addition> {
    let path = || file.display().to_string();
    let mut open = File::open(file).context(path)?;
    let bytes = open.metadata().context(path)?.len();
    let images = describe(&mut open, bytes).context(path)?;
    eprintln!("{}: fine, {images}", path());
    let name = file.file_name().and_then(|name| name.to_str());
    let name =
        name.ok_or_else(|| Fault::new(format!("{}: the file's name is not UTF-8; rename it", path())))?;
    let name = if name.ends_with(".tar") { name.to_owned() } else { format!("{name}.tar") };
    Ok(Addition { from: file.to_owned(), to: format!("{IMAGES}/{name}"), bytes })
}

/// The names of an archive's images, or what is wrong with it.
pub(crate) fn describe(archive: &mut (impl Read + Seek), bytes: u64) -> Result<String> {
    let mut magic = [0; 6];
    let read = archive.read(&mut magic).context(|| "read".to_owned())?;
    let packed = [("gzip", b"\x1f\x8b".as_slice()), ("xz", b"\xfd7zXZ\0"), ("zstd", b"\x28\xb5\x2f\xfd")];
    if let Some((tool, _)) =
        packed.iter().find(|(_, start)| magic.get(..read).unwrap_or_default().starts_with(start))
    {
        return Err(Fault::new(format!("compressed; unpack it first, with `{tool} -d`")));
    }
    let images = archive::read_images(archive, bytes)?;
    let names: Vec<&str> = images.iter().flat_map(|image| &image.tags).map(String::as_str).collect();
    match (images.len(), names.is_empty()) {
        (0, _) => Err(Fault::new("no image in it")),
        (_, true) => Err(Fault::new(
            "its images have no names, so no desktop can ask for them; save them by name: docker save NAME:TAG",
        )),
        _ => Ok(names.join(", ")),
    }
}

/// Whether two paths are one file.
pub(crate) fn is_same(a: &Path, b: &Path) -> bool {
    let canonical = |path: &Path| fs::canonicalize(path).ok();
    canonical(a).is_some_and(|a| Some(a) == canonical(b))
}
