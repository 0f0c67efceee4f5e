//! The machine's names, and its time zone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use dockos_config::{Config, ManageEtcHosts};

use crate::machine::Machine;
use dockos_control::error::{Context, Fault, Result};

/// The name of a machine whose config and network give none.
const DEFAULT: &str = "dockos";
/// The time zones of the root image.
const ZONES: &str = "/usr/share/zoneinfo";
const LOCAL_TIME: &str = "/etc/localtime";
const HOSTS: &str = "/etc/hosts";
/// The address that a machine's own name has where no network gives another.
const OWN_ADDRESS: &str = "127.0.1.1";

/// Gives the machine the names and the time zone that the config says.
pub(crate) fn apply(machine: &Machine) {
    let config = machine.config();
    // Without one it keeps the one it has: the network's, or the kernel's, which is the default.
    let present = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let name = host_name(&config).or(present.as_deref()).unwrap_or(DEFAULT);
    machine.check(nix::unistd::sethostname(name).context(|| format!("set the host name {name}")));
    machine
        .check(fs::write("/etc/hostname", format!("{name}\n")).context(|| "write /etc/hostname".to_owned()));
    // Left to others once the machine has booted, unless the config asks to keep it.
    if !*machine.booted.borrow() || config.manage_etc_hosts != ManageEtcHosts::No {
        let was = fs::read_to_string(HOSTS).unwrap_or_default();
        machine.check(fs::write(HOSTS, hosts(&config, name, &was)).context(|| format!("write {HOSTS}")));
    }
    let zone = config.timezone.as_ref().map_or("UTC", |zone| zone.as_str());
    machine.check(set_zone(zone).context(|| format!("timezone {zone}")));
}

/// The config's name for it: without its domain, unless it prefers it with.
fn host_name(config: &Config) -> Option<&str> {
    let full = config.fqdn.as_ref().map(|name| name.as_str());
    match (&config.hostname, full) {
        (_, Some(full)) if config.prefer_fqdn_over_hostname => Some(full),
        (Some(name), _) => Some(name.as_str()),
        (None, full) => full?.split('.').next(),
    }
}

/// /etc/hosts with the machine's own names on a line of their own.
fn hosts(config: &Config, name: &str, was: &str) -> String {
    let full = config.fqdn.as_ref().map(|full| full.as_str()).filter(|full| *full != name);
    let own = match full {
        Some(full) => format!("{OWN_ADDRESS} {full} {name}\n"),
        None => format!("{OWN_ADDRESS} {name}\n"),
    };
    if config.manage_etc_hosts == ManageEtcHosts::Yes || was.is_empty() {
        return format!("127.0.0.1 localhost\n::1 localhost ip6-localhost\n{own}");
    }
    let others = was.lines().filter(|line| line.split_whitespace().next() != Some(OWN_ADDRESS));
    let mut text: String = others.map(|line| format!("{line}\n")).collect();
    text.push_str(&own);
    text
}

fn set_zone(zone: &str) -> Result<()> {
    let file = format!("{ZONES}/{zone}");
    if !Path::new(&file).is_file() {
        return match zone {
            "UTC" => Ok(()),
            _ => Err(Fault::new("there is no such zone; `ls /usr/share/zoneinfo` lists them")),
        };
    }
    let _ = fs::remove_file(LOCAL_TIME);
    symlink(&file, LOCAL_TIME).context(|| format!("link {LOCAL_TIME}"))?;
    fs::write("/etc/timezone", format!("{zone}\n")).context(|| "write /etc/timezone".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        dockos_config::parse("test.yml", text).unwrap()
    }

    #[test]
    fn the_name_is_short_unless_asked_for() {
        for (text, name) in [
            ("hostname: lab", "lab"),
            ("fqdn: lab-01.school.example", "lab-01"),
            ("{hostname: lab, fqdn: lab-01.school.example}", "lab"),
            ("{fqdn: lab-01.school.example, prefer_fqdn_over_hostname: true}", "lab-01.school.example"),
        ] {
            assert_eq!(host_name(&config(text)), Some(name), "{text}");
        }
        assert_eq!(host_name(&config("{}")), None);
    }

    #[test]
    fn hosts_keeps_the_lines_of_others() {
        let names = "hostname: lab\nfqdn: lab.school.example\n";
        let was = "127.0.0.1 localhost\n127.0.1.1 old\n10.0.0.1 center\n";
        let own = "127.0.1.1 lab.school.example lab\n";
        assert_eq!(hosts(&config(names), "lab", was), format!("127.0.0.1 localhost\n10.0.0.1 center\n{own}"));
        let all = config(&format!("{names}manage_etc_hosts: true\n"));
        assert_eq!(
            hosts(&all, "lab", was),
            format!("127.0.0.1 localhost\n::1 localhost ip6-localhost\n{own}")
        );
        assert!(hosts(&config("hostname: lab"), "lab", "").ends_with("127.0.1.1 lab\n"));
    }
}
