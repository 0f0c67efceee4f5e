//! What the agent tells: desktops, files, and why it did not do something.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::reason::Reason;

/// A desktop, as the agent tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Desktop {
    /// Its name.
    pub(crate) name: String,
    /// How it is.
    pub(crate) state: State,
    /// Why, for people; empty where there is nothing to say.
    pub(crate) reason: String,
    /// The same in parts, for other languages.
    pub(crate) why: Reason,
    /// Whose it is.
    pub(crate) tenant: String,
    /// Its course, if it has one.
    pub(crate) course: Option<String>,
    /// What people call it.
    pub(crate) title: String,
    /// The same in English.
    pub(crate) title_en: String,
    /// The image it is made of.
    pub(crate) image: String,
    /// Whether it has an X server to look at.
    pub(crate) has_screen: bool,
    /// How many look at it.
    pub(crate) viewers: u32,
    /// Bytes of memory that it uses, while it runs.
    pub(crate) memory: Option<u64>,
    /// Bytes of memory that it may use.
    pub(crate) memory_limit: Option<u64>,
    /// When it came to this state, in seconds since 1970.
    pub(crate) since: u64,
    /// Its place while it waits: 1 is next.
    pub(crate) queue: Option<usize>,
}

/// What a desktop is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It does not run.
    #[default]
    Stopped,
    /// It waits: for its turn, its image, or the end of a pause.
    Waiting,
    /// Its container is made, or its X server does not answer yet.
    Starting,
    /// Somebody can look at it.
    Ready,
    /// It ends.
    Stopping,
    /// It does not run and should; the reason says why.
    Failed,
}

impl State {
    /// As the API has it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
        }
    }

    /// Whether it has a container that runs, or is about to.
    pub(crate) fn is_up(self) -> bool {
        matches!(self, Self::Starting | Self::Ready | Self::Stopping)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// A file or folder of a home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: String,
    /// `file` or `folder`.
    pub(crate) kind: Kind,
    /// Bytes.
    pub(crate) size: u64,
    /// When it was changed last, in seconds since 1970.
    pub(crate) modified: i64,
}

/// What an [`Entry`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Bytes.
    File,
    /// A folder.
    Folder,
}

/// The header of a listing that has not all entries.
pub(crate) const MORE: &str = "dockos-more";

/// The word where nobody answers.
pub(crate) const AWAY: &str = "away";

/// Why the agent did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    /// HTTP's number for it; 503 where the agent does not answer.
    #[serde(skip)]
    pub(crate) status: u16,
    /// A sentence for people.
    pub(crate) error: String,
    /// A word for programs.
    pub(crate) code: String,
    /// The figures in the sentence, for a sentence in another language.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) values: Vec<String>,
}

impl Refusal {
    /// A failure on this side.
    pub(crate) fn own(error: impl Into<String>) -> Self {
        Self { status: 0, error: error.into(), code: "failed".to_owned(), values: Vec::new() }
    }

    /// The agent does not answer.
    pub(crate) fn away(socket: &Path, cause: impl std::fmt::Display) -> Self {
        let error = format!("the agent does not answer on {}: {cause}", socket.display());
        Self { status: 503, error, code: AWAY.to_owned(), values: Vec::new() }
    }

    /// Whether the agent did not answer.
    pub(crate) fn is_away(&self) -> bool {
        self.code == AWAY
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_may_say_more_or_less() {
        let text = r#"[{"name":"a","state":"waiting","queue":3,"extra":[1]},{"name":"b","queue":null,"state":"ready"}]"#;
        let desktops: Vec<Desktop> = serde_json::from_str(text).unwrap();
        assert_eq!((desktops[0].state, desktops[0].queue), (State::Waiting, Some(3)));
        assert_eq!(desktops[1], Desktop { name: "b".to_owned(), state: State::Ready, ..Desktop::default() });
    }

    #[test]
    fn states_are_read_as_they_are_called() {
        let all =
            [State::Stopped, State::Waiting, State::Starting, State::Ready, State::Stopping, State::Failed];
        for state in all {
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
    }
}
