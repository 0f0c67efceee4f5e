//! The two Dockers: addresses, logins, memory.

use super::Checker;
use crate::schema::{Config, DesktopStart, RegistryAuth};
use crate::value::Size;
use crate::yaml::Step::{self, Item, Key};

/// What Docker needs to start a container at all.
const LEAST_MEMORY: u64 = 6 << 20;

impl Checker<'_> {
    pub(super) fn engines(&mut self, config: &Config) {
        let pools = &config.dockos.docker.address_pools;
        for (i, pool) in pools.iter().enumerate() {
            let at = |key| [Key("docker"), Key("address_pools"), Item(i), Key(key)];
            let (base, size) = (pool.base, pool.size.get());
            if size < base.prefix || size > base.width() {
                let message = format!("no network of {size} bits can be cut from `{base}`");
                let hint =
                    format!("from {} to {}; larger numbers make smaller networks", base.prefix, base.width());
                self.dockos(&at("size"), message, &hint);
            }
            if let Some(other) = pools[..i].iter().find(|other| other.base.overlaps(&base)) {
                let message = format!("`{base}` has addresses of `{}`", other.base);
                self.dockos(&at("base"), message, "choose networks that have no address in common");
            }
        }
        for (registry, auth) in &config.dockos.registry_auths {
            if !is_one_login(auth) {
                let path = [Key("registry_auths"), Key(registry.as_str())];
                let message = format!("the login to `{registry}` is not whole, or there twice");
                self.dockos(
                    &path,
                    message,
                    "write `username` and `password`, or only `auth`, or only `identity_token`",
                );
            }
        }
        if config.dockos.docker.tls.as_ref().is_some_and(|tls| tls.verify == Some(false)) {
            let path = [Key("dockos"), Key("docker"), Key("tls"), Key("verify")];
            let message = "whoever reaches the port can do anything with every desktop";
            self.warn(&path, message, "remove `verify: false`, and give certificates to those who may");
        }
    }

    pub(super) fn memory(&mut self, config: &Config) {
        let dockos = &config.dockos;
        self.enough(dockos.docker.memory, &[Key("dockos"), Key("docker"), Key("memory")]);
        for (i, desktop) in dockos.desktops.iter().enumerate() {
            self.enough(desktop.memory, &[Key("dockos"), Key("desktops"), Item(i), Key("memory")]);
        }
        for (name, course) in &dockos.courses {
            let path = [Key("dockos"), Key("courses"), Key(name.as_str()), Key("memory")];
            self.enough(course.memory, &path);
        }
        for (name, service) in &dockos.services {
            let path = |key| [Key("dockos"), Key("services"), Key(name.as_str()), Key(key)];
            self.enough(service.mem_limit, &path("mem_limit"));
            self.enough(service.mem_reservation, &path("mem_reservation"));
            if service.mem_reservation.zip(service.mem_limit).is_some_and(|(kept, most)| kept > most) {
                let message = "it keeps more memory than it may use";
                self.at(&path("mem_reservation"), message, "lower it, or raise `mem_limit`");
            }
        }
        let sum: u64 = dockos
            .desktops
            .iter()
            .filter(|desktop| desktop.start == DesktopStart::Boot)
            .map(|desktop| dockos.memory_of(desktop))
            .fold(0, u64::saturating_add);
        if let Some(most) = dockos.docker.memory.filter(|most| most.bytes() < sum) {
            let message = format!("all desktops together may use more memory than the `{most}` of `docker`");
            let hint = "when all of them do, the kernel ends some; raise `docker.memory`, or lower theirs";
            self.warn(&[Key("dockos"), Key("docker"), Key("memory")], message, hint);
        }
    }

    fn enough(&mut self, size: Option<Size>, path: &[Step<'_>]) {
        if let Some(size) = size.filter(|size| size.bytes() < LEAST_MEMORY) {
            self.at(
                path,
                format!("`{size}` is too little memory"),
                "at least 6M, such as `64M`; with no unit it is bytes",
            );
        }
    }
}

/// Whether a login is written in exactly one of its forms.
fn is_one_login(auth: &RegistryAuth) -> bool {
    let RegistryAuth { username, password, auth, identity_token } = auth;
    match (username, password, auth, identity_token) {
        (Some(_), Some(_), None, None) => true,
        (None, None, auth, token) => auth.is_some() != token.is_some(),
        _ => false,
    }
}
