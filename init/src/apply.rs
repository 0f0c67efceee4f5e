//! Another config on a running machine: what of it takes effect at once, and what only at the next boot.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use dockos_config::Config;

use crate::error::Result;
use crate::machine::Machine;
use crate::phases::Step;
use crate::{desktops, identity, network, services, user_docker, write_files};

type Running<'a> = Pin<Box<dyn Future<Output = Result<Step>> + 'a>>;

/// A part of the machine that follows the config while it runs.
struct Part {
    name: &'static str,
    differs: fn(&Config, &Config) -> bool,
    apply: for<'a> fn(&'a Rc<Machine>) -> Running<'a>,
}

/// In the order of the boot.
#[rustfmt::skip]
const PARTS: [Part; 6] = [
    Part { name: "identity", differs: |a, b| a.hostname != b.hostname,                             apply: |m| Box::pin(async { identity::apply(m); Ok(Step::Done(String::new())) }) },
    Part { name: "files",    differs: |a, b| a.write_files != b.write_files || a.ssh_authorized_keys != b.ssh_authorized_keys, apply: |m| Box::pin(write_files::phase(m)) },
    Part { name: "network",  differs: |a, b| a.network != b.network,                               apply: |m| Box::pin(network::reapply(m)) },
    Part { name: "docker",   differs: |a, b| a.dockos.docker != b.dockos.docker,                   apply: |m| Box::pin(user_docker::reapply(m)) },
    Part { name: "services", differs: services_differ,                                             apply: |m| Box::pin(services::reapply(m)) },
    Part { name: "desktops", differs: |a, b| a.dockos.desktops != b.dockos.desktops,               apply: |m| Box::pin(desktops::phase(m)) },
];

/// Services of the config, and ssh, which runs where keys are given.
fn services_differ(a: &Config, b: &Config) -> bool {
    a.dockos.services != b.dockos.services
        || a.ssh_authorized_keys.is_empty() != b.ssh_authorized_keys.is_empty()
}

/// A key that takes effect only at the next boot, and whether it differs.
type AtBoot = (&'static str, fn(&Config, &Config) -> bool);

#[rustfmt::skip]
const AT_BOOT: [AtBoot; 4] = [
    ("bootcmd",              |a, b| a.bootcmd != b.bootcmd),
    ("runcmd",               |a, b| a.runcmd != b.runcmd),
    ("dockos.state",         |a, b| a.dockos.state != b.dockos.state),
    ("dockos.system_docker", |a, b| a.dockos.system_docker != b.dockos.system_docker),
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

/// Brings the machine from the config in force to another one. What is the same in both is not touched.
pub(crate) async fn apply(machine: &Rc<Machine>, new: Option<Config>) -> Applied {
    let old = machine.config();
    machine.set_config(new);
    let new = machine.config();
    let mut applied = Applied {
        at_boot: AT_BOOT.iter().filter(|(_, differs)| differs(&old, &new)).map(|(name, _)| *name).collect(),
        ..Applied::default()
    };
    for part in PARTS.iter().filter(|part| (part.differs)(&old, &new)) {
        tracing::info!("config: {} changes", part.name);
        let work = async {
            if let Err(fault) = (part.apply)(machine).await {
                machine.problem(format!("{}: {fault}", part.name));
            }
        };
        applied.problems.extend(machine.problems_of(work).await);
        applied.parts.push(part.name);
    }
    applied
}
