//! Listens, and says so once it does; listens elsewhere when the settings name another port.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dockos_control::error::{Context, Result};
use dockos_control::files;
use dockos_control::limits::Limits;
use dockos_control::wanted::{Announced, Web};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::web::options::Places;
use crate::web::site::Site;
use crate::web::{certificate, connection, limits, links, say, settings, viewers};

/// The pause after the port could not be had, or no connection.
const AGAIN: Duration = Duration::from_secs(2);
/// PID 1 and the command, which are root, read what is announced.
const MODE: u32 = 0o600;

/// Runs until it is told to end.
pub(super) async fn run(places: Places) -> Result<()> {
    let mut end = signal(SignalKind::terminate()).context(|| "wait for signals".to_owned())?;
    let mut interrupt = signal(SignalKind::interrupt()).context(|| "wait for signals".to_owned())?;
    tokio::select! {
        done = serve(places) => done,
        _ = end.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

async fn serve(places: Places) -> Result<()> {
    let mut settings = settings::watch(&places.wanted);
    let web = loop {
        if let Some(web) = settings.borrow_and_update().clone() {
            break web;
        }
        if settings.changed().await.is_err() {
            return Ok(());
        }
    };
    let identity = certificate::identity(&web, &places.state)?;
    links::warn(&web, &places.state);
    let site = Arc::new(Site::new(places, settings.clone(), identity)?);
    tokio::spawn(viewers::tell(Arc::clone(&site)));
    let limits = limits::limits();
    let mut web = web;
    loop {
        let listener = bind(web.port).await;
        announce(&site, &listener);
        // Until the settings are others: connections that there are stay.
        loop {
            tokio::select! {
                accepted = listener.accept() => take(&site, &limits, accepted).await,
                changed = settings.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let Some(new) = settings.borrow_and_update().clone() else { continue };
                    let is_elsewhere = new.port != web.port;
                    change(&site, &web, &new);
                    web = new;
                    if is_elsewhere {
                        break;
                    }
                    announce(&site, &listener);
                }
            }
        }
    }
}

async fn take(site: &Arc<Site>, limits: &Limits, accepted: io::Result<(tokio::net::TcpStream, SocketAddr)>) {
    match accepted {
        Ok((stream, peer)) => {
            // Where there is no place, closing is the answer that costs least.
            if let Some(place) = limits.enter(limits::client(peer.ip())) {
                tokio::spawn(connection::serve(Arc::clone(site), stream, peer, place));
            }
        }
        // Out of files or memory: some connections end in the meantime.
        Err(_) => tokio::time::sleep(AGAIN / 20).await,
    }
}

/// Takes another certificate, if the settings name one.
fn change(site: &Site, old: &Web, new: &Web) {
    if (&old.certificate, &old.key) != (&new.certificate, &new.key) {
        match certificate::identity(new, &site.places.state) {
            Ok(identity) => site.set_identity(identity),
            Err(fault) => say!("{fault}; the certificate before stays"),
        }
    }
}

/// Both kinds of addresses, or IPv4 alone where the kernel has no other.
async fn bind(port: u16) -> TcpListener {
    let mut said = false;
    loop {
        let v6 = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await;
        let bound = match v6 {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
            }
            other => other,
        };
        match bound {
            Ok(listener) => return listener,
            Err(error) if !said => {
                say!("port {port}: {error}; trying again until it can be had (`web: port:` names another)");
                said = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn announce(site: &Site, listener: &TcpListener) {
    let Ok(address) = listener.local_addr() else { return };
    let fingerprint = site.identity().fingerprint;
    say!("listening on port {}, certificate SHA-256 {fingerprint}", address.port());
    let announced = Announced { port: address.port(), fingerprint };
    if let Err(fault) = write(&site.places.announced, &announced) {
        say!("{fault}");
    }
}

fn write(path: &Path, announced: &Announced) -> Result<()> {
    let text = serde_json::to_vec(announced).context(|| format!("write {}", path.display()))?;
    files::write_durably(path, &text, MODE)
}
