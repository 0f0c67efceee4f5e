//! What is answered.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::body::Body;
use super::route::{Route, name_of, refuse};
use super::{files, route, upload};
use crate::agent::desktop::{Demand, Desktop, Origin, State, Wish};
use crate::agent::kept::{Intent, Made};
use crate::agent::{Agent, spec, start, wishes};
use crate::reason::Reason;
use crate::say;
use crate::told::{AWAY, Refusal};

/// The longest text that may come with a request.
const MOST_WORDS: usize = 64 << 10;

/// What is answered, or why nothing is done.
type Answered = Result<Response<Body>, Refusal>;

/// The words to make a desktop.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Creation {
    name: String,
    tenant: String,
    course: String,
}

/// The words of how many look at one.
#[derive(Debug, Deserialize)]
struct Viewed {
    viewers: u32,
}

/// Answers a request.
pub(super) async fn answer(agent: &Rc<Agent>, request: Request<Incoming>) -> Response<Body> {
    let route = route::parse(request.method(), request.uri().path(), request.uri().query());
    let answered = match route {
        Ok(route) => act(agent, route, request).await,
        Err(refusal) => Err(refusal),
    };
    answered.unwrap_or_else(|refusal| json(refusal.status, &refusal))
}

async fn act(agent: &Rc<Agent>, route: Route, request: Request<Incoming>) -> Answered {
    if agent.version.get().is_none() {
        // No list is not an empty one.
        let error = "the agent does not know yet which desktops are wanted; try again in a moment";
        return Err(refuse(503, AWAY, error));
    }
    match route {
        Route::List => {
            let all = agent.desktops.borrow();
            let told: Vec<_> = all.values().map(|desktop| agent.told(desktop, true)).collect();
            Ok(json(200, &told))
        }
        Route::Create => create(agent, words(request).await?).await,
        Route::Show(name) => Ok(json(200, &agent.told(&*find(agent, &name)?, true))),
        Route::Delete(name) => delete(agent, &*find(agent, &name)?).await,
        Route::Start(name) => start(agent, &*find(agent, &name)?).await,
        Route::Stop(name) => order(agent, &*find(agent, &name)?, Intent::Stopped, None).await,
        Route::Reset(name) => {
            let desktop = find(agent, &name)?;
            order(agent, &desktop, desktop.intent.get(), Some(Demand::Reset)).await
        }
        Route::Viewed(name) => {
            let desktop = find(agent, &name)?;
            let viewed: Viewed = words(request).await?;
            desktop.viewed(viewed.viewers);
            agent.changed.notify_one();
            Ok(json(200, &agent.told(&desktop, false)))
        }
        Route::Logs(name, tail, follow) => logs(agent, &*find(agent, &name)?, tail, follow).await,
        Route::Files(name, path) => files::list(agent, &*find(agent, &name)?, path).await,
        Route::Read(name, path) => files::read(agent, &*find(agent, &name)?, path).await,
        Route::Room(name, path, size) => upload::room(agent, &*find(agent, &name)?, &path, size).await,
        Route::Write(name, path) => upload::write(agent, &*find(agent, &name)?, path, request).await,
    }
}

fn find(agent: &Agent, name: &str) -> Result<Rc<Desktop>, Refusal> {
    agent.desktop(name).ok_or_else(|| refuse(404, "unknown", format!("there is no desktop {name}")))
}

/// An answer of JSON.
pub(super) fn json<T: serde::Serialize>(status: u16, value: &T) -> Response<Body> {
    let text = serde_json::to_vec(value).unwrap_or_default();
    answer_of(status, "application/json", Body::Whole(Some(Bytes::from(text))))
}

/// An answer of any kind.
pub(super) fn answer_of(status: u16, kind: &'static str, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// The words that come with a request.
async fn words<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Refusal> {
    let whole = Limited::new(request.into_body(), MOST_WORDS).collect().await;
    let long =
        |_| refuse(413, "long", format!("the words are longer than {MOST_WORDS} bytes, or were cut off"));
    let whole = whole.map_err(long)?.to_bytes();
    serde_json::from_slice(&whole)
        .map_err(|error| refuse(400, "words", format!("the words are wrong: {error}")))
}

async fn create(agent: &Rc<Agent>, creation: Creation) -> Answered {
    let (name, tenant) = (name_of(&creation.name)?, name_of(&creation.tenant)?);
    if agent.desktop(&name).is_some() {
        return Err(refuse(409, "exists", format!("there is a desktop {name} already")));
    }
    let (desktop, fault) = wishes::of_course(&name, &tenant, &creation.course, &agent.courses.borrow());
    if fault.is_some() {
        let known: Vec<String> = agent.courses.borrow().keys().cloned().collect();
        let error = format!("there is no course {}; there are: {}", creation.course, known.join(", "));
        return Err(refuse(404, "course", error));
    }
    let made = Made { tenant, course: creation.course };
    // Another request may be quicker.
    let first = Cell::new(false);
    let kept = agent.keep(|kept| {
        first.set(!kept.made.contains_key(&name));
        if first.get() {
            kept.made.insert(name.clone(), made);
            kept.intents.insert(name.clone(), Intent::Stopped);
        }
    });
    kept.await.map_err(|fault| refuse(507, "full", fault.to_string()))?;
    if !first.get() {
        return Err(refuse(409, "exists", format!("there is a desktop {name} already")));
    }
    // What is kept may have been taken in meanwhile.
    let desktop = match agent.desktop(&name) {
        Some(desktop) => desktop,
        None => {
            agent.adopt(Desktop::new(Wish { desktop, origin: Origin::Api, fault: None }, Intent::Stopped))
        }
    };
    Ok(json(201, &agent.told(&desktop, false)))
}

async fn delete(agent: &Agent, desktop: &Desktop) -> Answered {
    if desktop.wish.borrow().origin == Origin::Config {
        let error = format!("desktop {} is in the config: remove it there", desktop.name);
        return Err(refuse(409, "config", error));
    }
    order(agent, desktop, Intent::Stopped, Some(Demand::Delete)).await
}

async fn start(agent: &Agent, desktop: &Desktop) -> Answered {
    if let Some(fault) = desktop.wish.borrow().fault.clone() {
        return Err(refuse(409, "course", fault.to_string()));
    }
    // One that waits keeps its place.
    let is_to_run = desktop.intent.get() == Intent::Running && desktop.demand.get().is_none();
    if is_to_run && !desktop.held.get() {
        return Ok(json(202, &agent.told(desktop, false)));
    }
    if let Some(refused) = start::refusal(agent, desktop) {
        return Err(refuse(507, "memory", refused.to_string()));
    }
    order(agent, desktop, Intent::Running, None).await
}

/// Remembers an order, then gives it.
async fn order(agent: &Agent, desktop: &Desktop, intent: Intent, demand: Option<Demand>) -> Answered {
    let name = desktop.name.to_string();
    if desktop.demand.get() == Some(Demand::Delete) {
        return Err(refuse(409, "deleted", format!("desktop {name} is being deleted")));
    }
    let kept = agent.keep(|kept| {
        kept.intents.insert(name, intent);
    });
    match (kept.await, intent) {
        (Err(fault), Intent::Running) => return Err(refuse(507, "full", fault.to_string())),
        // Where there is no room to remember it, what ends makes some.
        (Err(fault), Intent::Stopped) => say!("{}: {fault}; it ends all the same", desktop.name),
        (Ok(()), _) => {}
    }
    // What is seen at once is that it is under way.
    let seen = match (intent, desktop.state()) {
        (_, state) if state.is_up() && (demand.is_some() || intent == Intent::Stopped) => {
            Some(State::Stopping)
        }
        (Intent::Running, State::Stopped | State::Failed) => Some(State::Waiting),
        (Intent::Stopped, State::Waiting | State::Failed) => Some(State::Stopped),
        _ => None,
    };
    if let Some(state) = seen {
        agent.show(desktop, state, Reason::none());
    }
    desktop.order(intent, demand);
    Ok(json(202, &agent.told(desktop, false)))
}

async fn logs(agent: &Agent, desktop: &Desktop, tail: usize, follow: bool) -> Answered {
    let container = spec::container(&desktop.name);
    let found = agent.engine.find(&container).await.map_err(|trouble| files::away(&trouble))?;
    if found.is_none() {
        return Ok(answer_of(200, "text/plain; charset=utf-8", Body::Whole(None)));
    }
    let lines = agent.engine.logs(&container, tail, follow);
    let lines = lines.map(|line| {
        line.map(bollard::container::LogOutput::into_bytes)
            .map_err(|trouble| std::io::Error::other(trouble.to_string()))
    });
    Ok(answer_of(200, "text/plain; charset=utf-8", Body::Later(Box::pin(lines), None)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dockos_control::wanted::Course;
    use tokio::task::{LocalSet, yield_now};
    use tokio::time::timeout;

    use super::*;
    use crate::agent::desktop::tests::wish;
    use crate::agent::testing;

    #[tokio::test]
    async fn starting_again_costs_nobody_their_place() {
        let work = async {
            let (_dir, agent, _) = testing::agent(testing::empty());
            let desktop = Desktop::new(wish("a", Course::default()), Intent::Running);
            desktop.show(State::Waiting, Reason::none());
            let orders = desktop.orders();
            assert_eq!(start(&agent, &desktop).await.ok().unwrap().status(), 202);
            assert!(!orders.has_changed().unwrap());
            desktop.held.set(true);
            assert_eq!(start(&agent, &desktop).await.ok().unwrap().status(), 202);
            assert!(orders.has_changed().unwrap() && !desktop.held.get());
        };
        LocalSet::new().run_until(work).await;
    }

    #[tokio::test]
    async fn one_is_stopped_though_that_cannot_be_remembered() {
        let work = async {
            let (_dir, agent, _) = testing::agent(testing::empty());
            std::fs::remove_dir(&agent.places.state).unwrap();
            std::fs::write(&agent.places.state, "").unwrap();
            let desktop = Desktop::new(wish("a", Course::default()), Intent::Running);
            let stopped = order(&agent, &desktop, Intent::Stopped, None).await;
            assert_eq!((stopped.is_ok(), desktop.intent.get()), (true, Intent::Stopped));
            let refused = start(&agent, &desktop).await.err().unwrap();
            assert_eq!((refused.status, desktop.intent.get()), (507, Intent::Stopped));
        };
        LocalSet::new().run_until(work).await;
    }

    #[tokio::test]
    async fn one_that_is_made_after_a_deletion_stays() {
        let work = async {
            let (_dir, agent, _) = testing::agent(testing::empty());
            agent.courses.borrow_mut().insert("c".to_owned(), Course::default());
            let make = || Creation { name: "a".to_owned(), tenant: "t".to_owned(), course: "c".to_owned() };
            create(&agent, make()).await.ok().unwrap();
            assert_eq!(create(&agent, make()).await.err().unwrap().status, 409);
            delete(&agent, &agent.desktop("a").unwrap()).await.ok().unwrap();
            while create(&agent, make()).await.is_err() {
                yield_now().await;
            }
            // All that the deletion had to do is done.
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(agent.kept.borrow().made.contains_key("a") && agent.desktop("a").is_some());
            assert_eq!(agent.kept.borrow().intents.get("a"), Some(&Intent::Stopped));
        };
        LocalSet::new().run_until(timeout(Duration::from_secs(20), work)).await.unwrap();
    }
}
