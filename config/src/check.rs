//! What no single key can tell: values that do not go together.

mod network;

use crate::decode::Problems;
use crate::schema::{Config, CreateState, Desktop};
use crate::value::{Name, PortMapping, Protocol, Size, TenantVolume, quoted};
use crate::yaml::Step::{Item, Key};
use crate::yaml::{Node, Step};

/// What Docker needs to start a container at all.
const LEAST_MEMORY: u64 = 6 << 20;

/// The port of the machine's own ssh service.
const SSH_PORT: u16 = 22;

/// Services that come with the root image (system-services/).
const OWN_SERVICES: [&str; 2] = ["docker", "ssh"];

/// What one machine can run. Checks compare each with each: bounds keep them quick for any file.
const MOST_SERVICES: usize = 256;
const MOST_DESKTOPS: usize = 1000;
const MOST_PER_DESKTOP: usize = 32;

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
    checker.state(config);
    checker.desktop_names(&config.dockos.desktops);
    checker.ports(config);
    checker.volumes(&config.dockos.desktops);
    checker.memory(config);
    checker.dependencies(config);
    checker.reserved(config);
    network::check(&config.network, root, problems);
}

impl Checker<'_> {
    /// Notes a problem with the value that a path leads to.
    fn at(&mut self, path: &[Step<'_>], message: impl Into<String>, hint: &str) {
        self.problems.add(self.root.mark_of(path), message, hint);
    }

    fn desktop(&mut self, path: &[Step<'_>], message: impl Into<String>, hint: &str) {
        let path = [&[Key("dockos"), Key("desktops")], path].concat();
        self.at(&path, message, hint);
    }

    fn few_enough(&mut self, config: &Config) -> bool {
        let dockos = &config.dockos;
        let mut good = self.at_most(MOST_SERVICES, dockos.services.len(), &[Key("dockos"), Key("services")]);
        good &= self.at_most(MOST_DESKTOPS, dockos.desktops.len(), &[Key("dockos"), Key("desktops")]);
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

    fn files(&mut self, config: &Config) {
        for (i, file) in config.write_files.iter().enumerate() {
            if file.path.as_str().ends_with('/') {
                let message = format!("{} is a folder, not a file", quoted(file.path.as_str()));
                self.at(&[Key("write_files"), Item(i), Key("path")], message, "add the name of the file");
            }
        }
    }

    fn state(&mut self, config: &Config) {
        let state = &config.dockos.state;
        let path = [Key("dockos"), Key("state"), Key("create")];
        if state.ram && state.create != CreateState::Never {
            self.at(&path, "`ram: true` leaves disks alone, so none can be made", "remove `create` or `ram`");
        }
        if let Some(device) = state.device.as_ref().filter(|device| !device.as_str().starts_with("/dev/")) {
            let message = format!("{} is not a device", quoted(device.as_str()));
            self.at(&[Key("dockos"), Key("state"), Key("device")], message, "such as `/dev/vda`");
        }
    }

    fn desktop_names(&mut self, desktops: &[Desktop]) {
        for (i, desktop) in desktops.iter().enumerate() {
            if desktops[..i].iter().any(|earlier| earlier.name == desktop.name) {
                let message = format!("a desktop `{}` is there already", desktop.name);
                self.desktop(&[Item(i), Key("name")], message, "give each desktop its own name");
            }
        }
    }

    fn ports(&mut self, config: &Config) {
        let mut taken: Vec<(&Name, &PortMapping)> = Vec::new();
        for (i, desktop) in config.dockos.desktops.iter().enumerate() {
            for (j, port) in desktop.ports.iter().enumerate() {
                let by = taken.iter().find(|(_, earlier)| earlier.collides(port));
                let by = by.map(|(name, _)| format!("the desktop `{name}`"));
                if let Some(by) = by.or_else(|| ssh_takes(config, port)) {
                    let message = format!("port {} of the machine is taken by {by}", port.host);
                    self.desktop(&[Item(i), Key("ports"), Item(j)], message, "choose another port");
                }
                taken.push((&desktop.name, port));
            }
        }
    }

    fn volumes(&mut self, desktops: &[Desktop]) {
        for (i, desktop) in desktops.iter().enumerate() {
            for (j, volume) in desktop.volumes.iter().enumerate() {
                let place = volume.target.as_str().trim_end_matches('/');
                let same = |v: &&TenantVolume| v.target.as_str().trim_end_matches('/') == place;
                if let Some(earlier) = desktop.volumes[..j].iter().find(same) {
                    let message = format!("{} is taken by the volume `{}`", quoted(place), earlier.name);
                    self.desktop(&[Item(i), Key("volumes"), Item(j)], message, "choose another path");
                }
            }
        }
    }

    fn memory(&mut self, config: &Config) {
        let dockos = &config.dockos;
        self.enough(dockos.docker.memory, &[Key("dockos"), Key("docker"), Key("memory")]);
        for (i, desktop) in dockos.desktops.iter().enumerate() {
            self.enough(desktop.memory, &[Key("dockos"), Key("desktops"), Item(i), Key("memory")]);
        }
        for (name, service) in &dockos.services {
            let path = [Key("dockos"), Key("services"), Key(name.as_str()), Key("mem_limit")];
            self.enough(service.mem_limit, &path);
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

    /// The machine's own services are containers by their names: another of that name would take their place.
    fn reserved(&mut self, config: &Config) {
        for name in config.dockos.services.keys().filter(|name| OWN_SERVICES.contains(&name.as_str())) {
            let path = [Key("dockos"), Key("services"), Key(name.as_str())];
            self.at(&path, format!("`{name}` is the machine's own service"), "choose another name");
        }
    }

    fn dependencies(&mut self, config: &Config) {
        for name in config.dockos.services.keys() {
            if waits_for_itself(name, config) {
                let path = [Key("dockos"), Key("services"), Key(name.as_str()), Key("depends_on")];
                let message = format!("the service `{name}` waits for itself");
                self.at(&path, message, "remove a `depends_on` of the circle");
            }
        }
    }
}

/// The machine's own ssh service, if a port is its.
fn ssh_takes(config: &Config, port: &PortMapping) -> Option<String> {
    let taken = port.host.get() == SSH_PORT && port.protocol == Protocol::Tcp;
    (taken && !config.ssh_authorized_keys.is_empty()).then(|| "its own ssh service".to_owned())
}

/// Whether a service is among all that it depends on, directly or not.
fn waits_for_itself(name: &Name, config: &Config) -> bool {
    let services = &config.dockos.services;
    let needs = |name: &Name| services.get(name).map(|s| s.depends_on.as_slice()).unwrap_or_default();
    let mut reached: Vec<&Name> = needs(name).iter().collect();
    let mut next = 0;
    while let Some(current) = reached.get(next).copied() {
        let new: Vec<&Name> = needs(current).iter().filter(|need| !reached.contains(need)).collect();
        reached.extend(new);
        next += 1;
    }
    reached.contains(&name)
}
