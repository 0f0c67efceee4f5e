//! The settings that PID 1 writes, looked at again whenever their file is another one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dockos_control::wanted::Web;
use tokio::sync::watch;

use crate::web::{password, say};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// What tells a file from the one before: PID 1 replaces it whole.
type Mark = (u64, u64, i64, i64);

/// The settings, as they are now; `None` until there are some.
pub(super) type Settings = watch::Receiver<Option<Arc<Web>>>;

/// Reads them now, and from now on.
pub(super) fn watch(path: &Path) -> Settings {
    let mut seen = mark(path);
    let first = read(path, true);
    let (sender, settings) = watch::channel(first);
    let path = path.to_owned();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            let now = mark(&path);
            if now == seen {
                continue;
            }
            seen = now;
            // What cannot be read leaves those before in force.
            if let Some(settings) = read(&path, false)
                && sender.send(Some(settings)).is_err()
            {
                return;
            }
        }
    });
    settings
}

fn mark(path: &Path) -> Option<Mark> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

fn read(path: &Path, is_first: bool) -> Option<Arc<Web>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) => {
            let waits = if is_first { "; waiting for it" } else { "" };
            say!("{}: {error}{waits}", path.display());
            return None;
        }
    };
    match serde_json::from_slice::<Web>(&text) {
        Ok(web) => {
            warn(&web);
            Some(Arc::new(web))
        }
        Err(error) => {
            say!("{}: {error}; the settings before stay in force", path.display());
            None
        }
    }
}

/// Says who cannot log in, and why.
fn warn(web: &Web) {
    for user in &web.users {
        match &user.password_hash {
            Some(hash) if !password::is_known(hash) => say!(
                "{}: this kind of password hash is not known here; use one that begins with $6$, $5$, $y$ or $2b$",
                user.name
            ),
            None if user.link_sha256.is_none() => {
                say!(
                    "{}: has neither password nor link; `dockos desktop link {}` makes one",
                    user.name,
                    user.name
                );
            }
            _ => {}
        }
    }
}
