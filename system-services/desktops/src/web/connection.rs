//! One connection: TLS, then HTTP, each within its time.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dockos_control::limits::Place;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::web::site::Site;
use crate::web::stall::Guarded;
use crate::web::{plain, route};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the head of a request may take, and how long a connection may wait for the next one.
const HEAD: Duration = Duration::from_secs(20);
/// Bytes of a head.
const MOST_HEAD: usize = 16 << 10;
/// Headers of a request.
const MOST_HEADERS: usize = 64;
/// How a record of TLS begins.
const RECORD: u8 = 0x16;
/// Memory of TLS for what cannot be sent yet.
const MOST_UNSENT: usize = 32 << 10;

/// Serves a connection to its end.
pub(super) async fn serve(site: Arc<Site>, stream: TcpStream, peer: SocketAddr, _place: Place) {
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    match timeout(HANDSHAKE, stream.peek(&mut first)).await {
        Ok(Ok(1)) if first[0] == RECORD => {}
        Ok(Ok(1)) => return plain::answer(stream).await,
        _ => return,
    }
    let acceptor = TlsAcceptor::from(site.identity().tls);
    let accepted = acceptor.accept_with(Guarded::new(stream), |tls| tls.set_buffer_limit(Some(MOST_UNSENT)));
    let Ok(Ok(stream)) = timeout(HANDSHAKE, accepted).await else { return };
    let service = service_fn(|request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(route::answer(site, peer, request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MOST_HEAD).max_headers(MOST_HEADERS);
    let _ = http.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}
