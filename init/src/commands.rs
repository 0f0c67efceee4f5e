//! `bootcmd` and `runcmd`: the admin's own commands, in order, their output on the consoles and in a log.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::rc::Rc;
use std::time::Duration;

use dockos_config::Command;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;
use tokio::net::unix::pipe;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::cgroup::Cgroup;
use crate::environment;
use crate::machine::Machine;
use crate::phases::{Ended, Step, count};
use crate::reaper::Exit;
use crate::spawn::{Io, Program};
use dockos_control::error::{Context, Fault, Result};

/// One command may take so long before the boot goes on without it.
const BOUND: Duration = Duration::from_secs(300);
/// A pipe holds 64 kB: so many reads empty it.
const PIPE_READS: usize = 16;
/// So much of a program's output is kept, for whoever asked for it.
const MOST_KEPT: usize = 64 << 10;
/// Where the output is kept, beside the consoles. For root: commands say passwords.
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
        machine.check(match run(machine, &name, command).await {
            Ok(exit) if !exit.success() => Err(Fault::new(format!("{name} failed ({exit})"))),
            ended => ended.map(drop),
        });
    }
    Ok(Step::Done(count(commands.len(), "command")))
}

async fn run(machine: &Machine, name: &str, command: &Command) -> Result<Exit> {
    let argv = match command {
        Command::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
        Command::Exec(argv) => {
            // As cloud-init: the list is looked up on PATH, without a shell's splitting.
            let shell = ["/bin/sh", "-c", "exec \"$@\"", "sh"].map(str::to_owned);
            shell.into_iter().chain(argv.iter().cloned()).collect()
        }
    };
    Ok(run_program(machine, name, Program::new(argv), BOUND).await?.exit)
}

/// Whether a command ends well.
pub(crate) async fn succeeds(machine: &Machine, name: &str, command: &Command) -> Result<bool> {
    run(machine, name, command).await.map(Exit::success)
}

/// How a program ended.
pub(crate) struct Run {
    pub(crate) exit: Exit,
    /// The last line it wrote: the reason, of one that failed.
    pub(crate) last_line: String,
}

/// Runs a program and shows its output under a name. One that runs longer than `bound` goes on in the background.
pub(crate) async fn run_program(
    machine: &Machine,
    name: &str,
    program: Program,
    bound: Duration,
) -> Result<Run> {
    run_with(machine, name, program, bound, None).await.map(|(run, _)| run)
}

/// What a program writes, none of which is shown.
pub(crate) async fn output_of(
    machine: &Machine,
    name: &str,
    program: Program,
    bound: Duration,
) -> Result<String> {
    let kept = Some(RefCell::default());
    let (_, output) = run_with(machine, name, program, bound, kept).await?;
    let kept = output.kept.as_ref().map(RefCell::take).unwrap_or_default();
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

async fn run_with(
    machine: &Machine,
    name: &str,
    mut program: Program,
    bound: Duration,
    kept: Option<RefCell<Vec<u8>>>,
) -> Result<(Run, Rc<Output>)> {
    let (output, input) = pipe2(OFlag::O_CLOEXEC).context(|| "make a pipe".to_owned())?;
    fcntl(&output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).context(|| "set up a pipe".to_owned())?;
    program.env = environment::of_command(program.env, &machine.config());
    program.cgroup = Some(Cgroup::make("commands")?);
    program.io = Io::Pipe(input.as_raw_fd());
    let mut child = machine.reaper.spawn(&program).context(|| name.to_owned())?;
    drop(input);
    let pipe = pipe::Receiver::from_owned_fd(output).context(|| "read a pipe".to_owned())?;
    let output = Rc::new(Output { name: name.to_owned(), pipe, last_line: RefCell::default(), kept });
    let ended = async {
        tokio::select! {
            exit = child.wait() => exit,
            () = output.show() => child.wait().await,
        }
    };
    let ended = timeout(bound, ended).await;
    output.drain();
    let last_line = output.last_line.borrow().clone();
    // What goes on in the background keeps its pipe: without it, its next word would be its last.
    let shown = Rc::clone(&output);
    spawn_local(async move { shown.show().await });
    match ended {
        Ok(exit) => Ok((Run { exit, last_line }, output)),
        Err(_) => Err(Fault::new(format!("{name} still runs after {} s; the boot goes on", bound.as_secs()))),
    }
}

/// What a program writes.
struct Output {
    name: String,
    pipe: pipe::Receiver,
    last_line: RefCell<String>,
    /// Where it is kept in place of being shown.
    kept: Option<RefCell<Vec<u8>>>,
}

impl Output {
    /// Shows it until the pipe is closed.
    async fn show(&self) {
        while self.pipe.readable().await.is_ok() {
            if !self.drain() {
                return;
            }
            // A command that never stops talking must not keep PID 1 from everything else.
            tokio::task::yield_now().await;
        }
    }

    /// Shows what is there now; false at the end of the output.
    fn drain(&self) -> bool {
        let mut log = OpenOptions::new().append(true).create(true).mode(0o600).open(LOG).ok();
        let mut bytes = [0; 4096];
        for _ in 0..PIPE_READS {
            match self.pipe.try_read(&mut bytes) {
                Ok(0) => return false,
                Ok(length) => self.say(bytes.get(..length).unwrap_or_default(), log.as_mut()),
                Err(_would_block) => return true,
            }
        }
        true
    }

    fn say(&self, bytes: &[u8], log: Option<&mut File>) {
        if let Some(kept) = &self.kept {
            let mut kept = kept.borrow_mut();
            if kept.len() < MOST_KEPT {
                kept.extend_from_slice(bytes);
            }
            return;
        }
        for line in BufReader::new(bytes).split(b'\n').map_while(std::result::Result::ok) {
            let line: String =
                String::from_utf8_lossy(&line).chars().filter(|c| *c == '\t' || !c.is_control()).collect();
            tracing::info!("{}: {line}", self.name);
            self.last_line.replace(line);
        }
        if let Some(log) = log {
            let _ = log.write_all(bytes);
        }
    }
}
