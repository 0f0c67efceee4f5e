//! `dockos engine`: the one process of the user Docker's container. It supervises containerd and dockerd, reaps what
//! they leave, and keeps the container alive, with all tenants in it, while either of them is started again.

use std::fs;
use std::rc::Rc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{LocalSet, spawn_local};

use crate::cgroup::{self, Cgroup};
use crate::reaper::Reaper;
use crate::supervise::keep_running;
use crate::user_docker::INSIDE;
use crate::{engine, log};
use dockos_control::error::{Context, Fault, Result};

/// Runs until SIGTERM. Returns the process's exit code.
pub(crate) fn run() -> i32 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&Fault::new(format!("start the runtime: {error}"))),
    };
    match LocalSet::new().block_on(&runtime, supervise()) {
        Ok(()) => 0,
        Err(fault) => complain(&fault),
    }
}

fn complain(fault: &Fault) -> i32 {
    eprintln!("dockos engine: {fault}");
    1
}

async fn supervise() -> Result<()> {
    log::start(false);
    let mut terminate = signal(SignalKind::terminate()).context(|| "listen for SIGTERM".to_owned())?;
    take_own_cgroup()?;
    forget_last_life();
    let (stop, stopped) = watch::channel(false);
    let reaper = Rc::new(Reaper::default());
    let reaping = Rc::clone(&reaper);
    spawn_local(async move { reaping.reap().await });
    let containerd =
        spawn_local(keep_running(Rc::clone(&reaper), engine::containerd(&INSIDE)?, stopped.clone()));
    let dockerd = spawn_local(keep_running(Rc::clone(&reaper), engine::dockerd(&INSIDE)?, stopped));
    terminate.recv().await;
    stop.send_replace(true);
    let both = async { (dockerd.await, containerd.await) };
    tokio::time::timeout(Duration::from_secs(25), both)
        .await
        .map(drop)
        .context(|| "stop the engine".to_owned())
}

/// Removes what the engine left in /run when its container ended: the processes it speaks of ended with the container.
fn forget_last_life() {
    for stale in ["/run/docker", "/run/containerd", "/run/containerd-state"] {
        let _ = fs::remove_dir_all(stale);
    }
}

/// Moves to a group below the container's own, whose children can then have limits (cgroup v2: no inner processes).
fn take_own_cgroup() -> Result<()> {
    let init = Cgroup::make_bare("init")?;
    let own = fs::read_to_string(format!("{}/cgroup.procs", cgroup::MOUNT))
        .context(|| "read the cgroup".to_owned())?;
    for pid in own.lines().filter_map(|line| line.trim().parse().ok()) {
        init.add(pid)?;
    }
    Ok(())
}
