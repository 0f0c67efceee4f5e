//! How long something takes to answer, asked again and again while something else happens.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};

/// A thread that asks.
#[derive(Debug)]
pub struct Pulse {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Duration>>>,
}

impl Pulse {
    /// Asks every `pause` from now on. One question that fails ends it, and is what [`Pulse::end`] returns.
    pub fn start(pause: Duration, mut ask: impl FnMut() -> Result<()> + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut beats = Vec::new();
            loop {
                let start = Instant::now();
                ask()?;
                beats.push(start.elapsed());
                if stopped.load(Ordering::Relaxed) {
                    return Ok(beats);
                }
                sleep(pause);
            }
        });
        Self { stop, thread }
    }

    /// Stops asking and returns how long each answer took.
    pub fn end(self) -> Result<Vec<Duration>> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the asking thread died"))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_timed_and_failures_come_out() {
        let pulse = Pulse::start(Duration::from_millis(1), || {
            sleep(Duration::from_millis(5));
            Ok(())
        });
        sleep(Duration::from_millis(100));
        let beats = pulse.end().unwrap();
        assert!(beats.len() > 2 && beats.iter().all(|beat| *beat >= Duration::from_millis(5)), "{beats:?}");
        let pulse = Pulse::start(Duration::ZERO, || Err(anyhow!("silence")));
        assert_eq!(pulse.end().unwrap_err().to_string(), "silence");
    }
}
