//! Coming in and going out: passwords, links, the language.

use std::time::{Duration, Instant};

use hyper::{StatusCode, header};

use crate::web::answer::{self, Answer};
use crate::web::body::Lent;
use crate::web::form::{self, Fields};
use crate::web::password::Checked;
use crate::web::visit::{LANGUAGE, SESSION, VISITOR, Visit, path_to};
use crate::web::words::{Language, Word};
use crate::web::{pages, random, say};

/// How every cookie is: not for scripts, not over plain HTTP, not from other sites' forms.
const COOKIE: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";
/// Seconds that the language is remembered: a year.
const YEAR: u32 = 31_536_000;
/// Letters of a name that are looked at.
const MOST_NAME: usize = 64;

/// What goes wrong with a login, in words, with seconds to wait.
type Trouble = (StatusCode, String, Option<u64>);

/// `GET /login`
pub(super) fn show(visit: &Visit) -> Answer {
    if visit.who.is_some() {
        return answer::go("/desktops");
    }
    let query = Fields::parse(visit.parts.uri.query().unwrap_or_default());
    form_page(visit, "", path_to(query.get("to")), None)
}

/// `POST /login`
pub(super) async fn login(visit: &Visit, body: Lent) -> Answer {
    let Some(fields) = form::read(body).await else {
        return answer::line(StatusCode::BAD_REQUEST, Word::BadRequest.in_language(visit.language));
    };
    let (name, to) = (fields.get("name").trim(), path_to(fields.get("to")));
    let stale = || (StatusCode::FORBIDDEN, Word::StaleForm.in_language(visit.language).to_owned(), None);
    let done = if is_visitors(visit, fields.get("token"), "login") {
        check(visit, name, fields.get("password")).await
    } else {
        Err(stale())
    };
    match done {
        Ok(()) => enter(visit, name, to).await,
        Err(trouble) => form_page(visit, name, to, Some(trouble)),
    }
}

async fn check(visit: &Visit, name: &str, password: &str) -> Result<(), Trouble> {
    let (site, language) = (&visit.site, visit.language);
    let name = &*name.chars().take(MOST_NAME).collect::<String>();
    let begun = site.attempts.begin(name, visit.address, Instant::now());
    let tried = begun.map_err(|wait| too_many(language, wait))?;
    match site.checks.check(&site.web(), name, password.to_owned()).await {
        Checked::Right => {
            site.attempts.succeed(name, visit.address, tried);
            Ok(())
        }
        Checked::Wrong => {
            let wrong = Word::WrongLogin.in_language(language).to_owned();
            Err((StatusCode::UNAUTHORIZED, wrong, None))
        }
        Checked::Busy => {
            let busy = Word::BusyLogin.in_language(language).to_owned();
            Err((StatusCode::SERVICE_UNAVAILABLE, busy, Some(3)))
        }
    }
}

fn too_many(language: Language, wait: Duration) -> Trouble {
    let seconds = wait.as_secs() + 1;
    let words = Word::WaitLogin.with(language, &[&seconds.to_string()]);
    (StatusCode::TOO_MANY_REQUESTS, words, Some(seconds))
}

/// Logs in a user of the settings.
async fn enter(visit: &Visit, name: &str, to: &str) -> Answer {
    let busy = || answer::line(StatusCode::SERVICE_UNAVAILABLE, Word::BusyLogin.in_language(visit.language));
    let web = visit.site.web();
    let Some(user) = web.users.iter().find(|user| user.name == name) else { return busy() };
    let Ok(word) = visit.site.sessions.begin(user).await else { return busy() };
    if let Some(who) = &visit.who {
        visit.site.sessions.end(&who.word).await;
    }
    let mut answer = answer::go(to);
    answer::cookie(&mut answer, &format!("{SESSION}={word}; {COOKIE}"));
    answer::cookie(&mut answer, &format!("{VISITOR}=; {COOKIE}; Max-Age=0"));
    answer
}

fn form_page(visit: &Visit, name: &str, to: &str, trouble: Option<Trouble>) -> Answer {
    let (status, words, wait) = match trouble {
        Some((status, words, wait)) => (status, Some(words), wait),
        None => (StatusCode::OK, None, None),
    };
    let page = with_visitor(visit, "login", |csrf| {
        pages::login(visit.language, csrf, name, to, words.as_deref(), wait)
    });
    let mut page = page;
    *page.status_mut() = status;
    if let Some(seconds) = wait {
        answer::set(&mut page, header::RETRY_AFTER, &seconds.to_string());
    }
    page
}

/// A page with a form for somebody who is not logged in: bound to a cookie, which is made if there is none.
fn with_visitor(visit: &Visit, purpose: &str, page: impl FnOnce(&str) -> crate::web::html::Html) -> Answer {
    let known = visit.visitor().map(str::to_owned);
    let is_new = known.is_none();
    let Ok(word) = known.map_or_else(random::word, Ok) else {
        return answer::line(StatusCode::SERVICE_UNAVAILABLE, Word::BusyLogin.in_language(visit.language));
    };
    let mut answer = answer::page(StatusCode::OK, page(&random::token(&word, purpose)));
    if is_new {
        answer::cookie(&mut answer, &format!("{VISITOR}={word}; {COOKIE}"));
    }
    answer
}

fn is_visitors(visit: &Visit, token: &str, purpose: &str) -> bool {
    visit.visitor().is_some_and(|word| random::is_same(&random::token(word, purpose), token))
}

/// `POST /logout`
pub(super) async fn logout(visit: &Visit, body: Lent) -> Answer {
    let fields = form::read(body).await.unwrap_or_default();
    if let Some(who) = visit.who.as_ref().filter(|_| visit.has_token(fields.get("token"))) {
        visit.site.sessions.end(&who.word).await;
    }
    let mut answer = answer::go("/login");
    answer::cookie(&mut answer, &format!("{SESSION}=; {COOKIE}; Max-Age=0"));
    answer
}

/// `GET /link/WORD`: a button, which logs in.
pub(super) fn show_link(visit: &Visit, word: &str) -> Answer {
    match owner(visit, word) {
        Ok(user) => with_visitor(visit, "link", |csrf| {
            pages::link(visit.language, csrf, visit.parts.uri.path(), &user)
        }),
        Err(answer) => *answer,
    }
}

/// Whose link this is. Who opens links that there are not has to wait, for those that there are as well.
fn owner(visit: &Visit, word: &str) -> Result<String, Box<Answer>> {
    let (attempts, now) = (&visit.site.attempts, Instant::now());
    if let Some(wait) = attempts.wait_for_link(visit.address, now) {
        let trouble = too_many(visit.language, wait);
        return Err(Box::new(form_page(visit, "", "/desktops", Some(trouble))));
    }
    visit.site.links.find(&visit.site.web(), word).ok_or_else(|| {
        attempts.miss_link(visit.address, now);
        Box::new(over(visit))
    })
}

/// `POST /link/WORD`: logs in, once.
pub(super) async fn link(visit: &Visit, word: &str, body: Lent) -> Answer {
    let fields = form::read(body).await.unwrap_or_default();
    if !is_visitors(visit, fields.get("token"), "link") {
        return show_link(visit, word);
    }
    if let Err(answer) = owner(visit, word) {
        return *answer;
    }
    match visit.site.links.take(visit.site.web(), word).await {
        Ok(Some(user)) => enter(visit, &user, "/desktops").await,
        Ok(None) => over(visit),
        Err(fault) => {
            // A link that cannot be used up would work for ever.
            say!("{fault}");
            answer::line(StatusCode::SERVICE_UNAVAILABLE, Word::BusyLogin.in_language(visit.language))
        }
    }
}

fn over(visit: &Visit) -> Answer {
    let words = Word::LinkOver.in_language(visit.language).to_owned();
    form_page(visit, "", "/desktops", Some((StatusCode::GONE, words, None)))
}

/// `GET /language/CODE?to=PATH`
pub(super) fn language(visit: &Visit, code: &str) -> Answer {
    let query = Fields::parse(visit.parts.uri.query().unwrap_or_default());
    let mut answer = answer::go(path_to(query.get("to")));
    if let Some(language) = Language::of(code) {
        answer::cookie(&mut answer, &format!("{LANGUAGE}={}; {COOKIE}; Max-Age={YEAR}", language.code()));
    }
    answer
}
