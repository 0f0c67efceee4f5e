//! Talking to the agent: one request a connection to its socket.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::told::Refusal;

/// The longest answer that is taken as a whole: ten thousand desktops are shorter.
const MOST: usize = 16 << 20;
/// How long it may take to be let in, and to say why not.
const BOUND: Duration = Duration::from_secs(10);
/// What stands for itself in a part of a path or in a query's value.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The agent behind a socket.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    socket: PathBuf,
}

impl Client {
    /// Nothing is sent yet.
    pub(crate) fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// What is at a path, as JSON.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refusal> {
        self.call(Method::GET, path, None).await
    }

    /// Asks for something to be done, with or without words to it.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        words: Option<serde_json::Value>,
    ) -> Result<T, Refusal> {
        self.call(Method::POST, path, words).await
    }

    /// Asks for something, and takes its answer as JSON.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        words: Option<serde_json::Value>,
    ) -> Result<T, Refusal> {
        let body = words.map(|words| words.to_string()).unwrap_or_default();
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json").header(CONTENT_LENGTH, body.len());
        }
        let request = request.body(Full::from(body)).map_err(|error| Refusal::own(error.to_string()))?;
        let answer = self.send(request).await?;
        let text = self.whole(answer, MOST).await?;
        serde_json::from_slice(&text).map_err(|error| self.away(error))
    }

    /// Sends a request of any kind. An answer that refuses comes as such, any other with its body still to come.
    pub(crate) async fn send<B>(&self, mut request: Request<B>) -> Result<Response<Incoming>, Refusal>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        request.headers_mut().insert(HOST, hyper::header::HeaderValue::from_static("agent"));
        let stream = timeout(BOUND, UnixStream::connect(&self.socket)).await;
        let stream = stream.map_err(|error| self.away(error))?.map_err(|error| self.away(error))?;
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|error| self.away(error))?;
        // It ends with whoever asks, unless there is an answer: that one's body ends with the connection's error.
        let mut task = JoinSet::new();
        task.spawn(connection);
        let answer = sender.send_request(request).await.map_err(|error| self.away(error));
        if answer.as_ref().is_ok_and(|answer| answer.status().is_success()) {
            task.detach_all();
            return answer;
        }
        let refusal = match answer {
            Ok(answer) => self.refusal(answer).await,
            Err(refusal) => refusal,
        };
        // Whoever lent what was to be sent has it alone again.
        task.shutdown().await;
        Err(refusal)
    }

    /// What an answer says that refuses.
    async fn refusal(&self, answer: Response<Incoming>) -> Refusal {
        let status = answer.status().as_u16();
        let text = timeout(BOUND, self.whole(answer, MOST)).await;
        let text = text.ok().and_then(Result::ok).unwrap_or_default();
        let said = serde_json::from_slice(&text).unwrap_or_else(|_| self.away(status));
        Refusal { status, ..said }
    }

    /// An answer's text, if it has no more bytes than that.
    pub(crate) async fn whole(&self, answer: Response<Incoming>, most: usize) -> Result<Bytes, Refusal> {
        let whole = Limited::new(answer.into_body(), most).collect().await;
        whole.map(|whole| whole.to_bytes()).map_err(|error| self.away(error))
    }

    /// The agent behind the socket does not answer.
    pub(crate) fn away(&self, cause: impl std::fmt::Display) -> Refusal {
        Refusal::away(&self.socket, cause)
    }
}

/// The path of a desktop, or of something about it: `/desktops/NAME/start`.
pub(crate) fn path_of(name: &str, what: &str) -> String {
    let slash = if what.is_empty() { "" } else { "/" };
    format!("/desktops/{}{slash}{what}", escaped(name))
}

/// A text as a part of a path or as a query's value.
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}
