//! Somebody at the page of desktops, in a browser: logs in, starts a desktop, works in it.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::{Browser, Page, Vm};

/// Everybody's password in tests.
pub const PASSWORD: &str = "open sesame";
/// Its hash, for the config.
pub const PASSWORD_HASH: &str =
    "$6$dockos$OybLdmajMWSp5Z9sGuMTHJjk4ebwL2cwUxCbOgX8/CNOV1a3AVt66Ni8k8SJd63qoXlZjLfp.hJfD7Igx25Y50";
/// Where a desktop's screen is on its page.
pub const SCREEN: &str = "#desktop canvas";
/// How long the page may take, beside an emulated machine.
const PAGE: Duration = Duration::from_secs(60);

/// A person: a window with cookies of its own, logged in.
#[derive(Debug)]
pub struct Person {
    /// The window.
    pub page: Page,
    site: String,
}

impl Person {
    /// Somebody with a new browser, before the page at a port of this host.
    pub fn at(browser: &Browser, port: u16, language: &str) -> Result<Self> {
        let page = browser.person()?;
        page.language(language)?;
        // noVNC's look at which films the browser can decode.
        page.allow("A VideoFrame was garbage collected");
        Ok(Self { page, site: format!("https://localhost:{port}") })
    }

    /// Opens the page and logs in.
    pub fn log_in(browser: &Browser, port: u16, name: &str, language: &str) -> Result<Self> {
        let person = Self::at(browser, port, language)?;
        person.go("/")?;
        person.page.fill("input[name=name]", name)?;
        person.page.fill("input[name=password]", PASSWORD)?;
        person.page.click("form button.main")?;
        person.page.wait("location.pathname === '/desktops'", PAGE)?;
        Ok(person)
    }

    /// Goes to a path of the page.
    pub fn go(&self, path: &str) -> Result<()> {
        self.page.open(&format!("{}{path}", self.site))
    }

    /// Goes to the list of desktops.
    pub fn list(&self) -> Result<()> {
        self.go("/desktops")
    }

    /// The names of the desktops on the list.
    pub fn desktops(&self) -> Result<Vec<String>> {
        let names = self.page.eval("[...document.querySelectorAll('.desktop')].map(e => e.dataset.name)")?;
        Ok(serde_json::from_value(names)?)
    }

    /// Presses a desktop's button on the list: `start`, `stop`, `reset`.
    pub fn order(&self, desktop: &str, order: &str) -> Result<()> {
        self.page.click(&format!("article[data-name={desktop}] form[action$='/{order}'] button"))
    }

    /// Waits until a desktop's card is in a state.
    pub fn wait_state(&self, desktop: &str, state: &str, timeout: Duration) -> Result<()> {
        let card = Value::from(format!("article.{state}[data-name={desktop}]"));
        self.page.wait(&format!("document.querySelector({card})"), timeout)
    }

    /// Opens a desktop's screen and waits until it is shown.
    pub fn open(&self, desktop: &str, timeout: Duration) -> Result<()> {
        self.go(&format!("/desktops/{desktop}"))?;
        self.wait_shown(timeout)
    }

    /// Waits until nothing covers the screen.
    pub fn wait_shown(&self, timeout: Duration) -> Result<()> {
        self.page.wait(
            "document.getElementById('overlay').hidden && document.querySelector('#desktop canvas')",
            timeout,
        )
    }

    /// Opens a terminal in the desktop by its keys, and waits for its window.
    pub fn terminal(&self, vm: &Vm, desktop: &str, timeout: Duration) -> Result<()> {
        // The screen is there before the session: keys that come earlier reach nobody.
        vm.wait_window(desktop, PANEL, timeout)?;
        self.page.click(SCREEN)?;
        self.page.press("Control+Alt+t")?;
        let found = vm.wait_window(desktop, TERMINAL, timeout).map(drop);
        found.map_err(|error| match self.page.screenshot("no-terminal") {
            Ok(picture) => error.context(format!("no terminal; see {}", picture.display())),
            Err(_) => error,
        })
    }

    /// Waits until a text can be read on the screen; `name` is the picture's.
    pub fn wait_seen(&self, name: &str, text: &str, timeout: Duration) -> Result<()> {
        self.page.wait_seen(name, SCREEN, text, "chi_sim+eng", timeout).map(drop)
    }
}

/// The title of the panel, the last of the session to come.
const PANEL: &str = "tint2";
/// In the title of a terminal: its prompt's user.
const TERMINAL: &str = "student@";
