//! `write_files`: files of the config, put in place before any container starts, or late, before `runcmd`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use dockos_config::WriteFile;

use crate::accounts::number_of;
use crate::machine::Machine;
use crate::phases::{Ended, Step, count};
use dockos_control::error::{Context, Fault, Result};
use dockos_control::files;

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
        machine.check(write(file).context(|| format!("write_files: {}", file.path)));
    }
    Ok(Step::Done(count(files.len(), "file")))
}

/// A file as it was before a config that is only tried wrote over it.
pub(crate) struct Saved {
    path: PathBuf,
    /// None: there was none.
    was: Option<(Vec<u8>, fs::Metadata)>,
}

impl Saved {
    /// The files that these will write.
    pub(crate) fn of<'a>(files: impl Iterator<Item = &'a WriteFile>) -> Result<Vec<Self>> {
        files.map(|file| Self::one(Path::new(file.path.as_str()))).collect()
    }

    fn one(path: &Path) -> Result<Self> {
        let was = fs::read(path).ok().zip(fs::metadata(path).ok());
        Ok(Self { path: path.to_owned(), was })
    }

    /// Puts it back.
    pub(crate) fn restore(self) -> Result<()> {
        let Some((content, metadata)) = self.was else {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(error).context(|| format!("remove {}", self.path.display()))
                }
                _ => Ok(()),
            };
        };
        files::write_durably(&self.path, &content, metadata.mode() & 0o7777)?;
        chown(&self.path, Some(metadata.uid()), Some(metadata.gid()))
            .context(|| format!("put {} back", self.path.display()))
    }
}

fn write(file: &WriteFile) -> Result<()> {
    let path = Path::new(file.path.as_str());
    let mode = file.permissions.bits();
    if file.append {
        append(path, &file.content)?;
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
            .context(|| "set the mode".to_owned())?;
    } else {
        files::write_durably(path, &file.content, mode)?;
    }
    let (user, group) = (&file.owner.user, file.owner.group.as_deref());
    let uid = id_of(user, "/etc/passwd")?;
    let gid = group.map(|group| id_of(group, "/etc/group")).transpose()?;
    chown(path, Some(uid), gid).context(|| format!("give it to {user}"))
}

fn append(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).context(|| format!("make {}", directory.display()))?;
    }
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .context(|| "append".to_owned())
}

/// The number of a user or group, given as a name of the table or as a number.
fn id_of(name: &str, table: &str) -> Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let text = fs::read_to_string(table).context(|| format!("read {table}"))?;
    number_of(&text, name).ok_or_else(|| Fault::new(format!("there is no {name} in {table}")))
}
