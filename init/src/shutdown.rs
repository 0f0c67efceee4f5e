//! The way down: tenants, user Docker, services, system Docker, everybody else; then the disks; then the power.
//!
//! Needs no disk space and no new container. Every step has a bound, and a thread of its own ends the machine as asked
//! even if the rest hangs: a dead disk cannot keep a room's PCs on over night.

use std::rc::Rc;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::{ListContainersOptions, StopContainerOptions};
use futures_util::future::join_all;
use nix::sys::reboot::reboot;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{sleep, timeout};

use crate::cgroup::Cgroup;
use crate::machine::Machine;
use crate::phases::count;
use crate::power::Intent;
use crate::{docker, engine, fatal, log, seed, unmount, user_docker};

/// Bound of one engine's containers together.
const CONTAINERS_BOUND: Duration = Duration::from_secs(35);
/// Bound of the daemons, each of which has its own grace.
const DAEMONS_BOUND: Duration = Duration::from_secs(12);
/// What has no cgroup of its own (shells) may take so long.
const OTHERS_BOUND: Duration = Duration::from_secs(2);
/// After that the machine ends as asked, whatever hangs. Longer than the steps' own bounds together: it must not cut off
/// a shutdown that is slow, but under way.
const WHOLE_BOUND: Duration = Duration::from_secs(150);

/// Ends the machine. Does not return.
pub(crate) async fn run(machine: &Rc<Machine>, intent: Intent) -> ! {
    machine.is_going_down.set(true);
    fatal::intend(intent.mode());
    end_anyway(intent);
    log::consoles(&format!("\ndockos: going down for {}\n", intent.word()));
    stop_containers(user_docker::SOCKET, "desktop").await;
    stop_containers(engine::SYSTEM_SOCKET, "service").await;
    // From here on nothing is started again.
    machine.stop.send_replace(true);
    for group in ["engines", "services"] {
        end_group(group).await;
    }
    end_others().await;
    if let Err(fault) = seed::save() {
        tracing::warn!("{fault}");
    }
    nix::unistd::sync();
    unmount::all();
    log::consoles(&format!("dockos: {}\n", intent.word()));
    end(intent)
}

fn end(intent: Intent) -> ! {
    let _ = reboot(intent.mode());
    fatal::wait_for_ever()
}

/// Ends the machine after [`WHOLE_BOUND`], from a thread that depends on nothing else.
fn end_anyway(intent: Intent) {
    // Not `thread::spawn`, which panics where a fork bomb leaves no thread to be had.
    let _ = std::thread::Builder::new().spawn(move || -> () {
        std::thread::sleep(WHOLE_BOUND);
        log::consoles("dockos: the shutdown hangs and is cut short\n");
        end(intent)
    });
}

/// Stops all running containers of an engine, all at once.
async fn stop_containers(socket: &str, what: &str) {
    let Ok(docker) = docker::connect(socket) else { return };
    let listed = timeout(Duration::from_secs(5), docker.list_containers(None::<ListContainersOptions>)).await;
    let Ok(Ok(containers)) = listed else { return };
    let ids: Vec<String> = containers.into_iter().filter_map(|container| container.id).collect();
    if ids.is_empty() {
        return;
    }
    log::consoles(&format!("dockos: stopping {}\n", count(ids.len(), what)));
    let stops = ids.iter().map(|id| stop(&docker, id));
    if timeout(CONTAINERS_BOUND, join_all(stops)).await.is_err() {
        tracing::warn!("some {what}s did not stop within {} s and are killed", CONTAINERS_BOUND.as_secs());
    }
}

async fn stop(docker: &Docker, id: &str) {
    // Without a time of its own: each container has the grace it was made with.
    if let Err(error) = docker.stop_container(id, None::<StopContainerOptions>).await {
        tracing::warn!("{}", docker::explain(id, &error));
    }
}

async fn end_group(name: &str) {
    let Ok(group) = Cgroup::make(name) else { return };
    if !group.wait_empty(DAEMONS_BOUND).await {
        tracing::warn!("what is left of {name} is killed");
        group.kill(Duration::from_secs(2)).await;
    }
}

/// True while a process with a program lives beside PID 1: the kernel's own threads, and zombies, have none.
fn others_live() -> bool {
    let mut processes = procfs::process::all_processes().into_iter().flatten().flatten();
    processes.any(|process| process.pid() > 1 && process.exe().is_ok())
}

/// TERM to every process but PID 1, then KILL to those that stay.
async fn end_others() {
    let everyone = Pid::from_raw(-1);
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let _ = kill(everyone, signal);
        let _ = kill(everyone, Signal::SIGCONT);
        let gone = async {
            while others_live() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        if timeout(OTHERS_BOUND, gone).await.is_ok() {
            return;
        }
    }
}
