//! Files and names: what systems have in common.

use super::Import;
use super::tree::{self, entries, items, scalar};
use crate::value::quoted;
use crate::yaml::{Entry, Kind, Mark, Node};

/// Places whose files do nothing here: where they begin, why, and what to do.
const PLACES: [(&str, &str, &str); 20] = [
    ("/etc/systemd/network/", "DockOS has no systemd", "describe the network under `network`"),
    ("/etc/systemd/", "DockOS has no systemd", "make a unit a service under `dockos.services`"),
    ("/etc/NetworkManager/", "DockOS has no NetworkManager", "describe the network under `network`"),
    ("/etc/netplan/", "the network is set in this file", "move its keys under `network`"),
    ("/etc/network/", "the network is set in this file", "describe the network under `network`"),
    ("/etc/sysconfig/network", "the network is set in this file", "describe the network under `network`"),
    ("/etc/sysctl.", "kernel parameters are set in this file", "move its lines under `dockos.sysctl`"),
    ("/etc/modules", "kernel modules are named in this file", "move its lines under `dockos.modules`"),
    ("/etc/modprobe.d/", "DockOS loads modules itself", "give options on the kernel's command line"),
    ("/etc/docker/daemon.json", "the engine is set up by this file", "set the keys under `dockos.docker`"),
    ("/etc/cron", "DockOS has no cron", "run a service that sleeps and works in turn"),
    ("/etc/rc.local", "no such script is run", "name it under `runcmd`"),
    ("/opt/rancher/bin/", "no such script is run", "name it under `runcmd`"),
    ("/var/lib/rancher/", "it is for RancherOS", "leave it out"),
    ("/etc/ssh/", "DockOS's ssh service has no such files", "give `ssh_authorized_keys`"),
    ("/etc/sudoers", "DockOS has no sudo of its own", "see `users` in the reference"),
    ("/etc/apt/", "DockOS has no packages", "put programs into an image"),
    ("/etc/yum", "DockOS has no packages", "put programs into an image"),
    ("/etc/zincati/", "DockOS updates itself", "see `dockos.upgrade` in the reference"),
    ("/etc/flatcar/", "DockOS updates itself", "see `dockos.upgrade` in the reference"),
];

/// Notes what a file's place means here.
pub(super) fn look_at_path(import: &mut Import, path: &str, mark: Mark) {
    if path.starts_with("/usr/") || path.starts_with("/bin/") || path.starts_with("/sbin/") {
        let message = format!("{} cannot be written: the root image is read-only", quoted(path));
        return import.note(mark, message, "put it under /etc, /var/lib or into an image");
    }
    if let Some((_, why, instead)) = PLACES.iter().find(|(place, ..)| path.starts_with(place)) {
        let message = format!("{} is written, but nothing reads it: {why}", quoted(path));
        import.note(mark, message, *instead);
    }
}

/// `write_files` as cloud-init and RancherOS have it.
pub(super) fn write_files(import: &mut Import, entry: &Entry) {
    let mut files = Vec::new();
    for item in items(&entry.value) {
        if let Some(source) = item.get("source").filter(|_| item.get("content").is_none()) {
            let message = "a file is not taken over: files are not fetched";
            import.leave(source.mark, message, "give its `content`, or fetch it in `runcmd`");
            continue;
        }
        let mut file = tree::map(item.mark);
        for field in entries(item) {
            match field.key.as_str() {
                "container" => {
                    let why = "a file is written for the whole machine, not for one container";
                    import.refuse(field, why, "give the service a volume with the file");
                }
                "source" => {
                    import.refuse(field, "files are not fetched", "give `content`, or fetch it in `runcmd`")
                }
                _ => tree::place(&mut file, &field.key, field.value.clone()),
            }
        }
        if let Some(path) = item.get("path").and_then(scalar) {
            look_at_path(import, path, item.get("path").map_or(item.mark, |path| path.mark));
        }
        files.push(file);
    }
    import.take("write_files", &tree::list(entry.value.mark, files));
}

/// Mounts; a field that is empty text says nothing.
pub(super) fn mounts(import: &mut Import, entry: &Entry) {
    let mut mounts = Vec::new();
    for mount in items(&entry.value) {
        let mut fields = items(mount).to_vec();
        fields.iter_mut().filter(|field| scalar(field) == Some("")).for_each(|field| field.kind = Kind::Null);
        while fields.last().is_some_and(Node::is_null) {
            fields.pop();
        }
        mounts.push(tree::list(mount.mark, fields));
    }
    import.out_of_shape("mounts", tree::list(entry.value.mark, mounts));
}

/// Keys of the default user, which is root here.
pub(super) fn keys(import: &mut Import, entry: &Entry) {
    let keys = items(&entry.value).to_vec();
    if !keys.is_empty() {
        let message = "these keys log in as root: there is no other user unless `users` names one";
        import.note(entry.mark, message, "log in with `ssh root@HOST`");
    }
    import.take("ssh_authorized_keys", &tree::list(entry.value.mark, keys));
}

/// A host name; one with dots is the full name, too.
pub(super) fn hostname(import: &mut Import, entry: &Entry) {
    let name = scalar(&entry.value).unwrap_or_default();
    match name.split_once('.') {
        Some((short, _)) if super::rows::known("fqdn") => {
            import.take("hostname", &tree::text(entry.value.mark, short));
            import.take("fqdn", &entry.value);
        }
        _ => import.take("hostname", &entry.value),
    }
}

/// A host name for a machine that has no other.
pub(super) fn default_hostname(import: &mut Import, entry: &Entry) {
    if import.out.get("hostname").is_none() {
        hostname(import, entry);
    }
}

/// Notes a folder that only RancherOS has.
pub(super) fn look_at_volume(import: &mut Import, volume: &Node) {
    const OTHERS: [&str; 5] =
        ["/usr/bin/ros", "/var/lib/rancher", "/opt/rancher", "/usr/bin/system-docker", "/usr/share/ros"];
    let source = scalar(volume).and_then(|volume| volume.split(':').next()).unwrap_or_default();
    if OTHERS.iter().any(|other| source.starts_with(other)) {
        let message = format!("{} is RancherOS's, and not there", quoted(source));
        import.note(volume.mark, message, "remove it, or name the folder of DockOS that is meant");
    }
}
