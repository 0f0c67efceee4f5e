//! What the `dockos` command asks of PID 1: one request a connection, a line of JSON each way, on a socket that only
//! root can open.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;
use std::time::Duration;

use dockos_control::{Answer, Request, SOCKET, STATE_FILE};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::apply::Applied;
use crate::config::trial;
use crate::machine::Machine;
use dockos_control::error::{Context, Fault, Result};

/// A request holds a whole config: twice what each of a few files may have.
const MOST_BYTES: u64 = 16 << 20;
/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

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
            trial::start(machine, record, Duration::from_secs(seconds)).await.map(tell)
        }
        Request::Confirm => {
            let applied = trial::confirm(machine).await?;
            let kept_in = match machine.state_on_disk.get() {
                true => STATE_FILE.to_owned(),
                false => format!("{STATE_FILE}, in RAM: there is no state disk, so it is gone at power-off"),
            };
            Ok(Answer { kept_in: Some(kept_in), ..tell(applied) })
        }
        Request::Revert => trial::revert(machine).await.map(tell),
    }
}

fn refuse(fault: Fault) -> Answer {
    Answer { error: Some(fault.to_string()), ..Answer::default() }
}

fn tell(applied: Applied) -> Answer {
    let texts = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    Answer {
        changed: texts(applied.parts),
        at_boot: texts(applied.at_boot),
        problems: applied.problems,
        ..Answer::default()
    }
}
