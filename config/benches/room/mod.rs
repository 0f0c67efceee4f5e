//! A room's config as a center would write it, and what reading it costs.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use dockos_config::{Form, Layer, Source, Stage};

/// Lines of the config, all layers together.
pub(crate) const LINES: usize = 500;

/// The most memory that may be in use at once while it is read.
pub(crate) const MOST_MEMORY: usize = 4_000_000;

/// The layers of the config: the room's image, a PC's state disk, what the center sends.
pub(crate) fn layers() -> Vec<Source> {
    let room = format!("{}{}", include_str!("room.yml"), desktops(1..=40));
    let disk = format!("{}{}", include_str!("pc.yml"), desktops(31..=45));
    let center = include_str!("center.yml").to_owned();
    [
        (Layer::Oem, Stage::Local, "room.yml", room),
        (Layer::StateFile, Stage::State, "cloud-config.yml", disk),
        (Layer::Datasource, Stage::Fetched, "user-data", center),
    ]
    .map(|(layer, stage, name, text)| Source {
        layer,
        stage,
        form: Form::CloudConfig,
        name: name.to_owned(),
        text,
    })
    .to_vec()
}

/// Some desktops of the room, in the list that the text ends with.
fn desktops(numbers: std::ops::RangeInclusive<u16>) -> String {
    let courses = ["c", "cpp", "java", "java-web", "python"];
    numbers.fold(String::new(), |mut text, n| {
        let course = courses[usize::from(n) % courses.len()];
        let _ = write!(
            text,
            "    - name: seat-{n:02}
      tenant: student-{n:02}
      image: center.lab:5000/course/{course}:2026.2
      cpus: 1.5
      memory: 768M
      pids: 512
      ports: [\"127.0.0.1:{}:6080\"]
      volumes: [\"home:/home/student\", \"course:/srv/course:ro\"]
",
            6100 + n
        );
        text
    })
}

/// An allocator that counts what is in use.
pub(crate) struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[expect(
    unsafe_code,
    reason = "an allocator can only be counted by being one; it leaves the work to the system's"
)]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: `memory` is from `alloc` above, which is the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// The most memory in use at once during a call, besides what was in use before.
pub(crate) fn peak(work: impl FnOnce()) -> usize {
    let before = IN_USE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    work();
    PEAK.load(Ordering::Relaxed).saturating_sub(before)
}
