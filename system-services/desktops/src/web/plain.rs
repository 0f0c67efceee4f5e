//! Plain HTTP on the port of HTTPS: the browser is told where to go.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long it may take altogether.
const BOUND: Duration = Duration::from_secs(5);
/// The most that is read of a request.
const MOST: usize = 4096;
/// What stands in the place of an answer that cannot be given.
const WORD: &str = "this port speaks HTTPS: write https:// before the address\n";

/// Answers one request, and ends the connection.
pub(super) async fn answer(mut stream: TcpStream) {
    let talk = async {
        let mut request = Vec::new();
        let mut part = [0; 1024];
        while request.len() < MOST && !request.windows(4).any(|four| four == b"\r\n\r\n") {
            match stream.read(&mut part).await? {
                0 => break,
                read => request.extend_from_slice(&part[..read]),
            }
        }
        stream.write_all(reply(&request).as_bytes()).await?;
        stream.shutdown().await?;
        while stream.read(&mut part).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    let _ = timeout(BOUND, talk).await;
}

fn reply(request: &[u8]) -> String {
    let (status, more) = match target(request) {
        Some(target) => ("308 Permanent Redirect", format!("Location: https://{target}\r\n")),
        None => ("400 Bad Request", String::new()),
    };
    let length = WORD.len();
    format!(
        "HTTP/1.1 {status}\r\n{more}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{WORD}"
    )
}

/// The same address over HTTPS: what the browser calls this server, and the path, of letters that cannot mean more.
fn target(request: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(request).ok()?;
    let mut lines = text.split("\r\n");
    let path = lines.next()?.split(' ').nth(1).filter(|path| path.starts_with('/'))?;
    let named =
        |line: &str| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("host")).is_some();
    let host = lines.find(|line| named(line))?.split_once(':')?.1.trim();
    let good_host = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    let good_path = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
    let good = !host.is_empty() && host.chars().all(good_host) && path.chars().all(good_path);
    good.then(|| format!("{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_to_https() {
        let target = |text: &str| target(text.as_bytes());
        let request = "GET /a?b HTTP/1.1\r\nAccept: x\r\nHost: node:443\r\n\r\n";
        assert_eq!(target(request).as_deref(), Some("node:443/a?b"));
        for bad in ["", "GET", "GET / HTTP/1.1\r\n\r\n", "GET x HTTP/1.1\r\nHost: a\r\n\r\n"] {
            assert_eq!(target(bad), None, "{bad}");
        }
        assert_eq!(target("GET / HTTP/1.1\r\nHost: a b<script>\r\n\r\n"), None);
        assert!(reply(b"\xff\xfe").starts_with("HTTP/1.1 400"));
    }

    proptest::proptest! {
        #[test]
        fn no_request_adds_a_line_to_the_answer(request: Vec<u8>) {
            proptest::prop_assert!(reply(&request).split("\r\n").count() <= 7);
        }
    }
}
