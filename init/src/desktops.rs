//! Desktops: tenants' containers in the user Docker, as the config describes them.

use std::collections::HashMap;
use std::rc::Rc;

use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum};
use bollard::query_parameters::ListContainersOptionsBuilder;
use dockos_config::{Config, Desktop};
use futures_util::{StreamExt, stream};

use crate::machine::Machine;
use crate::phases::{Ended, Step};
use crate::{docker, environment, images, user_docker};
use dockos_control::error::Result;

/// How many desktops are made at once: more would only wait for the same disk.
const AT_ONCE: usize = 4;
/// How early the kernel kills a tenant's process: before everything of the machine's own.
const OOM_SCORE: i64 = 500;
/// Processes of a desktop whose config says nothing: an IDE and a browser have some hundred.
const PIDS: i64 = 2048;
/// Labels that say whose a container is.
const DESKTOP_LABEL: &str = "dockos.desktop";
const TENANT_LABEL: &str = "dockos.tenant";

/// The phase. A desktop that cannot run is a problem that is named; the others run.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    let config = &machine.config();
    let desktops = &config.dockos.desktops;
    let docker = &docker::open(user_docker::SOCKET).await?;
    if machine.config_found.get() {
        remove_unwanted(docker, desktops).await?;
    }
    if desktops.is_empty() {
        return Ok(Step::Skipped("none".to_owned()));
    }
    let running = stream::iter(desktops)
        .map(|desktop| async move {
            match run(machine, docker, config, desktop).await {
                Ok(()) => machine.mark(format!("desktop {} running", desktop.name)),
                Err(fault) => machine.problem(format!("desktop {}: {fault}", desktop.name)),
            }
        })
        .buffer_unordered(AT_ONCE);
    running.collect::<Vec<()>>().await;
    Ok(Step::Done(format!("{} of {}", running_count(machine), desktops.len())))
}

/// Runs those desktops of the config in force that another one does not name: nobody's work is in them yet.
pub(crate) async fn add(machine: &Rc<Machine>, old: &Config) -> Ended {
    let config = &machine.config();
    let docker = &docker::open(user_docker::SOCKET).await?;
    for desktop in added(config, old) {
        machine.check(run(machine, docker, config, desktop).await);
    }
    Ok(Step::Done(String::new()))
}

/// Removes those that another config named and the one in force does not.
pub(crate) async fn take_back(machine: &Rc<Machine>, old: &Config) -> Ended {
    let docker = &docker::open(user_docker::SOCKET).await?;
    for desktop in added(old, &machine.config()) {
        machine.check(docker::remove(docker, &format!("desktop-{}", desktop.name)).await);
    }
    Ok(Step::Done(String::new()))
}

/// Desktops of a config that another one does not name.
fn added<'a>(config: &'a Config, other: &'a Config) -> impl Iterator<Item = &'a Desktop> {
    let known = |desktop: &&Desktop| other.dockos.desktops.iter().any(|there| there.name == desktop.name);
    config.dockos.desktops.iter().filter(move |desktop| !known(desktop))
}

/// Removes desktops that the config does not name any more: they would hold ports and memory. Their volumes stay.
async fn remove_unwanted(docker: &Docker, wanted: &[Desktop]) -> Result<()> {
    let filters = HashMap::from([("label", vec![DESKTOP_LABEL])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let found =
        docker.list_containers(Some(options)).await.map_err(|error| docker::explain("desktops", &error))?;
    for container in found {
        let name = container.labels.unwrap_or_default().remove(DESKTOP_LABEL);
        if !wanted.iter().any(|desktop| name.as_deref() == Some(desktop.name.as_str())) {
            tracing::info!("desktop {} is not in the config and is removed", name.unwrap_or_default());
            docker::remove(docker, &container.id.unwrap_or_default()).await?;
        }
    }
    Ok(())
}

fn running_count(machine: &Machine) -> usize {
    machine.timeline.borrow().marks.iter().filter(|mark| mark.name.starts_with("desktop ")).count()
}

async fn run(machine: &Machine, docker: &Docker, config: &Config, desktop: &Desktop) -> Result<()> {
    let image = desktop.image.to_string();
    if !images::is_present(docker, &image).await {
        images::pull(machine, docker, &image).await?;
    }
    docker::ensure_running(docker, &format!("desktop-{}", desktop.name), describe(config, desktop)).await
}

fn describe(config: &Config, desktop: &Desktop) -> ContainerCreateBody {
    let labels = [(DESKTOP_LABEL, desktop.name.to_string()), (TENANT_LABEL, desktop.tenant.to_string())];
    let variables = environment::variables(config);
    ContainerCreateBody {
        image: Some(desktop.image.to_string()),
        hostname: Some(desktop.name.to_string()),
        env: Some(variables).filter(|variables| !variables.is_empty()),
        cmd: desktop.command.as_ref().map(|argv| argv.to_vec()),
        labels: Some(labels.map(|(key, value)| (key.to_owned(), value)).into()),
        exposed_ports: Some(desktop.ports.iter().map(container_port).collect()),
        host_config: Some(host_config(desktop)),
        ..Default::default()
    }
}

fn host_config(desktop: &Desktop) -> HostConfig {
    let memory = desktop.memory.map(|size| size.bytes().cast_signed());
    HostConfig {
        memory,
        // As much again in swap would be Docker's default: a limit is a limit.
        memory_swap: memory,
        nano_cpus: desktop.cpus.map(|cpus| cpus.nano().cast_signed()),
        pids_limit: Some(desktop.pids.map_or(PIDS, |limit| limit.get().map_or(-1, i64::from))),
        // Raw sockets are for forging a neighbour's packets on the bridge they share.
        cap_drop: Some(vec!["NET_RAW".to_owned()]),
        port_bindings: Some(port_bindings(desktop)),
        binds: Some(desktop.volumes.iter().map(|volume| bind(desktop, volume)).collect()),
        // Reaps what a desktop's programs leave behind, and hands on the signal to stop.
        init: Some(true),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::ALWAYS),
            maximum_retry_count: None,
        }),
        oom_score_adj: Some(OOM_SCORE),
        ..Default::default()
    }
}

fn container_port(port: &dockos_config::PortMapping) -> String {
    format!("{}/{}", port.container, port.protocol.as_str())
}

fn port_bindings(desktop: &Desktop) -> HashMap<String, Option<Vec<PortBinding>>> {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in &desktop.ports {
        let binding =
            PortBinding { host_ip: port.ip.map(|ip| ip.to_string()), host_port: Some(port.host.to_string()) };
        bindings.entry(container_port(port)).or_default().get_or_insert_default().push(binding);
    }
    bindings
}

/// A tenant's volume carries the tenant's name, so that no other can name it.
fn bind(desktop: &Desktop, volume: &dockos_config::TenantVolume) -> String {
    let mode = if volume.read_only { ":ro" } else { "" };
    format!("{}.{}:{}{mode}", desktop.tenant, volume.name, volume.target)
}
