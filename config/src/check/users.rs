//! Users, groups, and whether anybody can log in.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use crate::schema::{Config, User, UserItem};
use crate::value::{Account, quoted};
use crate::yaml::Step::{Item, Key};

/// Groups of the root image.
const OWN_GROUPS: [&str; 8] = ["root", "tty", "disk", "audio", "video", "docker", "dockremap", "nogroup"];

/// Users of the root image that are nobody's to change.
const OWN_USERS: [&str; 2] = ["dockremap", "nobody"];

impl Checker<'_> {
    pub(super) fn users(&mut self, config: &Config) {
        let (mut names, mut numbers) = (BTreeSet::new(), BTreeMap::new());
        for (i, user) in users(config) {
            let at = |key| [Key("users"), Item(i), Key(key)];
            let name = user.name.as_str();
            if OWN_USERS.contains(&name) {
                self.at(&at("name"), format!("`{name}` is the machine's own user"), "choose another name");
            } else if !names.insert(name) {
                self.at(
                    &at("name"),
                    format!("a user `{name}` is there already"),
                    "give each user its own name",
                );
            }
            if let Some(uid) = user.uid.map(|uid| uid.get()) {
                if (uid == 0) != (name == "root") {
                    self.at(
                        &at("uid"),
                        "0 is the number of root, and of root alone",
                        "choose another number",
                    );
                } else if let Some(other) = numbers.insert(uid, name) {
                    let message = format!("{uid} is the number of the user `{other}`");
                    self.at(&at("uid"), message, "choose another number");
                }
            }
            for (key, path) in [("shell", &user.shell), ("homedir", &user.homedir)] {
                if let Some(path) = path.as_ref().filter(|path| path.as_str().contains(':')) {
                    let message = format!("{} cannot stand in /etc/passwd", quoted(path.as_str()));
                    self.at(&at(key), message, "choose a path with no `:`");
                }
            }
            if user.passwd.is_some() && user.hashed_passwd.is_some() {
                let message = "`passwd` and `hashed_passwd` are the same key";
                self.at(&[Key("users"), Item(i)], message, "remove one of them");
            }
            self.password(user, i);
        }
    }

    fn password(&mut self, user: &User, i: usize) {
        let name = &user.name;
        let item = [Key("users"), Item(i)];
        if user.lock_passwd == Some(false) && user.password().is_none() {
            let message = format!("the user `{name}` has no password to log in with");
            self.warn(&[item[0], item[1], Key("lock_passwd")], message, "add its hash as `passwd`");
        } else if user.lock_passwd.is_none() && user.password().is_some() {
            let message = format!("the password of the user `{name}` is locked");
            self.warn(
                &item,
                message,
                "to log in with it, add `lock_passwd: false`; if it is meant so, `true`",
            );
        }
        let sudo = !user.sudo.0.is_empty();
        if sudo && user.name.as_str() != "root" && !can_log_in(user) {
            let message = format!("the user `{name}` may use sudo, but cannot log in");
            let hint = "add `ssh_authorized_keys`, or `passwd` and `lock_passwd: false`";
            self.warn(&[item[0], item[1], Key("sudo")], message, hint);
        }
    }

    pub(super) fn groups(&mut self, config: &Config) {
        let mut known: BTreeSet<&str> = OWN_GROUPS.into_iter().collect();
        for (i, group) in config.groups.iter().enumerate() {
            let name = group.name.as_str();
            if !known.insert(name) && !OWN_GROUPS.contains(&name) {
                let message = format!("a group `{name}` is there already");
                self.at(&[Key("groups"), Item(i)], message, "list each group once");
            }
        }
        // A user with no group of its own is in one of its name.
        known.extend(
            users(config)
                .filter(|(_, user)| user.primary_group.is_none())
                .map(|(_, user)| user.name.as_str()),
        );
        for (i, user) in users(config) {
            let primary = user.primary_group.iter().filter(|group| group.as_str() != user.name.as_str());
            for group in primary.filter(|group| !known.contains(group.as_str())) {
                self.no_group(group, &[Key("users"), Item(i), Key("primary_group")]);
            }
            for (j, group) in user.groups.0.iter().enumerate().filter(|(_, g)| !known.contains(g.as_str())) {
                self.no_group(group, &[Key("users"), Item(i), Key("groups"), Item(j)]);
            }
        }
        let mut people: BTreeSet<&str> = users(config).map(|(_, user)| user.name.as_str()).collect();
        people.insert("root");
        for (i, group) in config.groups.iter().enumerate() {
            let name = group.name.as_str();
            for (j, member) in
                group.members.0.iter().enumerate().filter(|(_, m)| !people.contains(m.as_str()))
            {
                let message = format!("there is no user {}", quoted(member.as_str()));
                let path = [Key("groups"), Item(i), Key(name), Item(j)];
                self.at(&path, message, "add it to `users`");
            }
        }
    }

    fn no_group(&mut self, group: &Account, path: &[crate::yaml::Step<'_>]) {
        let message = format!("there is no group {}", quoted(group.as_str()));
        self.at(path, message, "add it to `groups` at the top level");
    }

    /// Ways to log in that nobody can go.
    pub(super) fn logins(&mut self, config: &Config) {
        if config.ssh_pwauth && !users(config).any(|(_, user)| user.unlocked()) {
            let message = "no user has a password to log in with by ssh";
            self.warn(&[Key("ssh_pwauth")], message, "give a user `passwd` and `lock_passwd: false`");
        }
        let others = users(config).any(|(_, user)| user.name.as_str() != "root" && can_log_in(user));
        if config.disable_root && !others {
            let message = "root cannot log in by ssh, and there is no user who can";
            self.warn(&[Key("disable_root")], message, "add a user with `ssh_authorized_keys`");
        }
    }
}

/// The users, with their places.
fn users(config: &Config) -> impl Iterator<Item = (usize, &User)> {
    config.users.iter().map(UserItem::user).enumerate().filter_map(|(i, user)| Some((i, user?)))
}

fn can_log_in(user: &User) -> bool {
    user.unlocked() || !user.ssh_authorized_keys.is_empty()
}
