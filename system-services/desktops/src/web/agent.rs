//! Asks the agent, which decides about desktops, within bounds: nobody who looks at the page waits for one that stalls.

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response, StatusCode, header};
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::{Mutex, oneshot};
use tokio::time::{Instant, timeout};

use crate::client::{Client, path_of};
use crate::told::{Desktop, Entry, MORE, Refusal};
use crate::web::body::Asked;

/// How long it may take to answer; it answers before the work is done.
const BOUND: Duration = Duration::from_secs(10);
/// How long the end of an upload may take: the file is flushed then.
const BOUND_OF_FILE: Duration = Duration::from_secs(4 * 3600);
/// Bytes of a folder's listing: five thousand of the longest names are less.
const MOST_OF_FOLDER: usize = 2 << 20;
/// How long a list of desktops is good: everybody's page asks for it.
const FRESH: Duration = Duration::from_millis(900);

/// What is in a folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Folder {
    /// Files and folders.
    pub(super) entries: Vec<Entry>,
    /// Whether there are more than those.
    pub(super) more: bool,
}

/// A list of desktops, or why there is none, and since when.
type Kept = Option<(Instant, Result<Arc<Vec<Desktop>>, Refusal>)>;

/// The agent.
#[derive(Debug)]
pub(super) struct Agent {
    client: Client,
    list: Mutex<Kept>,
}

impl Agent {
    /// The agent behind a socket.
    pub(super) fn new(socket: &Path) -> Self {
        Self { client: Client::new(socket), list: Mutex::new(None) }
    }

    /// All desktops. Who asks while another does gets the same answer.
    pub(super) async fn desktops(&self) -> Result<Arc<Vec<Desktop>>, Refusal> {
        let mut kept = self.list.lock().await;
        if let Some((asked, list)) = &*kept
            && asked.elapsed() < FRESH
        {
            return list.clone();
        }
        let list = self.ask(Method::GET, "/desktops", None).await.map(Arc::new);
        // A failure is kept as well: those in line do not each wait for an agent that does not answer.
        *kept = Some((Instant::now(), list.clone()));
        list
    }

    /// One desktop.
    pub(super) async fn desktop(&self, name: &str) -> Result<Option<Desktop>, Refusal> {
        Ok(self.desktops().await?.iter().find(|desktop| desktop.name == name).cloned())
    }

    /// Starts, stops or resets a desktop.
    pub(super) async fn order(&self, name: &str, order: &str) -> Result<(), Refusal> {
        let done = self.ask::<IgnoredAny>(Method::POST, &path_of(name, order), None).await;
        *self.list.lock().await = None;
        done.map(drop)
    }

    /// Says how many look at a desktop.
    pub(super) async fn viewed(&self, name: &str, viewers: usize) -> Result<(), Refusal> {
        let words = serde_json::json!({ "viewers": viewers });
        self.ask::<IgnoredAny>(Method::POST, &path_of(name, "viewed"), Some(words)).await.map(drop)
    }

    /// Asks whether a file can be put.
    pub(super) async fn room(&self, target: &str) -> Result<(), Refusal> {
        self.ask::<IgnoredAny>(Method::GET, target, None).await.map(drop)
    }

    /// A small answer, whole.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        words: Option<serde_json::Value>,
    ) -> Result<T, Refusal> {
        self.within(BOUND, self.client.call(method, path, words)).await
    }

    /// What is in a folder of a desktop's home.
    pub(super) async fn folder(&self, target: &str) -> Result<Folder, Refusal> {
        let read = async {
            let answer = self.client.send(request(Method::GET, target, Full::<Bytes>::default())?).await?;
            let more = answer.headers().contains_key(MORE);
            Ok((more, self.client.whole(answer, MOST_OF_FOLDER).await?))
        };
        let (more, text) = self.within(BOUND, read).await?;
        let entries = serde_json::from_slice(&text).map_err(|error| self.client.away(error))?;
        Ok(Folder { entries, more })
    }

    /// A file of a desktop's home, as it comes.
    pub(super) async fn file(&self, target: &str) -> Result<Response<Incoming>, Refusal> {
        let request = request(Method::GET, target, Full::<Bytes>::default())?;
        self.within(BOUND, self.client.send(request)).await
    }

    /// Puts a file into a desktop's home, as it comes; nothing of it is taken from the browser before the desktop takes it.
    pub(super) async fn put<B>(&self, target: &str, body: B) -> Result<(), Refusal>
    where
        B: Body<Data = Bytes, Error = std::io::Error> + Send + Unpin + 'static,
    {
        let (ask, asked) = oneshot::channel();
        let ask = std::sync::Mutex::new(Some(ask));
        let mut request = request(Method::PUT, target, Asked::new(body, asked))?;
        request.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
        hyper::ext::on_informational(&mut request, move |answer| {
            let ask = ask.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(ask) = ask.filter(|_| answer.status() == StatusCode::CONTINUE) {
                let _ = ask.send(());
            }
        });
        self.within(BOUND_OF_FILE, self.client.send(request)).await.map(drop)
    }

    /// Waits no longer than that.
    async fn within<T>(
        &self,
        bound: Duration,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        timeout(bound, work).await.unwrap_or_else(|late| Err(self.client.away(late)))
    }
}

fn request<B>(method: Method, target: &str, body: B) -> Result<Request<B>, Refusal> {
    let request = Request::builder().method(method).uri(target).body(body);
    request.map_err(|error| Refusal::own(error.to_string()))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{UnixListener, UnixStream};

    use super::*;

    /// A file of five bytes.
    fn file() -> impl Body<Data = Bytes, Error = std::io::Error> + Send + Unpin + 'static {
        Full::from("bytes").map_err(|never| match never {})
    }

    /// Reads to an empty line, and so many bytes after it.
    async fn read(stream: &mut UnixStream, more: usize) -> String {
        let mut text = Vec::new();
        while text.windows(4).position(|end| end == b"\r\n\r\n").is_none_or(|at| text.len() < at + 4 + more) {
            assert!(stream.read_buf(&mut text).await.unwrap() > 0);
        }
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn a_file_is_sent_when_it_is_asked_for_and_a_refusal_is_heard_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let agent = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let parts =
                ["HTTP/1.1 507 x\r\ncontent-length: 27\r\n\r\n", "{\"error\":\"full\",", "\"code\":\"c\"}"];
            let head = read(&mut stream, 0).await;
            assert!(head.contains("100-continue") && head.ends_with("\r\n\r\n"), "{head}");
            for part in parts {
                stream.write_all(part.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
            let (mut stream, _) = listener.accept().await.unwrap();
            read(&mut stream, 0).await;
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
            let mut bytes = [0; 5];
            stream.read_exact(&mut bytes).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            bytes
        });
        let page = Agent::new(&path);
        let refusal = page.put("/", file()).await.unwrap_err();
        assert_eq!((refusal.status, refusal.code.as_str()), (507, "c"), "{refusal:?}");
        page.put("/", file()).await.unwrap();
        assert_eq!(agent.await.unwrap(), *b"bytes");
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_stalls_is_waited_for_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let _nobody_accepts = UnixListener::bind(&path).unwrap();
        let (agent, start) = (Agent::new(&path), Instant::now());
        let all = futures_util::future::join_all((0..20).map(|_| agent.desktops())).await;
        assert!(all.iter().all(|list| list.as_ref().is_err_and(Refusal::is_away)));
        assert!(start.elapsed() < BOUND * 2, "{:?}", start.elapsed());
    }
}
