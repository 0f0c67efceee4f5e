//! The DevTools protocol over pipes: JSON messages, each ended by a zero byte.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{ChildStdin, ChildStdout},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// How long the browser may take to answer, beside an emulated machine.
const ANSWER: Duration = Duration::from_secs(60);

/// Something that happened in the browser.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) session: Option<String>,
    pub(super) method: String,
    pub(super) params: Value,
}

/// The connection; calls may come from several threads.
#[derive(Debug)]
pub(super) struct Link {
    writer: Mutex<ChildStdin>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    calls: u64,
    answers: HashMap<u64, Value>,
    events: Vec<Event>,
    ended: bool,
}

impl Link {
    /// Speaks over the browser's pipes.
    pub(super) fn over(writer: ChildStdin, reader: ChildStdout) -> Arc<Self> {
        let link =
            Arc::new(Self { writer: Mutex::new(writer), state: Mutex::default(), changed: Condvar::new() });
        let reading = Arc::clone(&link);
        thread::spawn(move || {
            let mut reader = BufReader::new(reader);
            let mut message = Vec::new();
            while reader.read_until(0, &mut message).is_ok_and(|length| length > 0) {
                message.pop();
                if let Ok(message) = serde_json::from_slice(&message) {
                    reading.take(message);
                }
                message.clear();
            }
            reading.state().ended = true;
            reading.changed.notify_all();
        });
        link
    }

    fn take(&self, mut message: Value) {
        let mut state = self.state();
        if let Some(id) = message["id"].as_u64() {
            state.answers.insert(id, message);
        } else {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let event = Event {
                session: text(&message["sessionId"]),
                method: text(&message["method"]).unwrap_or_default(),
                params: message["params"].take(),
            };
            // Nothing goes on in a page whose dialog is open, this thread's callers included.
            if event.method == "Page.javascriptDialogOpening" {
                let id = state.next();
                let accept = json!({ "accept": true });
                let _ = self.write(id, event.session.as_deref(), "Page.handleJavaScriptDialog", accept);
            }
            state.events.push(event);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Asks for something and waits for the answer.
    pub(super) fn call(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value> {
        let id = self.send(session, method, params)?;
        self.answer(id).with_context(|| format!("the browser failed at {method}"))
    }

    /// Asks for something without waiting.
    pub(super) fn send(&self, session: Option<&str>, method: &str, params: Value) -> Result<u64> {
        let id = self.state().next();
        self.write(id, session, method, params)?;
        Ok(id)
    }

    fn write(&self, id: u64, session: Option<&str>, method: &str, params: Value) -> Result<()> {
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(&bytes).context("the browser is gone")
    }

    /// Waits for the answer to a message sent.
    pub(super) fn answer(&self, id: u64) -> Result<Value> {
        let mut answer = self.wait(ANSWER, |state| state.answers.remove(&id))?.context("no answer came")?;
        if let Some(error) = answer.get("error") {
            bail!("{}", error["message"].as_str().unwrap_or("an error without a message"));
        }
        Ok(answer["result"].take())
    }

    /// The events so far: a place to look on from.
    pub(super) fn position(&self) -> usize {
        self.state().events.len()
    }

    /// The first event from `position` on that is wanted, come or coming.
    pub(super) fn event<T>(
        &self,
        position: usize,
        timeout: Duration,
        wanted: impl Fn(&Event) -> Option<T>,
    ) -> Result<Option<T>> {
        self.wait(timeout, |state| state.events.get(position..).unwrap_or_default().iter().find_map(&wanted))
    }

    /// All events so far from `position` on that are wanted.
    pub(super) fn events<T>(&self, position: usize, wanted: impl FnMut(&Event) -> Option<T>) -> Vec<T> {
        self.state().events.get(position..).unwrap_or_default().iter().filter_map(wanted).collect()
    }

    fn wait<T>(
        &self,
        timeout: Duration,
        mut wanted: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<Option<T>> {
        let deadline = Instant::now() + timeout;
        let mut state = self.state();
        loop {
            if let Some(found) = wanted(&mut state) {
                return Ok(Some(found));
            }
            if state.ended {
                bail!("the browser has ended");
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }
}
