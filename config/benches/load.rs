//! What it costs to read a room's config: a text of 500 lines in three layers, read, merged and checked; beside it the
//! bare YAML of the same text, as events and as a tree of another library.

#![allow(missing_docs, clippy::panic, reason = "criterion's macros, and a benchmark may fail loudly")]

mod room;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group};
use dockos_config::{Loaded, Source, load};
use saphyr_parser::{Event, Parser};

#[global_allocator]
static ALLOCATOR: room::Counting = room::Counting;

/// The longest that reading may take on the machine that builds.
const LONGEST: Duration = Duration::from_millis(5);

fn ours(layers: Vec<Source>) -> Loaded {
    load(layers).unwrap_or_else(|report| panic!("{report}"))
}

/// Each layer's text as events, none of them kept.
fn events(layers: &[Source]) -> usize {
    let count = |text: &str| {
        let events = Parser::new_from_str(text).map(|event| event.map_or(Event::Nothing, |(event, _)| event));
        events.filter(|event| !matches!(event, Event::Nothing)).count()
    };
    layers.iter().map(|layer| count(&layer.text)).sum()
}

/// Each layer's text as a tree.
fn values(layers: &[Source]) -> Vec<yaml_serde::Value> {
    let value = |text: &str| yaml_serde::from_str(text).unwrap_or_else(|error| panic!("{error}"));
    layers.iter().map(|layer| value(&layer.text)).collect()
}

fn benches(criterion: &mut Criterion) {
    let layers = room::layers();
    let mut group = criterion.benchmark_group("room");
    group.sample_size(50).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(2));
    group.bench_function("read, merge and check", |b| b.iter(|| ours(black_box(layers.clone()))));
    group.bench_function("saphyr-parser: events", |b| b.iter(|| events(black_box(&layers))));
    group.bench_function("yaml_serde: a tree", |b| b.iter(|| values(black_box(&layers))));
    group.finish();
}

/// The median time of a call.
fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..101)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// The figures in a few lines, held against their limits.
fn summary() {
    let layers = room::layers();
    let lines: usize = layers.iter().map(|layer| layer.text.lines().count()).sum();
    let time = median(|| drop(black_box(ours(layers.clone()))));
    let bare = median(|| {
        black_box(events(&layers));
    });
    let tree = median(|| drop(black_box(values(&layers))));
    let memory = room::peak(|| drop(black_box(ours(layers.clone()))));
    let ratio = |other: Duration| time.as_secs_f64() / other.as_secs_f64();
    println!(
        "{lines} lines in {} layers, read, merged and checked: {time:.2?} (limit {LONGEST:?})",
        layers.len()
    );
    println!("  {:.2} times bare YAML as saphyr-parser's events ({bare:.2?})", ratio(bare));
    println!("  {:.2} times bare YAML as yaml_serde's tree ({tree:.2?})", ratio(tree));
    println!("  {} kB of memory at most (limit {} kB)", memory / 1000, room::MOST_MEMORY / 1000);
    assert!(lines >= room::LINES && time <= LONGEST && memory <= room::MOST_MEMORY, "beyond a limit");
}

criterion_group!(group, benches);

fn main() {
    group();
    Criterion::default().configure_from_args().final_summary();
    summary();
}
