//! Kernel settings: those that every machine gets, as data, and the config's on top of them.

use std::fs;

use procfs::{Current, Meminfo};

use crate::machine::Machine;
use dockos_control::error::Context;

/// A setting below /proc/sys.
struct Setting {
    name: &'static str,
    value: &'static str,
}

#[rustfmt::skip]
const SETTINGS: [Setting; 7] = [
    // Links and pipes of others in shared directories are not followed or opened: proc(5). The kernel's default is 0.
    Setting { name: "fs/protected_hardlinks", value: "1" },
    Setting { name: "fs/protected_symlinks",  value: "1" },
    Setting { name: "fs/protected_fifos",     value: "1" },
    Setting { name: "fs/protected_regular",   value: "1" },
    // Addresses in /proc are for the kernel's debuggers.
    Setting { name: "kernel/kptr_restrict",   value: "1" },
    // All tenants are the same user to the host, so they share these limits: thirty desktops with file managers and IDEs.
    Setting { name: "fs/inotify/max_user_instances", value: "8192" },
    Setting { name: "fs/inotify/max_user_watches",   value: "1048576" },
];

/// Bytes. For transparent huge pages the kernel keeps tens of MB free on any machine; a small one
/// has better uses for them.
const SMALL_MACHINE: u64 = 4 << 30;
/// The default without huge pages for 1 GB is 4 to 5 MB.
const SMALL_MACHINE_FREE_KB: u64 = 8192;

/// Sets them. A setting that this kernel lacks is not worth a word on the screen.
pub(crate) fn set_all() {
    for setting in &SETTINGS {
        set(setting.name, setting.value);
    }
    if Meminfo::current().is_ok_and(|memory| memory.mem_total < SMALL_MACHINE) {
        set("vm/min_free_kbytes", &SMALL_MACHINE_FREE_KB.to_string());
    }
}

/// Sets those of the config, in the order of their names. One that cannot be set is a problem that is named.
pub(crate) fn apply(machine: &Machine) {
    for (name, value) in &machine.config().dockos.sysctl {
        let set = fs::write(format!("/proc/sys/{}", name.path()), value.as_str());
        machine.check(set.context(|| format!("sysctl {name}={value}")));
    }
}

fn set(name: &str, value: &str) {
    if let Err(error) = fs::write(format!("/proc/sys/{name}"), value) {
        tracing::debug!("set {name}: {error}");
    }
}
