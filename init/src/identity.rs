//! The machine's name, and what follows from it.

use std::fs;

use crate::error::Context;
use crate::machine::Machine;

/// The name of a machine whose config and network give none.
const DEFAULT: &str = "dockos";

/// Gives the machine the name that the config says.
pub(crate) fn apply(machine: &Machine) {
    let config = machine.config();
    let name = config.hostname.as_ref().map_or(DEFAULT, |name| name.as_str());
    machine.check(nix::unistd::sethostname(name).context(|| format!("set the host name {name}")));
    let hosts = format!("127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.1.1 {name}\n");
    machine
        .check(fs::write("/etc/hostname", format!("{name}\n")).context(|| "write /etc/hostname".to_owned()));
    machine.check(fs::write("/etc/hosts", hosts).context(|| "write /etc/hosts".to_owned()));
}
