//! The serial console: read by a thread, stamped with the time, kept in a log file, searched by whoever waits.

use std::{
    fs::File,
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};

/// One line of the console.
#[derive(Debug, Clone)]
pub struct Line {
    /// Time since QEMU was started.
    pub at: Duration,
    /// The text, without line end and escape sequences.
    pub text: String,
}

/// Why waiting for a line ended without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missed {
    /// QEMU closed the console.
    Ended,
    /// The time was up.
    TimedOut,
}

/// A console being recorded.
#[derive(Debug)]
pub struct Console {
    shared: Arc<Shared>,
    path: PathBuf,
    reader: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<Line>,
    ended: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Console {
    /// Starts to record `source` into the file `path`.
    pub(crate) fn record(source: impl Read + Send + 'static, path: &Path) -> Result<Self> {
        let log = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let reader = thread::spawn(move || {
            // An error on a pipe is the end of QEMU; whoever waits learns of it by `ended`.
            let _ = copy_lines(source, log, &theirs);
            theirs.state().ended = true;
            theirs.grown.notify_all();
        });
        Ok(Self { shared, path: path.to_owned(), reader: Some(reader) })
    }

    /// The log file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many lines there are: a place to search from.
    pub fn position(&self) -> usize {
        self.shared.state().lines.len()
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<Line> {
        self.shared.state().lines.clone()
    }

    /// Whether a line contains `text` already.
    pub fn contains(&self, text: &str) -> bool {
        self.shared.state().lines.iter().any(|line| line.text.contains(text))
    }

    /// The last lines, as kept in the log.
    pub fn tail(&self, count: usize) -> String {
        let lines = self.lines();
        let shown = lines.iter().skip(lines.len().saturating_sub(count));
        shown.map(|line| format!("  {}\n", stamped(line))).collect()
    }

    /// Waits until `wanted` makes something of a line, beginning with line `from`.
    pub(crate) fn wait<T>(
        &self,
        from: usize,
        timeout: Duration,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Missed> {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state();
        let mut next = from;
        loop {
            if let Some(found) = state.lines.iter().skip(next).find_map(|line| wanted(&line.text)) {
                return Ok(found);
            }
            next = state.lines.len().max(from);
            if state.ended {
                return Err(Missed::Ended);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Missed::TimedOut);
            }
            state = self.shared.grown.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the console's end, so that nothing QEMU still had to say is missed.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let Some(reader) = self.reader.take() else { return Ok(()) };
        reader
            .join()
            .map_err(|_| anyhow!("the console's reader failed; {} is incomplete", self.path.display()))
    }
}

fn copy_lines(mut source: impl Read, mut log: File, shared: &Shared) -> io::Result<()> {
    let start = Instant::now();
    let (mut buffer, mut pending) = (vec![0; 16 << 10], Vec::new());
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 && pending.is_empty() {
            return Ok(());
        }
        pending.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if count == 0 {
            pending.push(b'\n');
        }
        while let Some(end) = line_end(&pending) {
            let raw: Vec<u8> = pending.drain(..end).collect();
            let line = Line { at: start.elapsed(), text: plain(&String::from_utf8_lossy(&raw)) };
            if line.text.is_empty() && raw.last() != Some(&b'\n') {
                continue;
            }
            writeln!(log, "{}", stamped(&line))?;
            shared.state().lines.push(line);
        }
        shared.grown.notify_all();
    }
}

/// How many bytes the first line has. A cursor that is sent elsewhere begins a new one, as firmware and boot loaders draw
/// screens without any line end; so does one that goes back to write the line anew, as countdowns do.
fn line_end(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len()).find_map(|at| {
        let (_, rest) = bytes.split_at_checked(at)?;
        match rest.first()? {
            b'\n' => Some(at + 1),
            0x1b if at > 0 && moves_cursor(rest) => Some(at),
            b'\r' if at > 0 && rest.get(1).is_some_and(|next| !b"\r\n".contains(next)) => Some(at),
            _ => None,
        }
    })
}

/// Whether this begins with `ESC [ row ; column H`.
fn moves_cursor(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"\x1b[") else { return false };
    rest.iter().find(|byte| !matches!(byte, b'0'..=b'9' | b';')) == Some(&b'H')
}

fn stamped(line: &Line) -> String {
    format!("{:8.3}  {}", line.at.as_secs_f64(), line.text)
}

/// Drops terminal escape sequences (`ESC [ … letter`, `ESC c`) and control characters.
fn plain(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            if chars.next() == Some('[') {
                chars.find(|c| ('@'..='~').contains(c));
            }
        } else if c == '\t' || !c.is_control() {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_line_ends_go_and_text_stays() {
        assert_eq!(plain("\u{1b}[1;31mdockos: degraded:\u{1b}[0m 磁盘\r\n"), "dockos: degraded: 磁盘");
    }

    #[test]
    fn drawn_screens_have_lines() {
        let folder = tempfile::tempdir().unwrap();
        let drawn = b"\x1b[2J\x1b[01;01H\x1b[3;5HDockOS\x1b[4;5H\x1b[7mMemory only\x1b[m\x1b[5;5H\n\nend";
        let mut console = Console::record(&drawn[..], &folder.path().join("log")).unwrap();
        console.finish().unwrap();
        let lines: Vec<_> = console.lines().into_iter().map(|line| line.text).collect();
        assert_eq!(lines, ["DockOS", "Memory only", "", "", "end"]);
    }

    #[test]
    fn every_step_of_a_countdown_is_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let said = b"start\r\n\rtry 2 in 5 s \rtry 2 in 4 s \r\nend\r\r\n";
        let mut console = Console::record(&said[..], &folder.path().join("log")).unwrap();
        console.finish().unwrap();
        let lines: Vec<_> = console.lines().into_iter().map(|line| line.text).collect();
        assert_eq!(lines, ["start", "try 2 in 5 s ", "try 2 in 4 s ", "end"]);
    }

    #[test]
    fn waits_find_late_lines_and_notice_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut console = Console::record(&b"first\r\nsecond"[..], &path).unwrap();
        let wait = |text: &str, from| {
            console.wait(from, Duration::from_secs(5), |line| line.contains(text).then_some(()))
        };
        assert_eq!(wait("second", 0), Ok(()));
        assert_eq!(wait("first", 1), Err(Missed::Ended));
        console.finish().unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 2);
    }
}
