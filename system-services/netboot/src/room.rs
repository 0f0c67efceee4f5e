//! What each machine of the room gets: `machines.yml` and the configs it names, as they were when they were last good.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dockos_config::{Hostname, Report, RoomMachine, RoomMachines, parse_machines, utf8};

use crate::boot_files::{Mark, mark};
use crate::configs::{Config, MOST_BYTES};
use crate::identity::Identity;

/// The file that says who gets what.
pub(crate) const MACHINES: &str = "machines.yml";
/// The folder of the configs.
pub(crate) const CONFIGS: &str = "configs";

/// What is in force.
#[derive(Debug, Default)]
pub(crate) struct Room {
    machines: RoomMachines,
    configs: BTreeMap<String, Arc<Config>>,
    marks: Marks,
}

/// What the files looked like from outside.
pub(crate) type Marks = Vec<(PathBuf, Mark)>;

/// What one machine gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gets<'a> {
    /// Its config.
    pub(crate) config: &'a Arc<Config>,
    /// What people call that config.
    pub(crate) name: String,
    /// Its name.
    pub(crate) hostname: Option<&'a Hostname>,
}

/// What there is to say after files were read.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// What is wrong.
    pub(crate) errors: Vec<String>,
    /// What does no harm.
    pub(crate) warnings: Vec<String>,
}

impl Said {
    fn error(&mut self, text: impl ToString) {
        self.errors.push(text.to_string());
    }

    fn warn(&mut self, report: &Report) {
        if !report.diagnostics.is_empty() {
            self.warnings.push(report.to_string());
        }
    }
}

impl Room {
    /// Reads the files of a state folder. What is not good stays as it was in `before`.
    pub(crate) fn load(state: &Path, before: &Self) -> (Self, Said) {
        let mut said = Said::default();
        // Each before its file is read: an edit meanwhile shows.
        let mut marks = vec![marked(state.join(MACHINES))];
        let machines = match read_machines(state) {
            Ok((machines, report)) => {
                said.warn(&report);
                machines
            }
            Err(error) => {
                said.error(error);
                before.machines.clone()
            }
        };
        let mut configs = BTreeMap::new();
        for file in machines.configs() {
            let name = file.as_str();
            marks.push(marked(state.join(CONFIGS).join(name)));
            let config = match read_config(state, name) {
                Ok((config, report, secrets)) => {
                    said.warn(&report);
                    said.warn(&secrets);
                    Some(config)
                }
                Err(error) => {
                    said.error(error);
                    before.configs.get(name).cloned()
                }
            };
            configs.extend(config.map(|config| (name.to_owned(), config)));
        }
        (Self { machines, configs, marks }, said)
    }

    /// What a machine gets; none: it has to wait until it is assigned, or its config is mended.
    pub(crate) fn gets(&self, identity: &Identity) -> Option<Gets<'_>> {
        let found = self.machines.find(&identity.macs, identity.serial.as_ref(), identity.uuid)?;
        let config = self.configs.get(found.config.as_str())?;
        let name = match found.group {
            Some(group) => format!("group {group} ({})", found.config),
            None => found.config.to_string(),
        };
        Some(Gets { config, name, hostname: found.hostname })
    }

    /// Words that a machine gets on its kernel command line besides.
    pub(crate) fn append(&self, identity: &Identity) -> Vec<&str> {
        let found = self.machines.find(&identity.macs, identity.serial.as_ref(), identity.uuid);
        let group = found.and_then(|found| self.machines.groups.get(found.group?));
        let words = self.machines.append.iter().chain(group.and_then(|group| group.append.as_ref()));
        words.flat_map(|words| words.as_str().split(' ')).filter(|word| !word.is_empty()).collect()
    }

    /// The entry of a machine, if it is listed.
    pub(crate) fn entry(&self, identity: &Identity) -> Option<&RoomMachine> {
        self.machines.listed(&identity.macs, identity.serial.as_ref(), identity.uuid)
    }

    /// How many machines are listed.
    pub(crate) fn listed(&self) -> usize {
        self.machines.machines.len()
    }

    /// A config that some machine gets, by the sum of its bytes.
    pub(crate) fn config(&self, sha256: &str) -> Option<Arc<Config>> {
        self.configs.values().find(|config| config.sha256 == sha256).cloned()
    }

    /// The marks that the files had before they were read.
    pub(crate) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// The marks that the same files have now.
    pub(crate) fn marks_now(&self) -> Marks {
        self.marks.iter().map(|(path, _)| marked(path.clone())).collect()
    }
}

fn marked(path: PathBuf) -> (PathBuf, Mark) {
    let mark = mark(&path);
    (path, mark)
}

/// Reads `machines.yml`; none is an empty one.
pub(crate) fn read_machines(state: &Path) -> Result<(RoomMachines, Report), String> {
    let path = state.join(MACHINES);
    let name = path.display().to_string();
    let bytes = match read_bounded(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(format!("{name}: {error}")),
    };
    utf8(&name, &bytes).and_then(|text| parse_machines(&name, text)).map_err(|report| report.to_string())
}

/// Reads a config, and tells what it has that nobody should read.
pub(crate) fn read_config(state: &Path, file: &str) -> Result<(Arc<Config>, Report, Report), String> {
    let path = state.join(CONFIGS).join(file);
    let name = path.display().to_string();
    let bytes = read_bounded(&path).map_err(|error| format!("{name}: {error}"))?;
    let secrets = utf8(&name, &bytes).map(|text| dockos_config::secrets(&name, text)).unwrap_or_default();
    let (config, report) = Config::check(&name, bytes).map_err(|report| report.to_string())?;
    Ok((config, report, secrets))
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(mac: &str) -> Identity {
        Identity::from_query(&format!("mac={mac}")).unwrap()
    }

    #[test]
    fn what_is_bad_stays_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path();
        let config = state.join("configs/a.yml");
        fs::create_dir(state.join(CONFIGS)).unwrap();
        fs::write(&config, "#cloud-config\nhostname: one\n").unwrap();
        fs::write(state.join(MACHINES), "append: quiet\ngroups: {a: {config: a.yml, append: x=1}}\nmachines: [{mac: 525400000001, group: a, hostname: lab-1}]\n").unwrap();
        let (room, said) = Room::load(state, &Room::default());
        assert!(said.errors.is_empty(), "{said:?}");
        let machine = identity("52:54:00:00:00:01");
        let gets = room.gets(&machine).unwrap();
        assert_eq!((gets.name.as_str(), gets.hostname.unwrap().as_str()), ("group a (a.yml)", "lab-1"));
        assert_eq!(room.append(&machine), ["quiet", "x=1"]);
        assert_eq!(room.append(&identity("52:54:00:00:00:02")), ["quiet"]);
        assert_eq!(room.gets(&identity("52:54:00:00:00:02")), None);
        let first = Arc::clone(gets.config);
        assert_eq!(room.config(&first.sha256).as_ref(), Some(&first));
        assert_eq!(room.config("0"), None);

        fs::write(&config, "#cloud-config\nhostnme: two\n").unwrap();
        fs::write(state.join(MACHINES), "machines: [{mac: nonsense}]\n").unwrap();
        let (room, said) = Room::load(state, &room);
        assert!(said.errors[0].contains("machines.yml:1:18: error"), "{said:?}");
        assert!(said.errors[1].contains("a.yml:2:1: error"), "{said:?}");
        assert_eq!(room.gets(&machine).unwrap().config, &first);
    }

    #[test]
    fn an_edit_after_its_file_was_read_shows() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(CONFIGS)).unwrap();
        fs::write(dir.path().join(MACHINES), "default: a\ngroups: {a: {config: a.yml}}\n").unwrap();
        let (room, _) = Room::load(dir.path(), &Room::default());
        assert_eq!(&room.marks_now(), room.marks());
        fs::write(dir.path().join("configs/a.yml"), "#cloud-config\n").unwrap();
        assert_ne!(&room.marks_now(), room.marks(), "a file that was missing");
        let (room, _) = Room::load(dir.path(), &room);
        assert_eq!(&room.marks_now(), room.marks());
        fs::write(dir.path().join(MACHINES), "default: a\ngroups: {a: {config: abc.yml}}\n").unwrap();
        assert_ne!(&room.marks_now(), room.marks());
    }

    #[test]
    fn a_config_that_was_never_good_is_given_to_nobody() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(MACHINES), "default: a\ngroups: {a: {config: a.yml}}\n").unwrap();
        let (room, said) = Room::load(dir.path(), &Room::default());
        assert!(said.errors[0].contains("a.yml: No such file"), "{said:?}");
        assert_eq!(room.gets(&identity("52:54:00:00:00:02")), None);
    }
}
