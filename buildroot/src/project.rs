//! Where things are: the source tree, the output folder, the cache shared by all builds of this user.

use std::{
    env,
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use nix::fcntl::{Flock, FlockArg};

use crate::{progress::Progress, util::make_dir};

/// One build's surroundings.
#[derive(Debug)]
pub(crate) struct Project {
    /// The source tree.
    pub(crate) root: PathBuf,
    /// Where the results go.
    pub(crate) out: PathBuf,
    /// Downloads, unpacked packages, kernels.
    pub(crate) cache: PathBuf,
    /// Whether the package lists are to be fetched anew.
    pub(crate) update: bool,
    /// Tells the user what is going on.
    pub(crate) progress: Progress,
    /// Held while building: two builds at once would spoil each other's cache.
    _lock: Flock<File>,
}

impl Project {
    /// Finds the folders, makes those missing and waits for another build to end.
    pub(crate) fn open(out: Option<PathBuf>, update: bool) -> Result<Self> {
        let root = source_root()?;
        let out = out.unwrap_or_else(|| root.join("out"));
        let cache = cache_dir()?;
        make_dir(&out.join("log"))?;
        make_dir(&out.join(".stamp"))?;
        make_dir(&cache)?;
        let out = out.canonicalize().with_context(|| format!("cannot find {}", out.display()))?;
        let lock = wait_for_lock(&cache.join("lock"))?;
        let progress = Progress::new(out.join("log"));
        Ok(Self { root, out, cache, update, progress, _lock: lock })
    }

    /// A path in this crate's folder.
    pub(crate) fn own(&self, path: &str) -> PathBuf {
        self.root.join("buildroot").join(path)
    }

    /// The version of DockOS: that of the workspace.
    pub(crate) fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

/// The workspace this program was built from.
fn source_root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().with_context(|| {
        format!("the source tree {} is gone; build again from where it is now", root.display())
    })
}

fn cache_dir() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .map(|base| base.join("dockos"))
        .ok_or_else(|| {
            anyhow!("neither XDG_CACHE_HOME nor HOME is set; set one, downloads are kept below it")
        })
}

fn wait_for_lock(path: &Path) -> Result<Flock<File>> {
    let open = || {
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .with_context(|| format!("cannot open {}", path.display()))
    };
    if let Ok(lock) = Flock::lock(open()?, FlockArg::LockExclusiveNonblock) {
        return Ok(lock);
    }
    eprintln!("waiting for another build to end ({})", path.display());
    Flock::lock(open()?, FlockArg::LockExclusive)
        .map_err(|(_, errno)| errno)
        .with_context(|| format!("cannot lock {}", path.display()))
}
