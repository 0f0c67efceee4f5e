//! Boots DockOS in QEMU and talks to it: the harness that the boot tests and the `vm` command share.
//!
//! A [`Machine`] says what the virtual PC has; [`Machine::start`] gives a running [`Vm`], whose serial console is
//! recorded and scanned for trouble, which obeys QMP and has a root shell on hvc0. A test reads as it is spoken:
//!
//! ```no_run
//! use qemu_tests::{Disk, Machine, READY};
//! # fn main() -> anyhow::Result<()> {
//! let disk = Disk::empty("example-state", 16 << 30)?;
//! let vm = Machine::new("example").config("#cloud-config\nhostname: lab-01\n").disk(&disk).start()?;
//! vm.wait_ready(READY)?;
//! assert_eq!(vm.check("hostname")?, "lab-01");
//! vm.poweroff()?;
//! # Ok(())
//! # }
//! ```

mod accel;
mod boot_files;
mod boot_json;
mod cidata;
mod console;
mod disk;
mod gpt;
mod http;
mod lock;
mod machine;
pub mod paths;
mod patterns;
mod ports;
mod qmp;
mod server;
mod shell;
pub mod sizes;
mod sparse;
mod tool;
mod vm;

pub use accel::Accel;
pub use boot_files::BootFiles;
pub use boot_json::{Mark, Phase, Timeline};
pub use cidata::{write_cidata, write_fat};
pub use console::{Console, Line};
pub use disk::Disk;
pub use http::get;
pub use machine::{Forward, Machine};
pub use ports::{free_port, is_free};
pub use qmp::{Qmp, Stop};
pub use server::Server;
pub use shell::Output;
pub use tool::tool;
pub use vm::{READY, Vm};
