//! Which request is answered by what.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, StatusCode, header};

use crate::web::answer::{self, Answer};
use crate::web::body::{Lent, Whole};
use crate::web::limits;
use crate::web::site::Site;
use crate::web::visit::{Visit, path_to};
use crate::web::words::Word;
use crate::web::{assets, desk, entry, transfer};

/// The longest address of a request.
const MOST_ADDRESS: usize = 4096;

/// Answers a request.
pub(super) async fn answer(site: Arc<Site>, peer: SocketAddr, request: Request<Incoming>) -> Answer {
    let (mut parts, body) = request.into_parts();
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let visit = Visit::new(site, limits::client(peer.ip()), parts).await;
    let is_head = visit.parts.method == Method::HEAD;
    let body = Lent::new(body);
    let mut answer = find(&visit, body.clone(), upgrade).await;
    // Who asks first has sent nothing. Others may look for an answer only when they have sent all.
    let asks_first = visit.parts.headers.contains_key(header::EXPECT);
    if visit.parts.method == Method::PUT && !body.is_end_stream() && !asks_first {
        answer::set(&mut answer, header::CONNECTION, "close");
        tokio::spawn(body.waste());
    }
    if is_head {
        *answer.body_mut() = http_body_util::Either::Left(Whole::default());
    }
    answer
}

async fn find(visit: &Visit, body: Lent, upgrade: Option<OnUpgrade>) -> Answer {
    let uri = &visit.parts.uri;
    if uri.path_and_query().is_none_or(|address| address.as_str().len() > MOST_ADDRESS) {
        return answer::line(StatusCode::URI_TOO_LONG, Word::BadRequest.in_language(visit.language));
    }
    let reads = matches!(visit.parts.method, Method::GET | Method::HEAD);
    // Only our own pages make anything happen.
    if !reads && !visit.is_from_here() {
        return answer::line(StatusCode::FORBIDDEN, Word::Refused.in_language(visit.language));
    }
    let path: Vec<&str> = uri.path().split('/').skip(1).collect();
    match (reads, path.as_slice()) {
        (true, [""]) => answer::go("/desktops"),
        (true, ["favicon.ico"]) => answer::go(&assets::address("icon.svg")),
        (true, ["assets", name]) => {
            assets::answer(name, &visit.parts.headers).unwrap_or_else(|| not_found(visit))
        }
        (true, ["language", code]) => entry::language(visit, code),
        (true, ["login"]) => entry::show(visit),
        (false, ["login"]) => entry::login(visit, body).await,
        (false, ["logout"]) => entry::logout(visit, body).await,
        (true, ["link", word]) => entry::show_link(visit, word),
        (false, ["link", word]) => entry::link(visit, word, body).await,
        (_, ["desktops", rest @ ..]) => desktops(visit, rest, body, upgrade).await,
        _ => not_found(visit),
    }
}

async fn desktops(visit: &Visit, path: &[&str], body: Lent, upgrade: Option<OnUpgrade>) -> Answer {
    let Some(who) = &visit.who else { return log_in_first(visit) };
    match (visit.parts.method.as_str(), path) {
        ("GET" | "HEAD", [] | [""]) => desk::list(visit, who).await,
        ("GET" | "HEAD", [name]) => desk::show(visit, who, name).await,
        ("GET", [name, "screen"]) => desk::bridge(visit, who, name, upgrade).await,
        ("GET", [name, "state"]) => desk::state(visit, who, name).await,
        ("GET", [name, "picture"]) => desk::picture(visit, who, name).await,
        ("GET", [name, "files"]) => transfer::list(visit, who, name).await,
        ("GET", [name, "file"]) => transfer::download(visit, who, name).await,
        ("GET", [name, "room"]) => transfer::room(visit, who, name).await,
        ("PUT", [name, "file"]) => transfer::upload(visit, who, name, body).await,
        ("POST", [name, "start"]) => desk::order(visit, who, name, "start", body).await,
        ("POST", [name, "stop"]) => desk::order(visit, who, name, "stop", body).await,
        ("POST", [name, "reset"]) => desk::order(visit, who, name, "reset", body).await,
        _ => not_found(visit),
    }
}

/// A page leads to the login and back; a script is told.
fn log_in_first(visit: &Visit) -> Answer {
    let wants_page = visit.header(header::ACCEPT.as_str()).is_some_and(|kinds| kinds.contains("text/html"));
    if !wants_page {
        return answer::line(StatusCode::UNAUTHORIZED, Word::LoggedOut.in_language(visit.language));
    }
    match path_to(visit.parts.uri.path()) {
        "/desktops" => answer::go("/login"),
        path => answer::go(&format!("/login?to={path}")),
    }
}

fn not_found(visit: &Visit) -> Answer {
    desk::notice(visit, StatusCode::NOT_FOUND, Word::NotFound.in_language(visit.language))
}
