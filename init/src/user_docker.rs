//! The user Docker: a system service of its own. Wiping or restarting it leaves the system side alone.
//!
//! Its container runs `dockos engine` (see `subinit.rs`), whose PID namespace, mounts and cgroup hold all tenants. Of
//! the host's /run it sees one directory, so its engine cannot reach the system Docker's socket.

use std::fs;
use std::rc::Rc;
use std::time::Duration;

use dockos_config::{Config, PidsLimit, Ulimits};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Map, Value, json};

use crate::cgroup::Cgroup;
use crate::engine::{self, Places};
use crate::machine::Machine;
use crate::phases::{Ended, Step};
use crate::{docker, services};
use dockos_control::error::{Context, Fault, Result};

/// The user Docker's socket: a link into the directory that its container sees as /run.
pub(crate) const SOCKET: &str = "/run/docker.sock";
/// Where tenants' networks are cut from: Docker's own choice has no more than thirty, and each tenant has its own. The engine
/// leaves out what the machine's own networks take.
const POOL: &str = "172.16.0.0/12";
const POOL_SIZE: u8 = 26;
/// No core files, and files that one process may have open: an IDE has some thousand.
const ULIMITS: [(&str, i64); 2] = [("core", 0), ("nofile", 16_384)];
/// That directory.
const HOST_RUN: &str = "/run/user-docker";
/// How long dockerd may take to end: its supervisor kills it after that.
const END_BOUND: Duration = Duration::from_secs(60);
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
    let whole = machine.config();
    let config = &whole.dockos.docker;
    prepare(&whole)?;
    let mut service = services::built_in(SERVICE)?;
    service.mem_limit = config.memory;
    service.pids_limit = service.pids_limit.or_else(most_processes);
    machine.waits_for(SERVICE, "its container");
    services::run(machine, SERVICE, &service).await?;
    machine.mark("user Docker's container started");
    machine.waits_for(SERVICE, SOCKET);
    let version = docker::answers(SOCKET, engine::ANSWER_BOUND).await?;
    Ok(Step::Done(format!("dockerd {version}")))
}

/// Gives the running engine the config's settings. It starts anew; its desktops run on (live-restore).
pub(crate) async fn reapply(machine: &Rc<Machine>) -> Ended {
    let whole = machine.config();
    let config = &whole.dockos.docker;
    write_settings(&whole)?;
    let container = container_cgroup()?;
    let limit = config.memory.map_or("max".to_owned(), |size| size.bytes().to_string());
    let group = container.clone();
    // A limit below what is in use takes it back first: not on PID 1's own thread.
    let set = tokio::task::spawn_blocking(move || group.set("memory.max", &limit)).await;
    set.context(|| "limit the memory".to_owned())??;
    machine.waits_for(SERVICE, "dockerd to end");
    for pid in container.below("dockerd").pids() {
        kill(Pid::from_raw(pid), Signal::SIGTERM).context(|| "stop dockerd".to_owned())?;
        gone(pid).await;
    }
    let version = docker::answers(SOCKET, engine::ANSWER_BOUND).await?;
    Ok(Step::Done(format!("dockerd {version}")))
}

/// The cgroup of the engine's container: the only one that holds a dockerd.
fn container_cgroup() -> Result<Cgroup> {
    let groups = Cgroup::make("services")?.children();
    let found = groups.into_iter().find(|group| group.below("dockerd").exists());
    found.ok_or_else(|| Fault::new("the user Docker does not run"))
}

/// Waits for a process to end. Not for its cgroup to be empty: its successor starts in it at once.
async fn gone(pid: i32) {
    let end = tokio::time::Instant::now() + END_BOUND;
    while kill(Pid::from_raw(pid), None).is_ok() && tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Three quarters of what the kernel can have: a tenants' fork bomb leaves the system side its share.
fn most_processes() -> Option<PidsLimit> {
    let read =
        |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?.trim().parse::<u32>().ok();
    (read("threads-max")?.min(read("pid_max")?) / 4 * 3).to_string().parse().ok()
}

/// Puts the engine's settings where its container finds them.
fn prepare(config: &Config) -> Result<()> {
    fs::create_dir_all(format!("{HOST_RUN}/log")).context(|| format!("make {HOST_RUN}"))?;
    write_settings(config)?;
    let _ = fs::remove_file(SOCKET);
    std::os::unix::fs::symlink("user-docker/docker.sock", SOCKET).context(|| format!("link {SOCKET}"))
}

fn write_settings(config: &Config) -> Result<()> {
    let outside = Places { settings: "/run/user-docker/dockerd.json", ..INSIDE };
    engine::write_settings(&outside, &settings(config))
}

/// The room's limits, and ours where it has none.
fn ulimits(wish: &Ulimits) -> Map<String, Value> {
    let own = ULIMITS.map(|(name, most)| (name, most, most));
    let wish = wish.0.iter().map(|(name, limit)| (name.as_str(), limit.soft, limit.hard));
    let all = own.into_iter().chain(wish);
    all.map(|(name, soft, hard)| (name.to_owned(), json!({ "Name": name, "Soft": soft, "Hard": hard })))
        .collect()
}

/// Tenants are remapped (their root is nobody on the host), gain no privileges, and do not talk to each other.
fn settings(whole: &Config) -> Value {
    let config = &whole.dockos.docker;
    let pools = config.address_pools.iter();
    let mut pools: Vec<Value> =
        pools.map(|pool| json!({ "base": pool.base.to_string(), "size": pool.size.get() })).collect();
    if pools.is_empty() {
        pools.push(json!({ "base": POOL, "size": POOL_SIZE }));
    }
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
        "log-opts": engine::log_opts(&config.log_opts),
        "log-level": config.log_level.as_str(),
        "registry-mirrors": engine::texts(&config.registry_mirrors),
        "insecure-registries": engine::texts(&config.insecure_registries),
        "default-address-pools": pools,
        "default-ulimits": ulimits(&config.default_ulimits),
        "labels": config.labels.to_list(),
        "proxies": engine::proxies(whole),
    })
}
