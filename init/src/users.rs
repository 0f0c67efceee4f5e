//! Users and groups of the config: lines of passwd, group and shadow, homes, and keys to log in with.
//!
//! /etc is made anew at each boot, so the tables are the image's and the config's and nothing else. Homes lie on the
//! state disk: they are made once, and never changed or removed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::Path;

use dockos_config::{Config, User, UserItem};
use nix::unistd::{Gid, Uid, setfsgid, setfsuid};

use crate::accounts::{self, Person, Tables};
use crate::machine::Machine;
use dockos_control::error::{Context, Fault, Result};
use dockos_control::files;

/// The tables as the image has them, kept for the day another config is put in force.
const IMAGE: &str = "/run/dockos/accounts";
/// The tables in use, and their modes.
const FILES: [(&str, u32); 3] = [("passwd", 0o644), ("group", 0o644), ("shadow", 0o600)];
/// Where homes lie, those of users who are gone too.
const HOMES: &str = "/var/home";
/// Shells that may be logged in with.
const SHELLS: &str = "/etc/shells";

/// The users that a config describes.
pub(crate) fn of(config: &Config) -> impl Iterator<Item = &User> {
    config.users.iter().filter_map(UserItem::user)
}

/// Those who can log in by ssh, by name.
pub(crate) fn logins(config: &Config) -> Vec<&str> {
    let by_ssh =
        |user: &&User| !user.ssh_authorized_keys.is_empty() || (config.ssh_pwauth && user.unlocked());
    let mut names: Vec<&str> = of(config).filter(by_ssh).map(|user| user.name.as_str()).collect();
    if !config.ssh_authorized_keys.is_empty() && !names.contains(&"root") {
        names.insert(0, "root");
    }
    if config.disable_root {
        names.retain(|name| *name != "root");
    }
    names
}

/// Makes the users. What is wrong with one of them is a problem that is named; the others are made.
pub(crate) fn apply(machine: &Machine) {
    let config = machine.config();
    machine.check(authorize_root(&config));
    let people = match write_tables(&config) {
        Ok(people) => people,
        Err(fault) => return machine.problem(format!("users: {fault}")),
    };
    for person in &people {
        machine.check(settle(person).context(|| format!("user {}", person.user.name)));
    }
}

fn write_tables(config: &Config) -> Result<Vec<Person<'_>>> {
    let read = |name: &str| {
        let path = format!("{IMAGE}/{name}");
        fs::read_to_string(&path).context(|| format!("read {path}"))
    };
    if !Path::new(IMAGE).exists() {
        if of(config).next().is_none() && config.groups.is_empty() {
            return Ok(Vec::new());
        }
        for (name, mode) in FILES {
            let bytes = fs::read(format!("/etc/{name}")).context(|| format!("read /etc/{name}"))?;
            files::write_durably(&Path::new(IMAGE).join(name), &bytes, mode)?;
        }
    }
    let image = Tables { passwd: read("passwd")?, group: read("group")?, shadow: read("shadow")? };
    let owner = |home: &str| fs::symlink_metadata(home).ok().map(|folder| folder.uid());
    let homes: Vec<u32> = fs::read_dir(HOMES)
        .map(|homes| homes.flatten().filter_map(|home| Some(home.metadata().ok()?.uid())).collect())
        .unwrap_or_default();
    let (tables, people) = accounts::with_config(&image, config, &owner, &homes);
    for ((name, mode), text) in FILES.iter().zip([tables.passwd, tables.group, tables.shadow]) {
        files::write_durably(&Path::new("/etc").join(name), text.as_bytes(), *mode)?;
    }
    Ok(people)
}

/// A user's shell, home and keys.
fn settle(person: &Person<'_>) -> Result<()> {
    if let Some(shell) = &person.user.shell {
        allow_shell(shell.as_str())?;
    }
    if person.user.no_create_home || person.user.system {
        return Ok(());
    }
    let home = Path::new(&person.home);
    match fs::symlink_metadata(home) {
        Ok(folder) if folder.is_dir() && folder.uid() == person.uid => {}
        Ok(folder) if folder.is_dir() => {
            let (owner, uid) = (folder.uid(), person.uid);
            let home = &person.home;
            return Err(Fault::new(format!(
                "{home} belongs to {owner}, not to {uid}: set `uid: {owner}`, or run `chown -R {uid} {home}`"
            )));
        }
        Ok(_) => return Err(Fault::new(format!("{} is not a folder", person.home))),
        Err(_) => make_home(home, person)?,
    }
    let keys: Vec<&str> = person.user.ssh_authorized_keys.iter().map(|key| key.as_str()).collect();
    as_user(person, &|| authorize(home, &keys))
}

fn allow_shell(shell: &str) -> Result<()> {
    let can_run = fs::metadata(shell).is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0);
    if !can_run {
        return Err(Fault::new(format!("there is no shell {shell} in the root image; /bin/sh is")));
    }
    let mut known = fs::read_to_string(SHELLS).unwrap_or_default();
    if !known.lines().any(|line| line == shell) {
        known.push_str(shell);
        known.push('\n');
        fs::write(SHELLS, known).context(|| format!("write {SHELLS}"))?;
    }
    Ok(())
}

fn make_home(home: &Path, person: &Person<'_>) -> Result<()> {
    let what = || format!("make {}", home.display());
    if let Some(parent) = home.parent() {
        fs::create_dir_all(parent).context(what)?;
    }
    // Beside its place until it is the user's: a power cut leaves no home that belongs to another.
    let beside = home.with_file_name(format!(".{}.new", person.user.name));
    let _ = fs::remove_dir(&beside);
    fs::create_dir(&beside).context(what)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o750)).context(what)?;
    lchown(&beside, Some(person.uid), Some(person.gid)).context(what)?;
    fs::rename(&beside, home).context(what)
}

/// Does something with files as the user: whatever links a home holds, they lead PID 1 nowhere that they would not
/// lead the user. What is made is the user's.
fn as_user(person: &Person<'_>, work: &dyn Fn() -> Result<()>) -> Result<()> {
    setfsgid(Gid::from_raw(person.gid));
    setfsuid(Uid::from_raw(person.uid));
    let result = work();
    setfsuid(Uid::from_raw(0));
    setfsgid(Gid::from_raw(0));
    result
}

fn authorize_root(config: &Config) -> Result<()> {
    let root = of(config).filter(|user| user.name.as_str() == "root");
    let own = root.flat_map(|user| &user.ssh_authorized_keys);
    let keys: Vec<&str> = config.ssh_authorized_keys.iter().chain(own).map(|key| key.as_str()).collect();
    authorize(Path::new("/root"), &keys)
}

/// The keys that may log in: those of this config and no other, so that one that was taken out of it opens nothing.
fn authorize(home: &Path, keys: &[&str]) -> Result<()> {
    let folder = home.join(".ssh");
    let file = folder.join("authorized_keys");
    if keys.is_empty() {
        return match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context(|| format!("remove {}", file.display()))
            }
            _ => Ok(()),
        };
    }
    let mut text = keys.join("\n");
    text.push('\n');
    files::write_durably(&file, text.as_bytes(), 0o600)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))
        .context(|| format!("set the mode of {}", folder.display()))
}
