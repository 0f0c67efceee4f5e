//! RancherOS: what becomes of the keys of its cloud-config.

use super::rows::{Row, by, list, not, to, within};
use super::tree::{self, items};
use super::{Import, files, rancher_docker, rancher_network, rancher_services};
use crate::yaml::{Entry, Node};

const DOES_ITSELF: &str = "DockOS does this by itself";
const NOTHING_TO_DO: &str = "nothing is to be done";
const OWN_IMAGE: &str = "it names a part of RancherOS's own system, which DockOS does not have";
const LEAVE_OUT: &str = "leave it out";

pub(super) const ROWS: &[Row] = &[
    by("hostname", "`hostname`, and `fqdn` if it has dots", files::hostname),
    by("ssh_authorized_keys", "`ssh_authorized_keys`, which log in as root", files::keys),
    by("write_files", "`write_files`, without `container`", files::write_files),
    list("runcmd", "runcmd"),
    list("bootcmd", "bootcmd"),
    by("mounts", "`mounts`", files::mounts),
    within("rancher", RANCHER),
];

const RANCHER: &[Row] = &[
    to("environment", "dockos.environment"),
    list("modules", "dockos.modules"),
    to("sysctl", "dockos.sysctl"),
    by("registry_auths", "`dockos.registry_auths`", rancher_docker::registry_auths),
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

pub(super) const FLAG: &str = "no such switch of the engine can be set";
const NO_PORT: &str = "the engine listens on its socket";
const OWN_STORE: &str = "the engine's data are on the state disk";

const DOCKER: &[Row] = &[
    list("registry_mirror", "dockos.docker.registry_mirrors"),
    list("registry_mirrors", "dockos.docker.registry_mirrors"),
    list("insecure_registry", "dockos.docker.insecure_registries"),
    list("insecure_registries", "dockos.docker.insecure_registries"),
    to("log_opts", "dockos.docker.log_opts"),
    to("server_cert", "dockos.docker.tls.cert"),
    to("server_key", "dockos.docker.tls.key"),
    to("ca_cert", "dockos.docker.tls.ca"),
    by("debug", "`dockos.docker.log_level: debug`", |import, entry| {
        debug(import, entry, "dockos.docker.log_level")
    }),
    by("extra_args", "each flag to its key under `dockos.docker`", |import, entry| {
        rancher_docker::flags(import, entry, "dockos.docker");
    }),
    by("args", "each flag to its key under `dockos.docker`", |import, entry| {
        rancher_docker::flags(import, entry, "dockos.docker");
    }),
    not(
        "log_driver",
        "containers log to files of bounded size",
        "set their size by `dockos.docker.log_opts`",
    ),
    not(
        "tls",
        "the machine makes no certificates itself",
        "give `ca`, `cert` and `key` under `dockos.docker.tls`",
    ),
    not(
        "tls_args",
        "the certificates are named by key",
        "give `ca`, `cert` and `key` under `dockos.docker.tls`",
    ),
    not("ca_key", "the authority's key is of no use on the machine", "keep it elsewhere"),
    not("host", NO_PORT, "reach it by ssh, `docker -H ssh://root@HOST`, or set `dockos.docker.tls`"),
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
    list("registry_mirror", "dockos.system_docker.registry_mirrors"),
    list("insecure_registry", "dockos.system_docker.insecure_registries"),
    to("log_opts", "dockos.system_docker.log_opts"),
    by("extra_args", "each flag to its key under `dockos.system_docker`", |import, entry| {
        rancher_docker::flags(import, entry, "dockos.system_docker");
    }),
    not(
        "log_driver",
        "containers log to files of bounded size",
        "set their size by `dockos.system_docker.log_opts`",
    ),
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

pub(super) fn turn(import: &mut Import, root: &Node) {
    import.walk(root, ROWS);
    whole_tls(import);
}

/// RancherOS made the certificates that it was not given. Parts of what is needed are of no use.
fn whole_tls(import: &mut Import) {
    let docker = import.out.get("dockos").and_then(|dockos| dockos.get("docker"));
    let Some(tls) = docker.and_then(|docker| docker.get("tls")) else { return };
    if ["ca", "cert", "key"].iter().any(|part| tls.get(part).is_none()) {
        let (mark, message) = (tls.mark, "the certificates are not taken over: some of them are missing");
        tree::remove(&mut import.out, &["dockos", "docker", "tls"]);
        import.leave(mark, message, "give `ca`, `cert` and `key` under `dockos.docker.tls`");
    }
}

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
