//! The keys of a US keyboard, as DevTools wants them described.

use serde_json::{Value, json};

/// A key, and what it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// DOM's `key`.
    key: String,
    /// DOM's `code`: where it is on the keyboard.
    code: String,
    /// Windows' number for it.
    number: u32,
    /// What it types.
    pub(super) text: Option<String>,
    /// Whether it takes the Shift key.
    pub(super) shift: bool,
}

/// Keys that type nothing or a control character: `key`, `code`, number, text, modifier.
const NAMED: [(&str, &str, u32, &str, u32); 31] = [
    ("Alt", "AltLeft", 18, "", 1),
    ("Control", "ControlLeft", 17, "", 2),
    ("Meta", "MetaLeft", 91, "", 4),
    ("Shift", "ShiftLeft", 16, "", 8),
    ("Enter", "Enter", 13, "\r", 0),
    ("Tab", "Tab", 9, "\t", 0),
    ("Backspace", "Backspace", 8, "", 0),
    ("Escape", "Escape", 27, "", 0),
    ("Delete", "Delete", 46, "", 0),
    ("Insert", "Insert", 45, "", 0),
    ("Home", "Home", 36, "", 0),
    ("End", "End", 35, "", 0),
    ("PageUp", "PageUp", 33, "", 0),
    ("PageDown", "PageDown", 34, "", 0),
    ("ArrowLeft", "ArrowLeft", 37, "", 0),
    ("ArrowUp", "ArrowUp", 38, "", 0),
    ("ArrowRight", "ArrowRight", 39, "", 0),
    ("ArrowDown", "ArrowDown", 40, "", 0),
    ("Space", "Space", 32, " ", 0),
    ("F1", "F1", 112, "", 0),
    ("F2", "F2", 113, "", 0),
    ("F3", "F3", 114, "", 0),
    ("F4", "F4", 115, "", 0),
    ("F5", "F5", 116, "", 0),
    ("F6", "F6", 117, "", 0),
    ("F7", "F7", 118, "", 0),
    ("F8", "F8", 119, "", 0),
    ("F9", "F9", 120, "", 0),
    ("F10", "F10", 121, "", 0),
    ("F11", "F11", 122, "", 0),
    ("F12", "F12", 123, "", 0),
];

/// Keys of marks: `code`, number, alone and with Shift.
const MARKS: [(&str, u32, char, char); 21] = [
    ("Backquote", 192, '`', '~'),
    ("Digit1", 49, '1', '!'),
    ("Digit2", 50, '2', '@'),
    ("Digit3", 51, '3', '#'),
    ("Digit4", 52, '4', '$'),
    ("Digit5", 53, '5', '%'),
    ("Digit6", 54, '6', '^'),
    ("Digit7", 55, '7', '&'),
    ("Digit8", 56, '8', '*'),
    ("Digit9", 57, '9', '('),
    ("Digit0", 48, '0', ')'),
    ("Minus", 189, '-', '_'),
    ("Equal", 187, '=', '+'),
    ("BracketLeft", 219, '[', '{'),
    ("BracketRight", 221, ']', '}'),
    ("Backslash", 220, '\\', '|'),
    ("Semicolon", 186, ';', ':'),
    ("Quote", 222, '\'', '"'),
    ("Comma", 188, ',', '<'),
    ("Period", 190, '.', '>'),
    ("Slash", 191, '/', '?'),
];

/// The key that types a character.
pub(super) fn key_of(character: char) -> Option<Key> {
    let typed = |code: String, number: u32, shift: bool| Key {
        key: character.to_string(),
        code,
        number,
        text: Some(character.to_string()),
        shift,
    };
    match character {
        '\n' => named("Enter"),
        '\t' => named("Tab"),
        ' ' => Some(typed("Space".to_owned(), 32, false)),
        'a'..='z' | 'A'..='Z' => {
            let upper = character.to_ascii_uppercase();
            Some(typed(format!("Key{upper}"), u32::from(upper), character.is_ascii_uppercase()))
        }
        _ => {
            let (code, number, alone, _) =
                MARKS.iter().find(|(_, _, alone, shifted)| [*alone, *shifted].contains(&character))?;
            Some(typed((*code).to_owned(), *number, character != *alone))
        }
    }
}

/// The key of a name, or of the one character that it types.
pub(super) fn named(name: &str) -> Option<Key> {
    let mut characters = name.chars();
    if let (Some(character), None) = (characters.next(), characters.next()) {
        return key_of(character);
    }
    let (key, code, number, text, _) = NAMED.iter().find(|(key, ..)| *key == name)?;
    let text = Some((*text).to_owned()).filter(|text| !text.is_empty());
    let key = if *key == "Space" { " " } else { key };
    Some(Key { key: key.to_owned(), code: (*code).to_owned(), number: *number, text, shift: false })
}

impl Key {
    /// Its bit among modifiers, for those that are held.
    pub(super) fn modifier(&self) -> u32 {
        NAMED.iter().find(|(key, ..)| *key == self.key).map_or(0, |(.., bit)| *bit)
    }

    /// The event for DevTools.
    pub(super) fn event(&self, kind: &str, modifiers: u32) -> Value {
        let mut event = json!({
            "type": kind, "key": self.key, "code": self.code, "windowsVirtualKeyCode": self.number,
            "modifiers": modifiers,
        });
        if let Some(text) = self.text.as_deref().filter(|_| kind == "keyDown") {
            event["text"] = text.into();
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printable_character_has_one_key() {
        for character in ' '..='~' {
            let key = key_of(character).unwrap();
            assert_eq!(key.text.as_deref(), Some(character.to_string().as_str()));
        }
        assert!(key_of('中').is_none());
        let codes = |text: &str| text.chars().map(|c| key_of(c).unwrap().code).collect::<Vec<_>>();
        assert_eq!(codes("aA1!"), ["KeyA", "KeyA", "Digit1", "Digit1"]);
        assert!(key_of('!').unwrap().shift && !key_of('1').unwrap().shift);
    }

    #[test]
    fn keys_have_names() {
        assert_eq!(named("Control").unwrap().modifier(), 2);
        assert_eq!(named("v").unwrap().code, "KeyV");
        assert_eq!(named("F9").unwrap().number, 120);
        assert!(named("Any").is_none() && named("").is_none());
    }
}
