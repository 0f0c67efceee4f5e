//! What a command can ask of PID 1, and how.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde::{Deserialize, Serialize};

use crate::error::{Context, Result};
use crate::record::Record;

/// PID 1's socket: one request a connection, a line of JSON each way. Only root can open it.
pub const SOCKET: &str = "/run/dockos/control.sock";

/// What can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Put a config in force, for so many seconds.
    Try {
        /// The files of the config.
        record: Record,
        /// How long it is tried.
        seconds: u64,
    },
    /// Keep it.
    Confirm,
    /// Go back now.
    Revert,
}

/// What came of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Why it was refused; nothing changed then.
    pub error: Option<String>,
    /// Parts of the machine that changed.
    #[serde(default)]
    pub changed: Vec<String>,
    /// Keys that take effect at the next boot.
    #[serde(default)]
    pub at_boot: Vec<String>,
    /// What went wrong while it was applied.
    #[serde(default)]
    pub problems: Vec<String>,
    /// The file that was written.
    pub kept_in: Option<String>,
}

/// Asks PID 1, from the `dockos` command; waits for its answer.
pub fn ask(request: &Request) -> Result<Answer> {
    let hint =
        || format!("ask PID 1 by {SOCKET} (is this a DockOS machine that has booted, and are you root?)");
    let mut stream = UnixStream::connect(SOCKET).context(hint)?;
    let mut text = serde_json::to_vec(request).context(|| "write a request".to_owned())?;
    text.push(b'\n');
    stream.write_all(&text).context(hint)?;
    let mut line = Vec::new();
    BufReader::new(stream).read_until(b'\n', &mut line).context(hint)?;
    serde_json::from_slice(&line).context(|| "read PID 1's answer".to_owned())
}
