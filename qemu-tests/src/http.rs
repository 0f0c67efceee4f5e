//! The few bytes of HTTP/1.0 that it takes to see a tenant's page.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// Fetches `path` from `port` of this host and returns the body. QEMU's forwarding accepts connections long before the
/// guest does, so refusals and empty answers are tried again until `timeout`.
pub fn get(port: u16, path: &str, timeout: Duration) -> Result<String> {
    let deadline = Instant::now() + timeout;
    loop {
        match attempt(port, path) {
            Ok(body) => return Ok(body),
            Err(error) if Instant::now() >= deadline => {
                return Err(error)
                    .context(format!("http://localhost:{port}{path} did not answer in {timeout:?}"));
            }
            Err(_) => sleep(Duration::from_millis(300)),
        }
    }
}

fn attempt(port: u16, path: &str) -> Result<String> {
    let limit = Duration::from_secs(10);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), limit)?;
    stream.set_read_timeout(Some(limit))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { bail!("no HTTP answer: {answer:?}") };
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!("answered `{status}`");
    }
    Ok(body.to_owned())
}
