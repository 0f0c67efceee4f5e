//! `vm bench`: the figures of the README, from several boots, beside their targets.

use std::{fs, path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context as _, Result};
use clap::Args;
use qemu_tests::{Disk, READY, paths, sizes};
use serde_json::json;

use crate::{
    figures::{Figure, median, table},
    samples::{Sample, Subject, floor},
};

/// Bytes in the unit of the targets.
const MB: f64 = 1e6;
/// A fresh state disk.
const DISK: u64 = 16 << 30;

#[derive(Args)]
pub(crate) struct Options {
    /// Boots of each kind
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// The cloud-config whose first desktop is timed
    #[arg(long, default_value_os_t = paths::workspace().join("qemu-tests/bench.yml"))]
    config: PathBuf,
}

/// Measures, prints, and fails when a target is missed.
pub(crate) fn bench(options: &Options) -> Result<ExitCode> {
    let config =
        fs::read(&options.config).with_context(|| format!("cannot read {}", options.config.display()))?;
    let subject = Subject::new(&options.config.display().to_string(), config)?;
    let (mut cold, mut warm, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    for run in 1..=options.runs {
        floors.push(timed(&format!("bare floor, run {run}"), || floor("bench-floor"))?);
        let disk = Disk::empty("bench-state", DISK)?;
        cold.push(timed(&format!("fresh disk, run {run}"), || subject.boot("bench-cold", &disk, 2048))?);
        warm.push(timed(&format!("same disk again, run {run}"), || subject.boot("bench-warm", &disk, 2048))?);
    }
    let small = Disk::empty("bench-small-state", DISK)?;
    let small = timed("512 MB of memory", || subject.boot("bench-small", &small, 512));
    if let Err(error) = &small {
        eprintln!("{error:#}");
    }
    let mut figures = size_figures()?;
    figures.extend(boot_figures(&cold, &warm, &floors));
    let small = small.map(|sample| vec![sample.ready]).unwrap_or_default();
    figures.push(Figure::new(
        "ready with 512 MB of memory, tenant running",
        "s",
        Some(READY.as_secs_f64()),
        small,
    ));
    print(&figures, options.json);
    Ok(if figures.iter().all(Figure::passes) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn timed<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let result = work();
    eprintln!("{what}: {:.0} s", start.elapsed().as_secs_f64());
    result
}

fn size_figures() -> Result<Vec<Figure>> {
    let in_mb = |bytes: u64| bytes as f64 / MB;
    let figure =
        |size: sizes::Size| Figure::new(size.name, "MB", size.limit.map(in_mb), vec![in_mb(size.bytes)]);
    Ok(sizes::measure()?.into_iter().map(figure).collect())
}

fn boot_figures(cold: &[Sample], warm: &[Sample], floors: &[f64]) -> Vec<Figure> {
    let of = |samples: &[Sample], field: fn(&Sample) -> f64| samples.iter().map(field).collect::<Vec<f64>>();
    let floor = median(floors);
    let ratio = |samples: &[Sample]| {
        floor.map(|floor| samples.iter().map(|sample| sample.tenant / floor).collect()).unwrap_or_default()
    };
    vec![
        Figure::new("PID 1 in memory at ready", "MB", Some(8.0), of(cold, |s| s.pid1 / MB)),
        Figure::new("fresh disk: ready", "s", None, of(cold, |s| s.ready)),
        Figure::new("fresh disk: tenant's container running", "s", None, of(cold, |s| s.tenant)),
        Figure::new("second boot: ready", "s", None, of(warm, |s| s.ready)),
        Figure::new("second boot: tenant's container running", "s", None, of(warm, |s| s.tenant)),
        Figure::new("bare floor: container running", "s", None, floors.to_vec()),
        Figure::new("fresh disk: tenant / floor", "", Some(1.5), ratio(cold)),
        Figure::new("second boot: tenant / floor", "", Some(1.5), ratio(warm)),
        Figure::new(
            "used when idle, root image in RAM included",
            "MB",
            Some(220.0),
            of(cold, |s| s.used / MB),
        ),
        Figure::new("used when idle as `free` counts", "MB", None, of(cold, |s| s.used_by_free / MB)),
    ]
}

fn print(figures: &[Figure], as_json: bool) {
    if as_json {
        let figures: Vec<_> = figures
            .iter()
            .map(|figure| json!({ "figure": figure, "median": figure.median(), "passes": figure.passes() }))
            .collect();
        println!("{}", json!(figures));
    } else {
        println!("\n{}", table(figures));
    }
}
