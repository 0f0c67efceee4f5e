//! A descriptor that the event loop watches for input.
#![expect(unsafe_code, reason = "tokio asks its caller to vouch for the descriptor")]

use std::os::fd::OwnedFd;

use tokio::io::unix::AsyncFd;

use dockos_control::error::{Context, Result};

/// Puts a non-blocking descriptor under watch.
pub(crate) fn readable(fd: impl Into<OwnedFd>) -> Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open for as long as it lives, and the `AsyncFd` owns it.
    unsafe { AsyncFd::register(fd.into()) }
        .map_err(std::io::Error::from)
        .context(|| "watch a descriptor".to_owned())
}
