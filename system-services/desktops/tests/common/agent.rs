//! What answers in the agent's place: its API over a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::net::UnixListener;

/// Bytes that every home has room for.
const ROOM: u64 = 500 << 20;

/// The agent.
pub(crate) struct Agent {
    pub(crate) home: PathBuf,
    pub(crate) state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

/// What it knows, and what it was asked.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) desktops: Vec<Value>,
    pub(crate) asked: Vec<String>,
}

pub(crate) fn desktop(name: &str, tenant: &str, state: &str) -> Value {
    json!({"name": name, "tenant": tenant, "course": "c", "title": "程序设计入门 C", "title_en": "Programming in C",
        "image": "dockos/c", "state": state, "reason": "", "has_screen": true, "viewers": 0, "memory": 100 << 20,
        "memory_limit": 1 << 30, "since": 1, "queue": null})
}

impl Agent {
    pub(crate) fn start(socket: &Path, home: &Path) -> Self {
        fs::create_dir_all(home).unwrap();
        let listener = UnixListener::bind(socket).unwrap();
        let desktops = vec![desktop("alice-c", "alice", "ready"), desktop("bob-c", "bob", "ready")];
        let state = Arc::new(Mutex::new(State { desktops, asked: Vec::new() }));
        let task = tokio::spawn(serve(listener, Arc::clone(&state), home.to_owned()));
        Self { home: home.to_owned(), state, task }
    }

    /// Whether it was asked for this.
    pub(crate) fn was_asked(&self, what: &str) -> bool {
        self.state.lock().unwrap().asked.iter().any(|asked| asked == what)
    }

    /// Goes away.
    pub(crate) fn end(&self) {
        self.task.abort();
    }
}

async fn serve(listener: UnixListener, state: Arc<Mutex<State>>, home: PathBuf) {
    while let Ok((stream, _)) = listener.accept().await {
        let (state, home) = (Arc::clone(&state), home.clone());
        let service = service_fn(move |request| answer(Arc::clone(&state), home.clone(), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn said(status: u16, body: impl Into<Bytes>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    Ok(Response::builder().status(status).body(Full::new(body.into())).unwrap())
}

async fn answer(
    state: Arc<Mutex<State>>,
    home: PathBuf,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (method, uri) = (request.method().to_string(), request.uri().clone());
    let path: Vec<String> = uri.path().split('/').skip(1).map(str::to_owned).collect();
    let rel = query(&uri, "path").unwrap_or_default();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    if rel == "full.bin" {
        // As a quota: nothing of it is read.
        return said(507, json!({"error": "no room", "code": "full"}).to_string());
    }
    let size =
        request.headers().get("content-length").and_then(|size| size.to_str().ok()?.parse::<u64>().ok());
    let size = query(&uri, "size").and_then(|size| size.parse().ok()).or(size).unwrap_or_default();
    if size > ROOM {
        // Without a look at its bytes.
        let values = [size.to_string(), ROOM.to_string()];
        return said(507, json!({"error": "too large", "code": "no-room", "values": values}).to_string());
    }
    match (method.as_str(), path.as_slice()) {
        ("GET", ["desktops", _, "room"]) => return said(200, "{}"),
        ("GET", ["desktops"]) => return said(200, json!(state.lock().unwrap().desktops).to_string()),
        ("GET", ["desktops", _, "files"]) => return said(200, listing(&home.join(&rel))),
        ("GET", ["desktops", _, "file"]) => {
            return match fs::read(home.join(&rel)) {
                Ok(bytes) => said(200, bytes),
                Err(_) => said(404, json!({"error": "there is no such file", "code": "none"}).to_string()),
            };
        }
        _ => {}
    }
    let body = request.into_body().collect().await?.to_bytes();
    let text = if method == "PUT" { String::new() } else { String::from_utf8_lossy(&body).into_owned() };
    state.lock().unwrap().asked.push(format!("{method} {} {text}", uri.path()));
    if method == "PUT" {
        fs::write(home.join(&rel), &body).unwrap();
    }
    said(202, "{}")
}

fn query(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(percent_decode_str(value).decode_utf8().unwrap().into_owned())
}

fn listing(folder: &Path) -> String {
    let entry = |entry: fs::DirEntry| {
        let metadata = entry.metadata().unwrap();
        let kind = if metadata.is_dir() { "folder" } else { "file" };
        json!({"name": entry.file_name().to_string_lossy(), "kind": kind, "size": metadata.len(), "modified": 1})
    };
    let all: Vec<Value> = fs::read_dir(folder).unwrap().map(|one| entry(one.unwrap())).collect();
    json!(all).to_string()
}
