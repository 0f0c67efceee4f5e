//! Filled stores: state disks whose user Docker has images from the first boot on. An emulated machine takes minutes to
//! load a desktop's archive; here the same engine, out of the root image, does it in seconds before the machine starts.
//!
//! It takes root, for mounts. Without, the disk carries the archives instead, and the machine loads them as it boots.

mod fill;

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use nix::fcntl::{Flock, FlockArg};
use serde::Deserialize;

use crate::{Disk, disk, paths, sha256, sparse};

/// Programs of the root image that shape a store.
const SHAPERS: [&str; 4] =
    ["/usr/sbin/dockerd", "/usr/bin/docker", "/usr/bin/containerd", "/usr/sbin/mkfs.xfs"];

/// A state disk with images, kept in the cache to be copied.
#[derive(Debug, Clone)]
pub struct Store {
    disk: PathBuf,
    loaded: bool,
}

impl Store {
    /// The store of these image archives on a disk of `size` bytes: the one in the cache, or made now.
    pub fn of(archives: &[PathBuf], size: u64) -> Result<Self> {
        let folder = cache()?.join("stores");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let loaded = nix::unistd::geteuid().is_root();
        // By size too: tests that want another one shall not make it anew in turns.
        let names = format!("{}@{}G", names(archives)?, size >> 30);
        let disk = folder.join(format!("{names}-{}.img", key(archives, size, loaded)?));
        let lock = fs::File::create(folder.join("lock"))?;
        let _lock = Flock::lock(lock, FlockArg::LockExclusive)
            .map_err(|(_, errno)| anyhow::anyhow!("cannot lock {}: {errno}", folder.display()))?;
        if !disk.exists() {
            make(archives, size, loaded, &disk)?;
            forget_older(&folder, &names, &disk)?;
        }
        Ok(Self { disk, loaded })
    }

    /// The store of the archives in `out/desktops`, by their names without `.tar`: `base`, `c`.
    pub fn of_desktops(names: &[&str], size: u64) -> Result<Self> {
        let archive = |name: &&str| {
            let path = paths::out().join("desktops").join(format!("{name}.tar"));
            path.exists().then_some(path.clone()).with_context(|| {
                format!("{} is missing: build it with `make desktops` first", path.display())
            })
        };
        Self::of(&names.iter().map(archive).collect::<Result<Vec<_>>>()?, size)
    }

    /// Whether the user Docker has the images. If not, the machine loads them as it boots, which takes minutes.
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// A test's own copy, by a name unique among tests.
    pub fn disk(&self, name: &str) -> Result<Disk> {
        let disk = Disk::empty(name, 0)?;
        self.copy_to(disk.path())?;
        Ok(disk)
    }

    /// Copies the disk into a file, which stays sparse.
    pub fn copy_to(&self, target: &Path) -> Result<()> {
        let length = fs::metadata(&self.disk)?.len();
        sparse::extract(&self.disk, 0, length, target)
            .with_context(|| format!("cannot copy {} to {}", self.disk.display(), target.display()))
    }
}

/// The cache of all builds of this user, as the builder has it.
fn cache() -> Result<PathBuf> {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    Ok(base.context("neither XDG_CACHE_HOME nor HOME is set")?.join("dockos"))
}

/// What to call a store: `base+c`.
fn names(archives: &[PathBuf]) -> Result<String> {
    let stems = archives.iter().map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
    Ok(stems.collect::<Option<Vec<_>>>().context("an archive has no name")?.join("+"))
}

/// A hash of all that a store depends on. Archives are known by path, size and time: hashing all of them would take as
/// long as loading them.
fn key(archives: &[PathBuf], size: u64, loaded: bool) -> Result<String> {
    let mut inputs = format!("{size} {loaded}\n{}{}", fill::SCRIPT, shapers()?);
    for path in archives {
        let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        writeln!(inputs, "{} {} {:?}", path.display(), metadata.len(), metadata.modified()?)?;
    }
    Ok(sha256(inputs.as_bytes()).chars().take(16).collect())
}

/// The hashes of the programs that make a store, out of the root image's manifest.
fn shapers() -> Result<String> {
    #[derive(Deserialize)]
    struct Manifest {
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        path: String,
        sha256: String,
    }
    let path = paths::out().join("manifest.json");
    let text = fs::read(&path)
        .with_context(|| format!("{} is missing: build the image with `make image` first", path.display()))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).with_context(|| format!("{} is not as agreed", path.display()))?;
    let files = manifest.files.iter().filter(|file| SHAPERS.contains(&file.path.as_str()));
    Ok(files.map(|file| format!("{} {}\n", file.path, file.sha256)).collect())
}

fn make(archives: &[PathBuf], size: u64, loaded: bool, disk: &Path) -> Result<()> {
    let (draft, state) = (disk.with_extension("draft"), disk.with_extension("xfs"));
    let length = disk::partition_state(&draft, size)?;
    fs::File::create(&state)?.set_len(length.end - length.start)?;
    let filled = if loaded {
        fill::with_images(&state, archives)
    } else {
        eprintln!("store: not root, so no mounts: the machine loads {} archives as it boots", archives.len());
        fill::with_archives(&state, archives)
    };
    let made = filled.and_then(|()| Ok(sparse::insert(&state, &draft, length.start)?));
    fs::remove_file(&state)?;
    if let Err(error) = made {
        fs::remove_file(&draft)?;
        return Err(error);
    }
    fs::rename(&draft, disk).with_context(|| format!("cannot write {}", disk.display()))
}

/// Removes the stores of the same archives as they were before: each has some gigabytes.
fn forget_older(folder: &Path, names: &str, newest: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let key = name.strip_prefix(names).and_then(|rest| rest.strip_prefix('-'));
        if path != newest && key.is_some_and(|key| key.len() == 20 && !key.contains(['-', '+'])) {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_stores_of_the_same_archives_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [
            "c-0123456789abcdef.img",
            "c-1123456789abcdef.img",
            "base+c-0123456789abcdef.img",
            "c-java-0123456789abcdef.img",
        ]
        .map(|name| folder.path().join(name));
        paths.iter().for_each(|path| fs::write(path, "").unwrap());
        forget_older(folder.path(), "c", &paths[1]).unwrap();
        assert_eq!(paths.map(|path| path.exists()), [false, true, true, true]);
    }
}
