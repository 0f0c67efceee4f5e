//! One request of HTTP/1.1 and its answer; the connection closes after it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use anyhow::Result;

use super::{Request, Shared};

/// Bodies are sent in pieces of this size, or smaller ones when the speed is limited.
const PIECE: usize = 64 << 10;
/// Pieces per second when the speed is limited.
const PIECES: u64 = 20;

/// Answers the request on a connection.
pub(super) fn serve(mut stream: &TcpStream, shared: &Shared) -> Result<()> {
    let request = read(stream)?;
    let mut state = shared.state();
    let path = request.target.split('?').next().unwrap_or_default();
    let file = state.files.get(&request.target).or_else(|| state.files.get(path)).cloned();
    state.requests.push(request.clone());
    drop(state);
    let Some(file) = file else {
        return Ok(
            stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?
        );
    };
    let (status, range) = match request.range.as_deref().and_then(|range| parse_range(range, file.len())) {
        None => ("200 OK".to_owned(), 0..file.len()),
        Some(range) if range.is_empty() => {
            (format!("416 Range Not Satisfiable\r\nContent-Range: bytes */{}", file.len()), range)
        }
        Some(range) => {
            let (first, last) = (range.start, range.end - 1);
            (format!("206 Partial Content\r\nContent-Range: bytes {first}-{last}/{}", file.len()), range)
        }
    };
    let body = file.get(range).unwrap_or_default();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nAccept-Ranges: bytes\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    if request.method == "HEAD" { Ok(()) } else { send(stream, body, &request.sent, &shared.speed) }
}

fn read(stream: &TcpStream) -> Result<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut range = None;
    for line in lines {
        let line = line?;
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("range") => {
                range = Some(value.trim().to_owned());
            }
            None if line.is_empty() => break,
            _ => {}
        }
    }
    Ok(Request { method, target, range, sent: Arc::default() })
}

/// The bytes meant by a `Range` header; empty when there are none, `None` when the header is to be ignored.
fn parse_range(header: &str, length: usize) -> Option<Range<usize>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    if first.is_empty() {
        return Some(length.saturating_sub(last.parse().ok()?)..length);
    }
    let first: usize = first.parse().ok()?;
    let last = if last.is_empty() { usize::MAX } else { last.parse().ok()? };
    if last < first {
        return None;
    }
    Some(first.min(length)..last.saturating_add(1).min(length))
}

fn send(mut stream: &TcpStream, mut body: &[u8], sent: &AtomicU64, speed: &AtomicU64) -> Result<()> {
    while !body.is_empty() {
        let speed = speed.load(Ordering::Relaxed);
        let size = if speed == 0 { PIECE } else { usize::try_from(speed / PIECES)?.clamp(1, PIECE) };
        let (piece, rest) = body.split_at(size.min(body.len()));
        stream.write_all(piece)?;
        sent.fetch_add(u64::try_from(piece.len())?, Ordering::Relaxed);
        body = rest;
        if speed != 0 {
            sleep(Duration::from_millis(1000 / PIECES));
        }
    }
    Ok(())
}
