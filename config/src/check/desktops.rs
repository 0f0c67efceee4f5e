//! Desktops: their names, ports and volumes.

use super::Checker;
use crate::schema::{Center, Config, Desktop, NetbootDhcp};
use crate::suggest::nearest;
use crate::value::{Name, Port, PortMapping, Protocol, TenantVolume, quoted};
use crate::yaml::Step::{self, Item, Key};

/// The port of the machine's own ssh service.
const SSH_PORT: u16 = 22;

/// Where the center's volumes are served: NFS.
const VOLUMES_PORT: u16 = 2049;

/// What netboot answers at besides HTTP: DHCP, TFTP, and what firmware asks once it has an address.
const NETBOOT_UDP: [u16; 3] = [67, 69, 4011];

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

    /// Each desktop has something to run, and its course is there.
    pub(super) fn courses(&mut self, config: &Config) {
        let courses: Vec<&str> = config.dockos.courses.keys().map(Name::as_str).collect();
        for (i, desktop) in config.dockos.desktops.iter().enumerate() {
            match &desktop.course {
                None if desktop.image.is_none() => {
                    let message = format!("the desktop `{}` has nothing to run", desktop.name);
                    self.desktop(&[Item(i)], message, "add `course`, a name of `dockos.courses`, or `image`");
                }
                Some(name) if !courses.contains(&name.as_str()) => {
                    let guess =
                        nearest(name.as_str(), &courses).map(|known| format!("; did you mean `{known}`?"));
                    let message = format!("there is no course `{name}`{}", guess.unwrap_or_default());
                    let hint = "add it to `dockos.courses`; `NAME: {}` is enough";
                    self.desktop(&[Item(i), Key("course")], message, hint);
                }
                _ => {}
            }
            let course = config.dockos.course_of(desktop);
            if !desktop.ports.is_empty() && course.is_some_and(|course| course.internet == Some(false)) {
                let message =
                    format!("no port leads into the desktop `{}`: its course has no internet", desktop.name);
                let hint = "remove `ports`, or `internet: false` of the course";
                self.desktop(&[Item(i), Key("ports")], message, hint);
            }
        }
        for (name, course) in &config.dockos.courses {
            if course.shm.is_some_and(|shm| shm.bytes() > course.memory_or_default()) {
                let path = [Key("courses"), Key(name.as_str()), Key("shm")];
                let message = "programs cannot share more memory than the desktop has";
                self.dockos(&path, message, "lower it, or raise `memory`");
            }
        }
    }

    /// A certificate is of no use without its key, and the other way round.
    pub(super) fn web(&mut self, config: &Config) {
        let Some(web) = &config.dockos.web else { return };
        let message = match (&web.certificate, &web.key) {
            (Some(_), None) => "the certificate's private key is missing",
            (None, Some(_)) => "the private key's certificate is missing",
            _ => return,
        };
        let hint = "set `certificate` and `key`, or neither: then the machine makes its own";
        self.dockos(&[Key("web")], message, hint);
    }

    pub(super) fn ports(&mut self, config: &Config) {
        let own = own_ports(config);
        for (i, port) in own.iter().enumerate() {
            if let Some(earlier) = own[..i].iter().find(|earlier| earlier.is(port.number, port.protocol)) {
                let message = format!("port {} of the machine is taken by {}", port.number, earlier.name);
                self.at(&port.path, message, "choose another port");
            }
        }
        let mut taken: Vec<(&Name, &PortMapping)> = Vec::new();
        for (i, desktop) in config.dockos.desktops.iter().enumerate() {
            for (j, port) in desktop.ports.iter().enumerate() {
                let by = taken.iter().find(|(_, earlier)| earlier.collides(port));
                let by = by.map(|(name, _)| format!("the desktop `{name}`"));
                let own = || own.iter().find(|own| own.is(port.host.get(), port.protocol));
                if let Some(by) = by.or_else(|| own().map(|own| own.name.to_owned())) {
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

/// A port that the machine itself takes.
struct OwnPort {
    number: u16,
    protocol: Protocol,
    /// What takes it.
    name: &'static str,
    /// Where the config says so.
    path: Vec<Step<'static>>,
}

impl OwnPort {
    fn tcp(number: u16, name: &'static str, path: Vec<Step<'static>>) -> Self {
        Self { number, protocol: Protocol::Tcp, name, path }
    }

    fn is(&self, number: u16, protocol: Protocol) -> bool {
        (self.number, self.protocol) == (number, protocol)
    }
}

/// The ports that the machine itself takes.
fn own_ports(config: &Config) -> Vec<OwnPort> {
    let mut ports = Vec::new();
    if !config.ssh_authorized_keys.is_empty() {
        ports.push(OwnPort::tcp(SSH_PORT, "its own ssh service", vec![Key("ssh_authorized_keys")]));
    }
    if let Some(tls) = &config.dockos.docker.tls {
        let path = vec![Key("dockos"), Key("docker"), Key("tls"), Key("port")];
        ports.push(OwnPort::tcp(number(tls.port, 2376), "the engine (`docker.tls`)", path));
    }
    if let Some(web) = &config.dockos.web {
        let path = vec![Key("dockos"), Key("web"), Key("port")];
        ports.push(OwnPort::tcp(number(web.port, 443), "the page of desktops (`web`)", path));
    }
    ports.extend(config.dockos.center.iter().flat_map(center_ports));
    ports
}

/// The ports that a center takes.
fn center_ports(center: &Center) -> Vec<OwnPort> {
    let path = |key| vec![Key("dockos"), Key("center"), Key(key), Key("port")];
    let mut ports = Vec::new();
    if center.volumes.is_some() {
        ports.push(OwnPort::tcp(VOLUMES_PORT, "the center's volumes", path("volumes")));
    }
    if let Some(registry) = &center.registry {
        let number = number(registry.port, 5000);
        ports.push(OwnPort::tcp(number, "the center's registry", path("registry")));
    }
    if let Some(netboot) = &center.netboot {
        let name = "the center's netboot";
        ports.push(OwnPort::tcp(number(netboot.port, 80), name, path("netboot")));
        let udp: &[u16] = if netboot.dhcp == NetbootDhcp::None { &[] } else { &NETBOOT_UDP };
        ports.extend(udp.iter().map(|&number| OwnPort {
            number,
            protocol: Protocol::Udp,
            name,
            path: path("netboot"),
        }));
    }
    if let Some(dashboard) = &center.dashboard {
        let number = number(dashboard.port, 443);
        ports.push(OwnPort::tcp(number, "the center's dashboard", path("dashboard")));
    }
    ports
}

fn number(port: Option<Port>, default: u16) -> u16 {
    port.map_or(default, |port| port.get())
}
