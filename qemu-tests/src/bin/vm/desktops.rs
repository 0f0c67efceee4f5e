//! `vm bench-desktops`: what desktops take: time, memory, bytes on the disk.

use std::{collections::BTreeMap, fmt::Write as _, fs, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use qemu_tests::{Browser, Person, Store, Vm, paths};
use serde::Deserialize;

use crate::{
    figures::{Figure, table},
    pc, round_trip,
};

/// Bytes in the unit of the targets.
const MB: f64 = 1e6;
/// How long a boot, and one desktop's start, may take.
const BOOT: Duration = Duration::from_secs(300);
/// What each desktop adds to a boot that starts many.
const EACH: Duration = Duration::from_secs(15);
/// Idle desktops of the memory's measurement.
const MANY: usize = 30;
/// How long idle desktops are left alone before they are measured.
const SETTLE: Duration = Duration::from_secs(30);
/// [`qemu_tests::PASSWORD`] by yescrypt, which takes 16 MB to check: they are to be given back.
const YESCRYPT: &str = "$y$j9T$dockosdockosdockos..$atEAsh2AN/NHyhINRZt9I0IhpB/g9lUU/4oYhtXzvl1";
/// The images' sizes: name, of all of it or beyond the base, on disk and packed.
const SIZES: [(&str, Option<f64>, Option<f64>); 6] = [
    ("base", Some(600.0), Some(230.0)),
    ("c", Some(320.0), None),
    ("cpp", Some(320.0), None),
    ("python", Some(170.0), None),
    ("java", Some(430.0), None),
    ("java-web", Some(720.0), None),
];

#[derive(Args)]
pub(crate) struct Options {
    /// Starts of each kind
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// The image, of those in out/desktops
    #[arg(long, default_value = "base")]
    image: String,
    /// Only a part of it
    #[arg(long)]
    only: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Bytes of the images, which takes no machine
    Sizes,
    /// How long starts take
    Starts,
    /// Memory of idle desktops
    Memory,
    /// How soon the screen answers a key
    RoundTrip,
}

/// Measures, prints, and fails when a target is missed.
pub(crate) fn bench(options: &Options) -> Result<ExitCode> {
    let wants = |part| options.only.is_none_or(|only| only == part);
    let mut figures = Vec::new();
    if wants(Part::Sizes) {
        figures.extend(sizes()?);
    }
    if wants(Part::Starts) {
        figures.extend(starts(options)?);
    }
    if wants(Part::Memory) {
        figures.extend(memory(options)?);
    }
    if wants(Part::RoundTrip) {
        figures.extend(round_trip::measure(&options.image)?);
    }
    println!("\n{}", table(&figures));
    Ok(if figures.iter().all(Figure::passes) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Deserialize)]
struct Image {
    disk_bytes: u64,
    packed_bytes: u64,
    beyond_base_disk_bytes: u64,
    beyond_base_packed_bytes: u64,
}

fn sizes() -> Result<Vec<Figure>> {
    let path = paths::out().join("desktops/manifest.json");
    let text = fs::read(&path)
        .with_context(|| format!("{} is missing: build it with `make desktops` first", path.display()))?;
    let images: BTreeMap<String, Image> =
        serde_json::from_slice(&text).with_context(|| format!("{} is not as agreed", path.display()))?;
    let mut figures = Vec::new();
    for (name, disk, packed) in SIZES {
        let Some(image) = images.get(name) else { continue };
        let (what, on_disk, in_archive) = if name == "base" {
            ("image base", image.disk_bytes, image.packed_bytes)
        } else {
            ("beyond base", image.beyond_base_disk_bytes, image.beyond_base_packed_bytes)
        };
        let in_mb = |bytes: u64| vec![bytes as f64 / MB];
        figures.push(Figure::new(&format!("{what} {name}, on disk"), "MB", disk, in_mb(on_disk)));
        figures.push(Figure::new(&format!("{what} {name}, packed"), "MB", packed, in_mb(in_archive)));
    }
    Ok(figures)
}

/// A machine with so many desktops that start when somebody asks, or with the machine.
fn machine(options: &Options, name: &str, memory: u32, count: usize, start: &str) -> Result<Vm> {
    let mut config = format!(
        "#cloud-config\ndockos:\n  courses:\n    c: {{ image: dockos/{}, memory: 1G }}\n  desktops:\n",
        options.image
    );
    for number in 0..count {
        writeln!(config, "    - {{ name: d{number}, tenant: t{number}, course: c, start: {start} }}")?;
    }
    writeln!(config, "  web: {{ users: [ {{ name: t0, hashed_passwd: '{YESCRYPT}' }} ] }}")?;
    let disk = Store::of_desktops(&[&options.image], 32 << 30)?.disk(name)?;
    let vm = pc(name).config(config).disk(&disk).memory(memory).reach(443).start()?;
    vm.wait_ready(BOOT + EACH * u32::try_from(count)?)?;
    Ok(vm)
}

/// In the guest, by its clock: from the order to a screen, by Docker alone.
const BARE: &str = r#"
screens=/run/user-docker/screens; rm -rf $screens/bare; mkdir -m 700 $screens/bare; chown 232072:232072 $screens/bare
read -r begin _ < /proc/uptime
docker run -d --name bare --shm-size 256m -v bare.home:/home/student -v /run/screens/bare:/run/dockos/screen IMAGE > /dev/null || exit 1
until [ -S $screens/bare/vnc ]; do sleep 0.05; done
read -r end _ < /proc/uptime
docker rm -f -v bare > /dev/null; docker volume rm bare.home > /dev/null
echo $begin $end
"#;
/// The same by the agent, which asks the X server itself.
const AGENT: &str = r#"
read -r begin _ < /proc/uptime
dockos desktop start NAME > /dev/null || exit 1
until grep -q '"name":"NAME","state":"ready"' /run/dockos/desktops/status.json; do sleep 0.05; done
read -r end _ < /proc/uptime
dockos desktop stop NAME > /dev/null || exit 1
until grep -q '"name":"NAME","state":"stopped"' /run/dockos/desktops/status.json; do sleep 0.1; done
echo $begin $end
"#;

fn starts(options: &Options) -> Result<Vec<Figure>> {
    let runs = usize::try_from(options.runs)?;
    let vm = machine(options, "bench-desktop-starts", 2048, runs, "demand")?;
    let image = format!("dockos/{}", options.image);
    // The first reads the image from the disk; neither kind is to pay for the other.
    seconds(&vm, &BARE.replace("IMAGE", &image))?;
    let (mut bare, mut first, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..runs {
        let name = format!("d{number}");
        bare.push(seconds(&vm, &BARE.replace("IMAGE", &image))?);
        first.push(seconds(&vm, &AGENT.replace("NAME", &name))?);
        again.push(seconds(&vm, &AGENT.replace("NAME", &name))?);
        eprintln!("start {number}: bare {bare:.1?} s, desktop {first:.1?} s, again {again:.1?} s");
    }
    vm.poweroff()?;
    let ratio = |times: &[f64]| times.iter().zip(&bare).map(|(time, bare)| time / bare).collect::<Vec<_>>();
    Ok(vec![
        Figure::new("bare docker run until the screen is there", "s", None, bare.clone()),
        Figure::new("desktop ready, its first start", "s", None, first.clone()),
        Figure::new("desktop ready, started again", "s", None, again.clone()),
        Figure::new("first start / bare", "", Some(3.0), ratio(&first)),
        Figure::new("started again / bare", "", Some(3.0), ratio(&again)),
    ])
}

fn seconds(vm: &Vm, script: &str) -> Result<f64> {
    let output = vm.run_within(script, BOOT)?;
    ensure!(output.status == 0, "the guest says {}", output.stdout);
    let (begin, end) = output
        .stdout
        .trim()
        .rsplit_once('\n')
        .map_or(output.stdout.trim(), |(_, last)| last)
        .split_once(' ')
        .context("no times")?;
    Ok(end.trim().parse::<f64>()? - begin.trim().parse::<f64>()?)
}

/// The proportional memory of a container's processes, of its shim's, and of the machine's two programs, in KiB.
const MEMORY: &str = r#"
pss() { for pid; do cat /proc/$pid/smaps_rollup 2>/dev/null; done | awk '/^Pss:/ { sum += $2 } END { print sum + 0 }'; }
for id in $(docker ps -q --no-trunc --filter name=desktop-); do
    inside=$(find /sys/fs/cgroup/services/*/tenants/$id -name cgroup.procs | xargs cat)
    shim=$(ps -o pid,args | grep "containerd-shim.*$id" | grep -v grep | awk '{ print $1 }')
    echo desktop $(pss $inside) $(pss $shim)
done
for part in agent web; do
    echo $part $(pss $(ps -o pid,args | grep "lib/dockos/desktops $part" | grep -v grep | awk '{ print $1 }')) 0
done
"#;

fn memory(options: &Options) -> Result<Vec<Figure>> {
    let vm = machine(options, "bench-many-desktops", 4096, MANY, "boot")?;
    let ready = |vm: &Vm| -> Result<usize> {
        Ok(vm.desktops()?.iter().filter(|desktop| desktop.state == "ready").count())
    };
    let end = std::time::Instant::now() + 4 * BOOT;
    while ready(&vm)? < MANY && std::time::Instant::now() < end {
        std::thread::sleep(Duration::from_secs(5));
    }
    let browser = Browser::start()?;
    Person::log_in(&browser, vm.port(443)?, "t0", "zh-CN")?.page.close()?;
    drop(browser);
    std::thread::sleep(SETTLE);
    let count = ready(&vm)?;
    eprintln!("{count} of {MANY} desktops are ready on a machine of 4 GB");
    let text = vm.run_within(MEMORY, BOOT)?.stdout;
    let of = |name: &str| -> Vec<f64> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(name));
        lines
            .map(|line| {
                line.split_whitespace().filter_map(|number| number.parse::<f64>().ok()).sum::<f64>() * 1024.0
                    / MB
            })
            .collect()
    };
    let available =
        vm.check("awk '/^MemAvailable:/ { print $2 }' /proc/meminfo")?.parse::<f64>()? * 1024.0 / MB;
    let services = of("agent").into_iter().chain(of("web")).sum();
    let missing = if count == MANY { vec![0.0] } else { vec![(MANY - count) as f64] };
    vm.poweroff()?;
    Ok(vec![
        Figure::new("idle desktop with its shim, PSS", "MB", Some(110.0), of("desktop")),
        Figure::new("of 30 desktops on 4 GB, not running", "", Some(0.0), missing),
        Figure::new("available beside them", "MB", None, vec![available]),
        Figure::new("agent and page after a login, PSS", "MB", Some(15.0), vec![services]),
    ])
}
