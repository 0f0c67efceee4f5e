//! The user Docker: a system service of its own. Wiping or restarting it leaves the system side alone.
//!
//! Its container runs `dockos engine` (see `subinit.rs`), whose PID namespace, mounts and cgroup hold all tenants. Of
//! the host's /run it sees one directory, so its engine cannot reach the system Docker's socket.

use std::fs;
use std::rc::Rc;

use dockos_config::{Docker, PidsLimit};
use serde_json::{Value, json};

use crate::engine::{self, Places};
use crate::error::{Context, Result};
use crate::machine::Machine;
use crate::phases::{Ended, Step};
use crate::{docker, services};

/// The user Docker's socket: a link into the directory that its container sees as /run.
pub(crate) const SOCKET: &str = "/run/docker.sock";
/// That directory.
const HOST_RUN: &str = "/run/user-docker";
/// The service's name: its folder in system-services/, and its container's name.
pub(crate) const SERVICE: &str = "docker";

/// The engine's places as its container sees them.
pub(crate) const INSIDE: Places = Places {
    run: "/run",
    containerd_root: "/var/lib/docker/containerd",
    logs: "/run/log",
    cgroup: "",
    settings: "/run/dockerd.json",
};

/// The phase. Ends when the user Docker answers.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    let config = &machine.config().dockos.docker;
    prepare(config)?;
    let mut service = services::built_in(SERVICE)?;
    service.mem_limit = config.memory;
    service.pids_limit = service.pids_limit.or_else(most_processes);
    machine.waits_for(SERVICE, "its container");
    services::run(SERVICE, &service).await?;
    machine.mark("user Docker's container started");
    machine.waits_for(SERVICE, SOCKET);
    let version = docker::answers(SOCKET, engine::ANSWER_BOUND).await?;
    Ok(Step::Done(format!("dockerd {version}")))
}

/// Three quarters of what the kernel can have: a tenants' fork bomb leaves the system side its share.
fn most_processes() -> Option<PidsLimit> {
    let read =
        |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?.trim().parse::<u32>().ok();
    (read("threads-max")?.min(read("pid_max")?) / 4 * 3).to_string().parse().ok()
}

/// Puts the engine's settings where its container finds them.
fn prepare(config: &Docker) -> Result<()> {
    fs::create_dir_all(format!("{HOST_RUN}/log")).context(|| format!("make {HOST_RUN}"))?;
    let outside = Places { settings: "/run/user-docker/dockerd.json", ..INSIDE };
    engine::write_settings(&outside, &settings(config))?;
    let _ = fs::remove_file(SOCKET);
    std::os::unix::fs::symlink("user-docker/docker.sock", SOCKET).context(|| format!("link {SOCKET}"))
}

/// Tenants are remapped (their root is nobody on the host), gain no privileges, and do not talk to each other.
fn settings(config: &Docker) -> Value {
    let mirrors: Vec<String> = config.registry_mirrors.iter().map(ToString::to_string).collect();
    let insecure: Vec<String> = config.insecure_registries.iter().map(ToString::to_string).collect();
    json!({
        "hosts": ["unix:///run/docker.sock"],
        "data-root": "/var/lib/docker",
        "exec-root": "/run/docker",
        "containerd": "/run/containerd.sock",
        "userns-remap": "default",
        "live-restore": true,
        "icc": false,
        "userland-proxy": false,
        "no-new-privileges": true,
        "storage-driver": "overlay2",
        "cgroup-parent": "/tenants",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "log-driver": "local",
        "log-opts": { "max-size": "10m", "max-file": "3" },
        "log-level": config.log_level.as_str(),
        "registry-mirrors": mirrors,
        "insecure-registries": insecure,
    })
}
