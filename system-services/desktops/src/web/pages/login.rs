//! Where one logs in, by a password or by a link.

use crate::web::assets;
use crate::web::html::Html;
use crate::web::pages::{Frame, token};
use crate::web::words::{Language, Word};

fn frame(language: Language, path: &str) -> Frame<'_> {
    let title = Word::LogIn.in_language(language);
    Frame { language, title, script: Some("login.js"), who: None, path, class: "login" }
}

fn head(hint: &str, title: &str) -> Html {
    Html::new()
        .raw("<img class=\"logo\" src=\"")
        .text(&assets::address("icon.svg"))
        .raw("\" alt=\"\" width=\"64\" height=\"64\"><h1>")
        .text(title)
        .raw("</h1><p class=\"hint\">")
        .text(hint)
        .raw("</p>")
}

fn problem(text: Option<&str>, wait: Option<u64>) -> Html {
    let Some(text) = text else { return Html::new() };
    Html::new()
        .raw("<p class=\"problem\" role=\"alert\" data-wait=\"")
        .text(&wait.unwrap_or(0).to_string())
        .raw("\">")
        .text(text)
        .raw("</p>")
}

/// The form for name and password; `to`: where to go then.
pub(in crate::web) fn login(
    language: Language,
    csrf: &str,
    name: &str,
    to: &str,
    trouble: Option<&str>,
    wait: Option<u64>,
) -> Html {
    let frame = frame(language, "/login");
    let say = |word: Word| word.in_language(language);
    let content = Html::new()
        .add(&frame.bar())
        .raw("<main class=\"card\">")
        .add(&head(say(Word::LoginHint), "DockOS"))
        .raw("<form method=\"post\" action=\"/login\">")
        .add(&token(csrf))
        .raw("<input type=\"hidden\" name=\"to\" value=\"")
        .text(to)
        .raw("\"><label>")
        .text(say(Word::UserName))
        .raw("<input name=\"name\" required maxlength=\"32\" autocomplete=\"username\" autocapitalize=\"none\" ")
        .raw("spellcheck=\"false\"")
        .when(name.is_empty(), |html| html.raw(" autofocus"))
        .raw(" value=\"")
        .text(name)
        .raw("\"></label><label>")
        .text(say(Word::Password))
        .raw("<input name=\"password\" type=\"password\" required maxlength=\"256\" autocomplete=\"current-password\"")
        .when(!name.is_empty(), |html| html.raw(" autofocus"))
        .raw("></label>")
        .add(&problem(trouble, wait))
        .raw("<button class=\"main\">")
        .text(say(Word::LogIn))
        .raw("</button></form></main>");
    frame.around(&content)
}

/// What a link opens: a button, since programs that look at links in messages press none.
pub(in crate::web) fn link(language: Language, csrf: &str, path: &str, user: &str) -> Html {
    let frame = frame(language, path);
    let say = |word: Word| word.in_language(language);
    let content = Html::new()
        .add(&frame.bar())
        .raw("<main class=\"card\">")
        .add(&head(say(Word::LinkHint), &Word::Welcome.with(language, &[user])))
        .raw("<form method=\"post\">")
        .add(&token(csrf))
        .raw("<button class=\"main\" autofocus>")
        .text(say(Word::LinkOpen))
        .raw("</button></form></main>");
    frame.around(&content)
}
