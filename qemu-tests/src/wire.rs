//! A cable between a client and a port of this host, which can be pulled: packets just stop, as they do on a real network,
//! and neither side is told. Or cut: both sides are.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::{Context as _, Result};

/// The cable; dropped, it is cut.
#[derive(Debug)]
pub struct Wire {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pulled: bool,
    ended: bool,
    connections: Vec<TcpStream>,
}

impl Wire {
    /// A cable to a port of this host.
    pub fn to(target: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::<Shared>::default();
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if serving.state().ended {
                    return;
                }
                // A target that refuses is as a client would find it: closed.
                let _ = connect(client, target, &serving);
            }
        });
        Ok(Self { port, shared })
    }

    /// The port that it begins at.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Pulls it, or plugs it in again: what was sent meanwhile comes then.
    pub fn pull(&self, pulled: bool) {
        self.shared.state().pulled = pulled;
        self.shared.changed.notify_all();
    }

    /// Breaks all connections; new ones are taken.
    pub fn cut(&self) {
        for connection in self.shared.state().connections.drain(..) {
            // One that has ended is as cut as it can be.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.pull(false);
        self.cut();
        // Wakes the thread, which then sees it.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_plugged(&self) {
        let mut state = self.state();
        while state.pulled {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn connect(client: TcpStream, target: u16, shared: &Arc<Shared>) -> Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).context("the target refuses")?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
        shared.state().connections.push(stream.try_clone()?);
    }
    for (mut from, mut to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                shared.wait_plugged();
                if to.write_all(buffer.get(..length).unwrap_or_default()).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, time::Duration};

    use super::*;

    #[test]
    fn it_is_pulled_plugged_in_and_cut() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let wire = Wire::to(listener.local_addr().unwrap().port()).unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, wire.port())).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut got = [0; 3];
        client.write_all(b"one").unwrap();
        server.read_exact(&mut got).unwrap();
        wire.pull(true);
        client.write_all(b"two").unwrap();
        assert_eq!(server.read(&mut got).unwrap_err().kind(), ErrorKind::WouldBlock);
        wire.pull(false);
        server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        server.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"two");
        wire.cut();
        assert_eq!(server.read(&mut got).unwrap(), 0);
        assert_eq!(client.read(&mut got).unwrap_or(0), 0);
    }
}
