//! Files over HTTP on the host's loopback, which guests on QEMU's user network reach as 10.0.2.2. The server can be slow,
//! die in the middle of a transfer and come back, and it remembers what it was asked for.

mod answer;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

/// A server of a few files, until it is dropped.
#[derive(Debug)]
pub struct Server {
    port: u16,
    shared: Arc<Shared>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

/// One request that the server was given.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET` or `HEAD`.
    pub method: String,
    /// The path, and the query if there was one.
    pub target: String,
    /// The range asked for, as the header has it: `bytes=100-`.
    pub range: Option<String>,
    sent: Arc<AtomicU64>,
}

impl Request {
    /// The bytes of the body sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    fn is_of(&self, path: &str) -> bool {
        self.target == path || self.target.split('?').next() == Some(path)
    }
}

/// What all connections of a server share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Bytes per second that a connection is given; 0: all it takes.
    speed: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Arc<[u8]>>,
    requests: Vec<Request>,
    connections: BTreeMap<u16, TcpStream>,
    dead: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// A server of files, given by their paths.
    pub fn start(files: &[(&str, &[u8])]) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let server = Self { port, shared: Arc::default(), listener: Mutex::default() };
        files.iter().for_each(|(path, bytes)| server.put(path, bytes));
        server.listen(listener);
        Ok(server)
    }

    /// The URL of a path, as a guest has to write it.
    pub fn url(&self, path: &str) -> String {
        format!("http://10.0.2.2:{}{path}", self.port)
    }

    /// The port, which guests find at 10.0.2.2.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a path for programs of this host.
    pub fn local_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Puts a file in place of another.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.shared.state().files.insert(path.to_owned(), bytes.into());
    }

    /// Puts a file of the host in place of another.
    pub fn put_file(&self, path: &str, file: &Path) -> Result<()> {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        self.put(path, &bytes);
        Ok(())
    }

    /// Takes a file away: it is not found from now on.
    pub fn remove(&self, path: &str) {
        self.shared.state().files.remove(path);
    }

    /// Gives each connection at most so many bytes per second; 0 takes the limit away. It holds at once.
    pub fn limit_speed(&self, bytes_per_second: u64) {
        self.shared.speed.store(bytes_per_second, Ordering::Relaxed);
    }

    /// What was asked of a path so far, whatever the query.
    pub fn requests(&self, path: &str) -> Vec<Request> {
        self.shared.state().requests.iter().filter(|request| request.is_of(path)).cloned().collect()
    }

    /// Waits until so many bytes of a path were sent, all requests together.
    pub fn wait_sent(&self, path: &str, bytes: u64, timeout: Duration) -> Result<()> {
        let deadline = Instant::now() + timeout;
        loop {
            let sent: u64 = self.requests(path).iter().map(Request::sent).sum();
            if sent >= bytes {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{sent} bytes of {path} were asked for in {timeout:?}, not {bytes}"
            );
            sleep(Duration::from_millis(20));
        }
    }

    /// Dies: connections break off in the middle, new ones are refused.
    pub fn kill(&self) {
        let Some(listener) = self.listener().take() else { return };
        let mut state = self.shared.state();
        state.dead = true;
        // A connection that has ended meanwhile cannot be shut down.
        state.connections.values().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        drop(state);
        // Wakes the thread, which then sees it.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let _ = listener.join();
    }

    /// Comes back at the same URL after [`Server::kill`].
    pub fn revive(&self) -> Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))
            .with_context(|| format!("port {} is taken meanwhile", self.port))?;
        self.shared.state().dead = false;
        self.listen(listener);
        Ok(())
    }

    fn listen(&self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        *self.listener() = Some(thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut state = shared.state();
                if state.dead {
                    return;
                }
                let (Ok(client), Ok(handle)) = (stream.peer_addr(), stream.try_clone()) else { continue };
                state.connections.insert(client.port(), handle);
                drop(state);
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    // A client that goes away is its own affair.
                    let _ = answer::serve(&stream, &shared);
                    shared.state().connections.remove(&client.port());
                });
            }
        }));
    }

    fn listener(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    /// Asks and returns the whole answer, or as much as came.
    fn ask(server: &Server, request: &str) -> String {
        let mut answer = Vec::new();
        if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)) {
            write!(stream, "{request}\r\nHost: test\r\n\r\n").unwrap();
            let _ = stream.read_to_end(&mut answer);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn ranges_are_served_and_remembered() {
        let server = Server::start(&[("/file", b"0123456789")]).unwrap();
        for (range, status, body) in [
            ("bytes=4-", "206 Partial Content", "456789"),
            ("bytes=0-0", "206 Partial Content", "0"),
            ("bytes=8-99", "206 Partial Content", "89"),
            ("bytes=-3", "206 Partial Content", "789"),
            ("bytes=10-", "416 Range Not Satisfiable", ""),
            ("bytes=5-4", "200 OK", "0123456789"),
            ("bytes=x-", "200 OK", "0123456789"),
        ] {
            let answer = ask(&server, &format!("GET /file?a=b HTTP/1.1\r\nrange: {range}"));
            let (head, received) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{range}: {head}");
            assert_eq!(received, body, "{range}");
        }
        assert!(ask(&server, "GET /file HTTP/1.1\r\nRange: bytes=4-6").contains("bytes 4-6/10\r\n"));
        let requests = server.requests("/file");
        assert_eq!(requests.len(), 8);
        assert_eq!((requests[0].range.as_deref(), requests[0].sent()), (Some("bytes=4-"), 6));
        assert_eq!(requests[0].target, "/file?a=b");
    }

    #[test]
    fn a_head_has_no_body_and_a_missing_file_none_either() {
        let server = Server::start(&[("/file", b"0123456789")]).unwrap();
        let head = ask(&server, "HEAD /file HTTP/1.1");
        assert!(head.contains("Content-Length: 10\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        assert!(ask(&server, "GET /other HTTP/1.1").starts_with("HTTP/1.1 404 "));
        server.remove("/file");
        assert!(ask(&server, "GET /file HTTP/1.1").starts_with("HTTP/1.1 404 "));
        assert!(ask(&server, "nonsense").starts_with("HTTP/1.1 404 "));
    }

    #[test]
    fn it_dies_in_the_middle_and_comes_back() {
        let server = Server::start(&[]).unwrap();
        server.put("/big", &vec![b'x'; 4 << 20]);
        server.limit_speed(256 << 10);
        thread::scope(|scope| {
            let client = scope.spawn(|| ask(&server, "GET /big HTTP/1.1"));
            server.wait_sent("/big", 100_000, Duration::from_secs(10)).unwrap();
            server.kill();
            assert!(client.join().unwrap().len() < 4 << 20);
        });
        assert_eq!(ask(&server, "GET /big HTTP/1.1"), "", "it is dead");
        server.revive().unwrap();
        server.limit_speed(0);
        assert!(ask(&server, "GET /big HTTP/1.1").len() > 4 << 20);
    }
}
