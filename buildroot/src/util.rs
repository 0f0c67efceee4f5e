//! Small things that several modules need: hashes, atomic files, dates.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use nix::{
    errno::Errno,
    fcntl::{AT_FDCWD, RenameFlags, renameat2},
    sys::statvfs::statvfs,
};
use sha2::{Digest, Sha256};

/// How a failure that comes of a full disk begins.
const FULL: &str = "the disk is full";
/// What to do then.
const MAKE_ROOM: &str =
    "`make clean` removes what was built, `make clean-cache` the downloads and cached kernels too";
/// What the kernel and xorriso say then.
const NO_ROOM: [&str; 3] = ["No space left on device", "exceeds free space on media", "Disk quota exceeded"];
/// With fewer bytes free a disk counts as full.
const FULL_BELOW: u64 = 1 << 20;

/// The SHA-256 of some bytes, in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The SHA-256 of a file, in hex.
pub(crate) fn sha256_file(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    io::copy(&mut BufReader::with_capacity(1 << 18, file), &mut hasher)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(hex(&hasher.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a text file; the error names it.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Lets `fill` make a file or a folder under another name, which becomes `to` once it is whole. Until then what was there
/// stays. When that fails nothing is left beside it, and a full disk is called that.
pub(crate) fn replace(to: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let temp = temp_name(to);
    // A build that was killed may have left it.
    remove(&temp)?;
    let done = fill(&temp)
        .and_then(|()| put(&temp, to).with_context(|| format!("cannot rename {}", temp.display())))
        .map_err(|error| explain_full(error, to));
    // What never became whole, or the folder that was there before.
    let removed = remove(&temp);
    done.and(removed)
}

/// Renames. A folder changes places with the one that is there, so that there is one at any time.
fn put(temp: &Path, to: &Path) -> io::Result<()> {
    if !to.is_dir() {
        return fs::rename(temp, to);
    }
    match renameat2(AT_FDCWD, temp, AT_FDCWD, to, RenameFlags::RENAME_EXCHANGE) {
        // A file system that cannot do that.
        Err(Errno::EINVAL) => {
            fs::remove_dir_all(to)?;
            fs::rename(temp, to)
        }
        result => Ok(result?),
    }
}

/// Removes a file or a folder, if there is one.
fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

/// Says what to do when `path` could not be made because its disk is full; another failure stays as it is.
pub(crate) fn explain_full(error: anyhow::Error, path: &Path) -> anyhow::Error {
    let text = format!("{error:#}");
    let full = NO_ROOM.iter().any(|sign| text.contains(sign)) || is_full(path);
    if !full || text.contains(FULL) {
        return error;
    }
    error.context(format!("{FULL}: no room for {}; {MAKE_ROOM}", path.display()))
}

/// Whether nothing more can be written beside `path`. A tool's own words may be missing: its log is on the same disk.
fn is_full(path: &Path) -> bool {
    let space = path.parent().map(statvfs);
    space.is_some_and(|space| space.is_ok_and(|s| s.blocks_available() * s.fragment_size() < FULL_BELOW))
}

/// Writes a file so that a reader, or a build after a power cut, sees the old one or the new one.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, |temp| {
        File::create(temp)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .with_context(|| format!("cannot write {}", path.display()))
    })
}

/// The size of a file.
pub(crate) fn size(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?.len())
}

/// Copies a file atomically.
pub(crate) fn copy_atomic(from: &Path, to: &Path) -> Result<()> {
    replace(to, |temp| {
        fs::copy(from, temp)
            .map(drop)
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
    })
}

/// Makes a directory and those above it.
pub(crate) fn make_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make the directory {}", path.display()))
}

/// Makes an empty directory, removing what was there.
pub(crate) fn fresh_dir(path: &Path) -> Result<()> {
    remove(path)?;
    make_dir(path)
}

/// The name beside `path` that is written before it is renamed.
pub(crate) fn temp_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

/// A command that needs root: run by sudo, with these variables, where the builder is not root itself.
pub(crate) fn as_root(program: &str, environment: &[(&str, String)]) -> Command {
    if nix::unistd::geteuid().is_root() {
        let mut command = Command::new(program);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        return command;
    }
    let mut command = Command::new("sudo");
    command.arg("env").args(environment.iter().map(|(name, value)| format!("{name}={value}"))).arg(program);
    command
}

/// Every file below `dir`, sorted, so that hashes over them are stable. No directory, no files.
pub(crate) fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut pending = vec![dir.to_path_buf()];
    while let Some(dir) = pending.pop() {
        if !dir.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))? {
            let entry = entry.with_context(|| format!("cannot list {}", dir.display()))?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                pending.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Reads up to `limit` bytes from the start of a file.
pub(crate) fn read_head(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut head))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(head)
}

/// A time in seconds since 1970 as `2026-01-31T12:00:00Z`.
pub(crate) fn rfc3339(epoch: u64) -> String {
    let (days, rest) = (epoch / 86_400, epoch % 86_400);
    // Howard Hinnant's civil_from_days, for dates after 1970.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;
    use crate::progress::Progress;

    /// Names the folder that is a file system of its own, in the process that sees it.
    const SMALL_DISK: &str = "DOCKOS_TEST_SMALL_DISK";

    /// A folder in the temporary folder, empty.
    fn folder(name: &str) -> PathBuf {
        let folder = env::temp_dir().join(format!("dockos-{name}-{}", std::process::id()));
        fresh_dir(&folder).unwrap();
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Says that a test does nothing here, past the harness, which keeps back what a test says that passes.
    fn skipped(why: &str) {
        assert!(env::var_os("CI").is_none(), "nothing is skipped where CI is set: {why}");
        let _ = writeln!(io::stderr(), "\nSKIPPED: {why}");
    }

    /// A command that sees `disk` as a file system of 3 MB. Nobody else does.
    fn with_small_disk(disk: &Path) -> Command {
        let mut command = Command::new("unshare");
        if !nix::unistd::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        let script = "mount -t tmpfs -o size=3m tmpfs \"$0\" && exec \"$@\"";
        command.args(["--mount", "sh", "-c", script]).arg(disk).env(SMALL_DISK, disk);
        command
    }

    /// Ways to fill a disk: scripts that write a file ($1), from one that is too large ($2).
    const TOO_MUCH: [(&str, &str); 4] = [
        ("a tool", "cat $2 > $1"),
        ("a tool that says nothing", "cat $2 > $1 2> /dev/null"),
        ("xorriso", "xorriso -no_rc -as mkisofs -graft-points -o $1 large=$2"),
        ("mtools", "truncate -s 8M $1; mformat -i $1 -T 16384 -h 16 -s 32 ::; mcopy -i $1 $2 ::"),
    ];

    #[test]
    fn a_full_disk_is_called_that_and_loses_nothing() {
        if let Some(disk) = env::var_os(SMALL_DISK) {
            return fill_up(Path::new(&disk));
        }
        let folder = folder("full-disk");
        let disk = folder.join("disk");
        make_dir(&disk).unwrap();
        fs::write(folder.join("large"), vec![1; 4 << 20]).unwrap();
        if with_small_disk(&disk).arg("true").status().is_ok_and(|status| status.success()) {
            let mut again = with_small_disk(&disk);
            let test = "util::tests::a_full_disk_is_called_that_and_loses_nothing";
            again.arg(env::current_exe().unwrap()).args(["--nocapture", "--exact", test]);
            let output = again.output().unwrap();
            let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.success() && text.contains("1 passed"), "{text}");
        } else {
            skipped("no file system can be mounted here, so the full disk is not tried: run it as root");
        }
        remove(&folder).unwrap();
    }

    fn fill_up(disk: &Path) {
        let (large, file, boot) = (disk.with_file_name("large"), disk.join("file"), disk.join("boot"));
        make_dir(&boot).unwrap();
        fs::write(&file, "old").unwrap();
        fs::write(boot.join("vmlinuz"), "old").unwrap();
        let check = |what: &str, result: Result<()>| {
            let text = format!("{:#}", result.unwrap_err());
            for part in ["the disk is full: no room for /", "`make clean`", "`make clean-cache`"] {
                assert!(text.contains(part), "{what}: {text}");
            }
            assert_eq!(fs::read(&file).unwrap(), b"old", "{what}");
            assert_eq!(fs::read(boot.join("vmlinuz")).unwrap(), b"old", "{what}");
            assert_eq!(names(disk), ["boot", "file", "tool.log"], "{what}");
            assert_eq!(names(&boot), ["vmlinuz"], "{what}");
        };
        // Its log lies on the full disk too.
        let progress = Progress::new(disk.to_owned());
        for (what, script) in TOO_MUCH {
            progress.start_log("tool").unwrap();
            let mut tool = Command::new("sh");
            tool.args(["-e", "-c", script, "sh"]).arg(temp_name(&file)).arg(&large);
            check(what, replace(&file, |_| progress.run("tool", &mut tool)));
        }
        check("write_atomic", write_atomic(&file, &vec![1; 4 << 20]));
        check("copy_atomic", copy_atomic(&large, &file));
        let fill = |temp: &Path| {
            make_dir(temp)?;
            fs::hard_link(&file, temp.join("vmlinuz"))?;
            copy_atomic(&large, &temp.join("undionly.kpxe"))
        };
        check("a folder", replace(&boot, fill));
    }

    #[test]
    fn a_folder_takes_the_place_of_the_old_one() {
        let folder = folder("replace");
        let boot = folder.join("boot");
        let fill = |name: &'static str| {
            move |temp: &Path| {
                make_dir(temp)?;
                write_atomic(&temp.join(name), b"")
            }
        };
        replace(&boot, fill("old")).unwrap();
        // Of a build that was killed.
        make_dir(&temp_name(&boot).join("half")).unwrap();
        replace(&boot, fill("new")).unwrap();
        let text = format!("{:#}", replace(&boot, |_| anyhow::bail!("no such tool")).unwrap_err());
        assert_eq!(text, "no such tool");
        assert_eq!((names(&folder), names(&boot)), (vec!["boot".to_owned()], vec!["new".to_owned()]));
        remove(&folder).unwrap();
    }

    #[test]
    fn dates() {
        for (epoch, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(epoch), text, "{epoch}");
        }
    }
}
