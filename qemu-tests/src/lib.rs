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
mod boot;
mod boot_files;
mod boot_json;
mod browser;
mod center;
mod cidata;
mod console;
mod disk;
mod gpt;
mod http;
mod https;
mod lock;
mod machine;
pub mod media;
mod nic;
mod ocr;
pub mod paths;
mod patterns;
mod person;
mod ports;
mod pulse;
mod qmp;
mod room;
mod root_image;
mod screen;
mod segment;
mod server;
mod shell;
pub mod sizes;
mod sparse;
mod store;
mod tool;
mod vm;
mod vnc;
mod wire;

pub use accel::Accel;
pub use boot::{Boot, Firmware};
pub use boot_files::BootFiles;
pub use boot_json::{Mark, Phase, Timeline};
pub use browser::{Browser, Page, has_browser};
pub use center::Center;
pub use cidata::{write_cidata, write_fat};
pub use console::{Console, Line};
pub use disk::Disk;
pub use http::get;
pub use https::{Answer, Connection, Https};
pub use machine::{Forward, Machine};
pub use nic::Nic;
pub use ocr::{reads, text_of};
pub use person::{PASSWORD, PASSWORD_HASH, Person, SCREEN};
pub use ports::{free_port, is_free};
pub use pulse::Pulse;
pub use qmp::{Qmp, Stop};
pub use room::Room;
pub use root_image::{RootImage, sha256};
pub use screen::Picture;
pub use segment::{Segment, Uplink};
pub use server::{Request, Server};
pub use shell::Output;
pub use store::Store;
pub use tool::tool;
pub use vm::{Desktop, READY, Vm};
pub use vnc::Vnc;
pub use wire::Wire;
