//! Butane and Ignition: the first is YAML with `password_hash`, the second JSON with `passwordHash`.

use super::rows::{Row, by, not, same, within};
use super::tree::{self, entries, items, list, map, place, scalar, text};
use super::{Import, butane_files};
use crate::value::quoted;
use crate::yaml::{Entry, Node};

const NO_FORMAT: &str = "nothing is formatted without consent";
const STATE: &str = "`dockos.state.create: empty-disk` lets an empty disk become the state disk";
const OPENSHIFT: &str = "it is for OpenShift's own machines";
const NO_UNITS: &str = "DockOS has no systemd";
const CONTAINER_LINUX: &str = "it is a service of Container Linux";

pub(super) const ROWS: &[Row] = &[
    by("variant", "says what the file is", |_, _| {}),
    by("version", "says what the file is", |_, _| {}),
    within("ignition", IGNITION),
    within("passwd", &[by("users", "`users`", users), by("groups", "`groups`", groups)]),
    within("storage", STORAGE),
    within(
        "systemd",
        &[by("units", "no: DockOS has no systemd; make each a service under `dockos.services`", units)],
    ),
    within(
        "networkd",
        &[by("units", "no: DockOS has no systemd; describe the network under `network`", units)],
    ),
    not(
        "kernel_arguments",
        "the kernel's command line belongs to what boots it",
        "set them in the boot loader or for PXE",
    ),
    not("boot_device", NO_FORMAT, STATE),
    not("grub", "the boot loader's password is not set from here", "set it where the boot loader is set up"),
    not("metadata", OPENSHIFT, "leave it out"),
    not("openshift", OPENSHIFT, "leave it out"),
    not("extensions", "no package can be installed", "run the program as a service of `dockos.services`"),
    not("etcd", CONTAINER_LINUX, "run it under `dockos.services`"),
    not("flannel", CONTAINER_LINUX, "run it under `dockos.services`"),
    not("docker", "it is for Container Linux", "set the keys under `dockos.docker`"),
    not("update", "it is for Container Linux", "see `dockos.upgrade` in the reference"),
    not("locksmith", "it is for Container Linux", "see `dockos.upgrade` in the reference"),
];

const NO_FETCH: &str = "a file does not fetch another";

const IGNITION: &[Row] = &[
    by("version", "says what the file is", |_, _| {}),
    within(
        "config",
        &[
            by(
                "merge",
                "no: a file does not fetch another; fetch it, import it, and put both together",
                sources,
            ),
            by("replace", "no: a file does not fetch another; fetch it, and import that", sources),
            by(
                "append",
                "no: a file does not fetch another; fetch it, import it, and put both together",
                sources,
            ),
        ],
    ),
    not("timeouts", "DockOS has its own bounds for fetching", "leave it out"),
    not(
        "proxy",
        "it was for fetching the parts of this file",
        "a proxy for the engines is set under `dockos.proxies`",
    ),
    within(
        "security",
        &[within(
            "tls",
            &[by(
                "certificate_authorities",
                "`ca_certs.trusted`, if they are in the file",
                butane_files::authorities,
            )],
        )],
    ),
];

const STORAGE: &[Row] = &[
    by(
        "files",
        "`write_files`; /etc/hostname, sysctl.d and modules-load.d to their keys",
        butane_files::files,
    ),
    by("directories", "`bootcmd` with `install -d`", butane_files::directories),
    by("links", "`bootcmd` with `ln`; /etc/localtime is `timezone`", butane_files::links),
    by("disks", "no: nothing is formatted without consent", disks),
    by("raid", "no: nothing is formatted without consent", disks),
    by(
        "filesystems",
        "no: nothing is formatted without consent; those there are can be named under `mounts`",
        disks,
    ),
    by("luks", "no: nothing is formatted without consent", disks),
    not("trees", "it names folders beside the file, which are not here", "put them into an image"),
];

/// Ignition's own table is Butane's: the spellings are compared without `_` and case.
pub(super) fn turn(import: &mut Import, root: &Node) {
    if root.get("variant").is_none() && root.get("ignition").is_none() {
        let message = "neither `variant` nor `ignition` says that this is for Butane or Ignition";
        import.note(root.mark, message, "give the right system with `--from`");
    }
    import.walk(root, ROWS);
}

/// The value of a field in either spelling.
pub(super) fn field<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let entry = entries(node).iter().find(|entry| same(&entry.key, name))?;
    (!entry.value.is_null()).then_some(&entry.value)
}

/// The text of a field.
pub(super) fn word<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    field(node, name).and_then(scalar)
}

/// Other files that were to be fetched.
fn sources(import: &mut Import, entry: &Entry) {
    for source in items(&entry.value) {
        let where_from = word(source, "source").or_else(|| word(source, "local")).unwrap_or_default();
        // An address may hold a password, and a `data:` one whatever it likes.
        let shown =
            if where_from.starts_with("data:") || where_from.contains('@') { "a config" } else { where_from };
        let message = format!("{} of `{}` is not taken over: {NO_FETCH}", quoted(shown), entry.key);
        import.leave(source.mark, message, "fetch it, import it, and put it into `conf.d` beside this one");
    }
}

/// Fields of a user that are the same here, by another name.
const USER: [(&str, &str); 10] = [
    ("name", "name"),
    ("ssh_authorized_keys", "ssh_authorized_keys"),
    ("password_hash", "passwd"),
    ("uid", "uid"),
    ("gecos", "gecos"),
    ("groups", "groups"),
    ("shell", "shell"),
    ("home_dir", "homedir"),
    ("primary_group", "primary_group"),
    ("system", "system"),
];

/// Fields of a user that have no counterpart.
const NOT_USER: [(&str, &str, &str); 5] = [
    (
        "ssh_authorized_keys_local",
        "it names files that are not here",
        "write the keys under `ssh_authorized_keys`",
    ),
    ("no_user_group", "a user has a group of its own, or that of `primary_group`", "write `primary_group`"),
    ("no_log_init", "no such log is kept", "leave it out"),
    ("should_exist", "users are made anew at each boot", "leave the user out"),
    ("create", "the keys of a user stand beside its name", "move them there"),
];

fn users(import: &mut Import, entry: &Entry) {
    let mut users = Vec::new();
    for user in items(&entry.value) {
        if field(user, "should_exist").is_some_and(tree::nothing) {
            import.leave(
                user.mark,
                "a user that is to be removed is not there in the first place",
                "leave it out",
            );
            continue;
        }
        users.push(one_user(import, user));
    }
    import.take("users", &list(entry.value.mark, users));
}

fn one_user(import: &mut Import, user: &Node) -> Node {
    let mut out = map(user.mark);
    for entry in entries(user).iter().filter(|entry| !entry.value.is_null()) {
        if let Some((_, name)) = USER.iter().find(|(name, _)| same(name, &entry.key)) {
            place(&mut out, name, entry.value.clone());
            if *name == "passwd" {
                place(&mut out, "lock_passwd", text(entry.value.mark, "false"));
            }
        } else if same(&entry.key, "no_create_home") {
            place(&mut out, "no_create_home", entry.value.clone());
        } else {
            match NOT_USER.iter().find(|(name, ..)| same(name, &entry.key)) {
                Some(_) if tree::nothing(&entry.value) || same("should_exist", &entry.key) => {}
                Some((_, why, instead)) => import.refuse(entry, why, instead),
                None => import.unknown_of(entry, &USER.map(|(name, _)| name)),
            }
        }
    }
    out
}

fn groups(import: &mut Import, entry: &Entry) {
    let mut groups = Vec::new();
    for group in items(&entry.value) {
        let Some(name) = field(group, "name") else { continue };
        groups.push(name.clone());
        for entry in entries(group).iter().filter(|entry| entry.key != "name" && !tree::nothing(&entry.value))
        {
            match &entry.key {
                key if same(key, "should_exist") || same(key, "system") => {}
                key if same(key, "gid") => {
                    import.refuse(entry, "a group gets the next number that is free", "leave it out")
                }
                key if same(key, "password_hash") => {
                    import.refuse(entry, "groups have no passwords", "leave it out")
                }
                _ => import.unknown_of(entry, &["name", "gid", "system", "password_hash"]),
            }
        }
    }
    import.take("groups", &list(entry.value.mark, groups));
}

/// What to do instead of a unit, by the end of its name.
const UNITS: [(&str, &str); 9] = [
    (".mount", "name what it mounts under `mounts`"),
    (".automount", "name what it mounts under `mounts`"),
    (".swap", "see `swap` in the reference"),
    (".timer", "make it a service under `dockos.services` that sleeps and works in turn"),
    (".network", "describe the interface under `network`"),
    (".netdev", "describe the bond, bridge or VLAN under `network`"),
    (".link", "see `match` and `set-name` under `network.ethernets`"),
    ("docker.service", "set up the engine under `dockos.docker`"),
    ("", "make it a service under `dockos.services`"),
];

fn units(import: &mut Import, entry: &Entry) {
    for unit in items(&entry.value) {
        let name = word(unit, "name").unwrap_or_default();
        let instead = UNITS.iter().find(|(end, _)| name.ends_with(end)).map_or("", |(_, instead)| *instead);
        let mark = field(unit, "name").unwrap_or(unit).mark;
        import.leave(mark, format!("the unit {} is not taken over: {NO_UNITS}", quoted(name)), instead);
    }
}

fn disks(import: &mut Import, entry: &Entry) {
    for disk in items(&entry.value) {
        let device = word(disk, "device").or_else(|| word(disk, "name")).unwrap_or_default();
        let message = format!("{} under `{}` is not taken over: {NO_FORMAT}", quoted(device), entry.key);
        let there = word(disk, "path").filter(|_| same(&entry.key, "filesystems"));
        let instead = match there {
            Some(path) => format!("if it is there already: `mounts: [[{device}, {path}]]`"),
            None => STATE.to_owned(),
        };
        import.leave(disk.mark, message, instead);
    }
}
