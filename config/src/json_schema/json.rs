//! JSON, written piece by piece, with two spaces for each level.

/// A text that grows to be JSON.
#[derive(Default)]
pub(super) struct Json {
    text: String,
    depth: usize,
    /// Whether something stands already in the innermost list or object.
    begun: bool,
}

impl Json {
    /// Begins a list or an object.
    pub(super) fn open(&mut self, bracket: char) {
        self.text.push(bracket);
        self.depth += 1;
        self.begun = false;
    }

    /// Ends it.
    pub(super) fn close(&mut self, bracket: char) {
        self.depth -= 1;
        if self.begun {
            self.line();
        }
        self.text.push(bracket);
        self.begun = true;
    }

    /// Goes to the place of the next item.
    pub(super) fn next(&mut self) {
        if self.begun {
            self.text.push(',');
        }
        self.line();
        self.begun = true;
    }

    /// Names the next member of an object.
    pub(super) fn key(&mut self, key: &str) {
        self.next();
        self.string(key);
        self.text.push_str(": ");
    }

    /// A member that is a text.
    pub(super) fn member(&mut self, key: &str, text: &str) {
        self.key(key);
        self.string(text);
    }

    /// A member that is a list of texts; none, if there are none.
    pub(super) fn texts(&mut self, key: &str, texts: &[&str]) {
        if texts.is_empty() {
            return;
        }
        self.key(key);
        self.text.push('[');
        for (i, text) in texts.iter().enumerate() {
            self.text.push_str(if i == 0 { "" } else { ", " });
            self.string(text);
        }
        self.text.push(']');
    }

    /// JSON as it is: `true`, `null`.
    pub(super) fn raw(&mut self, json: &str) {
        self.text.push_str(json);
    }

    /// A text.
    pub(super) fn string(&mut self, text: &str) {
        self.text.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.text.extend(['\\', c]),
                '\n' => self.text.push_str("\\n"),
                c if c.is_control() => self.text.push(' '),
                c => self.text.push(c),
            }
        }
        self.text.push('"');
    }

    /// The whole, with a line's end.
    pub(super) fn finish(mut self) -> String {
        self.text.push('\n');
        self.text
    }

    fn line(&mut self) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n("  ", self.depth));
    }
}
