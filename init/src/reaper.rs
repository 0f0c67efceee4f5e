//! One reaper owns every child: those somebody waits for, and the orphans that the kernel hands to PID 1.
//!
//! SIGCHLD coalesces, so each one reaps in a loop until no child is left to reap. A waiter is registered in the same
//! step as the start, on the only thread that reaps: no child can be faster than its waiter.
#![expect(unsafe_code, reason = "waitpid, whose safe wrapper loses children")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::spawn::{self, Program};
use dockos_control::error::{Context, Fault, Result};

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Code(i32),
    /// By number: real-time signals have no names.
    Signal(i32),
}

impl Exit {
    /// True for exit code 0.
    pub(crate) fn success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(out, "exit code {code}"),
            Self::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(out, "{signal}"),
                Err(_) => write!(out, "signal {number}"),
            },
        }
    }
}

/// Reaps a child that has ended, if there is one. Not nix's `waitpid`, which reaps a child that a real-time signal
/// killed and then returns an error without its number.
fn wait_any() -> nix::Result<Option<(Pid, Exit)>> {
    let mut status = 0;
    // SAFETY: waitpid writes one int, which lives through the call.
    let pid = Errno::result(unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) })?;
    let exit = match libc::WIFEXITED(status) {
        true => Exit::Code(libc::WEXITSTATUS(status)),
        false => Exit::Signal(libc::WTERMSIG(status)),
    };
    Ok((pid > 0).then_some((Pid::from_raw(pid), exit)))
}

/// A running child and the promise of its end.
pub(crate) struct Child {
    pub(crate) pid: Pid,
    ended: oneshot::Receiver<Exit>,
}

impl Child {
    /// Waits for the end. Can be given up and called again.
    pub(crate) async fn wait(&mut self) -> Exit {
        // The sender goes only with the reaper, which lives as long as PID 1.
        (&mut self.ended).await.unwrap_or(Exit::Code(127))
    }
}

/// The reaper. One for the process, on the thread that starts children.
#[derive(Default)]
pub(crate) struct Reaper {
    waiting: RefCell<HashMap<Pid, oneshot::Sender<Exit>>>,
}

impl Reaper {
    /// Starts a program whose end will be told to the returned child.
    pub(crate) fn spawn(&self, program: &Program) -> Result<Child> {
        let pid = spawn::spawn(program)?;
        let (sender, ended) = oneshot::channel();
        self.waiting.borrow_mut().insert(pid, sender);
        Ok(Child { pid, ended })
    }

    /// Runs a program to its end; anything but exit code 0 is an error that names it.
    pub(crate) async fn run(&self, program: &Program) -> Result<()> {
        match self.spawn(program)?.wait().await {
            exit if exit.success() => Ok(()),
            exit => Err(Fault::new(format!("{}: {exit}", program.argv.join(" ")))),
        }
    }

    /// Reaps for ever.
    pub(crate) async fn reap(&self) -> Result<()> {
        let mut children = signal(SignalKind::child()).context(|| "listen for SIGCHLD".to_owned())?;
        loop {
            self.reap_all();
            children.recv().await;
        }
    }

    fn reap_all(&self) {
        loop {
            match wait_any() {
                Ok(Some((pid, exit))) => self.tell(pid, exit),
                Err(Errno::EINTR) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn tell(&self, pid: Pid, exit: Exit) {
        if let Some(waiter) = self.waiting.borrow_mut().remove(&pid) {
            // A waiter that is gone did not want to know.
            let _ = waiter.send(exit);
        }
    }
}
