//! What an answer consists of: a text that is there, or bytes that are still to come.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use hyper::body::{Frame, SizeHint};

/// Bytes that are still to come. An error cuts the answer off, which its reader sees.
pub(super) type Later = Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>>>>;

/// An answer's body.
pub(super) enum Body {
    /// A text.
    Whole(Option<Bytes>),
    /// A stream, with the number of its bytes where that is known.
    Later(Later, Option<u64>),
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Later(stream, _) => {
                stream.as_mut().poll_next(context).map(|next| next.map(|bytes| bytes.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Later(_, Some(size)) => SizeHint::with_exact(*size),
            Self::Later(_, None) => SizeHint::default(),
        }
    }
}
