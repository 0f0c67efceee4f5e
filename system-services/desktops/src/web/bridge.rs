//! Between a browser's websocket and a screen's socket: what comes is passed on at once, and nothing is taken from one
//! side that the other has no room for.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::web::access::Wish;
use crate::web::filter::Filter;
use crate::web::sessions::Who;
use crate::web::site::Site;
use crate::web::viewers::Looking;
use crate::web::websocket;

/// What is read of a screen at once: what fits into one record of TLS.
const PART: usize = 16 << 10;
/// How often a browser is asked whether it is there, and its session whether it still holds.
const PING: Duration = Duration::from_secs(20);
/// How long a browser may say nothing, pongs included.
const SILENCE: Duration = Duration::from_secs(65);
/// How long a screen may take nothing.
const STALL: Duration = Duration::from_secs(60);
/// How long a screen may take to say its first word.
const GREETING: Duration = Duration::from_secs(10);
/// How long the farewell may take, and how many bytes may still come meanwhile.
const FAREWELL: Duration = Duration::from_secs(2);
const REST: u64 = 1 << 20;

/// Why it ends: a code and a word for the browser.
type End = (CloseCode, &'static str);

/// A viewer: whose browser, and whether it may only look.
pub(super) struct Viewer {
    /// The page.
    pub(super) site: Arc<Site>,
    /// Who looks.
    pub(super) who: Who,
    /// At which desktop.
    pub(super) desktop: String,
    /// The place among the viewers.
    pub(super) looking: Looking,
    /// Whether nothing may be touched.
    pub(super) view_only: bool,
}

/// Runs until one side ends it, or has to be ended.
pub(super) async fn run<S>(viewer: Viewer, browser: S, screen: UnixStream)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let socket = WebSocketStream::from_raw_socket(browser, Role::Server, Some(websocket::config())).await;
    let (mut to_browser, mut from_browser) = socket.split();
    let (from_screen, to_screen) = screen.into_split();
    let filter = viewer.view_only.then(Filter::new);
    let (code, reason) = tokio::select! {
        end = up(&mut from_browser, to_screen, filter) => end,
        end = down(from_screen, &mut to_browser) => end,
        end = watch(&viewer) => end,
    };
    drop(viewer.looking);
    let farewell = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
    let _ = timeout(FAREWELL, async {
        to_browser.send(farewell).await.ok()?;
        let mut socket = from_browser.reunite(to_browser).ok()?;
        let browser = socket.get_mut();
        browser.shutdown().await.ok()?;
        // What is still on its way, closed upon, would make the kernel take the farewell back.
        tokio::io::copy(&mut browser.take(REST), &mut tokio::io::sink()).await.ok()
    })
    .await;
}

/// From the browser to the screen.
async fn up<S>(
    browser: &mut SplitStream<WebSocketStream<S>>,
    mut screen: OwnedWriteHalf,
    mut filter: Option<Filter>,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let Ok(message) = timeout(SILENCE, browser.next()).await else {
            return (CloseCode::Away, "nothing was heard of the browser");
        };
        let bytes = match judge(message) {
            ControlFlow::Continue(bytes) => bytes,
            ControlFlow::Break(end) => return end,
        };
        let passed = match filter.as_mut().map(|filter| filter.take(&bytes)) {
            None => bytes,
            Some(Ok(passed)) => passed.into(),
            Some(Err(_)) => return (CloseCode::Policy, "this is more than looking"),
        };
        match timeout(STALL, screen.write_all(&passed)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return (CloseCode::Normal, "the desktop has ended"),
            Err(_) => return (CloseCode::Again, "the desktop does not answer"),
        }
    }
}

/// What came from the browser: bytes for the screen, or the end.
fn judge(message: Option<Result<Message, Error>>) -> ControlFlow<End, Bytes> {
    match message {
        Some(Ok(Message::Binary(bytes))) => ControlFlow::Continue(bytes),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => ControlFlow::Continue(Bytes::new()),
        Some(Ok(Message::Text(_))) => {
            ControlFlow::Break((CloseCode::Unsupported, "only binary frames are taken"))
        }
        Some(Err(Error::Capacity(_))) => ControlFlow::Break((CloseCode::Size, "this frame is too large")),
        Some(Err(Error::Protocol(_) | Error::Utf8(_))) => {
            ControlFlow::Break((CloseCode::Protocol, "this is no websocket frame"))
        }
        _ => ControlFlow::Break((CloseCode::Normal, "")),
    }
}

/// Ends when what was allowed at the beginning is no more: the session, the desktop, or to do more than look.
async fn watch(viewer: &Viewer) -> End {
    loop {
        tokio::time::sleep(PING).await;
        let Some(who) = viewer.site.sessions.find(&viewer.site.web(), &viewer.who.word).await else {
            return (CloseCode::Policy, "logged out");
        };
        // An agent that is away takes no screen away.
        let Ok(desktop) = viewer.site.agent.desktop(&viewer.desktop).await else { continue };
        let wish = if viewer.view_only { Wish::See } else { Wish::Touch };
        if !desktop.is_some_and(|desktop| desktop.allows(&who, wish)) {
            return (CloseCode::Policy, "this is not allowed any more");
        }
    }
}

/// From the screen to the browser.
async fn down<S>(mut screen: OwnedReadHalf, browser: &mut SplitSink<WebSocketStream<S>, Message>) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = BytesMut::new();
    // A server that stalls takes connections all the same: the kernel does.
    if timeout(GREETING, screen.readable()).await.is_err() {
        return (CloseCode::Again, "the desktop does not answer");
    }
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        buffer.reserve(PART);
        let mut part = (&mut screen).take(PART as u64);
        let message = tokio::select! {
            read = part.read_buf(&mut buffer) => match read {
                Ok(0) => return (CloseCode::Normal, "the desktop has ended"),
                Ok(_) => Message::Binary(buffer.split().freeze()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return (CloseCode::Normal, "the desktop has ended"),
            },
            _ = ping.tick() => Message::Ping(Bytes::new()),
        };
        if browser.send(message).await.is_err() {
            return (CloseCode::Away, "");
        }
    }
}
