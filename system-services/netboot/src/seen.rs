//! Machines that asked, for `list`: a file that is written now and then, durably.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dockos_config::RoomMachine;
use dockos_control::error::{Context, Result};
use dockos_control::files::write_durably;
use serde::{Deserialize, Serialize};

use crate::identity::Identity;

/// The file.
const FILE: &str = "seen.json";
/// Machines that are remembered; the oldest go.
const MOST: usize = 1000;
/// Other servers that are remembered.
const MOST_RIVALS: usize = 20;

/// How old the file may be of a machine that only asks again.
const OLD: Duration = Duration::from_secs(60);

/// What is in the file, and whether it is to be written.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    seen: Seen,
    /// There is more to say than that somebody asked again.
    news: bool,
    /// It is not what the file says.
    changed: bool,
    written: Option<Instant>,
}

/// What is in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Seen {
    /// Machines, in the order of their last requests.
    pub(crate) machines: Vec<Machine>,
    /// Other servers on the network that answer machines too.
    pub(crate) rivals: Vec<Rival>,
}

/// A machine that asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Machine {
    /// The addresses of all cards that it asked with.
    pub(crate) macs: Vec<String>,
    /// Its serial number.
    pub(crate) serial: Option<String>,
    /// Its UUID.
    pub(crate) uuid: Option<String>,
    /// Its address at the last request.
    pub(crate) address: String,
    /// When it asked first, in seconds since 1970.
    pub(crate) first: u64,
    /// When it asked last.
    pub(crate) last: u64,
    /// What it got; none: it waits to be assigned.
    pub(crate) got: Option<String>,
    /// All that it is known by.
    #[serde(skip)]
    pub(crate) known: Identity,
}

impl Machine {
    fn of(known: Identity) -> Self {
        Self {
            macs: known.macs.iter().map(ToString::to_string).collect(),
            serial: known.serial.as_ref().map(ToString::to_string),
            uuid: known.uuid.map(|uuid| uuid.to_string()),
            known,
            ..Self::default()
        }
    }

    /// As it was read from the file.
    fn recall(&mut self) {
        self.known = Identity {
            macs: self.macs.iter().filter_map(|mac| mac.parse().ok()).collect(),
            serial: self.serial.as_ref().and_then(|serial| serial.parse().ok()),
            uuid: self.uuid.as_ref().and_then(|uuid| uuid.parse().ok()),
        };
    }
}

/// Another server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rival {
    /// Its address.
    pub(crate) address: String,
    /// What it does.
    pub(crate) what: String,
    /// When it was heard last.
    pub(crate) last: u64,
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Notes {
    /// Reads the file.
    pub(crate) fn load(state: &Path) -> Self {
        Self { seen: Seen::load(state), ..Self::default() }
    }

    /// Notes that a machine asked. Returns all that is known of it.
    pub(crate) fn note<'a>(
        &mut self,
        identity: &Identity,
        address: String,
        entry: impl Fn(&Identity) -> Option<&'a RoomMachine>,
        gets: impl FnOnce(&Identity) -> Option<String>,
    ) -> Identity {
        let (known, news) = self.seen.note(identity, address, entry, gets);
        (self.news, self.changed) = (self.news || news, true);
        known
    }

    /// Notes that another server was heard. Returns whether it is new.
    pub(crate) fn note_rival(&mut self, address: &str, what: &str) -> bool {
        let news = self.seen.note_rival(address, what);
        (self.news, self.changed) = (self.news || news, true);
        news
    }

    /// What is to be written now: at once if there are news, else once the file is old.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Seen> {
        let old = self.written.is_none_or(|written| now.duration_since(written) >= OLD);
        (self.news || (old && self.changed)).then(|| self.take(now))
    }

    /// What is to be written at the end.
    pub(crate) fn last(&mut self) -> Option<Seen> {
        self.changed.then(|| self.take(Instant::now()))
    }

    fn take(&mut self, now: Instant) -> Seen {
        (self.news, self.changed, self.written) = (false, false, Some(now));
        self.seen.clone()
    }
}

impl Seen {
    /// Reads the file; one that is not there, or not as it should be, is an empty one.
    pub(crate) fn load(state: &Path) -> Self {
        let bytes = std::fs::read(path(state)).ok();
        let mut seen: Self = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        seen.machines.iter_mut().for_each(Machine::recall);
        seen
    }

    /// Writes the file.
    pub(crate) fn save(&self, state: &Path) -> Result<()> {
        let path = path(state);
        let text = serde_json::to_vec_pretty(self).context(|| format!("write {}", path.display()))?;
        write_durably(&path, &text, 0o644)
    }

    /// Notes that a machine asked, and what it gets by all that is known of it. Rows that turn out to be of one machine
    /// become one, but for those that are listed as another: anybody can ask with a card of theirs, and some cards go from
    /// machine to machine. Returns what is known, and whether the note says more than that it asked again.
    pub(crate) fn note<'a>(
        &mut self,
        identity: &Identity,
        address: String,
        entry: impl Fn(&Identity) -> Option<&'a RoomMachine>,
        gets: impl FnOnce(&Identity) -> Option<String>,
    ) -> (Identity, bool) {
        let own = entry(identity).or_else(|| self.only_entry(identity, &entry));
        let is_of_another = |row: &Machine| entry(&row.known).is_some_and(|other| own != Some(other));
        let mut known = identity.clone();
        let mut rows = Vec::new();
        // What is known grows with each row, and may join another one to it.
        let joins = |row: &Machine, known: &Identity| row.known.is_one_with(known) && !is_of_another(row);
        while let Some(at) = self.machines.iter().position(|row| joins(row, &known)) {
            let row = self.machines.remove(at);
            known.complete(&row.known);
            rows.push(row);
        }
        // In the order in which cards were seen; for the search, those come first that were asked with.
        let mut shown = Identity { macs: Vec::new(), ..known.clone() };
        rows.iter().for_each(|row| shown.complete(&row.known));
        shown.complete(&known);
        let time = now();
        let first = rows.iter().map(|row| row.first).min().unwrap_or(time);
        let machine = Machine { first, last: time, address, got: gets(&known), ..Machine::of(shown) };
        let news = match &rows[..] {
            [row] => Machine { last: time, ..row.clone() } != machine,
            _ => true,
        };
        if self.machines.len() >= MOST {
            self.machines.remove(0);
        }
        self.machines.push(machine);
        (known, news)
    }

    /// The entry by which rows of this machine are listed, unless they are by several.
    fn only_entry<'a>(
        &self,
        identity: &Identity,
        entry: impl Fn(&Identity) -> Option<&'a RoomMachine>,
    ) -> Option<&'a RoomMachine> {
        let rows = self.machines.iter().filter(|row| row.known.is_one_with(identity));
        let mut entries = rows.filter_map(|row| entry(&row.known));
        let first = entries.next()?;
        entries.all(|other| other == first).then_some(first)
    }

    /// Notes that another server was heard. Returns whether it is new.
    pub(crate) fn note_rival(&mut self, address: &str, what: &str) -> bool {
        let before = self.rivals.len();
        self.rivals.retain(|rival| (rival.address.as_str(), rival.what.as_str()) != (address, what));
        let new = self.rivals.len() == before;
        if self.rivals.len() >= MOST_RIVALS {
            self.rivals.remove(0);
        }
        self.rivals.push(Rival { address: address.to_owned(), what: what.to_owned(), last: now() });
        new
    }
}

fn path(state: &Path) -> PathBuf {
    state.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_machines_are_remembered_and_a_flood_forgets_the_oldest() {
        let mut seen = Seen::default();
        for i in 0..MOST + 5 {
            let identity = Identity::from_query(&format!("mac=5254{i:08x}")).unwrap();
            seen.note(&identity, "10.0.0.9".to_owned(), |_| None, |_| None);
            seen.note(&identity, "10.0.0.9".to_owned(), |_| None, |_| Some("a.yml".to_owned()));
        }
        assert_eq!(seen.machines.len(), MOST);
        let dir = tempfile::tempdir().unwrap();
        seen.save(dir.path()).unwrap();
        assert_eq!(Seen::load(dir.path()), seen);
        std::fs::write(path(dir.path()), "{").unwrap();
        assert_eq!(Seen::load(dir.path()), Seen::default());
    }

    #[test]
    fn who_only_waits_has_the_file_written_once_a_minute() {
        let mut notes = Notes::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let identity = Identity::from_query("mac=525400000001").unwrap();
        let mut written = Vec::new();
        for second in (0..130).step_by(5) {
            let got = (second >= 95).then(|| "a.yml".to_owned());
            notes.note(&identity, "10.0.0.9".to_owned(), |_| None, |_| got);
            written.extend(notes.due(at(second)).map(|_| second));
        }
        assert_eq!(written, [0, 60, 95], "at first, after a minute, when it is assigned");
        assert!(notes.last().is_some());
        assert!(notes.last().is_none() && notes.due(at(1000)).is_none(), "nobody asked since");
    }

    #[test]
    fn rows_of_one_machine_become_one() {
        let mut seen = Seen::default();
        let mut note = |query: &str| {
            let identity = Identity::from_query(query).unwrap();
            let (known, news) = seen.note(&identity, "10.0.0.9".to_owned(), |_| None, |_| None);
            (known.to_string(), news, seen.machines.len())
        };
        let (a, b) = ("mac 52:54:00:00:00:0a", "mac 52:54:00:00:00:0b");
        assert_eq!(note("mac=52540000000a"), (a.to_owned(), true, 1));
        assert_eq!(note("mac=52540000000a"), (a.to_owned(), false, 1));
        assert_eq!(note("mac=52540000000b&serial=PF3X"), (format!("{b}, serial PF3X"), true, 2));
        // PID 1 names all cards: both were this machine.
        assert_eq!(note("mac=52540000000a&mac=52540000000b"), (format!("{a}, {b}, serial PF3X"), true, 1));
        assert_eq!(note("mac=52540000000b"), (format!("{b}, {a}, serial PF3X"), false, 1));
        assert_eq!(note("serial=pf-3x").0, format!("{a}, {b}, serial pf-3x"));
    }

    #[test]
    fn rows_of_two_listed_machines_stay_two() {
        let text = "groups: {a: {config: a.yml}}\nmachines:\n  - {mac: 525400000001, group: a}\n  \
                    - {serial: PF3X, group: a}\n";
        let (room, _) = dockos_config::parse_machines("machines.yml", text).unwrap();
        let mut seen = Seen::default();
        let mut note = |query: &str| {
            let identity = Identity::from_query(query).unwrap();
            let entry = |known: &Identity| room.listed(&known.macs, known.serial.as_ref(), known.uuid);
            let (known, _) = seen.note(&identity, "10.0.0.9".to_owned(), entry, |_| None);
            (entry(&known).map(|entry| entry.mac.is_some()), seen.machines.len())
        };
        let (first, second) = (Some(true), Some(false));
        assert_eq!(note("mac=525400000001"), (first, 1));
        assert_eq!(note("mac=52540000000a&serial=PF3X"), (second, 2));
        assert_eq!(note("mac=52540000000a"), (second, 2), "by what is remembered");
        // With a card of each: a lie, or a card that was lent.
        assert_eq!(note("mac=52540000000a&mac=525400000001"), (first, 2));
        assert_eq!(note("mac=52540000000a&serial=PF3X"), (second, 2));
        // Which of both it is cannot be told, and it has a row of its own.
        assert_eq!([note("mac=52540000000a"), note("mac=52540000000a")], [(None, 3), (None, 3)]);
    }

    #[test]
    fn a_rival_is_new_once() {
        let mut seen = Seen::default();
        assert!(seen.note_rival("10.0.0.2", "boots machines"));
        assert!(!seen.note_rival("10.0.0.2", "boots machines"));
        assert_eq!(seen.rivals.len(), 1);
    }
}
