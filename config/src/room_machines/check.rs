//! What no single key of a `machines.yml` can tell.

use std::collections::BTreeMap;

use super::{RoomMachine, RoomMachines};
use crate::decode::Problems;
use crate::suggest::nearest;
use crate::value::{Name, quoted};
use crate::yaml::Node;
use crate::yaml::Step::{self, Item, Key};

/// Machines that one server knows.
const MOST: usize = 20_000;

/// Checks a whole list.
pub(super) fn machines(room: &RoomMachines, root: &Node, problems: &mut Problems) {
    let mut checker = Checker { room, root, problems };
    if room.machines.len() > MOST || room.groups.len() > MOST {
        let message = format!("{} of these; at most {MOST} are allowed", room.machines.len());
        return checker.at(&[Key("machines")], message, "remove some");
    }
    if let Some(group) = &room.default {
        checker.group(&[Key("default")], group);
    }
    for (i, machine) in room.machines.iter().enumerate() {
        checker.machine(i, machine);
    }
    checker.twice("mac", |machine| machine.mac.map(|mac| mac.to_string()));
    checker.twice("serial", |machine| machine.serial.as_ref().map(|serial| serial.plain().to_owned()));
    checker.twice("uuid", |machine| machine.uuid.map(|uuid| uuid.to_string()));
    checker.same_names();
}

struct Checker<'a> {
    room: &'a RoomMachines,
    root: &'a Node,
    problems: &'a mut Problems,
}

impl Checker<'_> {
    fn at(&mut self, path: &[Step<'_>], message: impl Into<String>, hint: &str) {
        self.problems.add(self.root.mark_of(path), message, hint);
    }

    fn machine(&mut self, i: usize, machine: &RoomMachine) {
        let here = [Key("machines"), Item(i)];
        if machine.mac.is_none() && machine.serial.is_none() && machine.uuid.is_none() {
            self.at(&here, "nothing tells which machine this is", "add its `mac`, `serial` or `uuid`");
        }
        match (&machine.group, &machine.config) {
            (None, None) => {
                self.at(&here, "nothing tells what this machine gets", "add a `group` or a `config`");
            }
            (Some(_), Some(_)) => {
                let path = [here[0], here[1], Key("config")];
                self.at(&path, "a machine has a `group` or a `config`, not both", "remove one of them");
            }
            (Some(group), None) => self.group(&[here[0], here[1], Key("group")], group),
            (None, Some(_)) => {}
        }
    }

    fn group(&mut self, path: &[Step<'_>], group: &Name) {
        if self.room.groups.contains_key(group) {
            return;
        }
        let known: Vec<&str> = self.room.groups.keys().map(Name::as_str).collect();
        let guess = nearest(group.as_str(), &known).map(|name| format!("; did you mean `{name}`?"));
        let message = format!("there is no group {}{}", quoted(group.as_str()), guess.unwrap_or_default());
        self.at(path, message, "name one of `groups`, or add it there");
    }

    /// Finds identities that two machines have.
    fn twice(&mut self, key: &'static str, identity: impl Fn(&RoomMachine) -> Option<String>) {
        let mut seen = BTreeMap::new();
        for (i, machine) in self.room.machines.iter().enumerate() {
            let Some(identity) = identity(machine) else { continue };
            let path = [Key("machines"), Item(i), Key(key)];
            let line = self.root.mark_of(&path).line;
            if let Some(earlier) = seen.insert(identity, line) {
                let message = format!("the machine of line {earlier} has this `{key}` too");
                self.at(&path, message, "keep one of them");
            }
        }
    }

    /// Warns of names that two machines have.
    fn same_names(&mut self) {
        let mut seen = BTreeMap::new();
        for (i, machine) in self.room.machines.iter().enumerate() {
            let Some(name) = &machine.hostname else { continue };
            let mark = self.root.mark_of(&[Key("machines"), Item(i), Key("hostname")]);
            if let Some(earlier) = seen.insert(name.as_str().to_ascii_lowercase(), mark.line) {
                let message = format!("the machine of line {earlier} has this name too");
                self.problems.warn(mark, message, "give each machine its own name");
            }
        }
    }
}
