//! How a command that went wrong ends: what it says, and its exit status.

use std::process::ExitCode;

use crate::error::Fault;

/// What is wrong with how a command was called, or what failed.
#[derive(Debug)]
pub enum Failure {
    /// It was called in a wrong way.
    Usage(String),
    /// It failed.
    Failed(String),
    /// It failed, and what failed was said already.
    Told,
}

impl Failure {
    /// Says it in the command's name; returns the exit status: 2 for wrong use, 1 for what failed.
    pub fn end(self, command: &str) -> ExitCode {
        match self {
            Self::Usage(what) => {
                eprintln!("{command}: {what}\nTry `{command} --help`.");
                ExitCode::from(2)
            }
            Self::Failed(what) => {
                eprintln!("{command}: {what}");
                ExitCode::FAILURE
            }
            Self::Told => ExitCode::FAILURE,
        }
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault.to_string())
    }
}
