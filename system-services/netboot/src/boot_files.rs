//! The files that machines boot. They are looked at before they are served, and kept open: what replaces them in their
//! folder is served once it has been looked at too, and never in parts.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use dockos_control::error::{Context, Fault, Result};

use crate::{kernel, root_image};

/// The files that a machine boots.
pub(crate) const NEEDED: [&str; 3] = ["vmlinuz", "initramfs", "rootfs"];
/// Boot loaders that firmware fetches, where they are looked for if the boot folder lacks them, and what they are called
/// in the address of a request.
pub(crate) const LOADERS: [&str; 3] = ["undionly.kpxe", "snponly.efi", "ipxe.efi"];
const LOADER_FOLDERS: [&str; 3] = ["usr/lib/ipxe", "usr/share/ipxe", "boot"];
/// Sums of the boot files, as `sha256sum` writes them.
const SUMS: &str = "SHA256SUMS";
/// The most that is read of an initramfs, to look at it.
const MOST_INITRAMFS: u64 = 64 << 20;

/// A file that is served.
#[derive(Debug)]
pub(crate) struct Served {
    /// Its name in the address of a request.
    pub(crate) name: &'static str,
    /// The file, open.
    pub(crate) file: File,
    /// Its bytes.
    pub(crate) size: u64,
    /// What tells it from what had the name before.
    pub(crate) tag: String,
}

/// The files that belong together.
#[derive(Debug)]
pub(crate) struct BootFiles {
    files: Vec<Arc<Served>>,
    /// The SHA-256 of the root image itself.
    pub(crate) root_sha256: String,
}

/// What a file looks like from outside: it changes when the file does.
pub(crate) type Mark = Option<(u64, u64, i64, i64)>;

/// The mark of a file.
pub(crate) fn mark(path: &Path) -> Mark {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

/// The marks of all that is read from a boot folder.
pub(crate) fn marks(folder: &Path) -> Vec<Mark> {
    let names = NEEDED.iter().chain(&LOADERS).chain([&SUMS]);
    names.map(|name| mark(&folder.join(name))).collect()
}

impl BootFiles {
    /// Opens the files of a folder and looks at each of them.
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        let [kernel, initramfs, root] = NEEDED.map(|name| open(folder, name));
        let (kernel, initramfs, root) = (kernel?, initramfs?, root?);
        let root_sha256 = check_root(folder, &root)?;
        check_kernel(folder, &kernel)?;
        check_initramfs(folder, &initramfs)?;
        let mut files = vec![kernel, initramfs, root];
        check_sums(folder, &files)?;
        files.extend(LOADERS.into_iter().filter_map(|name| loader(folder, name)));
        Ok(Self { files: files.into_iter().map(Arc::new).collect(), root_sha256 })
    }

    /// The file of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Served>> {
        self.files.iter().find(|file| file.name == name)
    }

    /// The first file that was written over in its place: nothing is left of what it was.
    pub(crate) fn overwritten(&self) -> Option<&'static str> {
        let is_another = |file: &&Arc<Served>| file.file.metadata().map_or(true, |now| tag(&now) != file.tag);
        self.files.iter().find(is_another).map(|file| file.name)
    }

    /// The bytes of all three that a machine boots.
    pub(crate) fn total(&self) -> u64 {
        self.files.iter().filter(|file| NEEDED.contains(&file.name)).map(|file| file.size).sum()
    }
}

fn open(folder: &Path, name: &'static str) -> Result<Served> {
    let path = folder.join(name);
    let what = || format!("{}: cannot be served", path.display());
    let file = File::open(&path).context(what)?;
    let metadata = file.metadata().context(what)?;
    if !metadata.is_file() {
        return Err(Fault::new(format!("{}: not a file", path.display())));
    }
    Ok(Served { name, file, size: metadata.len(), tag: tag(&metadata) })
}

fn tag(metadata: &fs::Metadata) -> String {
    format!("{:x}-{:x}-{:x}", metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

/// A boot loader of the folder, or of the system's packages.
fn loader(folder: &Path, name: &'static str) -> Option<Served> {
    let root = Path::new("/");
    let folders = LOADER_FOLDERS.iter().map(|place| root.join(place));
    [folder.to_owned()]
        .into_iter()
        .chain(folders)
        .find_map(|place| open(&place, name).ok().filter(|file| file.size > 0))
}

fn damaged(folder: &Path, name: &str, why: &str) -> Fault {
    let path = folder.join(name);
    Fault::new(format!("{}: {why}; put the file of one build there, whole", path.display()))
}

fn check_root(folder: &Path, root: &Served) -> Result<String> {
    let read = || format!("read {}", folder.join(root.name).display());
    let place = root_image::find(&root.file, root.size).context(read)?;
    let place = place.map_err(|why| damaged(folder, root.name, &why))?;
    root_image::sha256(&root.file, place).context(read)
}

fn check_kernel(folder: &Path, kernel: &Served) -> Result<()> {
    let mut head = [0; kernel::HEAD];
    // A file that is shorter leaves zeros, which are no kernel's.
    let _ = kernel.file.read_at(&mut head, 0);
    kernel::check_kernel(&head, kernel.size).map_err(|why| damaged(folder, kernel.name, &why))
}

fn check_initramfs(folder: &Path, initramfs: &Served) -> Result<()> {
    let mut bytes = Vec::new();
    let read = (&initramfs.file).take(MOST_INITRAMFS).read_to_end(&mut bytes);
    read.context(|| format!("read {}", folder.join(initramfs.name).display()))?;
    kernel::check_initramfs(&bytes).map_err(|why| damaged(folder, initramfs.name, &why))
}

/// Compares with the sums that lie beside the files, if any do.
fn check_sums(folder: &Path, files: &[Served]) -> Result<()> {
    let Ok(sums) = fs::read_to_string(folder.join(SUMS)) else { return Ok(()) };
    for file in files {
        let line = sums.lines().filter_map(|line| line.split_once(' '));
        let mut found =
            line.filter(|(_, name)| name.trim_start().trim_start_matches(['*', '.', '/']) == file.name);
        let Some((expected, _)) = found.next() else { continue };
        let path = folder.join(file.name);
        let place = root_image::Place { offset: 0, length: file.size };
        let sum = root_image::sha256(&file.file, place).context(|| format!("read {}", path.display()))?;
        if !sum.eq_ignore_ascii_case(expected) {
            return Err(damaged(folder, file.name, &format!("not the file that {SUMS} tells")));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{kernel::tests as kernels, root_image::tests as images};

    /// Puts good boot files into a folder.
    pub(crate) fn fill(folder: &Path) {
        fs::write(folder.join("vmlinuz"), kernels::kernel(8192)).unwrap();
        fs::write(folder.join("initramfs"), b"070701 and so on").unwrap();
        fs::write(folder.join("rootfs"), images::cpio("root.img", &images::squashfs(100_000))).unwrap();
    }

    #[test]
    fn good_files_are_taken_and_damaged_ones_named() {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path());
        let files = BootFiles::load(dir.path()).unwrap();
        assert_eq!(files.root_sha256, root_image::sha256_of(&images::squashfs(100_000)[..]).unwrap());
        assert_eq!(files.get("vmlinuz").unwrap().size, 8192);
        type Damage = (&'static str, fn(&Path), &'static str);
        let damages: [Damage; 5] = [
            ("vmlinuz", |path| fs::write(path, "<!doctype html>").unwrap(), "not a kernel"),
            ("initramfs", |path| fs::write(path, "").unwrap(), "neither"),
            (
                "rootfs",
                |path| File::options().write(true).open(path).unwrap().set_len(50_000).unwrap(),
                "cut off",
            ),
            ("rootfs", |path| fs::remove_file(path).unwrap(), "No such file"),
            (SUMS, |path| fs::write(path, format!("{}  vmlinuz\n", "0".repeat(64))).unwrap(), "SHA256SUMS"),
        ];
        for (name, damage, message) in damages {
            fill(dir.path());
            damage(&dir.path().join(name));
            let fault = BootFiles::load(dir.path()).unwrap_err().to_string();
            assert!(fault.contains(message), "{name}: {fault}");
        }
    }

    #[test]
    fn every_change_shows() {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path());
        let before = marks(dir.path());
        assert_eq!(marks(dir.path()), before);
        fs::remove_file(dir.path().join("initramfs")).unwrap();
        assert_ne!(marks(dir.path()), before);
    }
}
