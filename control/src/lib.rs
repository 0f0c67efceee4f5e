//! What PID 1 and the commands beside it have in common: the record of the config in force ([`Record`]), where the state
//! disk's config files are ([`state_files`]), how a command asks PID 1 for something ([`ask`]), and how both write files
//! and tell failures.

pub mod error;
pub mod files;
pub mod record;
mod request;
mod state;

pub use record::{Record, Which};
pub use request::{Answer, Request, SOCKET, ask};
pub use state::{STATE_FILE, state_files};
