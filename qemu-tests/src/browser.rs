//! A headless Chromium that tests drive: real clicks, real keys, real pictures.
//!
//! It is spoken to by the DevTools protocol over a pair of pipes: no port, no driver program, and it ends when the pipes
//! close. What the page's console calls an error fails the test, unless [`Page::allow`] expects it.

mod console;
mod files;
mod input;
mod keys;
mod link;
mod page;

use std::{
    env,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use nix::unistd::geteuid;
use serde_json::json;
use tempfile::TempDir;

use crate::{tool, vm};
use link::Link;

pub use page::Page;

/// Programs that will do, the leanest first.
const PROGRAMS: [&str; 4] = ["chromium-headless-shell", "chromium", "google-chrome", "chromium-browser"];
/// The certificate of a machine under test is its own; nothing else is fetched, updated or asked of anybody.
const OPTIONS: [&str; 14] = [
    "--headless",
    "--remote-debugging-pipe",
    "--ignore-certificate-errors",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--mute-audio",
];

/// A running browser with a profile of its own, gone with it.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    link: Arc<Link>,
    folder: TempDir,
}

impl Browser {
    /// Starts one, with nothing in its profile. `DOCKOS_CHROMIUM` names another program than those looked for.
    pub fn start() -> Result<Self> {
        let program = find()?;
        let folder = tempfile::Builder::new().prefix("dockos-browser-").tempdir()?;
        // The protocol's pipes are descriptors 3 and 4: a shell puts them there.
        let mut command = tool("sh");
        command
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null"])
            .arg(&program)
            .args(OPTIONS)
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join("stderr"))?);
        if geteuid().is_root() {
            command.arg("--no-sandbox");
        }
        command.arg("about:blank");
        let mut child = vm::spawn(&mut command)?;
        let pipes = child.stdin.take().zip(child.stdout.take()).context("the browser has no pipes")?;
        let link = Link::over(pipes.0, pipes.1);
        let browser = Self { child, link, folder };
        browser.prepare().map_err(|error| browser.explain(error))?;
        Ok(browser)
    }

    /// A new window with cookies and storage of its own: another person at another PC.
    pub fn person(&self) -> Result<Page> {
        let context = self.link.call(None, "Target.createBrowserContext", json!({}))?;
        let context = context["browserContextId"].as_str().context("no browser context")?.to_owned();
        self.allow_downloads(Some(&context))?;
        Page::new(&self.link, Some(&context), self.downloads())
    }

    /// A new window that shares cookies and storage with the others made so.
    pub fn page(&self) -> Result<Page> {
        Page::new(&self.link, None, self.downloads())
    }

    fn prepare(&self) -> Result<()> {
        self.link.call(None, "Browser.getVersion", json!({}))?;
        std::fs::create_dir(self.downloads())?;
        self.allow_downloads(None)
    }

    fn allow_downloads(&self, context: Option<&str>) -> Result<()> {
        let mut wish =
            json!({ "behavior": "allow", "downloadPath": self.downloads(), "eventsEnabled": true });
        if let Some(context) = context {
            wish["browserContextId"] = context.into();
        }
        self.link.call(None, "Browser.setDownloadBehavior", wish).map(drop)
    }

    fn downloads(&self) -> PathBuf {
        self.folder.path().join("downloads")
    }

    fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let said = std::fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default();
        let tail: Vec<&str> = said.lines().rev().take(5).collect();
        error.context(format!("the browser did not start: {}", tail.join(" | ")))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Nothing of it is worth keeping, and nothing can be done about a failure here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The browser's program.
fn find() -> Result<PathBuf> {
    if let Some(wish) = env::var_os("DOCKOS_CHROMIUM") {
        return Ok(wish.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).chain([Path::new("/usr/bin").to_owned()]).collect();
    let mut candidates = PROGRAMS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.find(|path| path.exists()).context(
        "there is no Chromium: `make setup` installs it where the distribution has it as a package; elsewhere set \
         DOCKOS_CHROMIUM to its path",
    )
}

/// Whether a Chromium is there.
pub fn has_browser() -> bool {
    find().is_ok_and(|program| Command::new(program).arg("--version").output().is_ok())
}

#[cfg(test)]
mod tests;
