//! Desktops: their names, ports and volumes.

use super::Checker;
use crate::schema::{Config, Desktop};
use crate::value::{Name, PortMapping, Protocol, TenantVolume, quoted};
use crate::yaml::Step::{self, Item, Key};

/// The port of the machine's own ssh service.
const SSH_PORT: u16 = 22;

/// Where the center's volumes are served: NFS.
const VOLUMES_PORT: u16 = 2049;

impl Checker<'_> {
    fn desktop(&mut self, path: &[Step<'_>], message: impl Into<String>, hint: &str) {
        let path = [&[Key("dockos"), Key("desktops")], path].concat();
        self.at(&path, message, hint);
    }

    pub(super) fn desktop_names(&mut self, desktops: &[Desktop]) {
        for (i, desktop) in desktops.iter().enumerate() {
            if desktops[..i].iter().any(|earlier| earlier.name == desktop.name) {
                let message = format!("a desktop `{}` is there already", desktop.name);
                self.desktop(&[Item(i), Key("name")], message, "give each desktop its own name");
            }
        }
    }

    pub(super) fn ports(&mut self, config: &Config) {
        let own = own_ports(config);
        for (i, (port, name, path)) in own.iter().enumerate() {
            if let Some((_, by, _)) = own[..i].iter().find(|(earlier, ..)| earlier == port) {
                let message = format!("port {port} of the machine is taken by {by}");
                self.at(path, message, "choose another port");
            }
            let _ = name;
        }
        let mut taken: Vec<(&Name, &PortMapping)> = Vec::new();
        for (i, desktop) in config.dockos.desktops.iter().enumerate() {
            for (j, port) in desktop.ports.iter().enumerate() {
                let by = taken.iter().find(|(_, earlier)| earlier.collides(port));
                let by = by.map(|(name, _)| format!("the desktop `{name}`"));
                let own = || {
                    own.iter()
                        .find(|(number, ..)| *number == port.host.get() && port.protocol == Protocol::Tcp)
                };
                if let Some(by) = by.or_else(|| own().map(|(_, name, _)| (*name).to_owned())) {
                    let message = format!("port {} of the machine is taken by {by}", port.host);
                    self.desktop(&[Item(i), Key("ports"), Item(j)], message, "choose another port");
                }
                taken.push((&desktop.name, port));
            }
        }
    }

    pub(super) fn volumes(&mut self, desktops: &[Desktop]) {
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
}

/// TCP ports that the machine itself takes, what takes them, and where the config says so.
fn own_ports(config: &Config) -> Vec<(u16, &'static str, Vec<Step<'static>>)> {
    let mut ports = Vec::new();
    if !config.ssh_authorized_keys.is_empty() {
        ports.push((SSH_PORT, "its own ssh service", vec![Key("ssh_authorized_keys")]));
    }
    if let Some(tls) = &config.dockos.docker.tls {
        let path = vec![Key("dockos"), Key("docker"), Key("tls"), Key("port")];
        ports.push((tls.port.map_or(2376, |port| port.get()), "the engine (`docker.tls`)", path));
    }
    let Some(center) = &config.dockos.center else { return ports };
    let path = |key| vec![Key("dockos"), Key("center"), Key(key), Key("port")];
    if center.volumes.is_some() {
        ports.push((VOLUMES_PORT, "the center's volumes", path("volumes")));
    }
    if let Some(registry) = &center.registry {
        ports.push((
            registry.port.map_or(5000, |port| port.get()),
            "the center's registry",
            path("registry"),
        ));
    }
    if let Some(dashboard) = &center.dashboard {
        ports.push((
            dashboard.port.map_or(443, |port| port.get()),
            "the center's dashboard",
            path("dashboard"),
        ));
    }
    ports
}
