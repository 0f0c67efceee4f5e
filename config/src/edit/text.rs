//! Lines of a text.

/// Where the line that a byte is in ends, without its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text[at..].find(['\n', '\r']).map_or(text.len(), |end| at + end)
}

/// Where the line that a byte is in begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1)
}

/// Where the line after the one that a byte is in begins.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    let end = line_end(text, at);
    match text.as_bytes().get(end..) {
        Some([b'\r', b'\n', ..]) => end + 2,
        Some([_, ..]) => end + 1,
        _ => end,
    }
}

/// The column of a byte in characters, from 0.
pub(super) fn column_of(text: &str, at: usize) -> usize {
    text[line_start(text, at)..at].chars().count()
}

pub(super) fn blank(text: &str) -> bool {
    text.trim().is_empty()
}
