//! The root image from a netboot server: in as many pieces as its server's bad days make of it, each continued where the
//! last one ended, and checked as a whole.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use dockos_control::error::{Fault, Result};

use super::image::Incoming;
use super::unwrap::Unwrap;
use crate::http::{self, Download};
use crate::log;

/// How long a server that is away is waited for.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    /// There is another image to boot.
    Short,
    /// There is none: a server that is started again may take its time.
    Long,
}

impl Patience {
    /// Tries in a row that bring nothing before the server counts as away.
    fn tries(self) -> u32 {
        match self {
            Self::Short => 8,
            Self::Long => 24,
        }
    }
}

/// Seconds between two of them.
const PAUSE: u32 = 5;
/// A file whose content is not what was asked for is fetched once more: it may have been replaced meanwhile.
const WRONG_CONTENTS: u32 = 2;
/// How often the screen says how far it is.
const PROGRESS: Duration = Duration::from_secs(1);
/// A larger root image is none.
const MOST_BYTES: u64 = 4 << 30;

/// A try that brings less than this is none.
const SOME_BYTES: u64 = 1 << 20;

/// How a try ended without the whole.
enum Broken {
    /// The server or the way to it: another try may do better.
    Network(Fault),
    /// No other try will.
    Final(Fault),
}

/// Why there is no root image.
pub(super) enum Failure {
    /// The server does not answer, or has no such file.
    Away(Fault),
    /// What it has is another image: its SHA-256.
    Altered(String),
}

/// A root image that is on its way.
struct Transfer<'a> {
    url: &'a str,
    incoming: Incoming,
    unwrap: Unwrap,
    /// Bytes of the served file that have come.
    offset: u64,
}

impl<'a> Transfer<'a> {
    fn begin(url: &'a str) -> Result<Self> {
        Ok(Self { url, incoming: Incoming::begin()?, unwrap: Unwrap::default(), offset: 0 })
    }

    /// Fetches what is missing, as far as it comes.
    async fn go_on(&mut self) -> std::result::Result<(), Broken> {
        let download = http::get(self.url, self.offset).await.map_err(Broken::Network)?;
        let away = || Broken::Network(Fault::new("the server has no such file"));
        let mut download = download.ok_or_else(away)?;
        if download.offset != self.offset {
            *self = Self::begin(self.url).map_err(Broken::Final)?;
        }
        let size = download.size;
        let mut progress = Progress::begin(self.offset, size);
        let taken = self.take(&mut download, &mut progress).await;
        progress.end(self.offset);
        taken?;
        if size.is_some_and(|size| self.offset < size) {
            return Err(Broken::Network(Fault::new("the connection broke")));
        }
        match self.unwrap.is_whole() {
            true => Ok(()),
            false => Err(Broken::Final(Fault::new("the server's file is cut short, or no root image"))),
        }
    }

    async fn take(
        &mut self,
        download: &mut Download,
        progress: &mut Progress,
    ) -> std::result::Result<(), Broken> {
        while let Some(bytes) = download.next().await.map_err(Broken::Network)? {
            let came = self.unwrap.push(&bytes, &mut |image| self.incoming.push(image));
            came.map_err(Broken::Final)?;
            self.offset += bytes.len() as u64;
            if self.offset > MOST_BYTES {
                return Err(Broken::Final(Fault::new("the server's file is too large for a root image")));
            }
            progress.tell(self.offset);
        }
        Ok(())
    }
}

/// Fetches the image at a URL and puts it in place.
pub(super) async fn fetch(url: &str, sha256: &str, patience: Patience) -> std::result::Result<(), Failure> {
    let mut wrong = 0;
    loop {
        let transfer = whole(url, patience.tries()).await.map_err(Failure::Away);
        let Some(found) = transfer?.incoming.finish(sha256).map_err(Failure::Away)? else { return Ok(()) };
        wrong += 1;
        if wrong == WRONG_CONTENTS {
            return Err(Failure::Altered(found));
        }
        tracing::warn!("root image: {url} has another content than was asked for; fetched once more");
    }
}

async fn whole(url: &str, tries: u32) -> Result<Transfer<'_>> {
    let mut transfer = Transfer::begin(url)?;
    let mut failures = 0;
    loop {
        let before = transfer.offset;
        let (fault, is_final) = match transfer.go_on().await {
            Ok(()) => return Ok(transfer),
            Err(Broken::Network(fault)) => (fault, false),
            Err(Broken::Final(fault)) => (fault, true),
        };
        // A server that sends is not away.
        failures = if transfer.offset > before + SOME_BYTES { 1 } else { failures + 1 };
        if is_final || failures == tries {
            return Err(fault);
        }
        tracing::warn!("root image: {url}: {fault}");
        count_down(failures + 1, tries).await;
    }
}

/// Says on the screen when the next try is.
async fn count_down(next: u32, tries: u32) {
    for left in (1..=PAUSE).rev() {
        log::consoles(&format!("\rroot image: try {next} of {tries} in {left} s "));
        sleep(Duration::from_secs(1)).await;
    }
    log::consoles("\n");
}

/// How far a transfer is, on one line of the screen.
struct Progress {
    start: Instant,
    from: u64,
    size: Option<u64>,
    told: Instant,
}

impl Progress {
    fn begin(from: u64, size: Option<u64>) -> Self {
        let now = Instant::now();
        Self { start: now, from, size, told: now }
    }

    fn tell(&mut self, offset: u64) {
        if self.told.elapsed() >= PROGRESS {
            self.told = Instant::now();
            log::consoles(&format!("\r{} ", self.line(offset)));
        }
    }

    fn end(&self, offset: u64) {
        // What took no longer than that needs no line.
        if self.told > self.start {
            log::consoles(&format!("\r{} \n", self.line(offset)));
        }
    }

    fn line(&self, offset: u64) -> String {
        const MEGA: f64 = 1e6;
        let came = offset.saturating_sub(self.from) as f64;
        let speed = came / self.start.elapsed().as_secs_f64().max(0.001) / MEGA;
        let of = self.size.map(|size| format!(" of {:.1}", size as f64 / MEGA)).unwrap_or_default();
        format!("root image: {:.1}{of} MB, {speed:.1} MB/s", offset as f64 / MEGA)
    }
}
