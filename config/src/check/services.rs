//! System services: what they wait for, and settings that exclude each other.

use super::Checker;
use crate::schema::{Config, Dependency, DependsCondition, NetworkMode, Restart, Service, UtsMode};
use crate::suggest::nearest;
use crate::value::Name;
use crate::yaml::Step::{self, Item, Key};

/// Services that come with the root image (system-services/).
const OWN_SERVICES: [&str; 3] = ["docker", "ssh", "netboot"];

impl Checker<'_> {
    /// The machine's own services are containers by their names: another of that name would take their place.
    pub(super) fn reserved(&mut self, config: &Config) {
        for name in config.dockos.services.keys().filter(|name| OWN_SERVICES.contains(&name.as_str())) {
            let path = [Key("dockos"), Key("services"), Key(name.as_str())];
            self.at(&path, format!("`{name}` is the machine's own service"), "choose another name");
        }
    }

    pub(super) fn dependencies(&mut self, config: &Config) {
        for name in config.dockos.services.keys() {
            if waits_for_itself(name, config) {
                let path = [Key("dockos"), Key("services"), Key(name.as_str()), Key("depends_on")];
                let message = format!("the service `{name}` waits for itself");
                self.at(&path, message, "remove a `depends_on` of the circle");
            }
        }
    }

    pub(super) fn services(&mut self, config: &Config) {
        for (name, service) in &config.dockos.services {
            let at = |key| [Key("dockos"), Key("services"), Key(name.as_str()), Key(key)];
            for (i, needed) in service.depends_on.iter().enumerate() {
                let [a, b, c, d] = at("depends_on");
                // One of both leads to it: a list or a mapping.
                let path = [a, b, c, d, Key(needed.name.as_str())];
                let item = [a, b, c, d, Item(i)];
                let in_list = self.root.mark_of(&item) != self.root.mark_of(&[a, b, c, d]);
                self.dependency(needed, config, if in_list { &item } else { &path });
            }
            if service.uts == UtsMode::Host && service.hostname.is_some() {
                self.at(
                    &at("hostname"),
                    "with `uts: host` it has the machine's host name",
                    "remove one of them",
                );
            }
            let of_network = |name: &str| name.starts_with("net.") || name.starts_with("net/");
            if let Some(setting) = service.sysctls.keys().find(|setting| of_network(setting.as_str()))
                && service.network_mode == NetworkMode::Host
            {
                let [a, b, c, d] = at("sysctls");
                let message = "with `network_mode: host` this is a setting of the whole machine";
                self.at(&[a, b, c, d, Key(setting.as_str())], message, "move it to `dockos.sysctl`");
            }
        }
    }

    fn dependency(&mut self, needed: &Dependency, config: &Config, path: &[Step<'_>]) {
        let name = needed.name.as_str();
        let services = &config.dockos.services;
        let Some(service) = services.get(&needed.name) else {
            if !OWN_SERVICES.contains(&name) {
                let known: Vec<&str> = services.keys().map(Name::as_str).chain(OWN_SERVICES).collect();
                let guess = nearest(name, &known).map(|known| format!("; did you mean `{known}`?"));
                let message = format!("there is no service `{name}`{}", guess.unwrap_or_default());
                self.at(path, message, "describe it below `services`, or remove it here");
            }
            return;
        };
        match needed.condition {
            DependsCondition::Started => {}
            DependsCondition::Healthy => self.healthy(name, service, path),
            DependsCondition::Completed => {
                if matches!(service.restart, Restart::Always | Restart::UnlessStopped) {
                    let message = format!("the service `{name}` never ends: it is started again");
                    self.at(path, message, "give it `restart: no` or `on-failure`, or wait for less");
                }
            }
        }
    }

    fn healthy(&mut self, name: &str, service: &Service, path: &[Step<'_>]) {
        let check = &service.healthcheck;
        if check.tests() {
            return;
        }
        let message = format!("the service `{name}` has no health check");
        let hint = "give it a `healthcheck`, or wait for `service_started`";
        // Its image may bring one along.
        if service.image.is_some() && !check.disable && check.test.is_none() {
            self.warn(path, message + ", unless its image has one", hint);
        } else {
            self.at(path, message, hint);
        }
    }
}

/// Whether a service is among all that it depends on, directly or not.
fn waits_for_itself(name: &Name, config: &Config) -> bool {
    let services = &config.dockos.services;
    let needs =
        |name: &Name| services.get(name).into_iter().flat_map(|s| s.depends_on.iter()).map(|d| &d.name);
    let mut reached: Vec<&Name> = needs(name).collect();
    let mut next = 0;
    while let Some(current) = reached.get(next).copied() {
        let new: Vec<&Name> = needs(current).filter(|need| !reached.contains(need)).collect();
        reached.extend(new);
        next += 1;
    }
    reached.contains(&name)
}
