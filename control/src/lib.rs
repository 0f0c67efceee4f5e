//! What PID 1 and the commands beside it have in common: the record of the config in force ([`Record`]), where the state
//! disk's config files are ([`state_files`]), what an image archive holds ([`archive`]), how a command asks PID 1 for
//! something ([`ask`]), what desktops the config wants ([`wanted`]), and how all of
//! them write files, tell faults and end ([`Failure`]). What services beside PID 1 share is here too, and costs it nothing:
//! how they say something ([`say_as`]) and how many connections they take ([`limits`]).

pub mod archive;
pub mod error;
mod failure;
pub mod files;
pub mod image;
pub mod limits;
pub mod record;
mod request;
mod say;
pub mod spec;
mod state;
pub mod wanted;

pub use failure::Failure;
pub use record::{Record, Which};
pub use request::{Answer, Request, SOCKET, ask};
pub use state::{STATE_FILE, state_files};
