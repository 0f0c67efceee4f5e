//! The list of desktops.

use crate::told::{Desktop, State};
use crate::web::access::Wish;
use crate::web::html::Html;
use crate::web::pages::{Frame, token};
use crate::web::sessions::Who;
use crate::web::viewers::Viewers;
use crate::web::words::{Language, Word};

/// The page, around its cards.
pub(in crate::web) fn list(language: Language, who: &Who, query: &str, cards: &Html) -> Html {
    let title = if who.teacher { Word::AllDesktops } else { Word::MyDesktops }.in_language(language);
    let frame =
        Frame { language, title, script: Some("list.js"), who: Some(who), path: "/desktops", class: "list" };
    let content = Html::new()
        .add(&frame.bar())
        .raw("<main><div class=\"heading\"><h1>")
        .text(title)
        .raw("</h1>")
        .when(who.teacher, |html| {
            html.raw("<form class=\"search\" role=\"search\"><input type=\"search\" name=\"q\" maxlength=\"100\" value=\"")
                .text(query)
                .raw("\" placeholder=\"")
                .text(Word::Search.in_language(language))
                .raw("\" aria-label=\"")
                .text(Word::Search.in_language(language))
                .raw("\"></form>")
        })
        .raw("</div><div id=\"cards\" aria-live=\"polite\">")
        .add(cards)
        .raw("</div></main>")
        .add(&reset_dialog(language, who));
    frame.around(&content)
}

/// What asks before a desktop is reset.
fn reset_dialog(language: Language, who: &Who) -> Html {
    let say = |word: Word| word.in_language(language);
    Html::new()
        .raw("<dialog id=\"reset\"><form method=\"post\">")
        .add(&token(&who.csrf))
        .raw("<h2></h2><p>")
        .text(say(Word::ResetHint))
        .raw("</p><div class=\"buttons\"><button type=\"button\" value=\"cancel\" class=\"quiet\">")
        .text(say(Word::Cancel))
        .raw("</button><button class=\"danger\">")
        .text(say(Word::Reset))
        .raw("</button></div></form></dialog>")
}

/// The cards alone: what the page asks for again and again. `None`: the agent is away.
pub(in crate::web) fn cards(
    language: Language,
    who: &Who,
    query: &str,
    desktops: Option<&[Desktop]>,
    viewers: &Viewers,
) -> Html {
    let say =
        |word: Word| Html::new().raw("<p class=\"empty\">").text(word.in_language(language)).raw("</p>");
    let Some(desktops) = desktops else { return say(Word::Away) };
    let mut own: Vec<&Desktop> = desktops.iter().filter(|desktop| desktop.allows(who, Wish::See)).collect();
    if own.is_empty() {
        return say(Word::NoDesktop);
    }
    own.retain(|desktop| fits(desktop, query));
    if own.is_empty() {
        return say(Word::NoMatch);
    }
    // One's own come first.
    own.sort_by_key(|desktop| (desktop.tenant != who.name, &desktop.tenant, &desktop.name));
    own.iter().fold(Html::new(), |html, desktop| html.add(&card(language, who, desktop, viewers)))
}

fn fits(desktop: &Desktop, query: &str) -> bool {
    let all = [&desktop.name, &desktop.tenant, &desktop.title, &desktop.title_en];
    let text: String = all.into_iter().flat_map(|part| [part.as_str(), "\n"]).collect();
    let text = text.to_lowercase();
    query.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

fn card(language: Language, who: &Who, desktop: &Desktop, viewers: &Viewers) -> Html {
    let title = desktop.title(language);
    let name =
        if who.teacher { format!("{} · {}", desktop.tenant, desktop.name) } else { desktop.name.clone() };
    let reason = desktop.reason(language);
    Html::new()
        .raw("<article class=\"desktop ")
        .raw(desktop.state.word())
        .raw("\" data-name=\"")
        .text(&desktop.name)
        .raw("\" data-title=\"")
        .text(title)
        .raw("\">")
        .add(&picture(language, desktop))
        .raw("<div class=\"about\"><h2>")
        .text(title)
        .raw("</h2><p class=\"name\">")
        .text(&name)
        .raw("</p><p class=\"state\"><span class=\"dot\"></span>")
        .text(&desktop.state_words(language))
        .raw("</p>")
        .add(&details(language, desktop, viewers))
        .when(!reason.is_empty(), |html| html.raw("<p class=\"reason\">").text(&reason).raw("</p>"))
        .raw("</div>")
        .add(&buttons(language, who, desktop))
        .raw("</article>")
}

/// The live picture, or a dark screen with the state.
fn picture(language: Language, desktop: &Desktop) -> Html {
    let html = Html::new();
    if !desktop.is_visible() {
        return html.raw("<div class=\"picture off\"><span></span></div>");
    }
    html.raw("<a class=\"picture\" href=\"/desktops/")
        .text(&desktop.name)
        .raw("\"><img loading=\"lazy\" src=\"/desktops/")
        .text(&desktop.name)
        .raw("/picture\" alt=\"")
        .text(&Word::PictureOf.with(language, &[desktop.title(language)]))
        .raw("\"></a>")
}

fn details(language: Language, desktop: &Desktop, viewers: &Viewers) -> Html {
    const MEGABYTE: u64 = 1 << 20;
    let mut parts = Vec::new();
    if let (State::Ready, Some(memory), Some(limit)) = (desktop.state, desktop.memory, desktop.memory_limit) {
        let (memory, limit) = ((memory / MEGABYTE).to_string(), (limit / MEGABYTE).to_string());
        parts.push(Word::MemoryOf.with(language, &[&memory, &limit]));
    }
    let count = viewers.count(&desktop.name);
    if count > 0 {
        parts.push(Word::Viewers.with(language, &[&count.to_string()]));
    }
    if desktop.state == State::Ready && !desktop.has_screen {
        parts.push(Word::NoScreen.in_language(language).to_owned());
    }
    Html::new().raw("<p class=\"details\">").text(&parts.join(" · ")).raw("</p>")
}

fn buttons(language: Language, who: &Who, desktop: &Desktop) -> Html {
    let order = |html: Html, order: &'static str, word: Word, class: &'static str| {
        html.raw("<form method=\"post\" action=\"/desktops/")
            .text(&desktop.name)
            .raw("/")
            .raw(order)
            .raw("\">")
            .add(&token(&who.csrf))
            .raw("<button class=\"")
            .raw(class)
            .raw("\">")
            .text(word.in_language(language))
            .raw("</button></form>")
    };
    let to = |html: Html, more: &'static str, word: Word, class: &'static str| {
        html.raw("<a class=\"button ")
            .raw(class)
            .raw("\" href=\"/desktops/")
            .text(&desktop.name)
            .raw(more)
            .raw("\">")
            .text(word.in_language(language))
            .raw("</a>")
    };
    let is_off = matches!(desktop.state, State::Stopped | State::Failed);
    let runs = matches!(desktop.state, State::Ready | State::Starting | State::Waiting);
    let touches = desktop.allows(who, Wish::Touch);
    Html::new()
        .raw("<div class=\"buttons\">")
        .when(desktop.is_visible(), |html| {
            to(html, "", if touches { Word::Open } else { Word::View }, "main")
        })
        .when(is_off && desktop.allows(who, Wish::Run), |html| order(html, "start", Word::Start, "main"))
        .when(desktop.state == State::Ready && desktop.allows(who, Wish::Files), |html| {
            to(html, "/files", Word::Files, "")
        })
        .when(runs && desktop.allows(who, Wish::Run), |html| order(html, "stop", Word::Stop, "quiet"))
        .when(desktop.allows(who, Wish::Reset) && desktop.state != State::Stopping, |html| {
            order(html, "reset", Word::Reset, "quiet")
        })
        .raw("</div>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: &str, teacher: bool) -> Who {
        Who { name: name.to_owned(), teacher, csrf: "t".to_owned(), word: String::new() }
    }

    fn desktop(name: &str, tenant: &str, state: State) -> Desktop {
        let (name, tenant) = (name.to_owned(), tenant.to_owned());
        Desktop {
            name,
            tenant,
            state,
            has_screen: true,
            title: "程序设计 <C>".to_owned(),
            ..Desktop::default()
        }
    }

    fn shown(who: &Who, query: &str, desktops: &[Desktop]) -> String {
        cards(Language::English, who, query, Some(desktops), &Viewers::default()).into_string()
    }

    #[test]
    fn each_sees_their_own_and_a_teacher_all() {
        let all = [desktop("a", "alice", State::Ready), desktop("b", "bob", State::Stopped)];
        let alice = shown(&who("alice", false), "", &all);
        assert!(alice.contains("data-name=\"a\"") && !alice.contains("data-name=\"b\""));
        assert!(alice.contains("&lt;C&gt;") && alice.contains("/a/reset") && alice.contains(">Open<"));
        let zhao = shown(&who("zhao", true), "", &all);
        assert!(zhao.contains("data-name=\"a\"") && zhao.contains("data-name=\"b\""));
        assert!(zhao.contains(">View<") && !zhao.contains("reset") && !zhao.contains("/files"));
        assert!(!shown(&who("zhao", true), "BOB", &all).contains("data-name=\"a\""));
        assert!(shown(&who("zhao", true), "nobody", &all).contains("No desktop matches"));
        assert!(shown(&who("carol", false), "", &all).contains("no desktop for you"));
    }
}
