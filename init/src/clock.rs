//! The two clocks: seconds since the kernel started, and the wall clock that never runs backwards past what is known.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime, clock_settime};

/// Seconds since the kernel started, sleep included (`CLOCK_BOOTTIME`): the time of every figure in the boot timeline.
pub(crate) fn uptime() -> f64 {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0.0, |t| Duration::from(t).as_secs_f64())
}

/// Seconds of the wall clock since 1970.
pub(crate) fn now() -> i64 {
    clock_gettime(ClockId::CLOCK_REALTIME).map_or(0, |t| t.tv_sec())
}

/// Sets the wall clock to `floor` if it stands before it, as after a flat battery; tells whether it did.
pub(crate) fn raise_to(floor: i64) -> bool {
    if now() >= floor {
        return false;
    }
    clock_settime(ClockId::CLOCK_REALTIME, nix::sys::time::TimeSpec::new(floor, 0)).is_ok()
}

/// When the root image was built, from its os-release; the clock never runs below it.
pub(crate) fn image_epoch() -> i64 {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("DOCKOS_EPOCH=")?.trim_matches('"').parse().ok())
        .unwrap_or(0)
}
