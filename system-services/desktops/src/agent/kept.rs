//! What is kept over reboots: desktops made by the API, what the config named last, and which desktops are to run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dockos_control::error::Result;
use dockos_control::{files, wanted};
use serde::{Deserialize, Serialize};

use crate::say;

/// The file, in the agent's folder.
const FILE: &str = "desktops.json";
/// One that could not be read, for whoever looks for what was in it.
const UNREADABLE: &str = "desktops.json.unreadable";
const MODE: u32 = 0o600;

/// Whether a desktop is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Intent {
    /// It runs, and runs again after a reboot.
    Running,
    /// It waits for somebody to start it.
    Stopped,
}

/// A desktop that the API made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    /// Whose it is.
    pub(crate) tenant: String,
    /// What it is made of.
    pub(crate) course: String,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Desktops made by the API, by name.
    #[serde(default)]
    pub(crate) made: BTreeMap<String, Made>,
    /// What every desktop is to do.
    #[serde(default)]
    pub(crate) intents: BTreeMap<String, Intent>,
    /// What the config named when there was one: for a boot that finds none.
    #[serde(default)]
    pub(crate) named: Vec<wanted::Desktop>,
    /// What desktops of an image were seen to use, in bytes.
    #[serde(default)]
    pub(crate) memory: BTreeMap<String, u64>,
}

impl Kept {
    /// Reads what is kept. A file that cannot be read is put aside: desktops of the config run all the same.
    pub(crate) fn load(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    say!("read {}: {error}", path.display());
                }
                return Self::default();
            }
        };
        serde_json::from_slice(&text).unwrap_or_else(|error| {
            let aside = folder.join(UNREADABLE);
            say!("read {}: {error}; it is kept as {UNREADABLE}, and begun anew", path.display());
            let _ = std::fs::rename(&path, aside);
            Self::default()
        })
    }

    /// What a file of it says.
    pub(crate) fn text(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Writes such a text, whole or not at all.
pub(crate) fn save(folder: PathBuf, text: &[u8]) -> Result<()> {
    files::write_durably(&folder.join(FILE), text, MODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Kept::load(dir.path()), Kept::default());
        let mut kept = Kept::default();
        kept.made.insert("a".to_owned(), Made { tenant: "alice".to_owned(), course: "c".to_owned() });
        kept.intents.insert("a".to_owned(), Intent::Running);
        kept.memory.insert("dockos/c".to_owned(), 75 << 20);
        save(dir.path().to_owned(), &kept.text()).unwrap();
        assert_eq!(Kept::load(dir.path()), kept);
    }

    #[test]
    fn a_file_that_is_spoilt_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        for text in [&b"{\"made\": [}"[..], b"\xff\0", b"", b"{\"intents\": {\"a\": \"flying\"}}"] {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            assert_eq!(Kept::load(dir.path()), Kept::default());
            assert_eq!(std::fs::read(dir.path().join(UNREADABLE)).unwrap(), text);
            assert!(!dir.path().join(FILE).exists());
        }
    }
}
