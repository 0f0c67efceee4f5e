//! Removing what a tenant left in a folder, however deep it is: with three open files, and in bounded time.
//!
//! A folder that is not empty is emptied into the one at the top, so that no path is ever longer than two names: the
//! kernel gives a process far fewer open files than a tenant can make folders in folders.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Names that are read at once.
const BATCH: usize = 512;
/// The most that is removed or moved: far more than a file system for screens has. Where there is more, somebody writes
/// while we remove.
const MOST_STEPS: usize = 1 << 18;
const READ: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Removes what is in a folder's place with all that is in it; follows no links. Nothing there is as good.
pub(crate) fn clear(folder: &Path) -> io::Result<()> {
    let top = match Dir::open(folder, READ, Mode::empty()) {
        Ok(top) => top,
        Err(Errno::ENOENT) => return Ok(()),
        // A link, or another file.
        Err(Errno::ENOTDIR | Errno::ELOOP) => return fs::remove_file(folder),
        Err(error) => return Err(error.into()),
    };
    Clearing { top, steps: 0, moved: 0 }.run()?;
    fs::remove_dir(folder)
}

struct Clearing {
    top: Dir,
    steps: usize,
    moved: usize,
}

impl Clearing {
    fn run(&mut self) -> io::Result<()> {
        loop {
            let names = names(&mut self.top)?;
            if names.is_empty() {
                return Ok(());
            }
            for name in names {
                self.step()?;
                if !remove(&self.top, &name)? {
                    self.empty(&name)?;
                    unlinkat(&self.top, name.as_c_str(), UnlinkatFlags::RemoveDir)?;
                }
            }
        }
    }

    /// Empties a folder at the top: folders in it that are not empty come to the top too.
    fn empty(&mut self, name: &CStr) -> io::Result<()> {
        let mut folder = Dir::openat(&self.top, name, READ, Mode::empty())?;
        loop {
            let names = names(&mut folder)?;
            if names.is_empty() {
                return Ok(());
            }
            for name in names {
                self.step()?;
                if !remove(&folder, &name)? {
                    self.lift(&folder, &name)?;
                }
            }
        }
    }

    fn lift(&mut self, folder: &Dir, name: &CStr) -> io::Result<()> {
        loop {
            self.step()?;
            let free = CString::new(format!("dockos-{}", self.moved))?;
            self.moved += 1;
            match renameat(folder, name, &self.top, free.as_c_str()) {
                // A tenant may have thought of that name too.
                Err(Errno::EEXIST | Errno::ENOTEMPTY | Errno::ENOTDIR) => {}
                moved => return Ok(moved?),
            }
        }
    }

    fn step(&mut self) -> io::Result<()> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(io::Error::other("it is filled while it is emptied"));
        }
        Ok(())
    }
}

/// Removes an entry, unless it is a folder with something in it.
fn remove(folder: &Dir, name: &CStr) -> io::Result<bool> {
    match unlinkat(folder, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(true),
        Err(Errno::EISDIR | Errno::EPERM) => {}
        Err(error) => return Err(error.into()),
    }
    match unlinkat(folder, name, UnlinkatFlags::RemoveDir) {
        Ok(()) => Ok(true),
        Err(Errno::ENOTEMPTY | Errno::EEXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The first names in a folder.
fn names(folder: &mut Dir) -> io::Result<Vec<CString>> {
    // Iterating begins anew each time: it rewinds when it is dropped.
    let entries = folder.iter().map(|entry| entry.map(|entry| entry.file_name().to_owned()));
    let own =
        |name: &nix::Result<CString>| !matches!(name, Ok(name) if matches!(name.to_bytes(), b"." | b".."));
    Ok(entries.filter(own).take(BATCH).collect::<nix::Result<_>>()?)
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::symlink;

    use nix::fcntl::{OFlag, open, openat};
    use nix::sys::stat::mkdirat;
    use proptest::prelude::*;

    use super::*;

    /// Folders in folders, each with a file in it, without a long path.
    pub(crate) fn deep(folder: &Path, levels: usize, name: &str) {
        let mode = Mode::from_bits_truncate(0o700);
        let mut at = open(folder, READ, Mode::empty()).unwrap();
        for _ in 0..levels {
            mkdirat(&at, name, mode).unwrap();
            openat(&at, "f", OFlag::O_CREAT | OFlag::O_WRONLY | OFlag::O_CLOEXEC, mode).unwrap();
            at = openat(&at, name, READ, Mode::empty()).unwrap();
        }
    }

    #[test]
    fn folders_in_folders_are_removed_however_deep() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a");
        fs::create_dir(&folder).unwrap();
        // More than a process may have open; one has the names we would take, one has files of such names beside it.
        deep(&folder, 8000, "d");
        deep(&folder, 200, "dockos-0");
        (1..300).for_each(|i| fs::write(folder.join(format!("dockos-{i}")), "").unwrap());
        clear(&folder).unwrap();
        assert!(!folder.exists());
        clear(&folder).unwrap();
    }

    #[test]
    fn many_files_are_removed_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, other) = (dir.path().join("a"), dir.path().join("b"));
        fs::create_dir_all(folder.join("x/y")).unwrap();
        fs::create_dir(&other).unwrap();
        fs::write(other.join("kept"), "").unwrap();
        (0..3 * BATCH).for_each(|i| fs::write(folder.join("x/y").join(i.to_string()), "").unwrap());
        symlink(&other, folder.join("x/link")).unwrap();
        symlink(&other, folder.join("link")).unwrap();
        clear(&folder).unwrap();
        assert!(!folder.exists() && other.join("kept").exists());
        symlink(&other, &folder).unwrap();
        clear(&folder).unwrap();
        assert!(!folder.is_symlink() && other.join("kept").exists());
        fs::write(&folder, "").unwrap();
        clear(&folder).unwrap();
        assert!(!folder.exists());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_tree_is_removed(paths in proptest::collection::vec("([ab]|dockos-[0-3])(/([ab]|dockos-[0-3])){0,5}", 0..30)) {
            let dir = tempfile::tempdir().unwrap();
            let folder = dir.path().join("a");
            fs::create_dir(&folder).unwrap();
            paths.iter().for_each(|path| drop(fs::create_dir_all(folder.join(path))));
            clear(&folder).unwrap();
            prop_assert!(!folder.exists());
        }
    }
}
