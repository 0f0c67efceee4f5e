//! Files by sendfile. hyper writes the head of an answer; then the connection is taken from it, the kernel sends the file,
//! and hyper gets the connection back for the next request.
//!
//! hyper is told that the body has so many bytes and is not ready yet. When it asks for the body, the head stands in its
//! buffer; when it flushes after that, its buffer is empty. That moment is waited for here, and nothing that is sent
//! passes through this program's memory, whatever the number of clients.

use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use hyper::server::conn::http1::Connection;
use hyper::service::HttpService;
use hyper_util::rt::TokioIo;
use nix::sys::sendfile::sendfile64;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::boot_files::Served;

/// Bytes that are given to the kernel at once.
const CHUNK: u64 = 1 << 20;
/// How long a client may take nothing, and may be slower than any that boots.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes a second that a client takes after that, on the whole: who reads a byte a minute would keep its place for years.
const LEAST: u64 = 16 << 10;

/// A part of a file that is to be sent.
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub(super) file: Arc<Served>,
    pub(super) offset: u64,
    pub(super) length: u64,
    /// The client asked for no more on this connection.
    pub(super) last: bool,
}

const NOTHING: u8 = 0;
const HEAD_WRITTEN: u8 = 1;
const HEAD_SENT: u8 = 2;

/// What the answer, its body and the connection tell each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Handover(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: AtomicU8,
    transfer: Mutex<Option<Transfer>>,
}

impl Handover {
    /// The body of an answer whose file is sent by this module.
    pub(super) fn body(&self, transfer: Transfer) -> Content {
        *self.0.transfer.lock().unwrap_or_else(PoisonError::into_inner) = Some(transfer);
        Content::File(self.clone())
    }

    fn is_sent(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == HEAD_SENT
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Content {
    /// Bytes, until they are taken.
    Bytes(Option<Bytes>),
    /// A file, which hyper never gets.
    File(Handover),
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::File(handover) => {
                let shared = &handover.0;
                let _ =
                    shared.state.compare_exchange(NOTHING, HEAD_WRITTEN, Ordering::AcqRel, Ordering::Acquire);
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Bytes(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            // The head says it.
            Self::File(_) => SizeHint::default(),
        }
    }
}

/// A connection, with what was read of it too early.
#[derive(Debug)]
pub(super) struct Stream {
    stream: TcpStream,
    early: Bytes,
    handover: Handover,
}

impl Stream {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, early: Bytes::new(), handover: Handover::default() }
    }

    /// The same, telling another handover when it is flushed.
    pub(super) fn watched(self, handover: &Handover) -> Self {
        Self { handover: handover.clone(), ..self }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let most = self.early.len().min(buf.remaining());
        buf.put_slice(&self.early[..most]);
        self.early.advance(most);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shared = &self.handover.0;
        let _ = shared.state.compare_exchange(HEAD_WRITTEN, HEAD_SENT, Ordering::AcqRel, Ordering::Acquire);
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Runs a connection until a file is to be sent on it; none: it has ended.
pub(super) async fn until_file<S>(
    mut connection: Connection<TokioIo<Stream>, S>,
    handover: &Handover,
) -> Option<(Stream, Transfer)>
where
    S: HttpService<hyper::body::Incoming, ResBody = Content>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    Connection<TokioIo<Stream>, S>: Future + Unpin,
{
    let is_file = poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
        Poll::Ready(_) => Poll::Ready(false),
        Poll::Pending if handover.is_sent() => Poll::Ready(true),
        Poll::Pending => Poll::Pending,
    });
    if !is_file.await {
        return None;
    }
    let transfer = handover.0.transfer.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    // hyper had read all that was early before, or still has it.
    stream.early = [parts.read_buf, std::mem::take(&mut stream.early)].concat().into();
    Some((stream, transfer))
}

/// How long a client may take for the next bytes, so long after the start and with so many sent.
fn patience(elapsed: Duration, sent: u64) -> Duration {
    let whole = PATIENCE + Duration::from_secs(sent / LEAST);
    whole.saturating_sub(elapsed).min(PATIENCE)
}

/// Lets the kernel send a part of a file.
pub(super) async fn send(stream: &Stream, transfer: &Transfer) -> io::Result<()> {
    let stream = &stream.stream;
    let (mut offset, mut left) = (transfer.offset.cast_signed(), transfer.length);
    let start = Instant::now();
    while left > 0 {
        let most = usize::try_from(left.min(CHUNK)).unwrap_or(usize::MAX);
        let chunk = stream.async_io(Interest::WRITABLE, || {
            sendfile64(stream.as_fd(), transfer.file.file.as_fd(), Some(&mut offset), most)
                .map_err(io::Error::from)
        });
        let bound = patience(start.elapsed(), transfer.length - left);
        match tokio::time::timeout(bound, chunk).await?? {
            // The file became shorter: the client sees that the answer is cut off.
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            sent => left = left.saturating_sub(sent as u64),
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_slow_on_the_whole_is_waited_for_no_longer() {
        let seconds = |elapsed, sent| patience(Duration::from_secs(elapsed), sent).as_secs();
        assert_eq!([seconds(0, 0), seconds(59, 0), seconds(60, 0)], [60, 1, 0], "nothing for a minute");
        assert_eq!([seconds(59, LEAST), seconds(100, LEAST)], [2, 0], "next to nothing");
        assert_eq!([seconds(600, 600 * LEAST), seconds(10, 64 << 20)], [60, 60], "as fast as it has to be");
    }
}
