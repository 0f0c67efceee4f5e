//! What went wrong, what to do about it, and whether to try again.

use std::{fmt, process::ExitCode, time::Duration};

/// The kind of a failure, which the exit status tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Network, HTTP or TLS, or the output could not be written.
    Failed,
    /// Wrong use.
    Usage,
    /// The server says that there is no such file: some files need not be there.
    NotFound,
    /// The content is not what was pinned.
    Mismatch,
    /// More bytes than allowed.
    TooLarge,
}

impl Kind {
    /// The exit status, as `--help` tells it.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Mismatch => 4,
            Self::TooLarge => 5,
        })
    }
}

/// Whether another try may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// It would fail the same way.
    Never,
    /// After a growing pause.
    Soon,
    /// After as long as the server asks for.
    After(Duration),
}

/// A failed try, or the failure of all.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the exit status tells.
    pub(crate) kind: Kind,
    /// What happened. Never holds credentials.
    pub(crate) what: String,
    /// What to do.
    pub(crate) hint: String,
    /// Whether to try again.
    pub(crate) again: Again,
}

impl Failure {
    /// One that another try cannot mend.
    pub(crate) fn last(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: Kind::Failed, what: what.into(), hint: hint.into(), again: Again::Never }
    }

    /// One that may pass.
    pub(crate) fn passing(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { again: Again::Soon, ..Self::last(what, hint) }
    }

    /// The same, of another kind.
    pub(crate) fn of(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.hint)
    }
}
