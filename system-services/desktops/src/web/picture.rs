//! Small pictures of screens, for the list: made when somebody looks at it, few at once, kept for a while.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use crate::screen;
use crate::web::rfb;

/// How long one is good, and how long it is not tried again.
const FRESH: Duration = Duration::from_secs(10);
/// How long a screen may take to show itself.
const BOUND: Duration = Duration::from_secs(4);
/// How long one may wait for the others'.
const BOUND_OF_TURN: Duration = Duration::from_secs(15);
/// Made at once.
const AT_ONCE: usize = 2;
/// Kept.
const MOST: usize = 64;
/// Width and height at most.
const SIZE: (u16, u16) = (480, 300);
/// Of JPEG.
const QUALITY: u8 = 72;

/// A picture, if there was one to be had, and when.
type Slot = Arc<Mutex<Option<(Instant, Option<Bytes>)>>>;

/// The pictures that there are.
#[derive(Debug)]
pub(super) struct Pictures {
    kept: std::sync::Mutex<HashMap<String, (Instant, Slot)>>,
    turns: Semaphore,
}

impl Default for Pictures {
    fn default() -> Self {
        Self { kept: std::sync::Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

impl Pictures {
    /// What a desktop's screen shows, as JPEG.
    pub(super) async fn get(&self, screens: &Path, desktop: &str) -> Option<Bytes> {
        let slot = self.slot(desktop);
        timeout(BOUND_OF_TURN, async {
            let mut slot = slot.lock().await;
            if let Some((made, picture)) = &*slot
                && made.elapsed() < FRESH
            {
                return picture.clone();
            }
            let _turn = self.turns.acquire().await.ok()?;
            let picture = timeout(BOUND, make(screens, desktop)).await.ok().flatten();
            *slot = Some((Instant::now(), picture.clone()));
            picture
        })
        .await
        .ok()
        .flatten()
    }

    fn slot(&self, desktop: &str) -> Slot {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST && !kept.contains_key(desktop) {
            let oldest = kept.iter().min_by_key(|(_, (used, _))| *used).map(|(name, _)| name.clone());
            oldest.map(|name| kept.remove(&name));
        }
        let (used, slot) =
            kept.entry(desktop.to_owned()).or_insert_with(|| (Instant::now(), Slot::default()));
        *used = Instant::now();
        Arc::clone(slot)
    }
}

async fn make(screens: &Path, desktop: &str) -> Option<Bytes> {
    let stream = screen::connect(screens, desktop).await.ok()?;
    let picture = rfb::look(stream, SIZE).await.ok()?;
    let encoded = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        let encoder = Encoder::new(&mut bytes, QUALITY);
        let done = encoder.encode(&picture.bytes, picture.width, picture.height, ColorType::Rgb);
        done.ok().map(|()| bytes)
    });
    encoded.await.ok().flatten().map(Bytes::from)
}
