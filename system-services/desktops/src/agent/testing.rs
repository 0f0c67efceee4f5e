//! An agent in a folder, for tests, whose engine answers what the test says.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

use bollard::Docker;
use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::task::{spawn_local, yield_now};

use super::Agent;
use super::engine::Engine;
use super::places::Places;

/// What the engine answers to a method and a path: a number and JSON.
pub(super) type Answers = dyn Fn(&Method, &str) -> (u16, String);

/// The most requests that the engine had at once.
pub(super) type Most = Rc<Cell<usize>>;

/// An agent whose engine answers so. Called in a `LocalSet`.
pub(super) fn agent(answers: Rc<Answers>) -> (TempDir, Rc<Agent>, Most) {
    let dir = tempfile::tempdir().unwrap();
    let docker = dir.path().join("docker.sock");
    let most = serve(UnixListener::bind(&docker).unwrap(), answers);
    let places = Places {
        screens: dir.path().join("screens"),
        state: dir.path().join("state"),
        status: dir.path().join("status.json"),
        cgroups: dir.path().join("cgroups"),
        ..Places::default()
    };
    std::fs::create_dir(&places.state).unwrap();
    let docker = Docker::connect_with_unix(&docker.to_string_lossy(), 10, bollard::API_DEFAULT_VERSION);
    let first_id = nix::unistd::geteuid().as_raw().saturating_sub(super::spec::STUDENT);
    let agent = Agent::with(places, Engine { docker: docker.unwrap(), first_id });
    (dir, Rc::new(agent), most)
}

fn serve(listener: UnixListener, answers: Rc<Answers>) -> Most {
    let (now, most) = (Most::default(), Most::default());
    let told = Rc::clone(&most);
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answers, now, most) = (Rc::clone(&answers), Rc::clone(&now), Rc::clone(&most));
            let service = service_fn(move |request| {
                let (answers, now, most) = (Rc::clone(&answers), Rc::clone(&now), Rc::clone(&most));
                async move { Ok::<_, Infallible>(answer(&*answers, &now, &most, &request).await) }
            });
            spawn_local(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    told
}

async fn answer<B>(
    answers: &Answers,
    now: &Cell<usize>,
    most: &Cell<usize>,
    request: &hyper::Request<B>,
) -> Response<Full<Bytes>> {
    now.set(now.get() + 1);
    most.set(most.get().max(now.get()));
    for _ in 0..20 {
        yield_now().await;
    }
    now.set(now.get() - 1);
    let (status, text) = answers(request.method(), request.uri().path());
    let answer = Response::builder().status(status).header("content-type", "application/json");
    answer.body(Full::from(text)).unwrap()
}

/// An engine that has nothing.
pub(super) fn empty() -> Rc<Answers> {
    Rc::new(|_, path| match path.ends_with("/containers/json") {
        true => (200, "[]".to_owned()),
        false => (404, r#"{"message": "no such thing"}"#.to_owned()),
    })
}
