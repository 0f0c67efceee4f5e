//! HTML, put together so that only what is written in this program is markup: all else is text, escaped.

/// A piece of HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Html(String);

impl Html {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Markup of this program.
    pub(super) fn raw(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// Text, between tags or in a quoted value.
    pub(super) fn text(mut self, text: &str) -> Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        self
    }

    /// Another piece.
    pub(super) fn add(mut self, other: &Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// A piece, where there is a reason for it.
    pub(super) fn when(self, condition: bool, piece: impl FnOnce(Self) -> Self) -> Self {
        if condition { piece(self) } else { self }
    }

    /// Bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The whole as it is sent.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        let html = Html::new().raw("<a title=\"").text("\"><script>'&").raw("\">").into_string();
        assert_eq!(html, "<a title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\">");
    }
}
