//! What it costs to read a large config. Alone in its process, so that nothing else is counted.

#[path = "../benches/room/mod.rs"]
mod room;

use std::time::Instant;

#[global_allocator]
static ALLOCATOR: room::Counting = room::Counting;

#[test]
fn a_rooms_config_is_read_in_little_memory() {
    let layers = room::layers();
    let lines: usize = layers.iter().map(|layer| layer.text.lines().count()).sum();
    assert!(lines >= room::LINES, "{lines} lines are too few to measure");
    let mut desktops = 0;
    let start = Instant::now();
    let peak = room::peak(|| {
        let loaded = dockos_config::load(layers).unwrap_or_else(|report| panic!("{report}"));
        desktops = loaded.config.dockos.desktops.len();
    });
    println!("{lines} lines: {:.2?}, at most {} kB of memory", start.elapsed(), peak / 1000);
    assert_eq!(desktops, 45, "the layers are merged");
    assert!(peak > 50_000, "{peak} bytes: the memory is not counted");
    assert!(peak <= room::MOST_MEMORY, "{peak} bytes of memory; at most {} are allowed", room::MOST_MEMORY);
}
