//! Desktops: the list, their life, their screens.

use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;

use crate::screen;
use crate::told::{Desktop, Refusal, State};
use crate::web::access::Wish;
use crate::web::answer::{self, Answer};
use crate::web::body::Lent;
use crate::web::form::{self, Fields};
use crate::web::sessions::Who;
use crate::web::visit::Visit;
use crate::web::words::Word;
use crate::web::{bridge, pages, say, transfer, websocket};

/// How long an order may wait until others have been given: a room presses Start at once.
const ORDER: Duration = Duration::from_secs(10);

/// `GET /desktops`; with `part`, the cards alone.
pub(super) async fn list(visit: &Visit, who: &Who) -> Answer {
    let query = Fields::parse(visit.parts.uri.query().unwrap_or_default());
    let desktops = visit.site.agent.desktops().await.ok();
    let desktops = desktops.as_ref().map(|desktops| desktops.as_slice());
    let cards = pages::cards(visit.language, who, query.get("q"), desktops, &visit.site.viewers);
    let page =
        if query.has("part") { cards } else { pages::list(visit.language, who, query.get("q"), &cards) };
    answer::page(StatusCode::OK, page)
}

/// The desktop of a name, if it may be used so.
pub(super) async fn find(visit: &Visit, who: &Who, name: &str, wish: Wish) -> Result<Desktop, Box<Answer>> {
    let say = |status, word: Word| Err(Box::new(notice(visit, status, word.in_language(visit.language))));
    if !screen::is_name(name) {
        return say(StatusCode::NOT_FOUND, Word::NoSuchDesktop);
    }
    match visit.site.agent.desktop(name).await {
        Ok(Some(desktop)) if desktop.allows(who, wish) => Ok(desktop),
        Ok(Some(desktop)) if desktop.allows(who, Wish::See) => say(StatusCode::FORBIDDEN, Word::NotYours),
        // Others do not learn what there is.
        Ok(_) => say(StatusCode::NOT_FOUND, Word::NoSuchDesktop),
        Err(_) => say(StatusCode::BAD_GATEWAY, Word::Away),
    }
}

/// Says something: on a page for whoever looks at one, in a line for a script.
pub(super) fn notice(visit: &Visit, status: StatusCode, text: &str) -> Answer {
    let wants_page = visit.header(header::ACCEPT.as_str()).is_some_and(|kinds| kinds.contains("text/html"));
    if !wants_page {
        return answer::line(status, text);
    }
    let frame = pages::Frame {
        language: visit.language,
        title: Word::Desktops.in_language(visit.language),
        script: None,
        who: visit.who.as_ref(),
        path: "/desktops",
        class: "list",
    };
    answer::page(status, pages::notice(&frame, text))
}

/// `GET /desktops/NAME`
pub(super) async fn show(visit: &Visit, who: &Who, name: &str) -> Answer {
    match find(visit, who, name, Wish::See).await {
        Ok(desktop) => answer::page(StatusCode::OK, pages::screen(visit.language, who, &desktop)),
        Err(answer) => *answer,
    }
}

/// `GET /desktops/NAME/state`: for the screen's page.
pub(super) async fn state(visit: &Visit, who: &Who, name: &str) -> Answer {
    let desktop = match find(visit, who, name, Wish::See).await {
        Ok(desktop) => desktop,
        Err(answer) => return *answer,
    };
    let watchers: Vec<String> =
        visit.site.viewers.watchers(name).into_iter().filter(|watcher| *watcher != who.name).collect();
    let state = serde_json::json!({
        "state": desktop.state,
        "words": desktop.state_words(visit.language),
        "reason": desktop.reason(visit.language),
        "visible": desktop.is_visible(),
        "watching": watchers,
    });
    answer::bytes(StatusCode::OK, "application/json", state.to_string())
}

/// `POST /desktops/NAME/{start,stop,reset}`
pub(super) async fn order(visit: &Visit, who: &Who, name: &str, order: &'static str, body: Lent) -> Answer {
    let fields = form::read(body).await.unwrap_or_default();
    if !visit.has_token(fields.get("token")) {
        return notice(visit, StatusCode::FORBIDDEN, Word::Refused.in_language(visit.language));
    }
    let wish = if order == "reset" { Wish::Reset } else { Wish::Run };
    if let Err(answer) = find(visit, who, name, wish).await {
        return *answer;
    }
    let Some(_place) = visit.site.orders.wait(&who.name, ORDER).await else {
        return notice(visit, StatusCode::TOO_MANY_REQUESTS, Word::OrderBusy.in_language(visit.language));
    };
    match visit.site.agent.order(name, order).await {
        Ok(()) => answer::go("/desktops"),
        Err(refusal) => notice(visit, status_of(&refusal), &transfer::words(visit.language, &refusal)),
    }
}

/// The status of an answer that passes a refusal on.
pub(super) fn status_of(refusal: &Refusal) -> StatusCode {
    let status = StatusCode::from_u16(refusal.status).ok().filter(|_| !refusal.is_away());
    status.unwrap_or(StatusCode::BAD_GATEWAY)
}

/// `GET /desktops/NAME/picture`
pub(super) async fn picture(visit: &Visit, who: &Who, name: &str) -> Answer {
    match find(visit, who, name, Wish::See).await {
        Ok(desktop) if desktop.is_visible() => {}
        Ok(_) => return answer::line(StatusCode::NOT_FOUND, ""),
        Err(answer) => return *answer,
    }
    match visit.site.pictures.get(&visit.site.places.screens, name).await {
        Some(picture) => {
            let mut answer = answer::bytes(StatusCode::OK, "image/jpeg", picture);
            answer::set(&mut answer, header::CACHE_CONTROL, "private, max-age=8");
            answer
        }
        None => answer::line(StatusCode::SERVICE_UNAVAILABLE, ""),
    }
}

/// `GET /desktops/NAME/screen`: becomes a websocket. The browser sends no token with it, but says which page asks.
pub(super) async fn bridge(visit: &Visit, who: &Who, name: &str, upgrade: Option<OnUpgrade>) -> Answer {
    if !visit.is_from_here() {
        return answer::line(StatusCode::FORBIDDEN, Word::Refused.in_language(visit.language));
    }
    let desktop = match find(visit, who, name, Wish::See).await {
        Ok(desktop) if desktop.state == State::Ready => desktop,
        Ok(desktop) => return answer::line(StatusCode::CONFLICT, &desktop.state_words(visit.language)),
        Err(answer) => return *answer,
    };
    let request = Request::from_parts(visit.parts.clone(), ());
    let (answer, upgrade) = match (websocket::accept(&request), upgrade) {
        (Ok(answer), Some(upgrade)) => (answer, upgrade),
        (Err(why), _) => return answer::line(StatusCode::UPGRADE_REQUIRED, why),
        (_, None) => return answer::line(StatusCode::UPGRADE_REQUIRED, "this address is a websocket"),
    };
    let view_only = !desktop.allows(who, Wish::Touch);
    let Some(looking) = visit.site.viewers.enter(name, &who.name, view_only) else {
        return answer::line(StatusCode::TOO_MANY_REQUESTS, Word::TransferBusy.in_language(visit.language));
    };
    let screen = match screen::connect(&visit.site.places.screens, name).await {
        Ok(screen) => screen,
        Err(fault) => {
            say!("{fault}");
            return answer::line(StatusCode::BAD_GATEWAY, Word::Away.in_language(visit.language));
        }
    };
    let (site, desktop) = (Arc::clone(&visit.site), name.to_owned());
    let viewer = bridge::Viewer { site, who: who.clone(), desktop, looking, view_only };
    tokio::spawn(async move {
        if let Ok(browser) = upgrade.await {
            bridge::run(viewer, TokioIo::new(browser), screen).await;
        }
    });
    answer
}
