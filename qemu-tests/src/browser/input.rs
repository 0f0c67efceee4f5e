//! A person's hands: clicks at elements and at places of a canvas, keys and text.

use std::{thread::sleep, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{
    Page,
    keys::{Key, key_of, named},
    page::LOAD,
};

/// Between two keys: a quick typist's.
const BETWEEN_KEYS: Duration = Duration::from_millis(30);

impl Page {
    /// Clicks the middle of the first element that a CSS selector finds, once it is there.
    pub fn click(&self, selector: &str) -> Result<()> {
        let [x, y, width, height] = self.place(selector)?;
        self.click_at(x + width / 2.0, y + height / 2.0, 1)?;
        self.check_console()
    }

    /// Clicks a place of an element that has a screen of `size` on it, scaled or not: noVNC's canvas.
    pub fn click_in(&self, selector: &str, size: (f64, f64), at: (f64, f64), clicks: u32) -> Result<()> {
        let [x, y, width, height] = self.place(selector)?;
        self.click_at(x + at.0 * width / size.0, y + at.1 * height / size.1, clicks)
    }

    /// Clicks a place of the window; two clicks are a double click.
    pub fn click_at(&self, x: f64, y: f64, clicks: u32) -> Result<()> {
        let mouse = |kind: &str, count: u32| {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": count })
        };
        self.call("Input.dispatchMouseEvent", mouse("mouseMoved", 0))?;
        for count in 1..=clicks {
            self.call("Input.dispatchMouseEvent", mouse("mousePressed", count))?;
            self.call("Input.dispatchMouseEvent", mouse("mouseReleased", count))?;
        }
        Ok(())
    }

    /// Puts a text into a field in place of what it has.
    pub fn fill(&self, selector: &str, text: &str) -> Result<()> {
        self.place(selector)?;
        let quoted = Value::from(selector);
        self.eval(&format!("(e => {{ e.focus(); e.select(); }})(document.querySelector({quoted}))"))?;
        self.call("Input.insertText", json!({ "text": text }))?;
        let wanted = Value::from(text);
        self.wait(&format!("document.querySelector({quoted}).value === {wanted}"), LOAD)
    }

    /// Types a text of ASCII key by key, to whatever has the focus. A line end is the Enter key.
    pub fn type_text(&self, text: &str) -> Result<()> {
        for character in text.chars() {
            let key = key_of(character)
                .with_context(|| format!("no key of a US keyboard gives {character:?}: paste it"))?;
            self.strike(&key, 0)?;
            sleep(BETWEEN_KEYS);
        }
        Ok(())
    }

    /// Presses a key or several together, as DOM names them: `Enter`, `Control+F9`, `Control+Shift+v`.
    pub fn press(&self, chord: &str) -> Result<()> {
        let mut names: Vec<&str> = chord.split('+').collect();
        let last = names.pop().unwrap_or_default();
        let key = named(last).with_context(|| format!("there is no key {last:?}"))?;
        let held: Vec<Key> = names
            .iter()
            .map(|name| named(name).with_context(|| format!("there is no key {name:?}")))
            .collect::<Result<_>>()?;
        let mut modifiers = 0;
        for key in &held {
            modifiers |= key.modifier();
            self.dispatch("rawKeyDown", key, modifiers)?;
        }
        self.strike(&key, modifiers)?;
        for key in held.iter().rev() {
            modifiers &= !key.modifier();
            self.dispatch("keyUp", key, modifiers)?;
        }
        Ok(())
    }

    /// Down and up without a wait between them: a key held for long would repeat.
    fn strike(&self, key: &Key, modifiers: u32) -> Result<()> {
        let shift = key.shift && modifiers == 0;
        let modifiers = if shift { SHIFT } else { modifiers | key.modifier() };
        let down = if key.text.is_some() && modifiers & !SHIFT == 0 { "keyDown" } else { "rawKeyDown" };
        let shift_key = shift.then(|| named("Shift")).flatten();
        let mut strokes = vec![(down, key, modifiers), ("keyUp", key, modifiers & !key.modifier())];
        if let Some(shift_key) = &shift_key {
            strokes.insert(0, ("rawKeyDown", shift_key, SHIFT));
            strokes.push(("keyUp", shift_key, 0));
        }
        let sent: Vec<u64> = strokes
            .into_iter()
            .map(|(kind, key, modifiers)| {
                let wish = key.event(kind, modifiers);
                self.link.send(Some(&self.session), "Input.dispatchKeyEvent", wish)
            })
            .collect::<Result<_>>()?;
        sent.into_iter().try_for_each(|id| self.link.answer(id).map(drop))
    }

    fn dispatch(&self, kind: &str, key: &Key, modifiers: u32) -> Result<()> {
        self.call("Input.dispatchKeyEvent", key.event(kind, modifiers)).map(drop)
    }

    /// Where an element is in the window, in view: left, top, width, height. Waits until it is there and takes room.
    pub(super) fn place(&self, selector: &str) -> Result<[f64; 4]> {
        let quoted = Value::from(selector);
        self.wait(&format!("document.querySelector({quoted})?.getClientRects().length"), LOAD)?;
        let rectangle = self.eval(&format!(
            "(e => {{ e.scrollIntoView({{block: 'nearest', behavior: 'instant'}}); \
             const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; }})\
             (document.querySelector({quoted}))"
        ))?;
        serde_json::from_value(rectangle).with_context(|| format!("{selector} has no place"))
    }
}

/// The bit of the Shift key among modifiers.
const SHIFT: u32 = 8;
