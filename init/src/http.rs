//! A file from an HTTP server, from an offset on, without TLS: for what is checked by its SHA-256, and for the netboot server's
//! word on who a machine is. All else is fetched by a program outside PID 1 (see `fetch/`).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, HOST, RANGE, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::timeout;

use dockos_control::error::{Context, Fault, Result};

/// How long a server may take to answer, and to send the next bytes.
const SILENCE: Duration = Duration::from_secs(15);
/// How long it may take for a small text.
const WHOLE: Duration = Duration::from_secs(30);

/// An answer, of which the body is still to come.
pub(crate) struct Download {
    body: Incoming,
    /// The offset at which the body begins: that asked for, or the start if the server knows no ranges.
    pub(crate) offset: u64,
    /// The size of the whole file, where the server says it.
    pub(crate) size: Option<u64>,
}

/// Asks for the file at a URL from an offset on; `None` where the server says that it has none.
pub(crate) async fn get(url: &str, offset: u64) -> Result<Option<Download>> {
    let (host, path) = split(url);
    let answer = timeout(SILENCE, ask(host, &path, offset)).await;
    let answer = answer.map_err(|_| Fault::new(format!("no answer in {} s", SILENCE.as_secs())))??;
    let number = |name| answer.headers().get(name)?.to_str().ok()?.rsplit('/').next()?.parse::<u64>().ok();
    let (offset, size) = match answer.status() {
        StatusCode::OK => (0, number(CONTENT_LENGTH)),
        StatusCode::PARTIAL_CONTENT if begins_at(&answer, offset) => (offset, number(CONTENT_RANGE)),
        StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
        other => return Err(Fault::new(format!("the server answers: {other}"))),
    };
    Ok(Some(Download { body: answer.into_body(), offset, size }))
}

impl Download {
    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let frame = timeout(SILENCE, self.body.frame()).await;
            let frame = frame.map_err(|_| Fault::new(format!("nothing came for {} s", SILENCE.as_secs())))?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Fault::new(format!("the connection broke: {error}"))),
                // What is no data is a trailer.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Ok(Some(data)),
                    Err(_) => continue,
                },
            }
        }
    }
}

/// A small text, whole; `None` where the server says that there is none.
pub(crate) async fn text(url: &str, most: usize) -> Result<Option<String>> {
    let text = timeout(WHOLE, unbounded_text(url, most)).await;
    text.map_err(|_| Fault::new(format!("no whole answer in {} s", WHOLE.as_secs())))?
}

async fn unbounded_text(url: &str, most: usize) -> Result<Option<String>> {
    let Some(mut download) = get(url, 0).await? else { return Ok(None) };
    let mut bytes = Vec::new();
    while let Some(more) = download.next().await? {
        bytes.extend_from_slice(&more);
        if bytes.len() > most {
            return Err(Fault::new(format!("the answer is longer than {most} bytes")));
        }
    }
    String::from_utf8(bytes).map(Some).context(|| "the answer is no text".to_owned())
}

async fn ask(host: &str, path: &str, offset: u64) -> Result<Response<Incoming>> {
    let what = || format!("ask {host}");
    let stream = TcpStream::connect(address(host)?).await.context(|| format!("connect to {host}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.context(what)?;
    spawn_local(async move {
        // The body ends with the connection's error.
        let _ = connection.await;
    });
    let request = Request::get(path)
        .header(HOST, host)
        .header(USER_AGENT, concat!("DockOS/", env!("CARGO_PKG_VERSION")))
        .header(RANGE, format!("bytes={offset}-"))
        .body(Empty::<Bytes>::new())
        .context(what)?;
    sender.send_request(request).await.context(what)
}

/// Host, with its port, and path of a URL of `http://`.
fn split(url: &str) -> (&str, String) {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (host, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    (host, format!("{}{path}", if path.starts_with('/') { "" } else { "/" }))
}

/// The address of a URL's host, which is no name: a resolver would be a tenth of what PID 1 adds for the network.
fn address(host: &str) -> Result<SocketAddr> {
    const HTTP: u16 = 80;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let with_port = host.parse::<SocketAddr>().ok();
    with_port
        .or_else(|| bare.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, HTTP)))
        .ok_or_else(|| Fault::new(format!("{host} is no address such as 10.0.0.1")))
}

fn begins_at(answer: &Response<Incoming>, offset: u64) -> bool {
    let range = answer.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    range.strip_prefix("bytes ").and_then(|range| range.split('-').next()?.parse().ok()) == Some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        assert_eq!(split("http://10.0.0.1:8080/a/rootfs?x=1"), ("10.0.0.1:8080", "/a/rootfs?x=1".into()));
        assert_eq!(split("http://10.0.0.1"), ("10.0.0.1", "/".into()));
        assert_eq!(split("http://10.0.0.1?mac=1/2"), ("10.0.0.1", "/?mac=1/2".into()));
        for (host, meant) in [
            ("10.0.0.1", "10.0.0.1:80"),
            ("10.0.0.1:8080", "10.0.0.1:8080"),
            ("[fd00::1]", "[fd00::1]:80"),
            ("[fd00::1]:81", "[fd00::1]:81"),
        ] {
            assert_eq!(address(host).unwrap().to_string(), meant);
        }
        assert!(["center", "center:80", "10.0.0.1:", "10.0.0", ""].iter().all(|host| address(host).is_err()));
    }
}
