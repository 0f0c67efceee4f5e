//! What the `dockos` command asks of PID 1: one request a connection, a line of JSON each way, on a socket that only
//! root can open.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::apply::Applied;
use crate::config::record::Record;
use crate::config::trial;
use crate::error::{Context, Fault, Result};
use crate::machine::Machine;

/// The socket.
pub(crate) const SOCKET: &str = "/run/dockos/control.sock";
/// A request holds a whole config: twice what each of a few files may have.
const MOST_BYTES: u64 = 16 << 20;
/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// What can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Request {
    /// Put a config in force, for so many seconds.
    Try { record: Record, seconds: u64 },
    /// Keep it.
    Confirm,
    /// Go back now.
    Revert,
}

/// What came of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// Why it was refused; nothing changed then.
    pub(crate) error: Option<String>,
    /// Parts of the machine that changed.
    #[serde(default)]
    pub(crate) changed: Vec<String>,
    /// Keys that take effect at the next boot.
    #[serde(default)]
    pub(crate) at_boot: Vec<String>,
    /// What went wrong while it was applied.
    #[serde(default)]
    pub(crate) problems: Vec<String>,
    /// The file that was written.
    pub(crate) kept_in: Option<String>,
}

/// Answers for as long as the machine runs. Begins when the boot has ended: what is half up cannot be changed.
pub(crate) async fn serve(machine: Rc<Machine>) {
    let mut booted = machine.booted.subscribe();
    if booted.wait_for(|booted| *booted).await.is_err() {
        return;
    }
    let listener = match listen() {
        Ok(listener) => listener,
        Err(fault) => return machine.problem(fault.to_string()),
    };
    // One after the other: two configs are not applied at the same time.
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(fault) = serve_one(&machine, stream).await {
                    tracing::warn!("{SOCKET}: {fault}");
                }
            }
            Err(error) => {
                tracing::warn!("{SOCKET}: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn listen() -> Result<UnixListener> {
    let _ = fs::remove_file(SOCKET);
    // Made under umask 022: until its mode is set, nobody but root may connect either.
    let listener = UnixListener::bind(SOCKET).context(|| format!("listen on {SOCKET}"))?;
    fs::set_permissions(SOCKET, fs::Permissions::from_mode(0o600)).context(|| format!("protect {SOCKET}"))?;
    Ok(listener)
}

async fn serve_one(machine: &Rc<Machine>, stream: UnixStream) -> Result<()> {
    let (input, mut output) = stream.into_split();
    let mut line = Vec::new();
    let mut input = BufReader::new(input.take(MOST_BYTES));
    let read = tokio::time::timeout(PATIENCE, input.read_until(b'\n', &mut line)).await;
    read.context(|| "read a request".to_owned())?.context(|| "read a request".to_owned())?;
    let answer = match serde_json::from_slice(&line) {
        Ok(request) => answer(machine, request).await.unwrap_or_else(refuse),
        Err(error) => refuse(Fault::new(format!("not a request: {error}"))),
    };
    let mut text = serde_json::to_vec(&answer).context(|| "write an answer".to_owned())?;
    text.push(b'\n');
    // Whoever lost the connection by what was tried does not hear the answer.
    let write = tokio::time::timeout(PATIENCE, output.write_all(&text)).await;
    write.context(|| "write an answer".to_owned())?.context(|| "write an answer".to_owned())
}

async fn answer(machine: &Rc<Machine>, request: Request) -> Result<Answer> {
    match request {
        Request::Try { record, seconds } => {
            trial::start(machine, record, Duration::from_secs(seconds)).await.map(Answer::from)
        }
        Request::Confirm => {
            trial::confirm(machine).map(|path| Answer { kept_in: Some(path.to_owned()), ..Answer::default() })
        }
        Request::Revert => trial::revert(machine).await.map(Answer::from),
    }
}

fn refuse(fault: Fault) -> Answer {
    Answer { error: Some(fault.to_string()), ..Answer::default() }
}

impl From<Applied> for Answer {
    fn from(applied: Applied) -> Self {
        let texts = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        Self {
            changed: texts(applied.parts),
            at_boot: texts(applied.at_boot),
            problems: applied.problems,
            ..Self::default()
        }
    }
}

/// Asks PID 1, from the `dockos` command; waits for its answer.
pub(crate) fn ask(request: &Request) -> Result<Answer> {
    use std::io::{BufRead, Write};
    let hint =
        || format!("ask PID 1 by {SOCKET} (is this a DockOS machine that has booted, and are you root?)");
    let mut stream = std::os::unix::net::UnixStream::connect(SOCKET).context(hint)?;
    let mut text = serde_json::to_vec(request).context(|| "write a request".to_owned())?;
    text.push(b'\n');
    stream.write_all(&text).context(hint)?;
    let mut line = Vec::new();
    std::io::BufReader::new(stream).read_until(b'\n', &mut line).context(hint)?;
    serde_json::from_slice(&line).context(|| "read PID 1's answer".to_owned())
}
