//! What the user sees of a build: one line for each step with its time, and the tail of the log when it fails.

use std::{
    fs::{self, File, OpenOptions},
    io::{IsTerminal, Write, stderr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How often a step that has no terminal says that it is alive.
const QUIET: Duration = Duration::from_secs(30);
/// Lines of a failed tool's log that are shown.
const TAIL: usize = 25;

/// Reports steps and keeps the tools' logs.
#[derive(Debug)]
pub(crate) struct Progress {
    logs: PathBuf,
}

impl Progress {
    /// Logs go to `logs`, one file for each step.
    pub(crate) fn new(logs: PathBuf) -> Self {
        Self { logs }
    }

    /// The log of the step `name`.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    /// Says one thing.
    pub(crate) fn note(&self, text: &str) {
        eprintln!("{text}");
    }

    /// Runs `work` as the step `what`.
    pub(crate) fn step<T>(&self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.step_with(what, String::new, work)
    }

    /// Runs `work` as the step `what`; `detail` says how far it is.
    pub(crate) fn step_with<T>(
        &self,
        what: &str,
        detail: impl Fn() -> String + Send,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let start = Instant::now();
        let result = thread::scope(|scope| {
            let (done, wait) = mpsc::channel::<()>();
            scope.spawn(move || report(what, start, &detail, &wait));
            let result = work();
            drop(done);
            result
        });
        let clear = if stderr().is_terminal() { "\r\x1b[K" } else { "" };
        let outcome = if result.is_ok() { "" } else { " FAILED" };
        eprintln!("{clear}{what}: {:.1} s{outcome}", start.elapsed().as_secs_f64());
        result
    }

    /// Runs a tool with its output in the log `name`; a failure shows the log's end.
    pub(crate) fn run(&self, name: &str, command: &mut Command) -> Result<()> {
        let log = self.log(name);
        let mut file = append(&log)?;
        let program = command.get_program().to_string_lossy().into_owned();
        writeln!(file, "+ {command:?}").with_context(|| format!("cannot write {}", log.display()))?;
        let errors = file.try_clone().with_context(|| format!("cannot write {}", log.display()))?;
        let status = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .status()
            .with_context(|| missing(&program))?;
        if !status.success() {
            bail!("{program} failed ({status}); the end of {}:\n{}", log.display(), tail(&log));
        }
        Ok(())
    }

    /// Empties the log `name`, for a step that starts over.
    pub(crate) fn start_log(&self, name: &str) -> Result<()> {
        let log = self.log(name);
        File::create(&log).map(drop).with_context(|| format!("cannot write {}", log.display()))
    }
}

/// The hint for a tool that cannot be started.
pub(crate) fn missing(program: &str) -> String {
    format!("cannot run {program}; buildroot/setup.sh installs what a build needs")
}

fn append(log: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let first = lines.len().saturating_sub(TAIL);
    lines.get(first..).unwrap_or_default().iter().map(|line| format!("  | {line}\n")).collect()
}

/// Says on a terminal each second, elsewhere every half minute, how long a step has run.
fn report(what: &str, start: Instant, detail: &(impl Fn() -> String + Send), wait: &mpsc::Receiver<()>) {
    let terminal = stderr().is_terminal();
    let period = if terminal { Duration::from_secs(1) } else { QUIET };
    while wait.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
        let (seconds, detail) = (start.elapsed().as_secs(), detail());
        if terminal {
            eprint!("\r\x1b[K{what}: {seconds} s {detail}");
        } else {
            eprintln!("{what}: {seconds} s so far {detail}");
        }
    }
}
