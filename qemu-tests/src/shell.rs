//! Commands in the guest, by the root shell on hvc0.
//!
//! The shell found there is meant for people: it edits lines, echoes, prints prompts. So a second one is started inside
//! it, which reads commands from the raw terminal and shows nothing of its own. Each command runs in a `sh -c`, so that
//! no syntax error or `exit` ends the session, and its output stands between two markers that begin with a control
//! character, which no echo of the command line can contain.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

/// Begins every marker; written as `\036` in what is sent.
const MARK: char = '\x1e';

/// What a command printed and returned.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit status.
    pub status: i32,
    /// Standard output and standard error, in the order written.
    pub stdout: String,
}

/// A session in the guest.
#[derive(Debug)]
pub(crate) struct Shell {
    stream: UnixStream,
    received: Vec<u8>,
    count: u32,
}

impl Shell {
    /// Waits until a shell answers on the console behind `socket`, and makes it fit for programs.
    pub(crate) fn attach(socket: &Path, timeout: Duration) -> Result<Self> {
        let deadline = Instant::now() + timeout;
        let stream = UnixStream::connect(socket).context("cannot reach the guest's hvc0")?;
        let mut shell = Self { stream, received: Vec::new(), count: 0 };
        while !shell.answers("", Duration::from_secs(2))? {
            ensure!(Instant::now() < deadline, "no shell answered on hvc0 in {timeout:?}");
        }
        ensure!(
            shell.answers("stty raw -echo; sh -s 2>&1 | cat\n", Duration::from_secs(30))?,
            "the shell on hvc0 did not start a second one; it said: {}",
            String::from_utf8_lossy(&shell.received)
        );
        Ok(shell)
    }

    /// Sends `prefix` and asks for a sign of life.
    fn answers(&mut self, prefix: &str, timeout: Duration) -> Result<bool> {
        self.count += 1;
        let count = self.count;
        self.send(&format!("\n{prefix}printf '\\036%s\\n' here:{count}\n"))?;
        Ok(self.read_until(&format!("{MARK}here:{count}"), timeout)?.is_some())
    }

    /// Runs `command`, waits for its end and returns what it printed.
    pub(crate) fn run(&mut self, command: &str, timeout: Duration) -> Result<Output> {
        self.count += 1;
        let (count, quoted) = (self.count, quote(command));
        self.send(&format!(
            "printf '\\036%s\\n' begin:{count}; sh -c {quoted} </dev/null 2>&1; printf '\\036%s\\n' end:{count}:$?\n"
        ))?;
        let deadline = Instant::now() + timeout;
        let begun = self.read_until(&format!("{MARK}begin:{count}\n"), timeout)?;
        let rest = deadline.saturating_duration_since(Instant::now());
        let stdout = self.read_until(&format!("{MARK}end:{count}:"), rest)?;
        let (Some(_), Some(stdout)) = (begun, stdout) else {
            let so_far = String::from_utf8_lossy(&self.received);
            bail!("`{command}` did not end in {timeout:?}; so far it printed: {so_far}");
        };
        let status = self.read_until("\n", Duration::from_secs(10))?.unwrap_or_default();
        let status = status.trim().parse().with_context(|| format!("`{command}` ended with {status:?}"))?;
        Ok(Output { status, stdout })
    }

    /// Sends `command` without waiting for anything: for those that end the machine.
    pub(crate) fn send(&mut self, command: &str) -> Result<()> {
        self.stream.write_all(command.as_bytes()).context("the guest's hvc0 is gone")
    }

    /// Reads up to `marker` and returns what came before it; `None` when the time was up.
    fn read_until(&mut self, marker: &str, timeout: Duration) -> Result<Option<String>> {
        let deadline = Instant::now() + timeout;
        let mut buffer = vec![0; 16 << 10];
        loop {
            if let Some(at) = find(&self.received, marker.as_bytes()) {
                let before: Vec<u8> = self.received.drain(..at + marker.len()).take(at).collect();
                return Ok(Some(String::from_utf8_lossy(&before).into_owned()));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut buffer) {
                Ok(0) => bail!("QEMU closed the guest's hvc0"),
                Ok(count) => self.received.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error).context("cannot read the guest's hvc0"),
            }
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// One word for the shell, whatever `text` holds.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_survives_quotes() {
        let text = r#"echo "it's" $HOME"#;
        let output =
            std::process::Command::new("sh").args(["-c", &format!("printf %s {}", quote(text))]).output();
        assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), text);
    }
}
