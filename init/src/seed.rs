//! What the kernel knows of chance and of time survives a reboot: the random seed, whose file also tells the last time
//! that was seen.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::clock;
use dockos_control::error::{Context, Result};
use dockos_control::files;

const FILE: &str = "/var/lib/dockos/random-seed";
/// A time so far after the build, in seconds, is a wrong clock's, not the last time seen: 15 years, as systemd has it.
const MOST_AHEAD: i64 = 15 * 365 * 86_400;
/// Bytes of the seed: twice the kernel's pool.
const LENGTH: usize = 64;

/// Mixes the seed of last time into the kernel's pool, raises the clock to the time it was written, and writes a new
/// one at once: the same seed never serves twice.
pub(crate) fn renew() -> Result<()> {
    if let Ok(old) = fs::read(FILE) {
        // Written, not credited: a cloned disk would carry the same seed to many machines.
        fs::write("/dev/urandom", &old).context(|| "seed the kernel".to_owned())?;
        let seen = fs::metadata(FILE).map_or(0, |meta| meta.mtime());
        let believed = seen < clock::image_epoch() + MOST_AHEAD;
        if believed && clock::raise_to(seen) {
            tracing::warn!("the clock stood before the last time seen and was set to it");
        }
    }
    save()
}

/// Writes a new seed; at shutdown too.
pub(crate) fn save() -> Result<()> {
    let mut seed = [0; LENGTH];
    let read =
        fs::File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut seed));
    read.context(|| "read /dev/urandom".to_owned())?;
    files::write_durably(Path::new(FILE), &seed, 0o600)
}
