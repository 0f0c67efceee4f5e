//! Files over HTTP on the host's loopback, which guests on QEMU's user network reach as 10.0.2.2.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::Result;

/// A server of a few files, until it is dropped.
#[derive(Debug)]
pub struct Server {
    port: u16,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    gone: Arc<AtomicBool>,
}

impl Server {
    /// A server of files, given by their paths.
    pub fn start(files: &[(&str, &[u8])]) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        let server = Self {
            port: listener.local_addr()?.port(),
            files: Arc::new(Mutex::new(files)),
            gone: Arc::default(),
        };
        let (files, gone) = (Arc::clone(&server.files), Arc::clone(&server.gone));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if gone.load(Ordering::Relaxed) {
                    return;
                }
                let answer =
                    |path: &str| files.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
                // A client that goes away is its own affair.
                let _ = serve(stream, answer);
            }
        });
        Ok(server)
    }

    /// The URL of a path, as a guest has to write it.
    pub fn url(&self, path: &str) -> String {
        format!("http://10.0.2.2:{}{path}", self.port)
    }

    /// Puts a file in place of another.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(path.to_owned(), bytes.to_vec());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        // Wakes the thread, which then sees it.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn serve(mut stream: TcpStream, answer: impl Fn(&str) -> Option<Vec<u8>>) -> Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match answer(path) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body)?;
    Ok(())
}
