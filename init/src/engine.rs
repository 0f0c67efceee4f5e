//! A Docker engine: containerd and dockerd, how they are started and with which settings. The same for both of them.
//!
//! The system Docker's two daemons are children of PID 1. The user Docker's are children of `dockos engine`, which is
//! the one process of the system service `docker` (see `user_docker.rs`).

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use dockos_config::{Config, LogOpts};
use nix::sys::signal::Signal;
use serde_json::{Map, Value, json};
use tokio::task::spawn_local;

use crate::cgroup::Cgroup;
use crate::docker;
use crate::environment;
use crate::machine::Machine;
use crate::phases::{Ended, Step};
use crate::reaper::Reaper;
use crate::spawn::{Io, Program};
use crate::supervise::{Daemon, Stop, keep_running};
use dockos_control::error::{Context, Result};
use dockos_control::files;

/// The system Docker's socket.
pub(crate) const SYSTEM_SOCKET: &str = "/run/system-docker.sock";
/// All that the system Docker keeps: in RAM, made anew at each boot.
const SYSTEM_ROOT: &str = "/run/system-docker";
/// containerd's settings, in the root image, the same for both.
const CONTAINERD_CONFIG: &str = "/usr/share/dockos/containerd.toml";
/// The kernel kills engines almost last.
const OOM_SCORE: i16 = -999;
/// How long a daemon may take to end.
const GRACE: Duration = Duration::from_secs(10);
/// How long an engine may take to answer for the first time: slow disks, emulated CPUs, a store to be checked.
pub(crate) const ANSWER_BOUND: Duration = Duration::from_secs(180);

/// Where an engine keeps things.
pub(crate) struct Places {
    /// Runtime files of both daemons; their sockets are in it.
    pub(crate) run: &'static str,
    /// containerd's store.
    pub(crate) containerd_root: &'static str,
    /// Log files.
    pub(crate) logs: &'static str,
    /// Cgroup of each daemon: this and the daemon's name.
    pub(crate) cgroup: &'static str,
    /// dockerd's settings.
    pub(crate) settings: &'static str,
}

const SYSTEM: Places = Places {
    run: SYSTEM_ROOT,
    containerd_root: "/run/system-docker/containerd",
    logs: "/run/dockos/log",
    cgroup: "engines/system-",
    settings: "/run/system-docker/dockerd.json",
};

/// The phase that starts the system Docker's containerd: it needs nothing, so it starts with PID 1.
pub(crate) async fn system_containerd(machine: &Rc<Machine>) -> Ended {
    start(&machine.reaper, containerd(&SYSTEM)?, machine.stop());
    Ok(Step::Done("started".to_owned()))
}

/// The phase that starts the system Docker and ends when it answers.
pub(crate) async fn system_docker(machine: &Rc<Machine>) -> Ended {
    write_settings(&SYSTEM, &system_settings(&machine.config()))?;
    machine.waits_for("system-docker", SYSTEM_SOCKET);
    start(&machine.reaper, dockerd(&SYSTEM)?, machine.stop());
    let version = docker::answers(SYSTEM_SOCKET, ANSWER_BOUND).await?;
    Ok(Step::Done(format!("dockerd {version}")))
}

/// No bridge and no packet filter: system services use the machine's network or none.
fn system_settings(config: &Config) -> Value {
    let own = &config.dockos.system_docker;
    let mut log_opts = log_opts(&own.log_opts);
    log_opts.insert("compress".to_owned(), "false".into());
    json!({
        "hosts": [format!("unix://{SYSTEM_SOCKET}")],
        "data-root": "/run/system-docker/data",
        "exec-root": "/run/system-docker/exec",
        "containerd": "/run/system-docker/containerd.sock",
        "bridge": "none",
        "iptables": false,
        "ip6tables": false,
        "ip-forward": false,
        "ip-masq": false,
        "userland-proxy": false,
        "live-restore": true,
        "storage-driver": "overlay2",
        "cgroup-parent": "/services",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "log-driver": "local",
        "log-opts": log_opts,
        "log-level": own.log_level.as_str(),
        "registry-mirrors": texts(&own.registry_mirrors),
        "insecure-registries": texts(&own.insecure_registries),
        "labels": own.labels.to_list(),
        "proxies": proxies(config),
    })
}

/// The texts of values.
pub(crate) fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(T::to_string).collect()
}

/// How much of a container's output is kept.
pub(crate) fn log_opts(wish: &LogOpts) -> Map<String, Value> {
    let size = wish.max_size.map_or("1m".to_owned(), |size| size.bytes().to_string());
    let files = wish.max_file.map_or("2".to_owned(), |files| files.get().to_string());
    [("max-size".to_owned(), size.into()), ("max-file".to_owned(), files.into())].into_iter().collect()
}

/// How an engine reaches registries.
pub(crate) fn proxies(config: &Config) -> Map<String, Value> {
    let own = &config.dockos.proxies;
    let no_proxy = Some(environment::no_proxy(config)).filter(|names| !names.is_empty());
    let all = [
        ("http-proxy", own.http.as_ref().map(|url| url.reveal().to_owned())),
        ("https-proxy", own.https.as_ref().map(|url| url.reveal().to_owned())),
        ("no-proxy", no_proxy),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect()
}

/// Writes dockerd's settings where [`dockerd`] looks for them.
pub(crate) fn write_settings(places: &Places, settings: &Value) -> Result<()> {
    let text = serde_json::to_vec_pretty(settings).context(|| "write settings".to_owned())?;
    files::write_durably(Path::new(places.settings), &text, 0o600)
}

/// containerd as a daemon. Its shims, and with them all containers, outlive it: its cgroup is never killed.
pub(crate) fn containerd(places: &Places) -> Result<Daemon> {
    let socket = format!("{}/containerd.sock", places.run);
    let state = format!("{}/containerd-state", places.run);
    let argv = [
        "/usr/bin/containerd",
        "--config",
        CONTAINERD_CONFIG,
        "--root",
        places.containerd_root,
        "--state",
        &state,
        "--address",
        &socket,
    ];
    Ok(Daemon {
        name: "containerd",
        program: program(places, "containerd", &argv)?,
        stop_signal: Signal::SIGTERM,
        grace: GRACE,
        kill_cgroup: false,
    })
}

/// dockerd as a daemon.
pub(crate) fn dockerd(places: &Places) -> Result<Daemon> {
    // No pid file: it would outlive the PID namespace it speaks of, and the number may be another's in the next one.
    let argv = ["/usr/sbin/dockerd", "--config-file", places.settings, "--pidfile="];
    Ok(Daemon {
        name: "dockerd",
        program: program(places, "dockerd", &argv)?,
        stop_signal: Signal::SIGTERM,
        grace: GRACE,
        kill_cgroup: true,
    })
}

fn program(places: &Places, name: &str, argv: &[&str]) -> Result<Program> {
    let mut program = Program::new(argv.iter().copied());
    // Go's collector: a heap grows by a quarter, not by all, before it is collected. Room for desktops beats engine speed.
    program.env.push("GOGC=25".to_owned());
    program.cgroup = Some(Cgroup::make(&format!("{}{name}", places.cgroup))?);
    program.oom_score_adj = OOM_SCORE;
    program.io = Io::Log(format!("{}/{}{name}.log", places.logs, prefix(places)).into());
    Ok(program)
}

fn prefix(places: &Places) -> &'static str {
    if places.run == SYSTEM_ROOT { "system-" } else { "" }
}

/// Puts a daemon under supervision.
pub(crate) fn start(reaper: &Rc<Reaper>, daemon: Daemon, stop: Stop) {
    spawn_local(keep_running(Rc::clone(reaper), daemon, stop));
}
