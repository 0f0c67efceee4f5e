//! What happened before the kernel's first instruction: how long the firmware and the boot loader took.
//!
//! Three clocks tell. The ACPI FPDT has the firmware's own account, in nanoseconds, where the firmware writes one. The
//! processor's time stamp counter begins at power-on (a reset included), so the difference to the kernel's clock is the
//! time of both together. The boot loader may have noted the time of the machine's battery clock on the command line,
//! which counts whole seconds. Times are seconds since the kernel's start, so these are negative.
#![expect(unsafe_code, reason = "reading the time stamp counter has no safe wrapper")]

use std::time::Instant;

use dockos_config::Loader;

use crate::clock;
use crate::timeline::{Entry, Outcome};

/// The FPDT's record of this boot (kernel: Documentation/ABI/testing/sysfs-firmware-acpi, ACPI 6.5 section 5.2.24).
const FPDT: &str = "/sys/firmware/acpi/fpdt/boot";
/// Nobody waits longer: the counter then ran on through a kexec, or the battery clock was set meanwhile.
const LONGEST: f64 = 900.0;

/// The clocks as they stood when PID 1 began.
pub(crate) struct Start {
    instant: Instant,
    counter: u64,
    uptime: f64,
    wall: f64,
}

impl Start {
    /// Looks at the clocks; before anything sets one.
    pub(crate) fn look() -> Self {
        let (instant, counter) = (Instant::now(), time_stamp());
        Self { instant, counter, uptime: clock::uptime(), wall: clock::now() as f64 }
    }

    /// Seconds that the counter had counted by then. Its speed is that since then: the later, the more exact.
    fn counted(&self) -> Option<f64> {
        let speed = time_stamp().checked_sub(self.counter)? as f64 / self.instant.elapsed().as_secs_f64();
        (speed > 0.0).then_some(self.counter as f64 / speed)
    }
}

/// When what began, as far as it is known.
pub(crate) struct PowerOn {
    /// When the machine was switched on.
    at: Option<f64>,
    /// When the firmware handed over to the boot loader, by its own account.
    handed_over: Option<f64>,
    /// The battery clock at the kernel's start.
    kernel_start: f64,
}

impl PowerOn {
    /// Tells it from the clocks.
    pub(crate) fn of(start: &Start) -> Self {
        let past = |at: &f64| (-LONGEST..0.0).contains(at);
        let at = start.counted().map(|counted| start.uptime - counted).filter(past);
        let handed_over = nanoseconds("bootloader_launch_ns").zip(at).map(|(launch, at)| at + launch);
        let kernel_start = start.wall - start.uptime;
        Self { at, handed_over: handed_over.filter(past), kernel_start }
    }

    /// The phases before the kernel, as far as they are known.
    pub(crate) fn phases(&self, loader: Option<&Loader>) -> Vec<Entry> {
        let name = loader.map_or("boot loader", |loader| loader.name.as_str());
        let since_kernel = |time: Option<i64>| {
            let at = time? as f64 - self.kernel_start;
            // The battery clock counts whole seconds.
            (-LONGEST..1.5).contains(&at).then_some(at.clamp(self.at.unwrap_or(-LONGEST), 0.0))
        };
        let began = self.handed_over.or_else(|| since_kernel(loader.and_then(|loader| loader.began)));
        let loading = since_kernel(loader.and_then(|loader| loader.loading));
        let loading = loading.map(|at| at.max(began.unwrap_or(at)));
        let seconds = "to about a second";
        let precise = if self.handed_over.is_some() { "by the firmware's own account" } else { seconds };
        let mut phases = Vec::new();
        if let Some(at) = self.at {
            match began.or(loading) {
                Some(end) => phases.push(entry("firmware", at, end, precise)),
                None => phases.push(entry("firmware", at, 0.0, "and boot loader")),
            }
        }
        if let Some(began) = began {
            phases.push(entry(name, began, loading.unwrap_or(0.0), seconds));
        }
        if let Some(loading) = loading {
            phases.push(entry("load", loading, 0.0, "kernel and what is loaded with it"));
        }
        phases
    }
}

fn entry(name: &str, start: f64, end: f64, note: &str) -> Entry {
    Entry {
        name: name.to_owned(),
        start,
        end: end.max(start),
        result: Outcome::Ok,
        after: Vec::new(),
        note: note.to_owned(),
    }
}

fn time_stamp() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and the kernel leaves it to user programs.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// A time of the FPDT in seconds since power-on; firmware that does not know one leaves it zero.
fn nanoseconds(name: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("{FPDT}/{name}")).ok()?;
    text.trim().parse::<u64>().ok().filter(|&ns| ns > 0).map(|ns| ns as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(power: &PowerOn, loader: Option<&str>) -> Vec<(String, f64, f64)> {
        let loader = loader.map(|word| word.parse().unwrap());
        let phases = power.phases(loader.as_ref());
        phases.into_iter().map(|phase| (phase.name, phase.start, phase.end)).collect()
    }

    fn phase(name: &str, start: f64, end: f64) -> (String, f64, f64) {
        (name.to_owned(), start, end)
    }

    #[test]
    fn what_is_known_is_told_and_nothing_else() {
        let power = PowerOn { at: Some(-9.0), handed_over: None, kernel_start: 1000.5 };
        let all = [phase("firmware", -9.0, -5.5), phase("ipxe", -5.5, -3.5), phase("load", -3.5, 0.0)];
        assert_eq!(told(&power, Some("ipxe,995,997")), all);
        assert_eq!(told(&power, None), [phase("firmware", -9.0, 0.0)]);
        assert_eq!(told(&power, Some("grub,,")), [phase("firmware", -9.0, 0.0)]);
        // A battery clock in another time zone, and one that was changed in between.
        assert_eq!(told(&power, Some("grub,29795,29797")), [phase("firmware", -9.0, 0.0)]);
        assert_eq!(told(&power, Some("grub,950,998"))[1], phase("grub", -9.0, -2.5));
        let blind = PowerOn { at: None, handed_over: None, kernel_start: 1000.0 };
        assert_eq!(told(&blind, None), []);
        let precise = PowerOn { handed_over: Some(-4.25), ..power };
        assert_eq!(told(&precise, Some("grub,995,997"))[1], phase("grub", -4.25, -3.5));
    }
}
