//! Another config on a running machine: what of it takes effect at once, and what only at the next boot.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use dockos_config::Config;

use crate::machine::Machine;
use crate::phases::Step;
use crate::{
    center, desktops, environment, identity, network, services, sysctls, user_docker, users, write_files,
};
use dockos_control::error::Result;

type Running<'a> = Pin<Box<dyn Future<Output = Result<Step>> + 'a>>;

/// A part of the machine that follows the config while it runs.
struct Part {
    name: &'static str,
    differs: fn(&Config, &Config) -> bool,
    apply: for<'a> fn(&'a Rc<Machine>) -> Running<'a>,
}

/// In the order of the boot.
#[rustfmt::skip]
const PARTS: [Part; 8] = [
    Part { name: "identity", differs: identity_differs,                                            apply: |m| at_once(identity::apply, m) },
    Part { name: "environment", differs: environment_differs,                                      apply: |m| at_once(environment::apply, m) },
    Part { name: "users",    differs: users_differ,                                                apply: |m| at_once(users::apply, m) },
    Part { name: "sysctl",   differs: |a, b| a.dockos.sysctl != b.dockos.sysctl,                   apply: |m| at_once(sysctls::apply, m) },
    Part { name: FILES,      differs: |a, b| a.write_files != b.write_files,                       apply: |m| Box::pin(write_files::reapply(m)) },
    Part { name: "network",  differs: |a, b| a.network != b.network,                               apply: |m| Box::pin(network::reapply(m)) },
    Part { name: "docker",   differs: |a, b| a.dockos.docker != b.dockos.docker || a.dockos.proxies != b.dockos.proxies,                   apply: |m| Box::pin(user_docker::reapply(m)) },
    Part { name: "services", differs: services_differ,                                             apply: |m| Box::pin(services::reapply(m)) },
];

fn at_once<'a>(apply: fn(&Machine), machine: &'a Machine) -> Running<'a> {
    Box::pin(async move {
        apply(machine);
        Ok(Step::Done(String::new()))
    })
}

fn identity_differs(a: &Config, b: &Config) -> bool {
    a.hostname != b.hostname
        || a.fqdn != b.fqdn
        || a.prefer_fqdn_over_hostname != b.prefer_fqdn_over_hostname
        || a.manage_etc_hosts != b.manage_etc_hosts
        || a.timezone != b.timezone
}

fn environment_differs(a: &Config, b: &Config) -> bool {
    variables_differ(a, b) || a.dockos.proxies != b.dockos.proxies
}

/// Variables that containers have too.
fn variables_differ(a: &Config, b: &Config) -> bool {
    a.locale != b.locale || a.dockos.environment != b.dockos.environment
}

fn users_differ(a: &Config, b: &Config) -> bool {
    a.users != b.users || a.groups != b.groups || a.ssh_authorized_keys != b.ssh_authorized_keys
}

/// Services of the config, ssh, which runs where somebody can log in, and those of a center.
fn services_differ(a: &Config, b: &Config) -> bool {
    a.dockos.services != b.dockos.services
        || center::netboot(a) != center::netboot(b)
        || a.dockos.web != b.dockos.web
        || desktops::is_wanted(a) != desktops::is_wanted(b)
        || a.dockos.environment != b.dockos.environment
        || a.ssh_pwauth != b.ssh_pwauth
        || a.disable_root != b.disable_root
        || users::logins(a).is_empty() != users::logins(b).is_empty()
}

/// A key that takes effect only at the next boot, and whether it differs.
type AtBoot = (&'static str, fn(&Config, &Config) -> bool);

#[rustfmt::skip]
const AT_BOOT: [AtBoot; 8] = [
    ("bootcmd",              |a, b| a.bootcmd != b.bootcmd),
    ("runcmd",               |a, b| a.runcmd != b.runcmd),
    ("ca_certs",             |a, b| a.ca_certs != b.ca_certs || a.ca_certs_old != b.ca_certs_old),
    ("dockos.state",         |a, b| a.dockos.state != b.dockos.state),
    ("dockos.system_docker", |a, b| a.dockos.system_docker != b.dockos.system_docker || a.dockos.proxies != b.dockos.proxies),
    ("mounts",               |a, b| a.mounts != b.mounts || a.mount_default_fields != b.mount_default_fields),
    ("power_state",          |a, b| a.power_state != b.power_state),
    ("swap",                 |a, b| a.swap != b.swap),
];

/// What became of a config.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Parts that were changed.
    pub(crate) parts: Vec<&'static str>,
    /// Keys that wait for the next boot.
    pub(crate) at_boot: Vec<&'static str>,
    /// What went wrong.
    pub(crate) problems: Vec<String>,
}

/// Why another config is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// To be tried: desktops that are there stay as they are, for what is in them would not come back.
    Try,
    /// To end a trial: whoever calls puts the files back.
    Revert,
}

/// The part that is put back in another way.
const FILES: &str = "files";

/// Brings the machine from the config in force to another one. What is the same in both is not touched.
pub(crate) async fn apply(machine: &Rc<Machine>, new: Rc<Config>, mode: Mode) -> Applied {
    let old = machine.config();
    machine.set_config(Some(Rc::clone(&new)));
    let mut applied = Applied {
        at_boot: AT_BOOT.iter().filter(|(_, differs)| differs(&old, &new)).map(|(name, _)| *name).collect(),
        ..Applied::default()
    };
    let skipped = |part: &&Part| mode == Mode::Revert && part.name == FILES;
    for part in PARTS.iter().filter(|part| (part.differs)(&old, &new) && !skipped(part)) {
        applied.run(machine, part.name, (part.apply)(machine)).await;
    }
    if desktops_differ(&old, &new) {
        match mode {
            Mode::Try => applied.run(machine, DESKTOPS, desktops::add(machine, &old)).await,
            Mode::Revert => applied.run(machine, DESKTOPS, desktops::reapply(machine)).await,
        }
    }
    applied
}

/// Does what a trial left for when it is confirmed: changed and unwanted desktops.
pub(crate) async fn finish(machine: &Rc<Machine>, before: &Config) -> Applied {
    let mut applied = Applied::default();
    if desktops_differ(before, &machine.config()) {
        applied.run(machine, DESKTOPS, desktops::reapply(machine)).await;
    }
    applied
}

const DESKTOPS: &str = "desktops";

fn desktops_differ(a: &Config, b: &Config) -> bool {
    a.dockos.desktops != b.dockos.desktops
        || a.dockos.courses != b.dockos.courses
        || a.dockos.registry_auths != b.dockos.registry_auths
        || a.timezone != b.timezone
        || variables_differ(a, b)
}

impl Applied {
    async fn run(&mut self, machine: &Machine, name: &'static str, work: impl Future<Output = Result<Step>>) {
        tracing::info!("config: {name} changes");
        let noted = async {
            if let Err(fault) = work.await {
                machine.problem(format!("{name}: {fault}"));
            }
        };
        self.problems.extend(machine.problems_of(noted).await);
        self.parts.push(name);
    }
}
