//! `write_files`: files of the config, put in place before any container starts.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use dockos_config::WriteFile;

use crate::error::{Context, Fault, Result};
use crate::files;
use crate::machine::Machine;
use crate::phases::{Ended, Step, count};

/// The phase. A file that cannot be written is a problem that is named; the others are written.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    machine.check(authorize_keys(machine));
    let files = &machine.config().write_files;
    if files.is_empty() {
        return Ok(Step::Skipped("none".to_owned()));
    }
    for file in files {
        machine.check(write(file).context(|| format!("write_files: {}", file.path)));
    }
    Ok(Step::Done(count(files.len(), "file")))
}

/// The keys that may log in as root; /root is in RAM, so they are those of this config and no other.
fn authorize_keys(machine: &Machine) -> Result<()> {
    let config = machine.config();
    let keys: Vec<&str> = config.ssh_authorized_keys.iter().map(|key| key.as_str()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let mut text = keys.join("\n");
    text.push('\n');
    files::write_durably(Path::new("/root/.ssh/authorized_keys"), text.as_bytes(), 0o600)?;
    fs::set_permissions("/root/.ssh", std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .context(|| "set the mode of /root/.ssh".to_owned())
}

/// A file as it was before a config that is only tried wrote over it.
pub(crate) struct Saved {
    path: PathBuf,
    /// None: there was none.
    was: Option<(Vec<u8>, fs::Metadata)>,
}

impl Saved {
    /// The files that these will write.
    pub(crate) fn of(files: &[WriteFile]) -> Vec<Self> {
        files.iter().map(|file| Self::one(Path::new(file.path.as_str()))).collect()
    }

    fn one(path: &Path) -> Self {
        let was = fs::read(path).ok().zip(fs::metadata(path).ok());
        Self { path: path.to_owned(), was }
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
    find_id(&text, name).ok_or_else(|| Fault::new(format!("there is no {name} in {table}")))
}

fn find_id(table: &str, name: &str) -> Option<u32> {
    table
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|f| f.first() == Some(&name))?
        .get(2)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_from_the_third_field() {
        assert_eq!(find_id("root:x:0:0::/root:/bin/sh\nhttp:x:33:33\n", "http"), Some(33));
        assert_eq!(find_id("root:x:0\nbad\n", "bad"), None);
    }
}
