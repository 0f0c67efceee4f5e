//! The netboot service of a center: boots the machines of a room over the network.
//!
//! `serve` gives boot files, scripts and configs by HTTP, and has dnsmasq beside it for DHCP and TFTP. Which machine
//! gets what stands in `machines.yml`. The other verbs look at the same files, and need no server that runs.
//!
//! | path | what |
//! |---|---|
//! | `/boot.ipxe`, `/grub.cfg` | what the machine that asks should load, as a script for its boot loader |
//! | `/machine` | the same as words of a kernel command line, for a machine that waits to be assigned |
//! | `/vmlinuz`, `/initramfs`, `/rootfs` | the boot files |
//! | `/config/HEX.yml` | a cloud-config by its SHA-256 |
//! | `/undionly.kpxe`, `/ipxe.efi`, ... | boot loaders that firmware can fetch |

mod address;
mod assign;
mod boot_files;
mod child;
mod configs;
mod dnsmasq;
mod http;
mod identity;
mod kernel;
mod list;
mod options;
mod probe;
mod room;
mod root_image;
mod script;
mod seen;
mod serve;
mod verify;

use std::process::ExitCode;

use dockos_control::error::Fault;

use crate::options::Command;

dockos_control::say_as!("netboot");

fn main() -> ExitCode {
    let command = match options::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(text) => {
            say!("{text}");
            say!("see `dockos netboot --help`");
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Fault> {
    match command {
        Command::Help => show(options::HELP),
        Command::Version => show(concat!("dockos-netboot ", env!("CARGO_PKG_VERSION"), "\n")),
        Command::Serve(options) => serve::run(&options),
        Command::List(folders) => list::table(&folders).and_then(|table| show(&table)),
        Command::Assign(wish) => assign::run(&wish).and_then(|done| show(&done)),
        Command::Check(folders) => verify::run(&folders).and_then(|report| show(&report)),
    }
}

/// Writes to standard output; where that is closed, there is nobody to tell.
fn show(text: &str) -> Result<(), Fault> {
    use std::io::Write;
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| Fault::new(format!("standard output: {error}")))
}
