//! What the page's console has to say.

use anyhow::{Result, bail};
use serde_json::Value;

use super::{Page, link::Event};

impl Page {
    /// Errors that contain `text` are no reason to fail.
    pub fn allow(&self, text: &str) {
        self.allowed.borrow_mut().push(text.to_owned());
    }

    /// Fails when the page's console got an error since the last look. Waiting and clicking look, too.
    pub fn check_console(&self) -> Result<()> {
        let from = self.checked.replace(self.link.position());
        let allowed = self.allowed.borrow();
        let errors = self.link.events(from, |event| {
            let is_own = event.session.as_deref() == Some(&self.session);
            let error = is_own.then(|| error(event)).flatten()?;
            (!allowed.iter().any(|text| error.contains(text))).then_some(error)
        });
        if !errors.is_empty() {
            bail!("the page's console has errors:\n{}", errors.join("\n"));
        }
        Ok(())
    }

    /// What dialogs (`alert`, `confirm`) asked so far; all were accepted.
    pub fn dialogs(&self) -> Vec<String> {
        self.link.events(0, |event| {
            let is_dialog = event.method == "Page.javascriptDialogOpening"
                && event.session.as_deref() == Some(&self.session);
            is_dialog.then(|| event.params["message"].as_str().unwrap_or_default().to_owned())
        })
    }
}

/// What an event says, if it is an error.
fn error(event: &Event) -> Option<String> {
    let params = &event.params;
    match event.method.as_str() {
        "Runtime.exceptionThrown" => {
            let details = &params["exceptionDetails"];
            let said = details["exception"]["description"].as_str().or(details["text"].as_str());
            Some(format!("uncaught: {}", said.unwrap_or("an exception")))
        }
        "Runtime.consoleAPICalled" if ["error", "assert"].iter().any(|kind| params["type"] == *kind) => {
            let said = params["args"].as_array().into_iter().flatten();
            let said = said.map(|value| match (&value["value"], &value["description"]) {
                (Value::String(text), _) | (_, Value::String(text)) => text.clone(),
                (value, _) => value.to_string(),
            });
            Some(said.collect::<Vec<_>>().join(" "))
        }
        "Log.entryAdded" if params["entry"]["level"] == "error" => {
            let entry = &params["entry"];
            let (said, url) = (entry["text"].as_str(), entry["url"].as_str());
            Some(format!("{} {}", said.unwrap_or_default(), url.unwrap_or_default()))
        }
        _ => None,
    }
}
