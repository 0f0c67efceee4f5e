//! A running machine: its console and its monitor.

mod commands;
mod desktops;
mod end;
mod screen;

use std::{
    cell::RefCell,
    fs,
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Error, Result, anyhow};
use nix::sys::{prctl::set_pdeathsig, signal::Signal};
use tempfile::TempDir;

use crate::{Console, Machine, Qmp, Room, console::Missed, paths, patterns::is_fatal, shell::Shell};

pub use desktops::Desktop;

/// How long a boot to ready may take at most, emulated, on a busy host.
pub const READY: Duration = Duration::from_secs(180);
/// Lines of the console shown with a failure.
const TAIL: usize = 40;

/// A running machine. End it with [`Vm::poweroff`], [`Vm::stopped`] or [`Vm::power_cut`]: these look the console
/// through for trouble. Merely dropped, as happens in a failing test, it is killed and its disks are kept.
#[derive(Debug)]
pub struct Vm {
    machine: Machine,
    child: Child,
    console: Console,
    keyboard: RefCell<ChildStdin>,
    qmp: RefCell<Qmp>,
    shell: RefCell<Option<Shell>>,
    folder: TempDir,
    ended: bool,
    _room: Room,
}

/// What the guest says at the end of its boot.
enum Outcome {
    Ready(f64),
    Degraded(String),
    Lost(String),
}

impl Vm {
    pub(crate) fn start(machine: Machine, room: Room) -> Result<Self> {
        let mut machine = machine.append("dockos.shell=hvc0");
        machine.choose_ports()?;
        // Unix sockets want short paths: not in out/.
        let folder = tempfile::Builder::new().prefix("dockos-vm-").tempdir()?;
        let mut qemu = machine.command(folder.path())?;
        let socket = |name: &str| folder.path().join(name).display().to_string();
        qemu.args(["-no-reboot", "-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial"])
            .args(["-chardev", &format!("socket,id=shell,server=on,wait=off,path={}", socket("shell"))])
            .args(["-device", "virtio-serial-pci", "-device", "virtconsole,chardev=shell"])
            .args(["-qmp", &format!("unix:{},server=on,wait=off", socket("qmp"))])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("stderr"))?);
        fs::create_dir_all(paths::logs())?;
        let mut child = spawn(&mut qemu)?;
        let output = child.stdout.take().context("QEMU has no console")?;
        let keyboard = RefCell::new(child.stdin.take().context("QEMU has no console")?);
        let console = Console::record(output, &paths::logs().join(format!("{}.console", machine.name)))?;
        let qmp = match Qmp::connect(&folder.path().join("qmp"), Duration::from_secs(10)) {
            Ok(qmp) => qmp,
            Err(error) => {
                child.kill()?;
                child.wait()?;
                let said = fs::read_to_string(folder.path().join("stderr")).unwrap_or_default();
                return Err(error.context(format!("QEMU did not start: {}", said.trim())));
            }
        };
        let (qmp, shell) = (RefCell::new(qmp), RefCell::new(None));
        Ok(Self { machine, child, console, keyboard, qmp, shell, folder, ended: false, _room: room })
    }

    /// The serial console.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// QEMU's monitor.
    pub fn qmp(&self) -> std::cell::RefMut<'_, Qmp> {
        self.qmp.borrow_mut()
    }

    /// QEMU's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The host's port that leads to the guest's port `guest`.
    pub fn port(&self, guest: u16) -> Result<u16> {
        let found = self.machine.forwards.iter().find(|forward| forward.guest == guest);
        found
            .map(|forward| forward.host)
            .with_context(|| format!("port {guest} is not forwarded: add .reach({guest})"))
    }

    /// Waits for the line `dockos: ready` and returns its seconds. A degraded or lost machine is an error at once.
    pub fn wait_ready(&self, timeout: Duration) -> Result<f64> {
        match self.outcome(timeout)? {
            Outcome::Ready(seconds) => Ok(seconds),
            Outcome::Degraded(reason) => {
                Err(self.report(anyhow!("ready was expected, but degraded: {reason}")))
            }
            Outcome::Lost(line) => Err(self.report(anyhow!("the machine is lost: {line}"))),
        }
    }

    /// Waits for the line `dockos: degraded` and returns its reason. A ready or lost machine is an error at once.
    pub fn wait_degraded(&self, timeout: Duration) -> Result<String> {
        match self.outcome(timeout)? {
            Outcome::Degraded(reason) => Ok(reason),
            Outcome::Ready(seconds) => {
                Err(self.report(anyhow!("degraded was expected, but ready in {seconds} s")))
            }
            Outcome::Lost(line) => Err(self.report(anyhow!("the machine is lost: {line}"))),
        }
    }

    fn outcome(&self, timeout: Duration) -> Result<Outcome> {
        let found = self.console.wait(0, timeout, |line| {
            if is_fatal(line) {
                return Some(Outcome::Lost(line.to_owned()));
            }
            if let Some((_, reason)) = line.split_once("dockos: degraded: ") {
                return Some(Outcome::Degraded(reason.to_owned()));
            }
            let seconds = line.split_once("dockos: ready in ")?.1.split(' ').next()?;
            seconds.parse().ok().map(Outcome::Ready)
        });
        found.map_err(|missed| self.missed("dockos: ready", timeout, missed))
    }

    /// Waits for a console line that contains `text` and returns it.
    pub fn wait_for(&self, text: &str, timeout: Duration) -> Result<String> {
        self.wait_from(0, text, timeout)
    }

    /// The same for lines after a [`Console::position`].
    pub fn wait_from(&self, position: usize, text: &str, timeout: Duration) -> Result<String> {
        let wanted = |line: &str| line.contains(text).then(|| line.to_owned());
        self.console.wait(position, timeout, wanted).map_err(|missed| self.missed(text, timeout, missed))
    }

    fn missed(&self, text: &str, timeout: Duration, missed: Missed) -> Error {
        let said = fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default();
        self.report(match missed {
            Missed::Ended => anyhow!("QEMU ended while `{text}` was waited for. {}", said.trim()),
            Missed::TimedOut => anyhow!("`{text}` did not come in {timeout:?}"),
        })
    }

    /// The error, with the machine's name and the end of its console.
    pub fn report(&self, error: Error) -> Error {
        let (log, tail) = (self.console.path().display(), self.console.tail(TAIL));
        anyhow!("{}: {error:#}\nthe console's last lines (all of it: {log}):\n{tail}", self.machine.name)
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // Whatever fails here, there is nothing left that could be done about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !self.ended {
            self.machine.disks.iter().for_each(crate::Disk::keep);
            eprintln!("{}: ended early; console: {}", self.machine.name, self.console.path().display());
        }
    }
}

/// Starts a program so that it dies with the thread that started it, even when that one is killed.
#[expect(unsafe_code, reason = "pre_exec is the only way to set the parent-death signal of a child")]
pub(crate) fn spawn(command: &mut Command) -> Result<Child> {
    // SAFETY: between fork and exec only prctl is called, a plain system call that allocates nothing and takes no lock.
    let command = unsafe { command.pre_exec(|| Ok(set_pdeathsig(Signal::SIGKILL)?)) };
    let name = command.get_program().to_string_lossy().into_owned();
    command.spawn().with_context(|| format!("cannot run {name}: is it installed? `make run` installs it"))
}
