//! A program in a desktop, as its user: what it reads and writes comes and goes in pieces.

use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::engine::{Engine, Result, Trouble};
use super::spec::STUDENT;
use crate::reason::Why;

/// How long a program may neither take nor give anything.
const SILENCE: Duration = Duration::from_secs(60);
/// How much of what it complains about is kept.
const MOST_COMPLAINTS: usize = 4 << 10;
/// The most that is taken from the engine at once.
const CHUNK: usize = 64 << 10;
/// How long the engine may take to note that a program has ended, in steps.
const NOTED: Duration = Duration::from_millis(20);
const MOST_STEPS: u32 = 250;

/// A program that runs.
pub(crate) struct Exec {
    engine: Engine,
    id: String,
    input: Pin<Box<dyn AsyncWrite + Send>>,
    output: Pin<Box<dyn Stream<Item = std::result::Result<LogOutput, Error>> + Send>>,
    /// What it complained about so far.
    complaints: Vec<u8>,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its exit code.
    pub(crate) code: i64,
    /// What it complained about.
    pub(crate) complaints: String,
}

impl Exec {
    /// Starts a program with its arguments. They reach it as they are: no shell looks at them.
    pub(crate) async fn start(
        engine: &Engine,
        container: &str,
        argv: Vec<String>,
        input: bool,
    ) -> Result<Self> {
        let options = CreateExecOptions {
            attach_stdin: Some(input),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            env: Some(vec!["LC_ALL=C.UTF-8".to_owned()]),
            cmd: Some(argv),
            user: Some(format!("{STUDENT}:{STUDENT}")),
            working_dir: Some("/".to_owned()),
            ..Default::default()
        };
        let id = engine.docker.create_exec(container, options).await?.id;
        let start = StartExecOptions { output_capacity: Some(CHUNK), ..Default::default() };
        match engine.docker.start_exec(&id, Some(start)).await? {
            StartExecResults::Attached { output, input } => {
                Ok(Self { engine: engine.clone(), id, input, output, complaints: Vec::new() })
            }
            StartExecResults::Detached => Err(Trouble::new(Why::LetGo.into())),
        }
    }

    /// What it writes next; `None` at its end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        self.next_within(SILENCE).await
    }

    async fn next_within(&mut self, bound: Duration) -> Result<Option<Bytes>> {
        loop {
            match timeout(bound, self.output.next()).await.map_err(|_| silent(bound))? {
                None => return Ok(None),
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(LogOutput::StdErr { message })) => self.complain(&message),
                Some(Ok(output)) => {
                    let bytes = output.into_bytes();
                    if !bytes.is_empty() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// Hands it something. Tells whether it takes more: it may have ended.
    pub(crate) async fn give(&mut self, bytes: &[u8]) -> Result<bool> {
        let given = async {
            self.input.write_all(bytes).await?;
            self.input.flush().await
        };
        // What it says while it is given something is a complaint, or the end of its output.
        tokio::select! {
            biased;
            said = self.output.next() => {
                match said {
                    Some(Ok(LogOutput::StdErr { message })) => self.complain(&message),
                    Some(Err(error)) => return Err(error.into()),
                    _ => {}
                }
                Ok(false)
            }
            given = timeout(SILENCE, given) => Ok(given.map_err(|_| silent(SILENCE))?.is_ok()),
        }
    }

    fn complain(&mut self, message: &[u8]) {
        let room = MOST_COMPLAINTS.saturating_sub(self.complaints.len());
        self.complaints.extend_from_slice(&message[..message.len().min(room)]);
    }

    /// Waits for its end.
    pub(crate) async fn end(self) -> Result<Ended> {
        self.end_within(SILENCE).await
    }

    /// Waits for its end, when it has something to do for so long that says nothing.
    pub(crate) async fn end_within(mut self, bound: Duration) -> Result<Ended> {
        // Where it had something to read, this was all.
        let _ = timeout(SILENCE, self.input.shutdown()).await;
        while self.next_within(bound).await?.is_some() {}
        let complaints = String::from_utf8_lossy(&self.complaints).trim().to_owned();
        for _ in 0..MOST_STEPS {
            let found = self.engine.docker.inspect_exec(&self.id).await?;
            if found.running != Some(true) {
                return Ok(Ended { code: found.exit_code.unwrap_or(-1), complaints });
            }
            sleep(NOTED).await;
        }
        Err(silent(NOTED * MOST_STEPS))
    }
}

fn silent(bound: Duration) -> Trouble {
    Trouble::new(Why::NoAnswer.with(&[&bound.as_secs()]))
}
