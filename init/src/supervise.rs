//! Keeping a daemon running: restarted when it ends, with growing pauses, until it is told to stop.

use std::rc::Rc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::reaper::{Child, Reaper};
use crate::spawn::Program;

/// Pause before the first restart; doubled with each quick death.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A daemon that ran so long is healthy again: the next pause is the first one.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// A daemon under supervision.
pub(crate) struct Daemon {
    /// Its name in messages.
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    /// The signal that asks it to end.
    pub(crate) stop_signal: Signal,
    /// How long it may take to end after that.
    pub(crate) grace: Duration,
    /// Whether what the daemon left in its cgroup is killed before a restart. Not for containerd: its shims and the
    /// containers must outlive it.
    pub(crate) kill_cgroup: bool,
}

/// The switch that stops daemons: nothing starts any more once it is thrown.
pub(crate) type Stop = watch::Receiver<bool>;

/// Waits until the switch is thrown (or its owner is gone).
pub(crate) async fn stopped(stop: &mut Stop) {
    let _ = stop.wait_for(|thrown| *thrown).await;
}

/// Runs the daemon until `stop`, then ends it: its signal, its grace, SIGKILL.
pub(crate) async fn keep_running(reaper: Rc<Reaper>, daemon: Daemon, mut stop: Stop) {
    let mut pause = FIRST_PAUSE;
    while !*stop.borrow() {
        let started = Instant::now();
        match reaper.spawn(&daemon.program) {
            Ok(mut child) => tokio::select! {
                exit = child.wait() => tracing::warn!("{} ended ({exit}) and is started again", daemon.name),
                () = stopped(&mut stop) => return end(&daemon, child).await,
            },
            Err(fault) => tracing::error!("{}: {fault}", daemon.name),
        }
        if let Some(cgroup) = daemon.program.cgroup.as_ref().filter(|_| daemon.kill_cgroup) {
            cgroup.kill(Duration::from_secs(5)).await;
        }
        pause = next_pause(pause, started.elapsed());
        tokio::select! {
            () = sleep(pause) => {}
            () = stopped(&mut stop) => {}
        }
    }
}

/// The pause after a run of length `ran`, the pause before it having been `last`.
fn next_pause(last: Duration, ran: Duration) -> Duration {
    if ran >= HEALTHY_AFTER { FIRST_PAUSE } else { (last * 2).min(LONGEST_PAUSE) }
}

async fn end(daemon: &Daemon, mut child: Child) {
    let _ = kill(child.pid, daemon.stop_signal);
    if timeout(daemon.grace, child.wait()).await.is_err() {
        tracing::warn!("{} did not end within {} s and is killed", daemon.name, daemon.grace.as_secs());
        let _ = kill(child.pid, Signal::SIGKILL);
        child.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_health_resets_them() {
        let quick = Duration::from_secs(1);
        assert_eq!(next_pause(FIRST_PAUSE, quick), Duration::from_millis(200));
        let worst = (0..20).fold(FIRST_PAUSE, |pause, _| next_pause(pause, quick));
        assert_eq!(worst, LONGEST_PAUSE);
        assert_eq!(next_pause(worst, HEALTHY_AFTER), FIRST_PAUSE);
    }
}
