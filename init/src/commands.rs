//! `bootcmd` and `runcmd`: the admin's own commands, in order, their output on the consoles and in a log.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::Duration;

use dockos_config::Command;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;
use tokio::net::unix::pipe;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::cgroup::Cgroup;
use crate::error::{Context, Fault, Result};
use crate::machine::Machine;
use crate::phases::{Ended, Step, count};
use crate::spawn::{Io, Program};

/// One command may take so long before the boot goes on without it.
const BOUND: Duration = Duration::from_secs(300);
/// A pipe holds 64 kB: so many reads empty it.
const PIPE_READS: usize = 16;
/// Where the output is kept, beside the consoles.
const LOG: &str = "/run/dockos/log/commands.log";

/// The phase before the network.
pub(crate) async fn bootcmd(machine: &Rc<Machine>) -> Ended {
    run_all(machine, "bootcmd", &machine.config().bootcmd).await
}

/// The phase after everything else.
pub(crate) async fn runcmd(machine: &Rc<Machine>) -> Ended {
    run_all(machine, "runcmd", &machine.config().runcmd).await
}

/// Runs them one after the other; a failing one is a problem that is named, and does not stop the next.
async fn run_all(machine: &Rc<Machine>, key: &str, commands: &[Command]) -> Ended {
    if commands.is_empty() {
        return Ok(Step::Skipped("none".to_owned()));
    }
    for (i, command) in commands.iter().enumerate() {
        let name = format!("{key}[{i}]");
        machine.waits_for(key, name.clone());
        machine.check(run(machine, &name, command).await);
    }
    Ok(Step::Done(count(commands.len(), "command")))
}

async fn run(machine: &Machine, name: &str, command: &Command) -> Result<()> {
    let argv = match command {
        Command::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
        Command::Exec(argv) => {
            // As cloud-init: the list is looked up on PATH, without a shell's splitting.
            let shell = ["/bin/sh", "-c", "exec \"$@\"", "sh"].map(str::to_owned);
            shell.into_iter().chain(argv.iter().cloned()).collect()
        }
    };
    let (output, input) = pipe2(OFlag::O_CLOEXEC).context(|| "make a pipe".to_owned())?;
    fcntl(&output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).context(|| "set up a pipe".to_owned())?;
    let mut program = Program::new(argv);
    program.cgroup = Some(Cgroup::make("commands")?);
    program.io = Io::Pipe(input.as_raw_fd());
    let mut child = machine.reaper.spawn(&program).context(|| name.to_owned())?;
    drop(input);
    let output = pipe::Receiver::from_owned_fd(output).context(|| "read a pipe".to_owned())?;
    let ended = async {
        tokio::select! {
            exit = child.wait() => exit,
            () = show(name, &output) => child.wait().await,
        }
    };
    let exit = timeout(BOUND, ended).await;
    drain(name, &output);
    // What goes on in the background keeps its pipe: without it, its next word would be its last.
    let owner = name.to_owned();
    spawn_local(async move { show(&owner, &output).await });
    match exit {
        Ok(exit) if exit.success() => Ok(()),
        Ok(exit) => Err(Fault::new(format!("{name} failed ({exit})"))),
        Err(_) => Err(Fault::new(format!("{name} still runs after {} s; the boot goes on", BOUND.as_secs()))),
    }
}

/// Shows output until the pipe is closed.
async fn show(name: &str, output: &pipe::Receiver) {
    while output.readable().await.is_ok() {
        if !drain(name, output) {
            return;
        }
        // A command that never stops talking must not keep PID 1 from everything else.
        tokio::task::yield_now().await;
    }
}

/// Shows what is there now; false at the end of the output.
fn drain(name: &str, output: &pipe::Receiver) -> bool {
    let mut log = OpenOptions::new().append(true).create(true).open(LOG).ok();
    let mut bytes = [0; 4096];
    for _ in 0..PIPE_READS {
        match output.try_read(&mut bytes) {
            Ok(0) => return false,
            Ok(length) => say(name, bytes.get(..length).unwrap_or_default(), log.as_mut()),
            Err(_would_block) => return true,
        }
    }
    true
}

fn say(name: &str, bytes: &[u8], log: Option<&mut File>) {
    let lines: Vec<String> = BufReader::new(bytes)
        .split(b'\n')
        .map_while(std::result::Result::ok)
        .map(|line| {
            String::from_utf8_lossy(&line).chars().filter(|c| *c == '\t' || !c.is_control()).collect()
        })
        .collect();
    for line in &lines {
        tracing::info!("{name}: {line}");
    }
    if let Some(log) = log {
        let _ = log.write_all(bytes);
    }
}
