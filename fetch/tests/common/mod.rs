//! Servers on loopback that answer as they are told, and runs of the program against them.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What no output may ever hold.
pub const SECRET: &str = "hunter2";
const PROXIES: [&str; 8] = [
    "ALL_PROXY",
    "all_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// A connection, plain or TLS.
pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// One request: the how-manieth, its head, and where the answer goes.
pub struct Exchange<'a> {
    pub number: usize,
    pub head: String,
    pub stream: &'a mut dyn Stream,
}

impl Exchange<'_> {
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// Sends bytes, the last of this connection.
    pub fn last(&mut self, bytes: impl AsRef<[u8]>) {
        self.send(bytes);
    }

    /// Sends bytes; whether the client is still there.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).and_then(|()| self.stream.flush()).is_ok()
    }

    pub fn answer(&mut self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        self.send(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}"));
    }

    pub fn ok(&mut self, body: &str) {
        self.answer("200 OK", "", body);
    }

    pub fn redirect(&mut self, location: &str) {
        self.answer("302 Found", &format!("Location: {location}\r\n"), "");
    }
}

/// A server that lives as long as the test.
pub struct Server {
    pub port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(answer: impl Fn(&mut Exchange<'_>) + Send + Sync + 'static) -> Self {
        Self::serve(answer, |stream, work| work(&mut { stream }))
    }

    pub fn tls(config: ServerConfig, answer: impl Fn(&mut Exchange<'_>) + Send + Sync + 'static) -> Self {
        let config = Arc::new(config);
        Self::serve(answer, move |stream, work| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            work(&mut stream);
            stream.conn.send_close_notify();
            let _ = stream.flush();
        })
    }

    fn serve(
        answer: impl Fn(&mut Exchange<'_>) + Send + Sync + 'static,
        wrap: impl Fn(TcpStream, &mut dyn FnMut(&mut dyn Stream)) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let shared = Arc::new((answer, wrap));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, shared) = (Arc::clone(&seen), Arc::clone(&shared));
                thread::spawn(move || {
                    let (answer, wrap) = &*shared;
                    wrap(stream, &mut |stream| {
                        let Some(head) = read_head(stream) else { return };
                        let number = {
                            let mut seen = seen.lock().unwrap();
                            seen.push(head.clone());
                            seen.len()
                        };
                        answer(&mut Exchange { number, head, stream });
                    });
                });
            }
        });
        Self { port, heads }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The heads of all requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn read_head(stream: &mut dyn Stream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.extend(byte);
    }
    String::from_utf8(head).ok()
}

/// How a run ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub time: Duration,
}

impl Run {
    /// Holds it against an exit status and a part of its last line; on failure nothing may be on standard output.
    #[track_caller]
    pub fn expect(&self, code: i32, last: &str) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.stderr.lines().last().unwrap_or_default().contains(last), "`{last}` in {self:?}");
        assert!(code == 0 || self.stdout.is_empty(), "{self:?}");
        self
    }

    #[track_caller]
    pub fn expect_ok(&self, body: &str) -> &Self {
        assert_eq!((self.code, self.stdout.as_str()), (0, body), "{self:?}");
        self
    }

    #[track_caller]
    pub fn within(&self, seconds: f64) -> &Self {
        assert!(self.time.as_secs_f64() < seconds, "{self:?}");
        self
    }

    pub fn tries_that_failed(&self) -> usize {
        self.stderr.lines().filter(|line| line.contains("; next in ")).count()
    }
}

pub fn fetch(arguments: &[&str]) -> Run {
    fetch_with(&[], arguments)
}

/// Runs the program in an environment of these variables.
pub fn fetch_with(environment: &[(&str, &str)], arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockos-fetch"));
    for name in PROXIES {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied()).args(arguments).stdin(Stdio::null());
    let start = Instant::now();
    let output = command.output().unwrap();
    let run = Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        time: start.elapsed(),
    };
    assert!(!run.stderr.contains(SECRET), "{run:?}");
    run
}
