//! A window: where it is, what it shows, what holds in it.

use std::{
    cell::{Cell, RefCell},
    fs,
    path::PathBuf,
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::link::Link;
use crate::{paths, reads, text_of};

/// How long a page may take to load, and an element to be there, beside an emulated machine.
pub(super) const LOAD: Duration = Duration::from_secs(60);
/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(150);

/// A window of the browser.
#[derive(Debug)]
pub struct Page {
    pub(super) link: Arc<Link>,
    pub(super) session: String,
    pub(super) context: Option<String>,
    pub(super) downloads: PathBuf,
    pub(super) allowed: RefCell<Vec<String>>,
    /// Events before this one were looked at for errors.
    pub(super) checked: Cell<usize>,
    target: String,
}

impl Page {
    pub(super) fn new(link: &Arc<Link>, context: Option<&str>, downloads: PathBuf) -> Result<Self> {
        let mut wish = json!({ "url": "about:blank", "width": 1280, "height": 800 });
        if let Some(context) = context {
            wish["browserContextId"] = context.into();
        }
        let checked = Cell::new(link.position());
        let target = text(&link.call(None, "Target.createTarget", wish)?, "targetId")?;
        let attach = json!({ "targetId": target, "flatten": true });
        let session = text(&link.call(None, "Target.attachToTarget", attach)?, "sessionId")?;
        let (link, context) = (Arc::clone(link), context.map(str::to_owned));
        let page = Self { link, session, context, downloads, allowed: RefCell::default(), checked, target };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable", "DOM.enable"] {
            page.call(domain, json!({}))?;
        }
        // A window that nobody sees has no focus, and then its canvas gets no keys.
        page.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }))?;
        page.resize(1280, 800)?;
        Ok(page)
    }

    pub(super) fn call(&self, method: &str, params: Value) -> Result<Value> {
        self.link.call(Some(&self.session), method, params)
    }

    /// Goes to an address and waits until it is loaded.
    pub fn open(&self, url: &str) -> Result<()> {
        let answer = self.call("Page.navigate", json!({ "url": url }))?;
        if let Some(error) = answer["errorText"].as_str().filter(|error| !error.is_empty()) {
            bail!("{url} cannot be opened: {error}");
        }
        self.wait("document.readyState === 'complete'", LOAD)
    }

    /// The address that is shown.
    pub fn url(&self) -> Result<String> {
        Ok(self.eval("location.href")?.as_str().unwrap_or_default().to_owned())
    }

    /// The value of a JavaScript expression; promises are waited for.
    pub fn eval(&self, expression: &str) -> Result<Value> {
        let mut answer = self.evaluate(expression, true)?;
        Ok(answer["result"]["value"].take())
    }

    pub(super) fn evaluate(&self, expression: &str, by_value: bool) -> Result<Value> {
        let wish = json!({
            "expression": expression, "returnByValue": by_value, "awaitPromise": true, "userGesture": true,
        });
        let answer = self.call("Runtime.evaluate", wish)?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            let said = thrown["exception"]["description"].as_str().or(thrown["text"].as_str());
            bail!("`{expression}` throws {}", said.unwrap_or("something"));
        }
        Ok(answer)
    }

    /// Waits until a JavaScript expression is true.
    pub fn wait(&self, condition: &str, timeout: Duration) -> Result<()> {
        let deadline = Instant::now() + timeout;
        let asked = format!("!!({condition})");
        loop {
            // While a page gives way to the next, there is nothing to ask: that passes.
            let last = match self.eval(&asked) {
                Ok(Value::Bool(true)) => return self.check_console(),
                Ok(_) => "it is false".to_owned(),
                Err(error) => format!("{error:#}"),
            };
            self.check_console()?;
            if Instant::now() >= deadline {
                let shown = self.text().unwrap_or_default();
                let picture = self.screenshot("timed-out").map(|path| path.display().to_string());
                let picture = picture.unwrap_or_default();
                bail!(
                    "`{condition}` did not become true in {timeout:?}: {last}; see {picture}; the page says:\n{shown}"
                );
            }
            sleep(PAUSE);
        }
    }

    /// Waits until the page's text contains `text`.
    pub fn wait_text(&self, text: &str, timeout: Duration) -> Result<()> {
        self.wait(&format!("document.body.innerText.includes({})", Value::from(text)), timeout)
    }

    /// The page's text as a person reads it.
    pub fn text(&self) -> Result<String> {
        Ok(self.eval("document.body.innerText")?.as_str().unwrap_or_default().to_owned())
    }

    /// Whether an element is there and takes room.
    pub fn shows(&self, selector: &str) -> Result<bool> {
        let selector = Value::from(selector);
        let asked =
            format!("[...document.querySelectorAll({selector})].some(e => e.getClientRects().length > 0)");
        Ok(self.eval(&asked)?.as_bool().unwrap_or_default())
    }

    /// Gives the window another size.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size).map(drop)
    }

    /// The language that the browser asks pages for: `zh-CN`, `en-US`.
    pub fn language(&self, language: &str) -> Result<()> {
        let agent = self.eval("navigator.userAgent")?;
        let wish = json!({ "userAgent": agent, "acceptLanguage": language });
        self.call("Emulation.setUserAgentOverride", wish).map(drop)
    }

    /// Whether the browser finds itself without a network. Open websockets stay: those a [`crate::Wire`] cuts.
    pub fn offline(&self, offline: bool) -> Result<()> {
        let wish =
            json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.call("Network.emulateNetworkConditions", wish).map(drop)
    }

    /// Lets the page read and write the clipboard, as a person who is asked would.
    pub fn allow_clipboard(&self) -> Result<()> {
        let mut wish = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        if let Some(context) = &self.context {
            wish["browserContextId"] = context.as_str().into();
        }
        self.link.call(None, "Browser.grantPermissions", wish).map(drop)
    }

    /// What is to be seen, as a PNG in `out/test-logs/`.
    pub fn screenshot(&self, name: &str) -> Result<PathBuf> {
        self.picture(name, json!({ "format": "png" }))
    }

    /// What is to be seen of an element.
    pub fn screenshot_of(&self, name: &str, selector: &str) -> Result<PathBuf> {
        let [x, y, width, height] = self.place(selector)?;
        let clip = json!({ "x": x, "y": y, "width": width, "height": height, "scale": 1 });
        self.picture(name, json!({ "format": "png", "clip": clip }))
    }

    /// Waits until a text can be read in the picture of an element, such as a desktop's screen: what a person sees.
    /// Languages are tesseract's. The last picture is `out/test-logs/NAME.png`.
    pub fn wait_seen(
        &self,
        name: &str,
        selector: &str,
        text: &str,
        languages: &str,
        timeout: Duration,
    ) -> Result<String> {
        let deadline = Instant::now() + timeout;
        loop {
            let picture = self.screenshot_of(name, selector)?;
            let read = text_of(&picture, languages)?;
            if reads(&read, text) {
                return Ok(read);
            }
            self.check_console()?;
            if Instant::now() >= deadline {
                bail!(
                    "`{text}` was not seen in {timeout:?}: see {}; what was read:\n{read}",
                    picture.display()
                );
            }
            sleep(PAUSE);
        }
    }

    fn picture(&self, name: &str, wish: Value) -> Result<PathBuf> {
        let answer = self.call("Page.captureScreenshot", wish)?;
        let png = STANDARD.decode(answer["data"].as_str().context("no picture came")?)?;
        fs::create_dir_all(paths::logs())?;
        let path = paths::logs().join(format!("{name}.png"));
        fs::write(&path, png).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Closes the window. An error on its console that was not expected is an error here.
    pub fn close(self) -> Result<()> {
        self.check_console()?;
        self.link.call(None, "Target.closeTarget", json!({ "targetId": self.target })).map(drop)
    }
}

/// A text in an answer.
pub(super) fn text(answer: &Value, name: &str) -> Result<String> {
    Ok(answer[name].as_str().with_context(|| format!("the browser's answer has no {name}"))?.to_owned())
}
