//! The machine's screen and what is typed to it.

use std::{
    fs,
    io::Write as _,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use serde_json::json;

use super::Vm;
use crate::{Picture, paths, screen};

impl Vm {
    /// Types on the serial console, as a terminal does: Enter is `\r`, cursor down `\x1b[B`.
    pub fn type_serial(&self, text: &str) -> Result<()> {
        let mut keyboard = self.keyboard.borrow_mut();
        keyboard.write_all(text.as_bytes()).and_then(|()| keyboard.flush()).context("QEMU is gone")
    }

    /// The screen, as it is now; also kept as `out/test-logs/MACHINE-NAME.png`. The machine needs a display
    /// ([`crate::Machine::display`]).
    pub fn screenshot(&self, name: &str) -> Result<Picture> {
        let png = paths::logs().join(format!("{}-{name}.png", self.machine.name));
        self.qmp().execute("screendump", json!({ "filename": png, "format": "png" }))?;
        let ppm = self.folder.path().join("screen.ppm");
        self.qmp().screendump(&ppm)?;
        Picture::parse(&fs::read(&ppm)?)
    }

    /// The 25 lines that the screen shows in text mode, as boot loaders use it; senseless in graphics mode.
    pub fn screen_text(&self) -> Result<Vec<String>> {
        let file = self.folder.path().join("screen.text");
        let size = 2 * screen::COLUMNS * screen::ROWS;
        let arguments = json!({ "val": screen::TEXT_AT, "size": size, "filename": file });
        self.qmp().execute("pmemsave", arguments)?;
        Ok(screen::text(&fs::read(&file)?))
    }

    /// Waits until the screen, in text mode, shows `text` in one of its lines, and returns that line.
    pub fn wait_screen(&self, text: &str, timeout: Duration) -> Result<String> {
        let deadline = Instant::now() + timeout;
        loop {
            let lines = self.screen_text()?;
            if let Some(line) = lines.iter().find(|line| line.contains(text)) {
                return Ok(line.clone());
            }
            if Instant::now() >= deadline {
                let shown = lines.join("\n  ");
                let error = anyhow!("the screen did not show `{text}` in {timeout:?}, but\n  {shown}");
                return Err(self.report(error));
            }
            sleep(Duration::from_millis(200));
        }
    }
}
