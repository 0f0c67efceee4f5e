//! A desktop's screen: noVNC, a slim bar, panels for text and files, and what is shown while there is no connection.

use crate::told::Desktop;
use crate::web::access::Wish;
use crate::web::assets;
use crate::web::html::Html;
use crate::web::pages::Frame;
use crate::web::sessions::Who;
use crate::web::words::{Language, Word};

/// The page of a screen.
pub(in crate::web) fn screen(language: Language, who: &Who, desktop: &Desktop) -> Html {
    let title = desktop.title(language);
    let path = format!("/desktops/{}", desktop.name);
    let frame =
        Frame { language, title, script: Some("screen.js"), who: Some(who), path: &path, class: "screen" };
    let touches = desktop.allows(who, Wish::Touch);
    let content = Html::new()
        .raw("<div id=\"desktop\" data-name=\"")
        .text(&desktop.name)
        .raw("\" data-touch=\"")
        .raw(if touches { "yes" } else { "no" })
        .raw("\" data-novnc=\"")
        .text(&assets::address("novnc.js"))
        .raw("\" data-files=\"")
        .text(&assets::address("files.js"))
        .raw("\"></div>")
        .add(&bar(language, who, desktop, touches))
        .add(&overlay(language))
        .when(touches, |html| html.add(&text_panel(language)).add(&files_panel(language)));
    frame.around(&content)
}

fn button(html: Html, id: &'static str, word: Word, language: Language) -> Html {
    html.raw("<button type=\"button\" id=\"")
        .raw(id)
        .raw("\" title=\"")
        .text(word.in_language(language))
        .raw("\"><span class=\"sign ")
        .raw(id)
        .raw("\"></span><span class=\"label\">")
        .text(word.in_language(language))
        .raw("</span></button>")
}

fn bar(language: Language, who: &Who, desktop: &Desktop, touches: bool) -> Html {
    let say = |word: Word| word.in_language(language);
    let html = Html::new()
        .raw("<nav id=\"bar\"><a class=\"back\" href=\"/desktops\" title=\"")
        .text(say(Word::Back))
        .raw("\"><span class=\"sign home\"></span><span class=\"label\">")
        .text(say(Word::Desktops))
        .raw("</span></a><span class=\"title\">")
        .text(desktop.title(language))
        .when(desktop.tenant != who.name, |html| html.raw(" · ").text(&desktop.tenant))
        .raw("</span>")
        .when(!touches, |html| html.raw("<span class=\"badge\">").text(say(Word::ViewOnly)).raw("</span>"))
        .raw("<span class=\"badge watching\" id=\"watching\" role=\"status\" hidden></span><span class=\"grow\"></span>");
    let html = if touches {
        button(button(html, "text", Word::TextPanel, language), "files", Word::Files, language)
    } else {
        html
    };
    let html = button(html, "full", Word::FullScreen, language);
    button(html, "hide", Word::HideBar, language)
        .raw("</nav><button type=\"button\" id=\"show\" hidden title=\"")
        .text(say(Word::ShowBar))
        .raw("\"><span class=\"sign down\"></span></button>")
}

fn overlay(language: Language) -> Html {
    let say = |word: Word| word.in_language(language);
    Html::new()
        .raw("<div id=\"overlay\" role=\"status\"><div class=\"card\"><div class=\"spinner\"></div><h1>")
        .text(say(Word::Connecting))
        .raw("</h1><p></p><div class=\"buttons\"><a class=\"button\" href=\"/desktops\">")
        .text(say(Word::Back))
        .raw("</a><button type=\"button\" class=\"main\" id=\"again\" hidden>")
        .text(say(Word::AgainNow))
        .raw("</button></div></div></div>")
}

fn panel(html: Html, id: &'static str, word: Word, language: Language) -> Html {
    html.raw("<aside class=\"panel\" hidden id=\"")
        .raw(id)
        .raw("\"><header><h2>")
        .text(word.in_language(language))
        .raw("</h2><button type=\"button\" class=\"quiet close\" title=\"")
        .text(Word::Close.in_language(language))
        .raw("\">×</button></header>")
}

fn text_panel(language: Language) -> Html {
    let say = |word: Word| word.in_language(language);
    panel(Html::new(), "text-panel", Word::TextPanel, language)
        .raw("<p class=\"hint\">")
        .text(say(Word::TextHint))
        .raw("</p><textarea rows=\"8\" spellcheck=\"false\" aria-label=\"")
        .text(say(Word::TextPanel))
        .raw("\"></textarea><div class=\"buttons\"><button type=\"button\" class=\"main\" id=\"insert\">")
        .text(say(Word::Insert))
        .raw("</button><button type=\"button\" id=\"insert-v\">")
        .text(say(Word::InsertV))
        .raw("</button><button type=\"button\" class=\"quiet\" id=\"copy\">")
        .text(say(Word::CopyOut))
        .raw("</button></div></aside>")
}

fn files_panel(language: Language) -> Html {
    panel(Html::new(), "files-panel", Word::Files, language).raw("<div class=\"files\"></div></aside>")
}
