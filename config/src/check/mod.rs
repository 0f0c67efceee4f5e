//! What no single key can tell: values that do not go together.

mod center;
mod desktops;
mod engines;
mod files;
mod machine;
mod network;
mod services;
mod users;

pub use files::is_own_folder;

use crate::decode::Problems;
use crate::schema::Config;
use crate::yaml::Step::{Item, Key};
use crate::yaml::{Node, Step};

/// What one machine can run. Checks compare each with each: bounds keep them quick for any file.
const MOST_SERVICES: usize = 256;
const MOST_DESKTOPS: usize = 1000;
const MOST_PER_DESKTOP: usize = 32;
const MOST_COURSES: usize = 256;
const MOST_WEB_USERS: usize = 5000;
const MOST_POOLS: usize = 64;
const MOST_ACCOUNTS: usize = 1000;

/// The tree of a file, to find the places of values, and what was found wrong with them.
struct Checker<'a> {
    root: &'a Node,
    problems: &'a mut Problems,
}

/// Checks a whole configuration.
pub(crate) fn config(config: &Config, root: &Node, problems: &mut Problems) {
    let mut checker = Checker { root, problems };
    if !checker.few_enough(config) {
        return;
    }
    checker.files(config);
    checker.mounts(config);
    checker.swap(config);
    checker.users(config);
    checker.groups(config);
    checker.logins(config);
    checker.state(config);
    checker.machine(config);
    checker.center(config);
    checker.kernel(config);
    checker.engines(config);
    checker.desktop_names(&config.dockos.desktops);
    checker.courses(config);
    checker.web(config);
    checker.ports(config);
    checker.volumes(&config.dockos.desktops);
    checker.memory(config);
    checker.dependencies(config);
    checker.services(config);
    checker.reserved(config);
    network::check(&config.network, root, problems);
}

impl Checker<'_> {
    /// Notes a problem with the value that a path leads to.
    fn at(&mut self, path: &[Step<'_>], message: impl Into<String>, hint: &str) {
        self.problems.add(self.root.mark_of(path), message, hint);
    }

    /// Notes what is probably not meant.
    fn warn(&mut self, path: &[Step<'_>], message: impl Into<String>, hint: &str) {
        self.problems.warn(self.root.mark_of(path), message, hint);
    }

    /// Notes a problem with a value below `dockos`.
    fn dockos(&mut self, path: &[Step<'_>], message: impl Into<String>, hint: &str) {
        self.at(&[&[Key("dockos")], path].concat(), message, hint);
    }

    fn few_enough(&mut self, config: &Config) -> bool {
        let dockos = &config.dockos;
        let mut good = self.at_most(MOST_SERVICES, dockos.services.len(), &[Key("dockos"), Key("services")]);
        good &= self.at_most(MOST_DESKTOPS, dockos.desktops.len(), &[Key("dockos"), Key("desktops")]);
        good &= self.at_most(MOST_COURSES, dockos.courses.len(), &[Key("dockos"), Key("courses")]);
        let users = dockos.web.as_ref().map_or(0, |web| web.users.len());
        good &= self.at_most(MOST_WEB_USERS, users, &[Key("dockos"), Key("web"), Key("users")]);
        good &= self.at_most(
            MOST_POOLS,
            dockos.docker.address_pools.len(),
            &[Key("dockos"), Key("docker"), Key("address_pools")],
        );
        good &= self.at_most(MOST_ACCOUNTS, config.users.len(), &[Key("users")]);
        good &= self.at_most(MOST_ACCOUNTS, config.groups.len(), &[Key("groups")]);
        for (i, desktop) in dockos.desktops.iter().enumerate() {
            let list = |key| [Key("dockos"), Key("desktops"), Item(i), Key(key)];
            good &= self.at_most(MOST_PER_DESKTOP, desktop.ports.len(), &list("ports"));
            good &= self.at_most(MOST_PER_DESKTOP, desktop.volumes.len(), &list("volumes"));
        }
        good
    }

    fn at_most(&mut self, most: usize, count: usize, path: &[Step<'_>]) -> bool {
        if count > most {
            self.at(path, format!("{count} of these; at most {most} are allowed"), "remove some");
        }
        count <= most
    }
}
