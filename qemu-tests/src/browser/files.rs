//! Files from the page and to it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{Page, page::text};

impl Page {
    /// Chooses files in an `<input type=file>`, as a person does in its dialog.
    pub fn choose_files(&self, selector: &str, files: &[&Path]) -> Result<()> {
        self.wait(&format!("document.querySelector({})", Value::from(selector)), super::page::LOAD)?;
        let found = self.evaluate(&format!("document.querySelector({})", Value::from(selector)), false)?;
        let object = text(&found["result"], "objectId")?;
        let files = files.iter().map(|file| file.canonicalize()).collect::<Result<Vec<_>, _>>()?;
        self.call("DOM.setFileInputFiles", json!({ "files": files, "objectId": object })).map(drop)
    }

    /// Does what starts a download, waits for its end, and returns the file, under the name that the page gives it.
    pub fn download(&self, start: impl FnOnce() -> Result<()>, timeout: Duration) -> Result<PathBuf> {
        let position = self.link.position();
        start()?;
        let begun = self.link.event(position, timeout, |event| {
            (event.method == "Browser.downloadWillBegin").then(|| event.params.clone())
        })?;
        let begun = begun.with_context(|| format!("no download began in {timeout:?}"))?;
        let (guid, name) = (text(&begun, "guid")?, text(&begun, "suggestedFilename")?);
        let ended = self.link.event(position, timeout, |event| {
            let is_it = event.method == "Browser.downloadProgress" && event.params["guid"] == guid.as_str();
            let state = event.params["state"].as_str().filter(|state| is_it && *state != "inProgress")?;
            Some(state.to_owned())
        })?;
        match ended.as_deref() {
            Some("completed") => {}
            Some(state) => bail!("the download of {name} is {state}"),
            None => bail!("the download of {name} did not end in {timeout:?}"),
        }
        let (here, there) = (self.downloads.join(&guid), self.downloads.join(&name));
        // Depending on its version, the browser names the file itself.
        if here.exists() {
            fs::rename(&here, &there)?;
        }
        there.exists().then_some(there.clone()).with_context(|| format!("{} is missing", there.display()))
    }
}
