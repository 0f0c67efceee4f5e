//! How many clients there may be at once, and how long one may be silent.

use std::time::Duration;

use dockos_control::limits::Place;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Connections at once.
pub(super) const MOST: usize = 512;
/// Connections of one address, so that a few cannot take all. A machine that boots has one; of a room behind one address
/// some wait, and try again.
pub(super) const MOST_OF_ONE: usize = 16;
/// Clients that are told at once that there is no place. Others see their connection end.
pub(super) const MOST_FAREWELLS: usize = 64;
/// How long a client that is turned away may take to hear of it.
const FAREWELL: Duration = Duration::from_secs(2);
/// What it hears.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n\
    Content-Type: text/plain\r\nContent-Length: 41\r\n\r\ntoo many connections; try again in a bit\n";

/// Tells a client that there is no place but the one to hear of it.
pub(super) async fn turn_away(mut stream: TcpStream, _place: Place) {
    let farewell = async {
        stream.write_all(BUSY).await?;
        stream.shutdown().await?;
        // What it asks has to be taken, or it sees no answer but a broken connection.
        let mut request = [0; 4096];
        while stream.read(&mut request).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
}

/// Lets the kernel end connections whose other side is gone or takes nothing: small answers wait for nobody else.
pub(super) fn bound_silence(stream: &TcpStream) {
    const MILLISECONDS: u32 = 60_000;
    // Without it, what bounds transfers of files holds all the same.
    let _ = nix::sys::socket::setsockopt(stream, nix::sys::socket::sockopt::TcpUserTimeout, &MILLISECONDS);
}

#[cfg(test)]
mod tests {
    use super::BUSY;

    #[test]
    fn the_farewell_is_as_long_as_it_says() {
        let text = String::from_utf8(BUSY.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
