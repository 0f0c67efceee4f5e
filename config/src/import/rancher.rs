//! RancherOS: what becomes of the keys of its cloud-config.

use super::rows::{Row, by, list, not, to, within};
use super::tree::{self, entries, items, scalar, words};
use super::{Import, files, rancher_network, rancher_services};
use crate::value::quoted;
use crate::yaml::{Entry, Node};

const DOES_ITSELF: &str = "DockOS does this by itself";
const NOTHING_TO_DO: &str = "nothing is to be done";
const OWN_IMAGE: &str = "it names a part of RancherOS's own system, which DockOS does not have";
const LEAVE_OUT: &str = "leave it out";

pub(super) const ROWS: &[Row] = &[
    by("hostname", "`hostname`, and `fqdn` if it has dots", files::hostname),
    list("ssh_authorized_keys", "ssh_authorized_keys"),
    by("write_files", "`write_files`, without `container`", files::write_files),
    list("runcmd", "runcmd"),
    list("bootcmd", "bootcmd"),
    to("mounts", "mounts"),
    within("rancher", RANCHER),
];

const RANCHER: &[Row] = &[
    to("environment", "dockos.environment"),
    list("modules", "dockos.modules"),
    to("sysctl", "dockos.sysctl"),
    by("registry_auths", "`dockos.registry_auths`", registry_auths),
    by("services", "`dockos.services`, in the Compose Specification's words", rancher_services::turn),
    by("network", "`network`, version 2; proxies become `dockos.proxies`", rancher_network::turn),
    by("default_network", "`network`, if there is no `rancher.network`", rancher_network::default),
    within("docker", DOCKER),
    within("system_docker", SYSTEM_DOCKER),
    within("state", STATE),
    within("ssh", SSH),
    within("defaults", DEFAULTS),
    within("upgrade", UPGRADE),
    within(
        "cloud_init",
        &[not(
            "datasources",
            "DockOS looks for a configuration in all places that it knows",
            "see the documentation for where to put this file",
        )],
    ),
    not("resize_device", "DockOS grows the state disk by itself", NOTHING_TO_DO),
    not("console", "DockOS has one console", "put your tools into an image, and run it as a service"),
    not("shutdown_timeout", DOES_ITSELF, "give a service `stop_grace_period` if it needs long to stop"),
    not(
        "debug",
        "there is no such switch in the configuration",
        "boot with `dockos.debug` on the kernel's command line",
    ),
    not("log", DOES_ITSELF, NOTHING_TO_DO),
    not("password", "a password in plain text can be read by everyone", "give `ssh_authorized_keys`"),
    not(
        "autologin",
        "no console is open without a login",
        "boot with `dockos.shell=tty1` where you want one",
    ),
    not(
        "services_include",
        "RancherOS's catalogue of services does not exist here",
        "describe the service under `dockos.services`",
    ),
    not(
        "repositories",
        "RancherOS's catalogue of services does not exist here",
        "describe the services under `dockos.services`",
    ),
    not("disable", OWN_IMAGE, LEAVE_OUT),
    not("restart_services", OWN_IMAGE, LEAVE_OUT),
    not("bootstrap", OWN_IMAGE, "use `bootcmd`"),
    not("bootstrap_containers", OWN_IMAGE, "use `bootcmd`"),
    not("autoformat", OWN_IMAGE, LEAVE_OUT),
    not("cloud_init_services", OWN_IMAGE, LEAVE_OUT),
    not("bootstrap_docker", OWN_IMAGE, LEAVE_OUT),
    not("recovery_services", OWN_IMAGE, LEAVE_OUT),
    not("recovery", OWN_IMAGE, LEAVE_OUT),
    not("force_console_rebuild", OWN_IMAGE, LEAVE_OUT),
    not("rm_usr", OWN_IMAGE, LEAVE_OUT),
    not("no_sharedroot", OWN_IMAGE, LEAVE_OUT),
    not(
        "hypervisor_service",
        "DockOS starts no agent of a hypervisor by itself",
        "run it under `dockos.services`",
    ),
    not("preload_wait", DOES_ITSELF, NOTHING_TO_DO),
    not("rng", "the kernel gathers randomness by itself", NOTHING_TO_DO),
];

const FLAG: &str = "no such switch of the engine can be set";
const NO_PORT: &str = "the engine listens on its socket only";
const OWN_STORE: &str = "the engine's data are on the state disk";

const DOCKER: &[Row] = &[
    list("registry_mirror", "dockos.docker.registry_mirrors"),
    list("registry_mirrors", "dockos.docker.registry_mirrors"),
    list("insecure_registry", "dockos.docker.insecure_registries"),
    list("insecure_registries", "dockos.docker.insecure_registries"),
    to("log_opts", "dockos.docker.log_opts"),
    to("log_driver", "dockos.docker.log_driver"),
    by("debug", "`dockos.docker.log_level: debug`", |import, entry| {
        debug(import, entry, "dockos.docker.log_level")
    }),
    by("extra_args", "each flag to its key under `dockos.docker`", docker_flags),
    by("args", "each flag to its key under `dockos.docker`", docker_flags),
    not("tls", NO_PORT, "reach it by ssh: `docker -H ssh://root@HOST`"),
    not("tls_args", NO_PORT, "reach it by ssh: `docker -H ssh://root@HOST`"),
    not("server_cert", NO_PORT, "reach it by ssh: `docker -H ssh://root@HOST`"),
    not("server_key", NO_PORT, "reach it by ssh: `docker -H ssh://root@HOST`"),
    not("ca_cert", NO_PORT, "reach it by ssh: `docker -H ssh://root@HOST`"),
    not("ca_key", NO_PORT, "reach it by ssh: `docker -H ssh://root@HOST`"),
    not("host", NO_PORT, "reach it by ssh: `docker -H ssh://root@HOST`"),
    not("storage_driver", "DockOS uses overlay2", NOTHING_TO_DO),
    not("storage_context", OWN_STORE, NOTHING_TO_DO),
    not("graph", OWN_STORE, NOTHING_TO_DO),
    not("data_root", OWN_STORE, NOTHING_TO_DO),
    not("exec_root", OWN_STORE, NOTHING_TO_DO),
    not("environment", "the engine's environment is not set key by key", "for a proxy, set `dockos.proxies`"),
    not(
        "engine",
        "the version of Docker comes with the root image",
        "choose the release of DockOS that has it",
    ),
    not("live_restore", "it is always on", NOTHING_TO_DO),
    not("restart", DOES_ITSELF, NOTHING_TO_DO),
    not("exec", DOES_ITSELF, NOTHING_TO_DO),
    not("*", FLAG, "see `dockos.docker` in the reference for those that can"),
];

const SYSTEM_DOCKER: &[Row] = &[
    by("debug", "`dockos.system_docker.log_level: debug`", |import, entry| {
        debug(import, entry, "dockos.system_docker.log_level");
    }),
    not("storage_driver", "DockOS uses overlay2", NOTHING_TO_DO),
    not("graph", "the system Docker's data are in memory", NOTHING_TO_DO),
    not("*", FLAG, "see `dockos.system_docker` in the reference for those that can"),
];

const STATE_LABEL: &str = "DockOS finds its state disk by the label DOCKOS_STATE";
const OTHER_DISK: &str = "put what is on the old disk onto the new one, or name it under `mounts`";
const NO_STACK: &str = "the state disk is a plain partition";

const STATE: &[Row] = &[
    by("autoformat", "`dockos.state`: `create: empty-disk` and `device`, if it names one disk", autoformat),
    not("dev", STATE_LABEL, OTHER_DISK),
    not("fstype", "the state disk is always XFS, with project quotas", NOTHING_TO_DO),
    not("directory", "the state disk holds nothing but the state", NOTHING_TO_DO),
    not("wait", DOES_ITSELF, NOTHING_TO_DO),
    not("required", "a machine without its state disk runs in memory, and says so", NOTHING_TO_DO),
    not("mdadm_scan", NO_STACK, "use one disk, or a controller's RAID"),
    not("lvm_scan", NO_STACK, "use one disk"),
    not("cryptsetup", NO_STACK, "use a disk that encrypts itself"),
    not("rngd", "the kernel gathers randomness by itself", NOTHING_TO_DO),
    not("script", "no script runs before the state disk is there", "use `bootcmd`"),
    not("boot_dev", STATE_LABEL, LEAVE_OUT),
    not("boot_fstype", STATE_LABEL, LEAVE_OUT),
    not("oem_dev", "/oem is part of the ISO", LEAVE_OUT),
    not("oem_fstype", "/oem is part of the ISO", LEAVE_OUT),
];

const SSH: &[Row] = &[
    not("daemon", "ssh runs when there are keys for it", "without ssh: give no `ssh_authorized_keys`"),
    not("port", "ssh listens on port 22", "use port 22"),
    not("listen_address", "ssh listens on all addresses", "keep others out by your network's firewall"),
    not(
        "keys",
        "the machine makes its own host keys and keeps them on the state disk",
        "accept the new key once",
    ),
];

const DEFAULTS: &[Row] = &[
    by("hostname", "`hostname`, if there is no other", files::default_hostname),
    by("network", "`network`, if there is no `rancher.network`", rancher_network::default),
    not("*", "DockOS has its own defaults", "set the key itself"),
];

const UPGRADE: &[Row] = &[not(
    "*",
    "RancherOS's releases do not run here",
    "see `dockos.upgrade` in the reference for where releases come from",
)];

fn debug(import: &mut Import, entry: &Entry, path: &str) {
    if tree::yes(&entry.value) {
        import.take(path, &tree::text(entry.value.mark, "debug"));
    }
}

/// `autoformat` used the first empty disk of a list. Consent is not widened: of several disks none is chosen.
fn autoformat(import: &mut Import, entry: &Entry) {
    match items(&entry.value) {
        [] => {}
        [device] => {
            import.take("dockos.state.create", &tree::text(entry.value.mark, "empty-disk"));
            import.take("dockos.state.device", device);
            let message =
                "the disk becomes the state disk only if it is all zero: nothing else is ever formatted";
            import.note(entry.mark, message, "erase it yourself if it has been used: `blkdiscard` or `dd`");
        }
        _ => {
            let message = "`autoformat` is not taken over: it names several disks, and consent is for one";
            import.leave(entry.mark, message, "set `dockos.state`: `create: empty-disk`, `device: /dev/...`");
        }
    }
}

/// The engine's flags, and where they go here.
const FLAGS: [(&str, &str); 8] = [
    ("registry-mirror", "registry_mirrors"),
    ("insecure-registry", "insecure_registries"),
    ("label", "labels"),
    ("log-driver", "log_driver"),
    ("log-opt", "log_opts"),
    ("log-level", "log_level"),
    ("default-address-pool", "address_pools"),
    ("debug", "log_level"),
];

/// Keys that are lists.
const LISTS: [&str; 2] = ["registry_mirrors", "insecure_registries"];

fn docker_flags(import: &mut Import, entry: &Entry) {
    let words = words(&entry.value);
    let mut words = words.iter().peekable();
    while let Some(node) = words.next() {
        let word = scalar(node).unwrap_or_default();
        let flag = word.trim_start_matches('-');
        let (flag, given) = flag.split_once('=').map_or((flag, None), |(flag, value)| (flag, Some(value)));
        let next = words.peek().filter(|next| given.is_none() && is_value(next));
        let value = given.or_else(|| next.and_then(|next| scalar(next))).unwrap_or_default();
        if next.is_some() {
            words.next();
        }
        docker_flag(import, node, flag, value);
    }
}

fn is_value(node: &Node) -> bool {
    scalar(node).is_some_and(|word| !word.starts_with('-'))
}

fn docker_flag(import: &mut Import, node: &Node, flag: &str, value: &str) {
    let found = FLAGS.iter().find(|(name, _)| *name == flag).map(|(_, key)| *key);
    let path = found.map(|key| format!("dockos.docker.{key}"));
    let (Some(key), Some(path)) = (found, path) else {
        let message = format!("the flag {} is not taken over: {FLAG}", quoted(flag));
        return import.leave(node.mark, message, "see `dockos.docker` in the reference for those that can");
    };
    let text = if flag == "debug" { "debug" } else { value };
    let value = tree::text(node.mark, text);
    match text.split_once('=') {
        _ if LISTS.contains(&key) => import.take(&path, &tree::list(node.mark, vec![value])),
        Some((name, text)) if matches!(key, "labels" | "log_opts") => {
            let mut map = tree::map(node.mark);
            tree::place(&mut map, name, tree::text(node.mark, text));
            import.take(&path, &map);
        }
        _ => import.take(&path, &value),
    }
}

/// Docker Hub's old address is the name that Docker itself gives it.
fn registry_auths(import: &mut Import, entry: &Entry) {
    for registry in entries(&entry.value) {
        let host = registry.key.trim_start_matches("https://").trim_start_matches("http://");
        let host = host.split('/').next().unwrap_or_default();
        let host = if host == "index.docker.io" { "docker.io" } else { host };
        let mut map = tree::map(registry.mark);
        tree::place(&mut map, host, registry.value.clone());
        import.take("dockos.registry_auths", &map);
    }
}
