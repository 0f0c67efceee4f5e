//! The pages, as they are sent: each works without scripts as far as it can, and the scripts make it live.

mod files;
mod list;
mod login;
mod screen;

pub(super) use files::{files, listing, size};
pub(super) use list::{cards, list};
pub(super) use login::{link, login};
pub(super) use screen::screen;

use crate::web::assets;
use crate::web::html::Html;
use crate::web::sessions::Who;
use crate::web::words::{self, Language, Word};

/// What is around a page.
pub(super) struct Frame<'a> {
    /// In which language.
    pub(super) language: Language,
    /// The title of the window.
    pub(super) title: &'a str,
    /// The script, if there is one.
    pub(super) script: Option<&'static str>,
    /// Who sees it.
    pub(super) who: Option<&'a Who>,
    /// Where the page is, for the switch of the language.
    pub(super) path: &'a str,
    /// The style of its body.
    pub(super) class: &'static str,
}

impl Frame<'_> {
    /// The whole page around its content.
    pub(super) fn around(&self, content: &Html) -> Html {
        let code = if self.language == Language::Chinese { "zh-CN" } else { "en" };
        let token = self.who.map(|who| who.csrf.as_str()).unwrap_or_default();
        Html::new()
            .raw("<!doctype html><html lang=\"")
            .text(code)
            .raw("\"><head><meta charset=\"utf-8\">")
            .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1, viewport-fit=cover\">")
            .raw("<meta name=\"color-scheme\" content=\"light dark\"><title>")
            .text(self.title)
            .raw(" · DockOS</title><link rel=\"icon\" href=\"")
            .text(&assets::address("icon.svg"))
            .raw("\"><link rel=\"stylesheet\" href=\"")
            .text(&assets::address("style.css"))
            .raw("\">")
            .when(self.script.is_some(), |html| {
                html.raw("<script type=\"module\" src=\"")
                    .text(&assets::address(self.script.unwrap_or_default()))
                    .raw("\"></script>")
            })
            .raw("</head><body class=\"")
            .raw(self.class)
            .raw("\" data-token=\"")
            .text(token)
            .raw("\" data-words=\"")
            .text(&if self.who.is_some() { words::json(self.language) } else { String::new() })
            .raw("\">")
            .add(content)
            .raw("</body></html>")
    }

    /// The bar at the top of ordinary pages.
    pub(super) fn bar(&self) -> Html {
        let language = self.language;
        Html::new()
            .raw("<header class=\"bar\"><a class=\"brand\" href=\"/desktops\"><img src=\"")
            .text(&assets::address("icon.svg"))
            .raw("\" alt=\"\" width=\"28\" height=\"28\">DockOS</a><span class=\"grow\"></span>")
            .add(&self.language_switch())
            .when(self.who.is_some(), |html| {
                let who = self.who.map(|who| (who.name.as_str(), who.csrf.as_str())).unwrap_or_default();
                html.raw("<span class=\"who\">")
                    .text(who.0)
                    .raw("</span><form method=\"post\" action=\"/logout\">")
                    .add(&token(who.1))
                    .raw("<button class=\"quiet\">")
                    .text(Word::LogOut.in_language(language))
                    .raw("</button></form>")
            })
            .raw("</header>")
    }

    fn language_switch(&self) -> Html {
        let other = self.language.other();
        Html::new()
            .raw("<a class=\"quiet button\" href=\"/language/")
            .text(other.code())
            .raw("?to=")
            .text(self.path)
            .raw("\" lang=\"")
            .text(other.code())
            .raw("\">")
            .text(Word::OtherLanguage.in_language(self.language))
            .raw("</a>")
    }
}

/// What shows that a form is of our own page.
pub(super) fn token(csrf: &str) -> Html {
    Html::new().raw("<input type=\"hidden\" name=\"token\" value=\"").text(csrf).raw("\">")
}

/// A page that says one thing.
pub(super) fn notice(frame: &Frame<'_>, text: &str) -> Html {
    let content = Html::new()
        .add(&frame.bar())
        .raw("<main class=\"notice\"><p>")
        .text(text)
        .raw("</p><p><a class=\"button\" href=\"/desktops\">")
        .text(Word::Back.in_language(frame.language))
        .raw("</a></p></main>");
    frame.around(&content)
}
