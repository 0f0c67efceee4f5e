//! Memory: what desktops use of it, and whether there is enough for one more.
//!
//! The sum of all limits says little: an idle desktop uses a tenth of its own. So a desktop counts with what desktops of its
//! image were seen to use at their most, those that run with what they lack of that, and a reserve stays for the machine.
//! What was seen is kept over reboots: the boot is when all start at once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::reason::{Reason, Why};

/// What a desktop is expected to use while none of its image was seen: this share of its limit, and at least what the
/// light session of the base image uses.
const SHARE: u64 = 4;
const EXPECTED: u64 = 96 << 20;
/// What stays for the machine: a tenth of its memory, and at least this.
const LEAST_RESERVE: u64 = 128 << 20;
/// One observation moves what is expected of an image by so much of the difference: a room's worth of them.
const WEIGHT: u64 = 32;
/// One look lets a desktop's peak sink by so much of the difference: half of it in three quarters of an hour.
const SINKING: u64 = 128;
/// What is expected is kept anew when it has moved by so much of itself.
const NOTABLE: u64 = 16;

/// What is left for desktops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Free {
    /// Bytes that the machine can give.
    pub(crate) available: u64,
    /// Bytes that stay for the machine.
    pub(crate) reserve: u64,
}

/// What a desktop uses and may use.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Use {
    /// Bytes it uses now.
    pub(crate) now: u64,
    /// Bytes it is expected to use.
    pub(crate) expected: u64,
}

/// The machine's memory, as the control groups and the kernel tell of it.
#[derive(Debug)]
pub(crate) struct Memory {
    cgroups: PathBuf,
    meminfo: PathBuf,
    expected: RefCell<BTreeMap<String, u64>>,
}

impl Memory {
    /// With what was seen before.
    pub(crate) fn new(cgroups: &Path, expected: BTreeMap<String, u64>) -> Self {
        Self {
            cgroups: cgroups.to_owned(),
            meminfo: "/proc/meminfo".into(),
            expected: RefCell::new(expected),
        }
    }

    /// What a container uses and cannot give back, if it can be told: all but what is a copy of a file.
    pub(crate) fn used(&self, container: &str) -> Option<u64> {
        let group = self.engine_group()?.join("tenants").join(container);
        in_use(&group)
    }

    /// What a desktop of an image is expected to use, at most its limit.
    pub(crate) fn expected(&self, image: &str, limit: Option<u64>) -> u64 {
        let guess = || limit.map_or(EXPECTED, |limit| (limit / SHARE).max(EXPECTED));
        let expected = self.expected.borrow().get(image).copied().unwrap_or_else(guess);
        limit.map_or(expected, |limit| expected.min(limit))
    }

    /// Whether desktops of an image were seen: what is expected of them is no guess.
    pub(crate) fn is_known(&self, image: &str) -> bool {
        self.expected.borrow().contains_key(image)
    }

    /// Takes note of the peak of a desktop that has settled. Tells what is expected now where that differs notably from
    /// what is kept.
    pub(crate) fn observe(&self, image: &str, peak: u64, kept: Option<u64>) -> Option<u64> {
        let mut all = self.expected.borrow_mut();
        let expected = all.entry(image.to_owned()).or_insert(peak);
        *expected = (*expected - *expected / WEIGHT).saturating_add(peak / WEIGHT);
        let now = *expected;
        let notable = kept.is_none_or(|kept| now.abs_diff(kept) > kept / NOTABLE);
        notable.then_some(now)
    }

    /// What there is for one more: of the machine, or of the part of it that desktops may have, whichever is less.
    pub(crate) fn free(&self) -> Option<Free> {
        let text = fs::read_to_string(&self.meminfo).ok()?;
        let of_machine = Free {
            available: kilobytes(&text, "MemAvailable:")?,
            reserve: (kilobytes(&text, "MemTotal:")? / 10).max(LEAST_RESERVE),
        };
        let of_engine = self.engine_group().and_then(|group| {
            let most = fs::read_to_string(group.join("memory.max")).ok()?.trim().parse::<u64>().ok()?;
            // Nothing has to stay here for the machine, but the engine itself grows with its containers.
            Some(Free { available: most.saturating_sub(in_use(&group)?), reserve: most / 20 })
        });
        let left = |free: &Free| free.available.saturating_sub(free.reserve);
        Some(of_engine.filter(|engine| left(engine) < left(&of_machine)).unwrap_or(of_machine))
    }

    /// The group of the user Docker: the only service with tenants below it.
    fn engine_group(&self) -> Option<PathBuf> {
        let services = fs::read_dir(self.cgroups.join("services")).ok()?.flatten();
        services.map(|entry| entry.path()).find(|group| group.join("tenants").is_dir())
    }
}

/// The most that a desktop used lately: it sinks slowly to what it uses, as what was done once is done again.
pub(crate) fn peak(before: u64, used: u64) -> u64 {
    used.max(before - before.saturating_sub(used).div_ceil(SINKING))
}

/// Whether one more fits beside those that run or are about to; if not, the figures.
pub(crate) fn admit(free: Free, wish: u64, running: &[Use]) -> Result<(), Reason> {
    let owed: u64 = running
        .iter()
        .fold(0, |sum, desktop| sum.saturating_add(desktop.expected.saturating_sub(desktop.now)));
    let left = free.available.saturating_sub(free.reserve).saturating_sub(owed);
    if wish <= left {
        return Ok(());
    }
    let mb = |bytes: u64| bytes.div_ceil(1 << 20);
    Err(Why::NoMemory.with(&[&mb(wish), &mb(free.available), &mb(free.reserve), &mb(owed)]))
}

fn in_use(group: &Path) -> Option<u64> {
    let current: u64 = fs::read_to_string(group.join("memory.current")).ok()?.trim().parse().ok()?;
    let stat = fs::read_to_string(group.join("memory.stat")).ok()?;
    let copies = number(&stat, "inactive_file")? + number(&stat, "active_file")?;
    Some(current.saturating_sub(copies))
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    number(text, name)?.checked_mul(1 << 10)
}

/// The number after a name at the beginning of a line.
fn number(text: &str, name: &str) -> Option<u64> {
    let mut words = text.lines().map(str::split_whitespace).find_map(|mut words| {
        let found = words.next() == Some(name);
        found.then_some(words)
    })?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    /// A machine of 4 GB with one desktop; `limit` is that of all of them.
    fn machine(limit: &str) -> (tempfile::TempDir, Memory) {
        let dir = tempfile::tempdir().unwrap();
        let engine = dir.path().join("services/e");
        let desktop = engine.join("tenants/d");
        fs::create_dir_all(&desktop).unwrap();
        fs::create_dir_all(dir.path().join("services/other")).unwrap();
        fs::write(
            dir.path().join("meminfo"),
            "MemTotal: 4194304 kB\nMemFree: 1 kB\nMemAvailable: 1048576 kB\n",
        )
        .unwrap();
        fs::write(engine.join("memory.max"), limit).unwrap();
        for (group, used) in [(&engine, 1000 * MB), (&desktop, 100 * MB)] {
            fs::write(group.join("memory.current"), (used + 30 * MB).to_string()).unwrap();
            let stat = format!("anon 1\ninactive_file {}\nactive_file {}\n", 20 * MB, 10 * MB);
            fs::write(group.join("memory.stat"), stat).unwrap();
        }
        let memory =
            Memory { meminfo: dir.path().join("meminfo"), ..Memory::new(dir.path(), BTreeMap::new()) };
        (dir, memory)
    }

    #[test]
    fn copies_of_files_are_not_in_use() {
        let (_dir, memory) = machine("max\n");
        assert_eq!(memory.used("d"), Some(100 * MB));
        assert_eq!(memory.used("x"), None);
    }

    #[test]
    fn what_is_free_is_the_lesser_of_two() {
        let (_dir, memory) = machine("max\n");
        assert_eq!(memory.free(), Some(Free { available: 1024 * MB, reserve: 4 * 1024 * MB / 10 }));
        let (_dir, memory) = machine(&(1200 * MB).to_string());
        assert_eq!(memory.free(), Some(Free { available: 200 * MB, reserve: 60 * MB }));
    }

    #[test]
    fn an_image_is_known_by_what_its_desktops_use() {
        let memory = Memory::new(Path::new("/nowhere"), BTreeMap::from([("b".to_owned(), 75 * MB)]));
        assert_eq!(memory.expected("a", None), EXPECTED);
        assert_eq!(memory.expected("a", Some(MB)), MB);
        assert_eq!(memory.expected("a", Some(1024 * MB)), 256 * MB, "a guess is no less than a share");
        assert_eq!(memory.expected("b", Some(1024 * MB)), 75 * MB, "what was seen before a reboot is known");
        assert!(memory.is_known("b") && !memory.is_known("a"));
        assert_eq!(memory.observe("a", 320 * MB, None), Some(320 * MB));
        assert_eq!(memory.observe("a", 0, Some(320 * MB)), None, "little is not worth a write");
        assert_eq!(memory.expected("a", None), 310 * MB);
        memory.observe("a", 0, Some(320 * MB));
        assert!(memory.observe("a", 0, Some(320 * MB)).is_some());
        assert_eq!(memory.free().is_some(), Path::new("/proc/meminfo").exists());
    }

    #[test]
    fn a_peak_is_remembered_for_a_while() {
        let mut most = peak(0, 900 * MB);
        most = peak(most, 100 * MB);
        assert!(most > 890 * MB && most < 900 * MB);
        (0..90).for_each(|_| most = peak(most, 100 * MB));
        assert!(most > 450 * MB && most < 550 * MB, "half of it after three quarters of an hour: {most}");
        (0..5000).for_each(|_| most = peak(most, 100 * MB));
        assert_eq!(most, 100 * MB);
        assert_eq!(peak(most, u64::MAX), u64::MAX);
    }

    /// How many desktops of an image a machine of 4 GB starts one after the other, each of which uses so much at first.
    fn admitted(memory: &Memory, limit: u64, used: u64) -> usize {
        let mut free = Free { available: 3600 * MB, reserve: 410 * MB };
        let expected = memory.expected("a", Some(limit));
        let mut running = Vec::new();
        while running.len() < 100 && admit(free, expected, &running).is_ok() {
            running.push(Use { now: used, expected });
            free.available -= used;
        }
        running.len()
    }

    #[test]
    fn a_room_fits_that_is_known_and_heavy_desktops_are_not_taken_for_light_ones() {
        let of = |seen| Memory::new(Path::new("/nowhere"), BTreeMap::from([("a".to_owned(), seen)]));
        assert!(admitted(&of(75 * MB), 512 * MB, 75 * MB) >= 30);
        // As many as fit when all have grown, though they are small while they start.
        assert!(admitted(&of(600 * MB), 1536 * MB, 60 * MB) <= 5);
        let unknown = Memory::new(Path::new("/nowhere"), BTreeMap::new());
        assert!(admitted(&unknown, 1536 * MB, 60 * MB) <= 8, "unknown ones are no light ones either");
    }

    #[test]
    fn those_that_start_count_with_what_they_will_use() {
        let free = Free { available: 1000 * MB, reserve: 100 * MB };
        let starting = Use { now: 10 * MB, expected: 110 * MB };
        let grown = Use { now: 500 * MB, expected: 110 * MB };
        assert_eq!(admit(free, 100 * MB, &[starting; 8]), Ok(()));
        assert_eq!(admit(free, 900 * MB, &[grown; 8]), Ok(()));
        let refused = admit(free, 101 * MB, &[starting; 8]).unwrap_err().to_string();
        for figure in ["101 MB", "1000 MB", "100 MB", "800 MB"] {
            assert!(refused.contains(figure), "{figure}: {refused}");
        }
        assert!(admit(Free::default(), 1, &[]).is_err());
    }

    #[test]
    fn numbers_are_those_of_whole_names() {
        assert_eq!(number("inactive_file_x 1\ninactive_file 2\n", "inactive_file"), Some(2));
        for text in ["", "inactive_file", "inactive_file x", "inactive_file -1"] {
            assert_eq!(number(text, "inactive_file"), None, "{text}");
        }
    }
}
