//! A running machine: its console, its monitor, its shell, and the ways it ends.

use std::{
    cell::RefCell,
    fs,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Error, Result, anyhow, bail, ensure};
use nix::sys::{prctl::set_pdeathsig, signal::Signal};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    Console, Machine, Output, Qmp, Stop, Timeline,
    console::Missed,
    lock::VmLock,
    paths,
    patterns::{failure, is_fatal},
    shell::Shell,
};

/// How long a boot to ready may take at most, emulated, on a busy host.
pub const READY: Duration = Duration::from_secs(180);
/// How long a command in the guest may take.
const COMMAND: Duration = Duration::from_secs(90);
/// How long an orderly end may take.
const SHUTDOWN: Duration = Duration::from_secs(90);
/// Lines of the console shown with a failure.
const TAIL: usize = 40;

/// A running machine. End it with [`Vm::poweroff`], [`Vm::stopped`] or [`Vm::power_cut`]: these look the console
/// through for trouble. Merely dropped, as happens in a failing test, it is killed and its disks are kept.
#[derive(Debug)]
pub struct Vm {
    machine: Machine,
    child: Child,
    console: Console,
    qmp: RefCell<Qmp>,
    shell: RefCell<Option<Shell>>,
    folder: TempDir,
    ended: bool,
    _lock: VmLock,
}

/// What the guest says at the end of its boot.
enum Outcome {
    Ready(f64),
    Degraded(String),
    Lost(String),
}

impl Vm {
    pub(crate) fn start(machine: Machine) -> Result<Self> {
        let lock = VmLock::acquire()?;
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
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("stderr"))?);
        fs::create_dir_all(paths::logs())?;
        let mut child = spawn(&mut qemu)?;
        let output = child.stdout.take().context("QEMU has no console")?;
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
        Ok(Self { machine, child, console, qmp, shell, folder, ended: false, _lock: lock })
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

    /// Runs a command as root in the guest.
    pub fn run(&self, command: &str) -> Result<Output> {
        self.run_within(command, COMMAND)
    }

    /// Runs a command that may take `timeout`.
    pub fn run_within(&self, command: &str, timeout: Duration) -> Result<Output> {
        let mut shell = self.shell.borrow_mut();
        let attached = match shell.take() {
            Some(shell) => Ok(shell),
            None => Shell::attach(&self.folder.path().join("shell"), COMMAND),
        };
        let shell = shell.insert(attached.map_err(|error| self.report(error))?);
        shell.run(command, timeout).map_err(|error| self.report(error))
    }

    /// Runs a command that must succeed and returns what it printed, trimmed.
    pub fn check(&self, command: &str) -> Result<String> {
        let output = self.run(command)?;
        if output.status != 0 {
            bail!(self.report(anyhow!("`{command}` failed with {}: {}", output.status, output.stdout)));
        }
        Ok(output.stdout.trim().to_owned())
    }

    /// Runs a command again and again until it succeeds, and returns what it printed, trimmed.
    pub fn eventually(&self, command: &str, timeout: Duration) -> Result<String> {
        let deadline = Instant::now() + timeout;
        loop {
            let output = self.run(command)?;
            if output.status == 0 {
                return Ok(output.stdout.trim().to_owned());
            }
            if Instant::now() >= deadline {
                let error = anyhow!("`{command}` still fails after {timeout:?}: {}", output.stdout);
                return Err(self.report(error));
            }
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// The pids of the processes whose arguments, joined by blanks, contain `text`.
    pub fn pids(&self, text: &str) -> Result<Vec<u32>> {
        let list = self.check("ps -o pid,args")?;
        let found = list.lines().filter(|line| line.contains(text));
        Ok(found.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect())
    }

    /// The boot timeline.
    pub fn boot_json(&self) -> Result<Timeline> {
        let text = self.check("cat /run/dockos/boot.json")?;
        serde_json::from_str(&text).with_context(|| format!("boot.json is not as agreed: {text}"))
    }

    /// Switches the machine off by its own `poweroff`, waits for its end and looks the console through.
    pub fn poweroff(self) -> Result<()> {
        self.check("true")?;
        if let Some(shell) = self.shell.borrow_mut().as_mut() {
            shell.send("poweroff\n")?;
        }
        self.stopped(&Stop::PowerOff)
    }

    /// Waits until the machine ends by itself, in the way expected, and looks the console through.
    pub fn stopped(mut self, expected: &Stop) -> Result<()> {
        let deadline = Instant::now() + SHUTDOWN;
        while self.child.try_wait()?.is_none() {
            ensure!(
                Instant::now() < deadline,
                self.report(anyhow!("the machine did not stop in {SHUTDOWN:?} after it was told to"))
            );
            thread::sleep(Duration::from_millis(50));
        }
        self.console.finish()?;
        let stop = self.qmp.get_mut().stop();
        ensure!(
            stop == *expected,
            self.report(anyhow!("the machine ended by {stop:?}, expected {expected:?}"))
        );
        if let Some(farewell) = expected.farewell() {
            ensure!(
                self.console.contains(farewell),
                self.report(anyhow!("it ended without the line `{farewell}`"))
            );
        }
        self.conclude()
    }

    /// Cuts the power: QEMU dies at once.
    pub fn power_cut(mut self) -> Result<()> {
        self.child.kill()?;
        self.conclude()
    }

    /// Ends QEMU by its monitor, without the guest knowing, and looks the console through.
    pub fn quit(mut self) -> Result<()> {
        self.qmp.get_mut().execute("quit", json!({}))?;
        self.conclude()
    }

    /// Reaps QEMU, completes the log, and fails when the console shows trouble.
    fn conclude(mut self) -> Result<()> {
        self.child.wait()?;
        self.console.finish()?;
        let lines = self.console.lines();
        let found: Vec<_> =
            lines.iter().filter(|line| failure(&line.text, &self.machine.allowed).is_some()).collect();
        if let Some(first) = found.first() {
            let error =
                anyhow!("the console shows {} sign(s) of trouble, first: {}", found.len(), first.text);
            return Err(self.report(error));
        }
        self.ended = true;
        Ok(())
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

/// Starts QEMU so that it dies with the thread that started it, even when that one is killed.
#[expect(unsafe_code, reason = "pre_exec is the only way to set the parent-death signal of a child")]
fn spawn(command: &mut Command) -> Result<Child> {
    // SAFETY: between fork and exec only prctl is called, a plain system call that allocates nothing and takes no lock.
    let command = unsafe { command.pre_exec(|| Ok(set_pdeathsig(Signal::SIGKILL)?)) };
    command.spawn().context("cannot run qemu-system-x86_64: is it installed? `make run` installs it")
}
