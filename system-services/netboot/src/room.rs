//! What each machine of the room gets: `machines.yml` and the configs it names, as they were when they were last good.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dockos_control::error::{Context, Fault};
use dockos_control::files::write_durably;

use dockos_config::{Hostname, Report, RoomMachine, RoomMachines, parse_machines, utf8};

use crate::boot_files::{Mark, mark};
use crate::configs::{Config, MOST_BYTES};
use crate::identity::Identity;

/// The file that says who gets what.
pub(crate) const MACHINES: &str = "machines.yml";
/// The folder of the configs.
pub(crate) const CONFIGS: &str = "configs";
/// A folder with the same files as they were when all of them were good: what a server begins with that finds others.
const GOOD: &str = "good";

/// Configs may have hashes of passwords in them.
const MODE: u32 = 0o600;

/// What is in force.
#[derive(Debug, Default)]
pub(crate) struct Room {
    machines: RoomMachines,
    configs: BTreeMap<String, Arc<Config>>,
    /// The bytes of machines.yml, if they are good.
    text: Option<Vec<u8>>,
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
    /// Reads the files of a state folder for the first time. What is not good is as it was when all was.
    pub(crate) fn begin(state: &Path) -> (Self, Said) {
        let begun = Self::load(state, &Self::default());
        match begun.1.errors.is_empty() {
            true => begun,
            false => Self::load(state, &Self::load(&state.join(GOOD), &Self::default()).0),
        }
    }

    /// Keeps copies of the files, if all of them are good.
    pub(crate) fn keep(&self, state: &Path, said: &Said) -> Result<(), Fault> {
        let Some(text) = self.text.as_ref().filter(|_| said.errors.is_empty()) else { return Ok(()) };
        let good = state.join(GOOD);
        let configs = good.join(CONFIGS);
        if text.is_empty() && !good.exists() {
            return Ok(());
        }
        fs::create_dir_all(&configs).context(|| format!("make {}", configs.display()))?;
        for (name, config) in &self.configs {
            keep_file(&configs.join(name), &config.bytes)?;
        }
        // Last: what it names is there.
        keep_file(&good.join(MACHINES), text)
    }

    /// Reads the files of a state folder. What is not good stays as it was in `before`.
    pub(crate) fn load(state: &Path, before: &Self) -> (Self, Said) {
        let mut said = Said::default();
        // Each before its file is read: an edit meanwhile shows.
        let mut marks = vec![marked(state.join(MACHINES))];
        let (machines, text) = match read_machines(state) {
            Ok((machines, report, text)) => {
                said.warn(&report);
                (machines, Some(text))
            }
            Err(error) => {
                said.error(error);
                (before.machines.clone(), None)
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
        (Self { machines, configs, text, marks }, said)
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

    /// Words that a machine gets on its kernel command line besides: the room's, and those of its group where it is known.
    pub(crate) fn append(&self, identity: Option<&Identity>) -> Vec<&str> {
        let found = identity
            .and_then(|identity| self.machines.find(&identity.macs, identity.serial.as_ref(), identity.uuid));
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

/// Writes a copy, unless it is there.
fn keep_file(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    match fs::read(path) {
        Ok(kept) if kept == bytes => Ok(()),
        _ => write_durably(path, bytes, MODE),
    }
}

/// Reads `machines.yml`, and returns its bytes too; none is an empty one.
pub(crate) fn read_machines(state: &Path) -> Result<(RoomMachines, Report, Vec<u8>), String> {
    let path = state.join(MACHINES);
    let name = path.display().to_string();
    let bytes = match read_bounded(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(format!("{name}: {error}")),
    };
    let parsed = utf8(&name, &bytes).and_then(|text| parse_machines(&name, text));
    parsed.map(|(machines, report)| (machines, report, bytes)).map_err(|report| report.to_string())
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
    fn a_server_that_begins_with_bad_files_uses_those_that_were_good() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path();
        let (machines, config) = (state.join(MACHINES), state.join("configs/a.yml"));
        fs::create_dir(state.join(CONFIGS)).unwrap();
        let got = |name: &str| {
            let (room, said) = Room::begin(state);
            room.keep(state, &said).unwrap();
            let gets = room.gets(&identity(name)).map(|gets| gets.config.bytes.clone());
            (gets.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()), said.errors.len())
        };
        let (first, second) = ("525400000001", "525400000002");
        fs::write(&machines, "machines: [").unwrap();
        assert_eq!(got(first), (None, 1), "nothing was ever good");
        fs::write(&config, "#cloud-config\nhostname: one\n").unwrap();
        fs::write(&machines, format!("machines: [{{mac: {first}, config: a.yml}}]\n")).unwrap();
        let good = Some("#cloud-config\nhostname: one\n".to_owned());
        assert_eq!(got(first), (good.clone(), 0));
        fs::write(&config, "#cloud-config\nhostname: [\n").unwrap();
        assert_eq!(got(first), (good.clone(), 1));
        fs::write(&machines, "machines: [").unwrap();
        fs::remove_file(&config).unwrap();
        assert_eq!(got(first).0, good, "what was bad is not kept");
        fs::write(&config, "#cloud-config\nhostname: two\n").unwrap();
        fs::write(&machines, format!("machines: [{{mac: {second}, config: a.yml}}]\n")).unwrap();
        assert_eq!(got(first), (None, 0), "what is good now holds");
        assert!(got(second).0.is_some_and(|text| text.contains("two")));
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
        assert_eq!(room.append(Some(&machine)), ["quiet", "x=1"]);
        assert_eq!(room.append(Some(&identity("52:54:00:00:00:02"))), ["quiet"]);
        assert_eq!(room.append(None), ["quiet"], "who is not known is of no group");
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
