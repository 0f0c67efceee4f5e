//! Builds DockOS: the kernel, PID 1's initramfs, the root image, and the papers that say what is in them.

mod apt;
mod check;
mod cli;
mod desktops;
mod elf;
mod esp;
mod floor;
mod fragments;
mod grub;
mod han;
mod initramfs;
mod initrd;
mod iso;
mod kernel;
mod lock;
mod manifest;
mod netboot;
mod oci;
mod pool;
mod programs;
mod progress;
mod project;
mod rootfs;
mod sbom;
mod slim;
mod sources;
mod spec;
mod squash;
mod stage;
mod stamp;
mod tree;
mod util;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("buildroot: {error:#}");
            ExitCode::FAILURE
        }
    }
}
