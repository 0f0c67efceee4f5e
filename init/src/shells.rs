//! Root shells on terminals, where the kernel command line asks for them.

use std::rc::Rc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::cgroup::Cgroup;
use crate::machine::Machine;
use crate::spawn::{Io, Program};
use crate::supervise::{Daemon, keep_running};

/// A boot that takes longer may be stuck: then a shell is wanted all the more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts the shells once the boot has ended, so that its messages do not run into somebody's typing, or after
/// [`PATIENCE`].
pub(crate) async fn start_when_booted(machine: Rc<Machine>) {
    let mut booted = machine.booted.subscribe();
    let _ = timeout(PATIENCE, booted.wait_for(|booted| *booted)).await;
    start(&machine);
}

/// Starts a shell on each terminal of `dockos.shell=`, and a new one whenever it ends.
fn start(machine: &Machine) {
    for tty in &machine.cmdline.shells {
        let mut program = Program::new(["/bin/sh", "-l"]);
        program.env.push("TERM=linux".to_owned());
        program.cgroup = Cgroup::make("shells").ok();
        program.io = Io::Tty(tty.clone());
        // An interactive shell ignores SIGTERM; SIGHUP is what a terminal's end sends.
        let daemon = Daemon {
            name: "shell",
            stop_signal: Signal::SIGHUP,
            program,
            grace: Duration::from_secs(1),
            kill_cgroup: false,
        };
        spawn_local(keep_running(Rc::clone(&machine.reaper), daemon, machine.stop()));
    }
}
