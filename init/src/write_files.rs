//! `write_files`: files of the config, put in place before any container starts, or late, before `runcmd`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use dockos_config::WriteFile;
use nix::libc::{O_NOCTTY, O_NONBLOCK};

use crate::accounts::number_of;
use crate::machine::Machine;
use crate::phases::{Ended, Step, count};
use dockos_control::error::{Context, Fault, Result};
use dockos_control::files;

/// So much of a file that is there is kept while a config is tried.
const MOST_SAVED: u64 = 1 << 20;

/// The phase. A file that cannot be written is a problem that is named; the others are written.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    write_all(machine, false)
}

/// The phase of those with `defer: true`.
pub(crate) async fn late_phase(machine: &Rc<Machine>) -> Ended {
    write_all(machine, true)
}

/// All of them, on a machine that runs.
pub(crate) async fn reapply(machine: &Rc<Machine>) -> Ended {
    write_all(machine, false)?;
    write_all(machine, true)
}

fn write_all(machine: &Machine, late: bool) -> Ended {
    let config = machine.config();
    let files: Vec<&WriteFile> = config.write_files.iter().filter(|file| file.defer == late).collect();
    if files.is_empty() {
        return Ok(Step::Skipped("none".to_owned()));
    }
    for file in &files {
        machine.check(write(file, &config.write_files).context(|| format!("write_files: {}", file.path)));
    }
    Ok(Step::Done(count(files.len(), "file")))
}

/// A file as it was before a config that is only tried wrote over it.
pub(crate) struct Saved {
    path: PathBuf,
    was: Was,
}

enum Was {
    Missing,
    Link(PathBuf),
    File(Vec<u8>, fs::Metadata),
}

impl Saved {
    /// The files that these will write.
    pub(crate) fn of<'a>(files: impl Iterator<Item = &'a WriteFile>) -> Result<Vec<Self>> {
        let one = |file: &WriteFile| {
            Self::one(Path::new(file.path.as_str()), file.append)
                .context(|| format!("write_files: {} cannot be tried", file.path))
        };
        files.map(one).collect()
    }

    /// What is added goes where a link leads; all else goes in place of the link.
    fn one(path: &Path, append: bool) -> io::Result<Self> {
        let followed = append.then(|| fs::canonicalize(path).ok()).flatten();
        let path = followed.unwrap_or_else(|| path.to_owned());
        let was = if let Ok(target) = fs::read_link(&path) {
            Was::Link(target)
        } else if path.exists() {
            let (file, metadata) = open_regular(OpenOptions::new().read(true), &path)?;
            let mut content = Vec::new();
            file.take(MOST_SAVED + 1).read_to_end(&mut content)?;
            if content.len() as u64 > MOST_SAVED {
                return Err(io::Error::other("too large to be tried: more than 1 MiB"));
            }
            Was::File(content, metadata)
        } else {
            Was::Missing
        };
        Ok(Self { path, was })
    }

    /// Puts it back.
    pub(crate) fn restore(self) -> Result<()> {
        let put_back = || format!("put {} back", self.path.display());
        if let Was::File(content, metadata) = &self.was {
            files::write_durably(&self.path, content, metadata.mode() & 0o7777)?;
            return chown(&self.path, Some(metadata.uid()), Some(metadata.gid())).context(put_back);
        }
        match (fs::remove_file(&self.path), &self.was) {
            (Err(error), _) if error.kind() != io::ErrorKind::NotFound => Err(error).context(put_back),
            (_, Was::Link(target)) => symlink(target, &self.path).context(put_back),
            _ => Ok(()),
        }
    }
}

/// Writes one of a config's files.
fn write(file: &WriteFile, all: &[WriteFile]) -> Result<()> {
    let path = Path::new(file.path.as_str());
    let mode = file.permissions.bits();
    if file.append {
        append(path, &file.content, tail(file, all).as_deref(), mode)?;
    } else {
        files::write_durably(path, &file.content, mode)?;
    }
    let (user, group) = (&file.owner.user, file.owner.group.as_deref());
    let uid = id_of(user, "/etc/passwd")?;
    let gid = group.map(|group| id_of(group, "/etc/group")).transpose()?;
    chown(path, Some(uid), gid).context(|| format!("give it to {user}"))
}

/// What a file ends with to which this was added at an earlier boot: its content, and what is added after it. None where
/// the config writes the file anew too.
fn tail(file: &WriteFile, all: &[WriteFile]) -> Option<Vec<u8>> {
    let mut tail = None;
    for late in [false, true] {
        for each in all.iter().filter(|each| each.defer == late && each.path == file.path) {
            if std::ptr::eq(each, file) {
                tail = Some(Vec::new());
            } else if !each.append {
                return None;
            }
            if let Some(tail) = &mut tail {
                tail.extend_from_slice(&each.content);
            }
        }
    }
    tail
}

/// Adds to a file, unless it ends with `tail`: one that outlives the boot would grow at each.
fn append(path: &Path, content: &[u8], tail: Option<&[u8]>, mode: u32) -> Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).context(|| format!("make {}", directory.display()))?;
    }
    let add = || {
        let mut options = OpenOptions::new();
        let (mut file, metadata) = open_regular(options.append(true).create(true).mode(0o600), path)?;
        if !tail.is_some_and(|tail| ends_with(path, metadata.len(), tail)) {
            file.write_all(content)?;
        }
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()
    };
    add().context(|| "append".to_owned())
}

fn ends_with(path: &Path, length: u64, tail: &[u8]) -> bool {
    let Some(from) = length.checked_sub(tail.len() as u64) else { return false };
    let mut end = vec![0; tail.len()];
    let read = open_regular(OpenOptions::new().read(true), path)
        .and_then(|(file, _)| file.read_exact_at(&mut end, from));
    read.is_ok() && end == tail
}

/// Opens a file, and nothing else: PID 1 would wait for ever for the other end of a pipe, or for a terminal.
fn open_regular(options: &mut OpenOptions, path: &Path) -> io::Result<(File, fs::Metadata)> {
    let file = options.custom_flags(O_NONBLOCK | O_NOCTTY).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(io::Error::other("it is no regular file")) }
}

/// The number of a user or group, given as a name of the table or as a number.
fn id_of(name: &str, table: &str) -> Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let text = fs::read_to_string(table).context(|| format!("read {table}"))?;
    number_of(&text, name).ok_or_else(|| Fault::new(format!("there is no {name} in {table}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("dockos-write-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn files(text: &str) -> Vec<WriteFile> {
        dockos_config::parse("test.yml", &format!("write_files: [{text}]\n")).unwrap().write_files
    }

    #[test]
    fn what_was_added_at_an_earlier_boot_is_not_added_again() {
        let folder = folder("append");
        let path = folder.join("log");
        let item = |rest: &str| format!("{{path: {}, {rest}}}", path.display());
        let all = files(&format!(
            "{},{},{}",
            item("append: true, defer: true, content: late"),
            item("append: true, content: one"),
            item("append: true, content: two")
        ));
        let boot = || {
            for file in [&all[1], &all[2], &all[0]] {
                append(&path, &file.content, tail(file, &all).as_deref(), 0o640).unwrap();
            }
            fs::read_to_string(&path).unwrap()
        };
        assert_eq!(boot(), "onetwolate");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(boot(), "onetwolate");
        fs::write(&path, "onetwolate, and more").unwrap();
        assert_eq!(boot(), "onetwolate, and moreonetwolate");
        let anew = files(&format!("{},{}", item("content: a"), item("append: true, content: a")));
        assert_eq!(tail(&anew[1], &anew), None, "it is written anew before");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn nothing_but_files_is_opened() {
        let folder = folder("pipe");
        let pipe = folder.join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(append(&pipe, b"x", None, 0o600).is_err() && append(&pipe, b"x", Some(b"x"), 0o600).is_err());
        assert!(Saved::one(&pipe, false).is_err() && Saved::one(&pipe, true).is_err());
        assert!(append(Path::new("/dev/null"), b"x", None, 0o600).is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_tried_config_leaves_files_and_links_as_they_were() {
        let folder = folder("saved");
        let (file, link, none) = (folder.join("file"), folder.join("link"), folder.join("none"));
        fs::write(&file, "was").unwrap();
        symlink("file", &link).unwrap();
        let saved = [(&file, false), (&link, false), (&link, true), (&none, false)]
            .map(|(path, append)| Saved::one(path, append).unwrap());
        for path in [&file, &link, &none] {
            files::write_durably(path, b"tried", 0o600).unwrap();
        }
        saved.into_iter().for_each(|saved| saved.restore().unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), "was");
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("file"));
        assert!(!none.exists());
        fs::write(&file, vec![0; 1 + (1 << 20)]).unwrap();
        assert!(Saved::one(&file, false).is_err_and(|error| error.to_string().contains("too large")));
        fs::remove_dir_all(folder).unwrap();
    }
}
