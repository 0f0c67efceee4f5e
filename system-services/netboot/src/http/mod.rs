//! HTTP: what is asked for, and what is answered. hyper speaks the protocol; files go from the page cache to the network
//! without passing through this program (`handover`).

mod answer;
mod handover;
mod limits;
mod range;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dockos_control::limits::Limits;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::say;
use crate::serve::Service;

use handover::{Handover, Stream};

/// How long a client may take for the head of a request, and how long it may rest between two.
const PATIENCE: Duration = Duration::from_secs(15);
/// The largest head of a request.
const MOST_HEAD: usize = 16 << 10;
/// How long to wait before the next try to accept a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers until `end` changes.
pub(crate) async fn serve(listener: TcpListener, service: Arc<Service>, mut end: watch::Receiver<bool>) {
    let limits = Limits::new(limits::MOST, limits::MOST_OF_ONE);
    let farewells = Limits::new(limits::MOST_FAREWELLS, limits::MOST_OF_ONE);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = end.changed() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, or a client that went away meanwhile.
                say!("a connection cannot be accepted: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some(place) = limits.enter(peer.ip()) else {
            if let Some(place) = farewells.enter(peer.ip()) {
                tokio::spawn(limits::turn_away(stream, place));
            }
            continue;
        };
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            // What goes wrong here is the client's: it went away, or did not speak HTTP.
            let _ = connection(stream, peer, &service).await;
            drop(place);
        });
    }
}

/// Answers the requests of one client, one after the other.
async fn connection(stream: TcpStream, peer: SocketAddr, service: &Arc<Service>) -> Result<(), ()> {
    stream.set_nodelay(true).map_err(drop)?;
    limits::bound_silence(&stream);
    let local = stream.local_addr().map_err(drop)?;
    let mut stream = Stream::new(stream);
    loop {
        let handover = Handover::default();
        let answer = service_fn(|request| {
            let answered = answer::answer(service, peer, local, &request, &handover);
            async move { Ok::<_, std::convert::Infallible>(answered) }
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(MOST_HEAD);
        let connection = builder.serve_connection(TokioIo::new(stream.watched(&handover)), answer);
        let Some((rest, transfer)) = handover::until_file(connection, &handover).await else { return Ok(()) };
        stream = rest;
        handover::send(&stream, &transfer).await.map_err(drop)?;
        if transfer.last {
            return Ok(());
        }
    }
}
