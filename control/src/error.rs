//! What PID 1 says when something fails: one line for a person, from the outermost step to the kernel's word.

use std::fmt;

/// A failure as a sentence. PID 1 never matches on its failures: it shows them, and goes on without the part that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

/// What a step of PID 1 returns.
pub type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    /// A failure that has no cause below it.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

/// Says of a failed call what was being done, and to what.
pub trait Context<T> {
    /// Puts `what` before the cause: `mount /dev/vda1 on /var: Invalid argument`.
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Fault(format!("{}: {cause}", what())))
    }
}
