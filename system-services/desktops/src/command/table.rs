//! Desktops as a table.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::told::Desktop;

/// Characters that take two places on a terminal: East Asian ones and pictures.
const WIDE: [(u32, u32); 11] = [
    (0x1100, 0x115f),
    (0x2e80, 0x303e),
    (0x3041, 0x4dbf),
    (0x4e00, 0xa4cf),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe30, 0xfe6f),
    (0xff00, 0xff60),
    (0xffe0, 0xffe6),
    (0x1f300, 0x1faff),
    (0x20000, 0x3fffd),
];
/// Characters that take none: they go onto others.
const NARROWEST: [(u32, u32); 3] = [(0x300, 0x36f), (0x200b, 0x200f), (0xfe00, 0xfe0f)];

/// All desktops.
pub(super) fn table(desktops: &[Desktop]) -> String {
    if desktops.is_empty() {
        return "no desktops: name some in the config, or make one by `dockos desktop create`\n".to_owned();
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
    let rows: Vec<[String; 7]> = desktops.iter().map(|desktop| row(desktop, now)).collect();
    let mut text = laid_out(
        ["NAME", "TENANT", "TITLE", "STATE", "SINCE", "MEMORY", "VIEWERS"].map(str::to_owned),
        &rows,
    );
    for desktop in desktops.iter().filter(|desktop| !desktop.reason.is_empty()) {
        text += &format!("{}: {}\n", desktop.name, shown(&desktop.reason));
    }
    text
}

fn row(desktop: &Desktop, now: u64) -> [String; 7] {
    let mb = |bytes: u64| format!("{} MB", bytes >> 20);
    let memory = match (desktop.memory, desktop.memory_limit) {
        (Some(used), Some(limit)) => format!("{} of {}", used >> 20, mb(limit)),
        (Some(used), None) => mb(used),
        (None, _) => "-".to_owned(),
    };
    let viewers = if desktop.has_screen { desktop.viewers.to_string() } else { "no screen".to_owned() };
    [
        desktop.name.clone(),
        desktop.tenant.clone(),
        shown(&desktop.title),
        state(desktop),
        duration(now.saturating_sub(desktop.since)),
        memory,
        viewers,
    ]
}

fn state(desktop: &Desktop) -> String {
    match desktop.queue {
        Some(place) => format!("{}, place {place}", desktop.state),
        None => desktop.state.to_string(),
    }
}

/// How far a desktop is, on a line.
pub(super) fn progress(desktop: &Desktop) -> String {
    let reason =
        if desktop.reason.is_empty() { String::new() } else { format!(": {}", shown(&desktop.reason)) };
    format!("{} is {}{reason}", desktop.name, state(desktop))
}

/// A text of somebody else's: nothing that moves the cursor.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn laid_out<const N: usize>(head: [String; N], rows: &[[String; N]]) -> String {
    let all = || std::iter::once(&head).chain(rows);
    let widths: [usize; N] =
        std::array::from_fn(|i| all().map(|row| width(&row[i])).max().unwrap_or_default());
    let line = |row: &[String; N]| {
        let cells =
            row.iter().zip(widths).map(|(cell, most)| format!("{cell}{}  ", " ".repeat(most - width(cell))));
        format!("{}\n", cells.collect::<String>().trim_end())
    };
    all().map(line).collect()
}

/// How many places a text takes.
fn width(text: &str) -> usize {
    let within = |ranges: &[(u32, u32)], c: char| {
        ranges.iter().any(|(from, to)| (*from..=*to).contains(&u32::from(c)))
    };
    let of_char = |c| if within(&WIDE, c) { 2 } else { usize::from(!within(&NARROWEST, c)) };
    text.chars().map(of_char).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::told::State;

    fn desktop(name: &str, title: &str) -> Desktop {
        Desktop { name: name.to_owned(), title: title.to_owned(), state: State::Ready, ..Desktop::default() }
    }

    #[test]
    fn chinese_titles_are_two_places_wide() {
        assert_eq!(["程序设计入门 C", "abc", "e\u{301}", "（）"].map(width), [14, 3, 1, 4]);
        let text = table(&[desktop("a", "程序设计"), desktop("b", "Programs")]);
        let column = |line: &str| width(&line[..line.find("ready").unwrap()]);
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(column(lines[0]), column(lines[1]), "{text}");
    }

    #[test]
    fn reasons_come_below_and_move_no_cursor() {
        let failed = Desktop { reason: "it\x1b[2Jended".to_owned(), queue: Some(2), ..desktop("a", "A") };
        let text = table(std::slice::from_ref(&failed));
        assert!(text.ends_with("a: it [2Jended\n") && text.contains("ready, place 2"), "{text}");
        assert_eq!(progress(&failed), "a is ready, place 2: it [2Jended");
        assert!(table(&[]).contains("no desktops"));
    }

    #[test]
    fn times_are_short() {
        assert_eq!([5, 121, 7200, 200_000].map(duration), ["5 s", "2 min", "2 h", "2 days"]);
    }
}
