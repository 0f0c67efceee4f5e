//! The tables of users and groups as text: the image's, and the config's on top of them.

use std::collections::BTreeSet;

use dockos_config::{Config, User};

use crate::users;

/// Numbers of users that are given none.
const USERS: std::ops::Range<u32> = 1000..60_000;
/// Numbers of users of services.
const SERVICES: std::ops::Range<u32> = 100..1000;
/// Numbers of groups, told by their names: the same group has the same number at each boot.
const GROUPS: std::ops::Range<u32> = 30_000..50_000;
/// Passwords never expire.
const AGES: &str = "0:0:99999:7:::";

/// The texts of passwd, group and shadow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    pub(crate) passwd: String,
    pub(crate) group: String,
    pub(crate) shadow: String,
}

/// A user of the config that has a line of its own.
#[derive(Debug)]
pub(crate) struct Person<'a> {
    pub(crate) user: &'a User,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) home: String,
}

type Rows = Vec<Vec<String>>;

/// The image's tables with the config's users and groups. `owner` tells whose an existing folder is: a user keeps its
/// number for as long as its home is there, wherever in the list it stands. `homes` are the owners of all homes that
/// are there: a new user gets no number of one who is gone, whose home it would get with it.
pub(crate) fn with_config<'a>(
    image: &Tables,
    config: &'a Config,
    owner: &dyn Fn(&str) -> Option<u32>,
    homes: &[u32],
) -> (Tables, Vec<Person<'a>>) {
    let (mut passwd, mut group, mut shadow) = (rows(&image.passwd), rows(&image.group), rows(&image.shadow));
    let people: Vec<&User> =
        users::of(config).filter(|user| find(&passwd, user.name.as_str()).is_none()).collect();
    let numbers = user_numbers(&passwd, &people, owner, homes);
    for new in &config.groups {
        // A group that is named like a user is the user's own.
        if !people.iter().any(|user| is_own_group(user, new.name.as_str())) {
            add_group(&mut group, new.name.as_str(), None);
        }
    }
    let mut made = Vec::new();
    for (user, uid) in people.into_iter().zip(numbers) {
        let name = user.name.as_str();
        let gid = match user.primary_group.as_ref().filter(|group| group.as_str() != name) {
            Some(primary) => find(&group, primary.as_str()).and_then(number),
            None => add_group(&mut group, name, Some(uid)),
        };
        let gid = gid.unwrap_or(uid);
        let home = home(user);
        let gecos = user.gecos.as_ref().map_or("", |gecos| gecos.as_str());
        let shell = user.shell.as_ref().map_or("/bin/sh", |shell| shell.as_str());
        passwd.push(row(&[name, "x", &uid.to_string(), &gid.to_string(), gecos, &home, shell]));
        shadow.push(rows(&format!("{name}:*:{AGES}")).concat());
        made.push(Person { user, uid, gid, home });
    }
    for user in users::of(config) {
        let field = find_mut(&mut shadow, user.name.as_str()).and_then(|row| row.get_mut(1));
        if let (Some(field), Some(hash)) = (field, password(user)) {
            *field = hash;
        }
        let shell = find_mut(&mut passwd, user.name.as_str()).and_then(|row| row.get_mut(6));
        if let (Some(field), Some(shell)) = (shell, &user.shell) {
            shell.as_str().clone_into(field);
        }
        user.groups.0.iter().for_each(|name| join(&mut group, name.as_str(), user.name.as_str()));
    }
    for each in &config.groups {
        each.members.0.iter().for_each(|member| join(&mut group, each.name.as_str(), member.as_str()));
    }
    (Tables { passwd: text(&passwd), group: text(&group), shadow: text(&shadow) }, made)
}

fn is_own_group(user: &User, group: &str) -> bool {
    user.name.as_str() == group && user.primary_group.as_ref().is_none_or(|primary| primary.as_str() == group)
}

fn home(user: &User) -> String {
    match &user.homedir {
        Some(home) => home.as_str().to_owned(),
        None if user.system => "/nonexistent".to_owned(),
        None => format!("/home/{}", user.name),
    }
}

/// What shadow has for a user: the hash, behind a `!` if it is locked.
fn password(user: &User) -> Option<String> {
    let lock = if user.unlocked() { "" } else { "!" };
    user.password().map(|hash| format!("{lock}{}", hash.reveal()))
}

/// A number for each user: the config's own, then that of the home that is there, then the next one that is free.
fn user_numbers(
    passwd: &Rows,
    people: &[&User],
    owner: &dyn Fn(&str) -> Option<u32>,
    homes: &[u32],
) -> Vec<u32> {
    let mut taken: BTreeSet<u32> = numbers(passwd);
    let mut numbers: Vec<Option<u32>> = people.iter().map(|user| user.uid.map(|uid| uid.get())).collect();
    taken.extend(numbers.iter().flatten());
    for (user, number) in people.iter().zip(&mut numbers).filter(|(_, number)| number.is_none()) {
        *number = owner(&home(user)).filter(|uid| !user.system && USERS.contains(uid) && taken.insert(*uid));
    }
    taken.extend(homes);
    for (user, number) in people.iter().zip(&mut numbers).filter(|(_, number)| number.is_none()) {
        let free = |uid: &u32| !taken.contains(uid);
        *number = if user.system { SERVICES.rev().find(free) } else { USERS.clone().find(free) };
        taken.extend(*number);
    }
    // More users than numbers are refused by the config check.
    numbers.into_iter().map(|number| number.unwrap_or(USERS.end)).collect()
}

/// Adds a group if it is not there; returns its number.
fn add_group(groups: &mut Rows, name: &str, wish: Option<u32>) -> Option<u32> {
    if let Some(row) = find(groups, name) {
        return number(row);
    }
    let taken: BTreeSet<u32> = numbers(groups);
    let free = |gid: &u32| !taken.contains(gid);
    let sum =
        name.bytes().fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let first = GROUPS.start + sum % (GROUPS.end - GROUPS.start);
    let gid = wish.filter(free).or_else(|| (first..GROUPS.end).chain(GROUPS).find(free))?;
    groups.push(row(&[name, "x", &gid.to_string(), ""]));
    Some(gid)
}

/// Adds a member to a group.
fn join(groups: &mut Rows, name: &str, member: &str) {
    let Some(members) = find_mut(groups, name).and_then(|row| row.get_mut(3)) else { return };
    if !members.split(',').any(|known| known == member) {
        if !members.is_empty() {
            members.push(',');
        }
        members.push_str(member);
    }
}

fn rows(text: &str) -> Rows {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| line.split(':').map(str::to_owned).collect()).collect()
}

fn row(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| (*field).to_owned()).collect()
}

fn text(rows: &Rows) -> String {
    let mut text = String::new();
    for row in rows {
        text.push_str(&row.join(":"));
        text.push('\n');
    }
    text
}

fn find<'r>(rows: &'r Rows, name: &str) -> Option<&'r [String]> {
    rows.iter().find(|row| row.first().is_some_and(|first| first == name)).map(Vec::as_slice)
}

fn find_mut<'r>(rows: &'r mut Rows, name: &str) -> Option<&'r mut Vec<String>> {
    rows.iter_mut().find(|row| row.first().is_some_and(|first| first == name))
}

/// The third field, of passwd and of group.
fn number(row: &[String]) -> Option<u32> {
    row.get(2)?.parse().ok()
}

fn numbers(rows: &Rows) -> BTreeSet<u32> {
    rows.iter().filter_map(|row| number(row)).collect()
}

/// The number of a user or group by its name in a table.
pub(crate) fn number_of(table: &str, name: &str) -> Option<u32> {
    find(&rows(table), name).and_then(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$5$saltsalt$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn image() -> Tables {
        Tables {
            passwd: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n".to_owned(),
            group: "root:x:0:\nvideo:x:44:\ndocker:x:998:\n".to_owned(),
            shadow: "root:*:0:0:99999:7:::\n".to_owned(),
        }
    }

    fn made(config: &str, homes: &[(&str, u32)]) -> Tables {
        let config = dockos_config::parse("test.yml", config).unwrap();
        let owner = |home: &str| homes.iter().find(|(path, _)| *path == home).map(|(_, uid)| *uid);
        let owners: Vec<u32> = homes.iter().map(|(_, uid)| *uid).collect();
        with_config(&image(), &config, &owner, &owners).0
    }

    fn line<'t>(table: &'t str, name: &str) -> &'t str {
        table.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap_or("none")
    }

    #[test]
    fn no_users_leave_the_image_as_it_is() {
        let tables = made("hostname: x\n", &[]);
        assert_eq!(
            (tables.passwd, tables.group, tables.shadow),
            (image().passwd, image().group, image().shadow)
        );
    }

    #[test]
    fn users_get_lines_numbers_and_groups() {
        let tables = made(
            &format!(
                "groups: [{{lab: [alice, root]}}]\nusers:\n- {{name: alice, gecos: Alice Li, groups: [video], \
                 passwd: '{HASH}', lock_passwd: false}}\n- {{name: bob, uid: 1000, primary_group: lab, passwd: '{HASH}', \
                 lock_passwd: true}}\n- {{name: web, system: true, shell: /bin/false}}\n"
            ),
            &[],
        );
        assert_eq!(line(&tables.passwd, "alice"), "alice:x:1001:1001:Alice Li:/home/alice:/bin/sh");
        let lab = number_of(&tables.group, "lab").unwrap();
        assert_eq!(line(&tables.passwd, "bob"), format!("bob:x:1000:{lab}::/home/bob:/bin/sh"));
        assert_eq!(line(&tables.passwd, "web"), "web:x:999:999::/nonexistent:/bin/false");
        assert_eq!(line(&tables.group, "video"), "video:x:44:alice");
        assert_eq!(line(&tables.group, "lab"), format!("lab:x:{lab}:alice,root"));
        assert_eq!(line(&tables.shadow, "alice"), format!("alice:{HASH}:{AGES}"));
        assert_eq!(line(&tables.shadow, "bob"), format!("bob:!{HASH}:{AGES}"));
        assert_eq!(line(&tables.shadow, "web"), format!("web:*:{AGES}"));
        assert!(GROUPS.contains(&lab));
    }

    #[test]
    fn a_home_keeps_its_users_number() {
        let tables = made(
            "users: [{name: new}, {name: old}, {name: odd}]\n",
            &[("/home/old", 1000), ("/home/odd", 7)],
        );
        assert_eq!(number_of(&tables.passwd, "old"), Some(1000));
        assert_eq!(number_of(&tables.passwd, "new"), Some(1001));
        assert_eq!(number_of(&tables.passwd, "odd"), Some(1002), "a number that is no user's is not kept");
    }

    #[test]
    fn a_new_user_gets_no_number_of_one_who_is_gone() {
        let tables = made("users: [{name: new}]\n", &[("/home/gone", 1000)]);
        assert_eq!(number_of(&tables.passwd, "new"), Some(1001));
        let tables = made("users: [{name: gone}, {name: new}]\n", &[("/home/gone", 1000)]);
        assert_eq!(number_of(&tables.passwd, "gone"), Some(1000), "it is back");
    }

    #[test]
    fn root_changes_only_how_it_logs_in() {
        let tables = made(&format!("users: [{{name: root, passwd: '{HASH}', lock_passwd: false}}]\n"), &[]);
        assert_eq!(tables.passwd, image().passwd);
        assert_eq!(line(&tables.shadow, "root"), format!("root:{HASH}:{AGES}"));
    }

    #[test]
    fn a_group_has_the_same_number_whatever_else_there_is() {
        let one = made("groups: [teachers]\n", &[]);
        let two = made("groups: [a, b, teachers]\nusers: [{name: alice}]\n", &[]);
        assert_eq!(number_of(&one.group, "teachers"), number_of(&two.group, "teachers"));
    }

    #[test]
    fn a_broken_line_has_no_number() {
        assert_eq!(number_of("root:x:0\nbad\n", "bad"), None);
        assert_eq!(number_of("http:x:33:33\n", "http"), Some(33));
    }
}
