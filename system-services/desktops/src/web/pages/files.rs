//! The files of a desktop's home.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::told::{Desktop, Entry, Kind};
use crate::web::agent::Folder;
use crate::web::html::Html;
use crate::web::pages::Frame;
use crate::web::sessions::Who;
use crate::web::words::{Language, Word};

/// Rows of a page.
const MOST_ROWS: usize = 1000;
/// Bytes of its rows: names and paths may be long, and each link has the whole path.
const MOST_BYTES: usize = 512 << 10;
/// Folders that the way to this one is shown by.
const MOST_CRUMBS: usize = 12;

/// The page around a listing.
pub(in crate::web) fn files(language: Language, who: &Who, desktop: &Desktop, listing: &Html) -> Html {
    let title = desktop.title(language);
    let path = format!("/desktops/{}/files", desktop.name);
    let frame =
        Frame { language, title, script: Some("files.js"), who: Some(who), path: &path, class: "list" };
    let content = Html::new()
        .add(&frame.bar())
        .raw("<main class=\"narrow\"><div class=\"heading\"><h1>")
        .text(title)
        .raw("</h1><a class=\"button\" href=\"/desktops\">")
        .text(Word::Back.in_language(language))
        .raw("</a></div><div class=\"files sheet\" data-name=\"")
        .text(&desktop.name)
        .raw("\">")
        .add(listing)
        .raw("</div></main>");
    frame.around(&content)
}

/// What is in a folder, from a row on; `Err`: why it cannot be shown.
pub(in crate::web) fn listing(
    language: Language,
    desktop: &str,
    path: &str,
    from: usize,
    folder: Result<Folder, String>,
) -> Html {
    let html = Html::new().raw("<div class=\"listing\" data-path=\"").text(path).raw("\">");
    // Also where the folder cannot be shown: what is on its way has its rows there.
    let html = html.add(&crumbs(language, desktop, path)).add(&upload(language));
    let Folder { mut entries, more } = match folder {
        Ok(folder) => folder,
        Err(why) => return html.raw("<p class=\"problem\">").text(&why).raw("</p></div>"),
    };
    // Settings of programs, which begin with a dot, are left out: they are not what one hands in.
    entries.retain(|entry| !entry.name.starts_with('.') && !entry.name.contains('/'));
    entries.sort_by_cached_key(|entry| (entry.kind == Kind::File, entry.name.to_lowercase()));
    if entries.is_empty() {
        return html
            .raw("<p class=\"empty\">")
            .text(Word::EmptyFolder.in_language(language))
            .raw("</p></div>");
    }
    let (rows, shown) = rows(desktop, path, entries.get(from..).unwrap_or_default());
    let next = from.saturating_add(shown);
    html.raw("<ul>")
        .add(&rows)
        .raw("</ul>")
        .add(&turn(language, desktop, path, (from, next, entries.len())))
        .when(more && next >= entries.len(), |html| {
            html.raw("<p class=\"problem\">").text(Word::TooManyFiles.in_language(language)).raw("</p>")
        })
        .raw("</div>")
}

/// As many rows as a page has, and their number.
fn rows(desktop: &str, path: &str, entries: &[Entry]) -> (Html, usize) {
    let (mut html, mut shown) = (Html::new(), 0);
    for entry in entries.iter().take(MOST_ROWS) {
        let row = row(desktop, path, entry);
        // One fits always, or there would be no next one.
        if shown > 0 && html.len() + row.len() > MOST_BYTES {
            break;
        }
        html = html.add(&row);
        shown += 1;
    }
    (html, shown)
}

/// To the beginning and to what comes next, where not all is shown.
fn turn(language: Language, desktop: &str, path: &str, (from, next, all): (usize, usize, usize)) -> Html {
    if from == 0 && next >= all {
        return Html::new();
    }
    let numbers = [from.saturating_add(1).min(all).to_string(), next.min(all).to_string(), all.to_string()];
    let [first, last, all_of_it] = numbers.each_ref().map(String::as_str);
    let to = |html: Html, row: usize, word: Word| {
        link(html, desktop, path, row).text(word.in_language(language)).raw("</a>")
    };
    Html::new()
        .raw("<p class=\"turn\">")
        .when(from > 0, |html| to(html, 0, Word::FromFirst).raw(" "))
        .text(&Word::RowsOf.with(language, &[first, last, all_of_it]))
        .when(next < all, |html| to(html.raw(" "), next, Word::NextRows))
        .raw("</p>")
}

fn upload(language: Language) -> Html {
    Html::new()
        .raw("<div class=\"drop\"><label class=\"button main\">")
        .text(Word::Upload.in_language(language))
        .raw("<input type=\"file\" multiple></label><span class=\"hint\">")
        .text(Word::DropHint.in_language(language))
        .raw("</span></div><ol class=\"transfers\"></ol>")
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn folder_link(html: Html, desktop: &str, path: &str) -> Html {
    link(html, desktop, path, 0)
}

fn link(html: Html, desktop: &str, path: &str, from: usize) -> Html {
    html.raw("<a class=\"folder\" href=\"/desktops/")
        .text(desktop)
        .raw("/files?path=")
        .text(&encoded(path))
        .when(from > 0, |html| html.raw("&amp;from=").text(&from.to_string()))
        .raw("\">")
}

/// The way from the home to this folder.
fn crumbs(language: Language, desktop: &str, path: &str) -> Html {
    let home = Word::Home.in_language(language);
    let html = Html::new().raw("<nav class=\"crumbs\">");
    let mut html = folder_link(html, desktop, "").text(home).raw("</a>");
    // Only the last of them: each link has the whole path to its folder.
    let mut ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
    ends.extend((!path.is_empty()).then_some(path.len()));
    let skipped = ends.len().saturating_sub(MOST_CRUMBS);
    if skipped > 0 {
        html = html.raw("<span>/ …</span>");
    }
    for end in ends.into_iter().skip(skipped) {
        let way = path.get(..end).unwrap_or_default();
        let part = way.rsplit('/').next().unwrap_or_default();
        html = folder_link(html.raw("<span>/</span>"), desktop, way).text(part).raw("</a>");
    }
    html.raw("</nav>")
}

fn row(desktop: &str, path: &str, entry: &Entry) -> Html {
    let whole = if path.is_empty() { entry.name.clone() } else { format!("{path}/{}", entry.name) };
    let html = Html::new().raw("<li>");
    let html = if entry.kind == Kind::Folder {
        folder_link(html, desktop, &whole)
            .raw("<span class=\"sign folder\"></span><span class=\"filename\">")
            .text(&visible(&entry.name))
            .raw("</span></a>")
    } else {
        html.raw("<a class=\"file\" download href=\"/desktops/")
            .text(desktop)
            .raw("/file?path=")
            .text(&encoded(&whole))
            .raw("\"><span class=\"sign file\"></span><span class=\"filename\">")
            .text(&visible(&entry.name))
            .raw("</span><span class=\"size\">")
            .text(&size(entry.size))
            .raw("</span></a>")
    };
    html.raw("<time data-time=\"").text(&entry.modified.to_string()).raw("\"></time></li>")
}

/// A name without what turns the text around or hides it.
fn visible(name: &str) -> String {
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    name.chars().map(|c| if hides(c) { '\u{fffd}' } else { c }).collect()
}

/// A size for people.
pub(in crate::web) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB"] {
        if value < 999.5 {
            return if unit == "B" || value >= 10.0 {
                format!("{value:.0} {unit}")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1000.0;
    }
    format!("{value:.1} GB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, kind: Kind) -> Entry {
        Entry { name: name.to_owned(), kind, size: 1500, modified: 5 }
    }

    #[test]
    fn names_are_shown_safely_and_linked_exactly() {
        let names = ["<b>&李.c", "evil\u{202e}gpj.exe", ".bashrc"].map(|name| entry(name, Kind::File));
        let entries = [&names[..], &[entry("a b", Kind::Folder)]].concat();
        let html =
            listing(Language::English, "d", "x/y", 0, Ok(Folder { entries, more: false })).into_string();
        assert!(html.contains("&lt;b&gt;&amp;李.c") && html.contains("1.5 kB") && !html.contains("<b>"));
        assert!(html.contains("path=x%2Fy%2F%3Cb%3E%26%E6%9D%8E%2Ec") && !html.contains('\u{202e}'));
        assert!(!html.contains(".bashrc") && html.contains("path=x%2Fy%2Fa%20b"));
        assert!(html.find("a b").unwrap() < html.find("李").unwrap(), "folders come first");
    }

    #[test]
    fn uploads_have_their_place_where_a_folder_cannot_be_shown() {
        let html = listing(Language::English, "d", "x", 0, Err("it is off".to_owned())).into_string();
        assert!(html.contains("it is off") && html.contains("class=\"transfers\""), "{html}");
    }

    /// A folder of as many names as the agent lists, each as long as it can be, deep down.
    fn huge() -> (String, Vec<Entry>) {
        let entry = |n: usize| entry(&format!("{n:04}{}", "&".repeat(251)), Kind::Folder);
        (vec!["a"; 1024].join("/"), (0..5000).map(entry).collect())
    }

    #[test]
    fn a_page_of_the_longest_names_is_small_and_leads_to_all_of_them() {
        let (path, entries) = huge();
        let (mut from, mut seen, mut pages) = (0, 0, 0);
        loop {
            let folder = Folder { entries: entries.clone(), more: true };
            let html = listing(Language::English, "d", &path, from, Ok(folder)).into_string();
            assert!(html.len() < MOST_BYTES + (100 << 10), "{} bytes", html.len());
            let rows = html.matches("<li>").count();
            (seen, pages) = (seen + rows, pages + 1);
            assert!(rows > 0 && html.contains(&format!("of {}", entries.len())), "page {pages}");
            if seen == entries.len() {
                assert!(html.contains("more files than can be listed"), "the agent said so");
                break;
            }
            assert!(html.contains(&format!("&amp;from={}\"", from + rows)), "page {pages}");
            from += rows;
        }
        let beyond = Folder { entries, more: false };
        let html = listing(Language::English, "d", &path, usize::MAX, Ok(beyond)).into_string();
        assert!(!html.contains("<li>") && html.contains("From the first"));
    }

    #[test]
    fn a_usual_folder_is_one_page() {
        let entries = vec![entry("a.c", Kind::File)];
        let html =
            listing(Language::English, "d", "a/b", 0, Ok(Folder { entries, more: false })).into_string();
        assert!(!html.contains("class=\"turn\"") && !html.contains('…'), "{html}");
        assert!(html.contains("path=a\">a</a>") && html.contains("path=a%2Fb\">b</a>"), "{html}");
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in
            [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (56_544, "57 kB"), (3_200_000_000, "3.2 GB")]
        {
            assert_eq!(size(bytes), text);
        }
    }
}
