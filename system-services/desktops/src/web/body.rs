//! Bodies that come as they come, and may not stand still.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::web::crowd::Place;

/// How long what is left of a refused upload is taken: a browser looks for no answer before it has sent all.
const LEFT_OVER: Duration = Duration::from_secs(120);
/// How long nothing may come.
const BOUND: Duration = Duration::from_secs(60);

/// Bytes of a text that are handed over at once: a record of TLS.
const PART: usize = 16 << 10;

/// A text that is there as a whole. It is handed over in parts, so that what it holds is held until it has been taken
/// and not only until it has been put in line.
#[derive(Debug, Default)]
pub(super) struct Whole {
    bytes: Bytes,
    held: Option<Place>,
}

impl Whole {
    /// A text.
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes, held: None }
    }

    /// Holds a place until it has been taken.
    pub(super) fn hold(&mut self, place: Place) {
        self.held = Some(place);
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.bytes.len().min(PART);
        let part = self.bytes.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

/// A body that fails when nothing of it comes for [`BOUND`]; it may hold something until it ends.
#[derive(Debug)]
pub(super) struct Paced<B> {
    body: B,
    waits: Pin<Box<Sleep>>,
    /// Whether the last look found nothing: time counts only while something is waited for.
    is_waiting: bool,
    _held: Option<Place>,
}

impl<B> Paced<B> {
    /// Watches a body, which holds a place among the transfers.
    pub(super) fn new(body: B, held: Option<Place>) -> Self {
        Self { body, waits: Box::pin(sleep(BOUND)), is_waiting: false, _held: held }
    }
}

impl<B> Body for Paced<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.is_waiting = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        if !self.is_waiting {
            self.is_waiting = true;
            self.waits.as_mut().reset(Instant::now() + BOUND);
        }
        ready!(self.waits.as_mut().poll(cx));
        Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body of which nothing is taken before it is asked for.
#[derive(Debug)]
pub(super) struct Asked<B> {
    body: B,
    /// Comes when it is, and fails when it is answered instead.
    asked: Option<oneshot::Receiver<()>>,
    is_refused: bool,
}

impl<B> Asked<B> {
    /// Holds a body back.
    pub(super) fn new(body: B, asked: oneshot::Receiver<()>) -> Self {
        Self { body, asked: Some(asked), is_refused: false }
    }
}

impl<B: Body<Data = Bytes, Error = io::Error> + Unpin> Body for Asked<B> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(asked) = &mut self.asked {
            let asked = ready!(Pin::new(asked).poll(cx));
            self.asked = None;
            self.is_refused = asked.is_err();
        }
        // A body that failed would end the connection, and with it the answer that is on its way.
        if self.is_refused {
            return Poll::Pending;
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request's body that is lent to whoever passes it on, and may be taken up again.
#[derive(Clone, Debug)]
pub(super) struct Lent(Arc<Mutex<Incoming>>);

impl Lent {
    /// A body to lend.
    pub(super) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    /// Takes what is left of it, to no end.
    pub(super) async fn waste(self) {
        let mut left = Paced::new(self, None);
        let all = async { while let Some(Ok(_)) = left.frame().await {} };
        let _ = timeout(LEFT_OVER, all).await;
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
