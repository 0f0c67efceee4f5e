//! `vm paths`: how long a machine takes from power-on to ready by each way to boot it, and what takes the time.

use std::{fs, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::Args;
use qemu_tests::{
    Boot, Firmware, Machine, Nic, READY, RootImage, Server, Timeline, Vm,
    media::{choose_serial, iso},
    paths::out,
};
use tempfile::TempDir;

use crate::{figures::median, pc};

/// PXE may take so many times a direct boot, of a root image that is checked too, and its own transfer together.
const PXE_LIMIT: f64 = 1.3;

#[derive(Args)]
pub(crate) struct Options {
    /// Boots by each path
    #[arg(long, default_value_t = 3)]
    runs: u32,
}

/// A way to boot.
struct Path {
    name: &'static str,
    boot: fn(&Netboot) -> Result<Machine>,
    /// Whether GRUB's menu is there, of which the serial entry is chosen.
    has_menu: bool,
}

/// In the order of the table.
const PATHS: [Path; 7] = [
    Path { name: "kernel given by QEMU", boot: |_| Ok(pc("path-direct")), has_menu: false },
    Path { name: CHECKED, boot: |_| checked(), has_menu: false },
    Path { name: "ISO as CD, BIOS", boot: |_| cd("path-cd-bios", Firmware::Bios), has_menu: true },
    Path { name: "ISO as CD, UEFI", boot: |_| cd("path-cd-uefi", Firmware::Uefi), has_menu: true },
    Path {
        name: "ISO as USB stick, BIOS",
        boot: |_| stick("path-stick-bios", Firmware::Bios),
        has_menu: true,
    },
    Path {
        name: "ISO as USB stick, UEFI",
        boot: |_| stick("path-stick-uefi", Firmware::Uefi),
        has_menu: true,
    },
    Path { name: PXE, boot: Netboot::machine, has_menu: false },
];
const CHECKED: &str = "the same, root image checked";
const PXE: &str = "PXE, BIOS";

/// What PXE is compared with: nothing is transferred, but what there is has a checksum, as on every other path.
fn checked() -> Result<Machine> {
    let pin = format!("dockos.root=#sha256={}", RootImage::read()?.sha256());
    Ok(pc("path-checked").append(&pin))
}

fn cd(name: &str, firmware: Firmware) -> Result<Machine> {
    Ok(pc(name).boot(Boot::Cd(iso()?)).firmware(firmware))
}

fn stick(name: &str, firmware: Firmware) -> Result<Machine> {
    Ok(pc(name).boot(Boot::Stick(iso()?)).firmware(firmware))
}

/// A network to boot from: QEMU's DHCP and TFTP, and HTTP of the host.
struct Netboot {
    folder: TempDir,
    _server: Server,
}

impl Netboot {
    fn start() -> Result<Self> {
        let (server, rootfs) = (Server::start(&[])?, RootImage::read()?);
        for name in ["vmlinuz", "initramfs", "rootfs"] {
            server.put_file(&format!("/{name}"), &out().join(name))?;
        }
        let script = format!(
            "#!ipxe\nset t0 ${{unixtime:int32}}\nset t1 ${{unixtime:int32}}\nkernel {} console=ttyS0 dockos.loader=ipxe,${{t0}},${{t1}} \
             dockos.root={}#sha256={}\ninitrd {}\nboot\n",
            server.url("/vmlinuz"),
            server.url("/rootfs"),
            rootfs.sha256(),
            server.url("/initramfs"),
        );
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("boot.ipxe"), script)?;
        Ok(Self { folder, _server: server })
    }

    fn machine(&self) -> Result<Machine> {
        let nic = Nic::user().tftp(self.folder.path(), "boot.ipxe");
        Ok(pc("path-pxe-bios").boot(Boot::Network).nics(&[nic]))
    }
}

/// Seconds of one boot.
struct Sample {
    firmware: f64,
    loader: f64,
    load: f64,
    kernel: f64,
    root: f64,
    rest: f64,
}

impl Sample {
    fn of(timeline: &Timeline) -> Result<Self> {
        let ready = timeline.ready.context("the timeline has no end")?;
        let seconds = |name: &str| {
            let phase = timeline.phase(name);
            phase.and_then(|phase| Some(phase.end? - phase.start?)).unwrap_or_default()
        };
        let root_end = timeline.phase("root").and_then(|phase| phase.end).unwrap_or_default();
        Ok(Self {
            firmware: seconds("firmware"),
            loader: seconds("grub") + seconds("ipxe"),
            load: seconds("load"),
            kernel: seconds("kernel"),
            root: seconds("root"),
            rest: ready - root_end,
        })
    }

    fn columns(&self) -> [f64; 6] {
        [self.firmware, self.loader, self.load, self.kernel, self.root, self.rest]
    }

    fn whole(&self) -> f64 {
        self.columns().iter().sum()
    }
}

/// Measures and prints; fails where PXE takes too long.
pub(crate) fn measure(options: &Options) -> Result<ExitCode> {
    let netboot = Netboot::start()?;
    println!("| seconds | firmware | loader | load | kernel | root image | engines, to ready | whole |");
    println!("|---|---|---|---|---|---|---|---|");
    let (mut checked, mut pxe) = (None, None);
    for path in &PATHS {
        let mut samples = Vec::new();
        for run in 1..=options.runs {
            eprintln!("{}, run {run} of {}", path.name, options.runs);
            samples.push(boot(path, &netboot)?);
        }
        println!("| {} | {} |", path.name, row(&samples).join(" | "));
        let of = |value: fn(&Sample) -> f64| median(&samples.iter().map(value).collect::<Vec<_>>());
        let sums = of(Sample::whole).zip(of(|sample| sample.load + sample.root));
        match path.name {
            CHECKED => checked = sums,
            PXE => pxe = sums,
            _ => {}
        }
    }
    let ((pxe, arrival), (checked, check)) = pxe.zip(checked).context("not measured")?;
    // What the check takes is in both; the rest of what it took the image to arrive is the transfer.
    let transfer = (arrival - check).max(0.0);
    let times = pxe / (checked + transfer);
    println!(
        "\nPXE takes {times:.2} times a direct boot of a checked image and its transfer of {transfer:.1} s; at most \
         {PXE_LIMIT}."
    );
    Ok(if times <= PXE_LIMIT { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn boot(path: &Path, netboot: &Netboot) -> Result<Sample> {
    let vm: Vm = (path.boot)(netboot)?.start()?;
    if path.has_menu {
        choose_serial(&vm)?;
    }
    vm.wait_ready(READY)?;
    let sample = Sample::of(&vm.boot_json()?)?;
    vm.poweroff()?;
    Ok(sample)
}

/// The medians of all columns, and of the whole.
fn row(samples: &[Sample]) -> Vec<String> {
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); 7];
    for sample in samples {
        let all = sample.columns().into_iter().chain([sample.whole()]);
        columns.iter_mut().zip(all).for_each(|(column, value)| column.push(value));
    }
    columns.iter().map(|column| format!("{:.1}", median(column).unwrap_or_default())).collect()
}
