//! `dockos netboot assign`: one entry of `machines.yml` more, or another one; comments and layout stay.

use std::fs::File;
use std::io;
use std::path::Path;

use dockos_config::{
    KeyPath, MachineMac, MachineSerial, MachineUuid, RoomMachine, append, parse_machines, set, unset,
};
use dockos_control::error::{Context, Fault, Result};
use dockos_control::files::write_durably;
use nix::fcntl::{Flock, FlockArg};

use crate::options::Wish;
use crate::room::{MACHINES, read_config};

/// Changes the file. Returns what was done, for the person.
pub(crate) fn run(wish: &Wish) -> Result<String> {
    let path = wish.folders.state.join(MACHINES);
    let name = path.display().to_string();
    let _alone = alone(&wish.folders.state)?;
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Fault::new(format!("{name}: {error}"))),
    };
    let changed = changed(&name, &text, wish)?;
    if let Some(config) = &wish.config {
        read_config(&wish.folders.state, config.as_str()).map_err(Fault::new)?;
    }
    write_durably(&path, changed.as_bytes(), 0o644)?;
    let what = wish.group.as_ref().map(|group| format!("group {group}"));
    let what = what.or_else(|| wish.config.as_ref().map(ToString::to_string)).unwrap_or_default();
    Ok(format!("{} gets {what}; a machine that waits goes on within seconds\n", wish.identity))
}

/// Waits until nobody else changes the file.
fn alone(state: &Path) -> Result<Flock<File>> {
    let what = || format!("lock {}", state.display());
    let folder = File::open(state).context(what)?;
    Flock::lock(folder, FlockArg::LockExclusive).map_err(|(_, errno)| errno).context(what)
}

/// What the person called the machine by.
enum Identity {
    Mac(MachineMac),
    Serial(MachineSerial),
    Uuid(MachineUuid),
}

impl Identity {
    fn parse(text: &str) -> Result<Self> {
        if let Ok(mac) = text.parse() {
            return Ok(Self::Mac(mac));
        }
        if let Ok(uuid) = text.parse() {
            return Ok(Self::Uuid(uuid));
        }
        text.parse().map(Self::Serial).map_err(|error| Fault::new(error.to_string()))
    }

    fn is(&self, machine: &RoomMachine) -> bool {
        match self {
            Self::Mac(mac) => machine.mac == Some(*mac),
            Self::Serial(serial) => machine.serial.as_ref() == Some(serial),
            Self::Uuid(uuid) => machine.uuid == Some(*uuid),
        }
    }

    fn entry(&self) -> String {
        match self {
            Self::Mac(mac) => format!("mac: \"{mac}\""),
            // Whatever it is, in YAML it is this text: a serial number has no control characters.
            Self::Serial(serial) => format!("serial: '{}'", serial.as_str().replace('\'', "''")),
            Self::Uuid(uuid) => format!("uuid: {uuid}"),
        }
    }
}

fn changed(name: &str, text: &str, wish: &Wish) -> Result<String> {
    let identity = Identity::parse(&wish.identity)?;
    let (room, _) = parse_machines(name, text)
        .map_err(|report| Fault::new(format!("{report}\nnetboot: mend that first; nothing was changed")))?;
    let at = room.machines.iter().position(|machine| identity.is(machine));
    let machines = KeyPath::default().key("machines");
    let values = [
        ("group", wish.group.as_ref().map(|group| group.as_str())),
        ("config", wish.config.as_ref().map(|config| config.as_str())),
        ("hostname", wish.hostname.as_ref().map(|hostname| hostname.as_str())),
    ];
    let edited = match at {
        None => {
            let given = values.iter().filter_map(|(key, value)| Some(format!(", {key}: \"{}\"", (*value)?)));
            let entry = format!("{{{}{}}}", identity.entry(), given.collect::<String>());
            append(name, text, &machines, &entry).map_err(by_hand(name))?
        }
        Some(at) => {
            let entry = machines.index(at);
            let machine = &room.machines[at];
            let mut text = text.to_owned();
            // The other of both goes.
            for (key, gone) in [
                ("config", wish.group.is_some() && machine.config.is_some()),
                ("group", wish.config.is_some() && machine.group.is_some()),
            ] {
                if gone {
                    text = unset(name, &text, &entry.clone().key(key)).map_err(by_hand(name))?;
                }
            }
            for (key, value) in values {
                if let Some(value) = value {
                    text = set(name, &text, &entry.clone().key(key), value).map_err(by_hand(name))?;
                }
            }
            text
        }
    };
    // A group that is not there, a name that another machine has: said before anything is written.
    parse_machines(name, &edited)
        .map_err(|report| Fault::new(format!("{report}\nnetboot: nothing was changed")))?;
    Ok(edited)
}

fn by_hand(name: &str) -> impl Fn(dockos_config::EditError) -> Fault + '_ {
    move |error| Fault::new(format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Folders;

    fn assigned(
        text: &str,
        identity: &str,
        group: Option<&str>,
        config: Option<&str>,
        name: Option<&str>,
    ) -> Result<String> {
        let folders = Folders { boot: "/".into(), state: "/".into() };
        let wish = Wish {
            folders,
            identity: identity.to_owned(),
            group: group.map(|group| group.parse().unwrap()),
            config: config.map(|config| config.parse().unwrap()),
            hostname: name.map(|name| name.parse().unwrap()),
        };
        changed("machines.yml", text, &wish)
    }

    const ROOM: &str = "# Room 3\ngroups:\n  lab: { config: lab.yml } # all of them\nmachines:\n  # by the door\n  \
                        - { mac: \"52:54:00:00:00:01\", group: lab, hostname: lab-01 }\n";

    #[test]
    fn a_new_machine_comes_last_and_comments_stay() {
        let text = assigned(ROOM, "52-54-00-00-00-02", Some("lab"), None, Some("lab-02")).unwrap();
        assert!(text.starts_with(ROOM.trim_end()), "{text}");
        let (room, _) = parse_machines("m", &text).unwrap();
        assert_eq!(room.machines[1].hostname.as_ref().unwrap().as_str(), "lab-02");
    }

    #[test]
    fn a_known_machine_is_changed_in_its_place() {
        let text = assigned(ROOM, "525400000001", None, Some("teacher.yml"), None).unwrap();
        assert!(text.contains("  # by the door\n"), "{text}");
        let (room, _) = parse_machines("m", &text).unwrap();
        assert_eq!(room.machines.len(), 1);
        assert_eq!(room.machines[0].config.as_ref().unwrap().as_str(), "teacher.yml");
        assert_eq!((&room.machines[0].group, room.machines[0].hostname.is_some()), (&None, true));
    }

    #[test]
    fn an_empty_file_is_begun_and_serial_numbers_stay_texts() {
        for serial in ["0123", "it's", "a: b", "1e3", "- x1"] {
            let text = assigned("", serial, None, Some("a.yml"), None).unwrap();
            let (room, _) = parse_machines("m", &text).unwrap();
            assert_eq!(room.machines[0].serial.as_ref().unwrap().as_str(), serial);
        }
        let text = assigned("", "01234567-89ab-cdef-0123-456789abcdef", None, Some("a.yml"), None).unwrap();
        assert!(parse_machines("m", &text).unwrap().0.machines[0].uuid.is_some());
    }

    #[test]
    fn what_cannot_be_is_refused_before_anything_is_written() {
        for (text, identity, group, message) in [
            (ROOM, "525400000002", "lob", "did you mean `lab`"),
            (ROOM, "none", "lab", "many machines say the same"),
            ("machines: [{}]\n", "525400000002", "lab", "mend that first"),
        ] {
            let error = assigned(text, identity, Some(group), None, None).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
