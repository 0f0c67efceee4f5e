//! An answer of HTTP/1.1 on a connection that closes after it.

use std::io::{ErrorKind, Read};

use anyhow::{Context as _, Result, bail};

/// More than any page of ours.
const MOST: u64 = 256 << 20;

/// Status, headers and body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status: 200, 404.
    pub status: u16,
    /// The headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads to the end of the connection.
    pub(super) fn read(connection: &mut impl Read) -> Result<Self> {
        let mut bytes = Vec::new();
        match connection.take(MOST).read_to_end(&mut bytes) {
            // Many servers close without TLS's own goodbye.
            Err(error) if error.kind() != ErrorKind::UnexpectedEof && bytes.is_empty() => {
                return Err(error).context("no answer");
            }
            _ => {}
        }
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            bail!("no HTTP answer: {:?}", String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes)));
        };
        let (head, body) = bytes.split_at(end + 4);
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = if chunked { dechunk(body) } else { body.to_vec() };
        Ok(Self { status: status.context("the answer has no status")?, headers, body })
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(there, _)| there == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn cookies(&self) -> impl Iterator<Item = (String, String)> {
        self.headers.iter().filter(|(name, _)| name == "set-cookie").filter_map(|(_, value)| {
            let (name, value) = value.split(';').next()?.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        })
    }
}

/// The bytes of a chunked body, as far as it is whole.
fn dechunk(mut body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let (line, rest) = body.split_at(end);
        let size = std::str::from_utf8(line).ok().and_then(|line| line.split(';').next());
        let size = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let Some((chunk, rest)) = size.and_then(|size| rest.get(2..)?.split_at_checked(size)) else { break };
        bytes.extend_from_slice(chunk);
        body = rest.get(2..).unwrap_or_default();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_and_in_chunks() {
        let answer = Answer::parse(
            b"HTTP/1.1 303 See Other\r\nLocation: /\r\nSet-Cookie: s=1; Secure\r\nSet-Cookie: c=2\r\n\r\n",
        )
        .unwrap();
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
        assert_eq!(
            answer.cookies().collect::<Vec<_>>(),
            [("s", "1"), ("c", "2")].map(|(n, v)| (n.into(), v.into()))
        );
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\na;x=y\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(Answer::parse(chunked).unwrap().text(), "abc0123456789");
        assert!(Answer::parse(b"HTTP/1.1 200 OK\r\n").is_err() && Answer::parse(b"\r\n\r\n").is_err());
        assert_eq!(dechunk(b"ffffffffffffffffff\r\nabc"), b"");
        assert_eq!(dechunk(b"5\r\nab"), b"");
    }
}
