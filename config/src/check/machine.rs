//! The machine as a whole: state disk, names, certificates, power, kernel.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Checker;
use crate::schema::{CaCerts, Config, CreateState};
use crate::value::quoted;
use crate::yaml::Step::Key;

/// How long a machine may hang before its watchdog restarts it.
const LEAST_WATCH: Duration = Duration::from_secs(1);
const MOST_WATCH: Duration = Duration::from_secs(600);

impl Checker<'_> {
    pub(super) fn state(&mut self, config: &Config) {
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

    pub(super) fn machine(&mut self, config: &Config) {
        let none = CaCerts::default();
        if config.ca_certs != none && config.ca_certs_old != none {
            self.at(&[Key("ca-certs")], "`ca_certs` and `ca-certs` are the same key", "remove one of them");
        }
        if config.prefer_fqdn_over_hostname && config.fqdn.is_none() {
            let message = "there is no `fqdn` to prefer";
            self.warn(&[Key("prefer_fqdn_over_hostname")], message, "add `fqdn`, or remove this key");
        }
        for (name, value) in config.dockos.environment.iter() {
            if value.contains(char::is_control) {
                let path = [Key("dockos"), Key("environment"), Key(name)];
                let message = format!("the value of `{name}` cannot stand in /etc/environment");
                self.at(&path, message, "write it on one line, with no control character");
            }
        }
        let ntp = &config.ntp;
        if ntp.enabled == Some(true) && ntp.servers.is_empty() && ntp.pools.is_empty() {
            let hint = "list some as `servers` or `pools`; without, those that the network names are asked";
            self.warn(&[Key("ntp")], "no time server is named", hint);
        }
        if config.dockos.upgrade.slots.is_some_and(|slots| slots.get() < 2) {
            let path = [Key("dockos"), Key("upgrade"), Key("slots")];
            self.at(&path, "one version leaves none to go back to", "keep at least 2");
        }
    }

    pub(super) fn kernel(&mut self, config: &Config) {
        let mut paths = BTreeMap::new();
        for (name, value) in &config.dockos.sysctl {
            let at = [Key("dockos"), Key("sysctl"), Key(name.as_str())];
            let path = name.path();
            if path == "net/ipv4/ip_forward" && value.as_str() == "0" {
                let message = "without forwarding no desktop reaches the network";
                self.warn(&at, message, "remove it; the engine sets it to 1");
            }
            if let Some(other) = paths.insert(path, name) {
                let message =
                    format!("{} and {} are the same setting", quoted(other.as_str()), quoted(name.as_str()));
                self.at(&at, message, "remove one of them");
            }
        }
        let timeout = config.dockos.watchdog.timeout.map(|timeout| timeout.duration());
        if timeout.is_some_and(|timeout| !(LEAST_WATCH..=MOST_WATCH).contains(&timeout)) {
            let path = [Key("dockos"), Key("watchdog"), Key("timeout")];
            self.at(&path, "a watchdog takes from 1 second to 10 minutes", "such as `30s`");
        }
    }
}
