//! Fifty clients that fetch the root image at once: from this service, and from a bare static file server (nginx) on the
//! same loopback. It fails where this one is much slower, or where there is nothing to compare with.
//! `make bench-netboot`; `CLIENTS=N` for another number.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench may fail loudly")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use common::{Folder, Service, connect_as, rootfs};

/// The server that this one is compared with, and the package it is from.
const NGINX: &str = "/usr/sbin/nginx";
const NGINX_PACKAGE: &str = "nginx-light";
/// Each server's turn comes so often; the median counts.
const ROUNDS: usize = 5;
/// What this service should reach of the other's.
const TARGET: f64 = 0.8;
/// About the size of the real one.
const IMAGE: usize = 64 << 20;

fn main() -> ExitCode {
    // cargo test --benches runs it too, to see that it works.
    if std::env::args().any(|word| word == "--test") {
        return ExitCode::SUCCESS;
    }
    let clients = std::env::var("CLIENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    let folder = Folder::new();
    folder.write("boot/rootfs", &rootfs(IMAGE, 1));
    println!("{clients} clients fetch {:.1} MB each, {ROUNDS} rounds", IMAGE as f64 / 1e6);
    let service = Service::start(&folder);
    let nginx = Nginx::start(&folder);
    let (mut own, mut other) = (Vec::new(), Vec::new());
    let pid = service.child.id();
    let before = resident(pid);
    let peak = Peak::watch(pid);
    for _ in 0..ROUNDS {
        own.push(fetch(service.address(), clients));
        other.extend(nginx.as_ref().map(|nginx| fetch(nginx.address, clients)));
    }
    let peak = peak.end();
    println!("netboot  {:7.0} MB/s", median(&mut own));
    println!("netboot  resident memory {before} kB before, {peak} kB at most, {} kB after", resident(pid));
    if nginx.is_none() {
        println!("no {NGINX}: install {NGINX_PACKAGE} to compare with it");
        return ExitCode::FAILURE;
    }
    let (own, other) = (median(&mut own), median(&mut other));
    let (reached, wanted) = (100.0 * own / other, 100.0 * TARGET);
    println!(
        "nginx    {other:7.0} MB/s\nnetboot reaches {reached:.0} % of nginx (at least {wanted:.0} % wanted)"
    );
    if reached < wanted { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// MB/s of all clients together.
fn fetch(address: SocketAddr, clients: u16) -> f64 {
    let begin = Arc::new(Barrier::new(usize::from(clients) + 1));
    let threads: Vec<_> = (0..clients)
        .map(|number| {
            let begin = Arc::clone(&begin);
            thread::spawn(move || {
                let mut buffer = vec![0; 256 << 10];
                begin.wait();
                fetch_one(number, address, &mut buffer)
            })
        })
        .collect();
    begin.wait();
    let start = Instant::now();
    let bytes: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    let seconds = start.elapsed().as_secs_f64();
    assert!(bytes > u64::from(clients) * IMAGE as u64, "a client was cut off");
    bytes as f64 / 1e6 / seconds
}

/// From an address of its own, as each machine has one.
fn fetch_one(number: u16, address: SocketAddr, buffer: &mut [u8]) -> u64 {
    let mut stream = connect_as(number, address);
    stream.write_all(b"GET /rootfs HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n").unwrap();
    let mut bytes = 0;
    loop {
        match stream.read(buffer).unwrap() {
            0 => return bytes,
            read => bytes += read as u64,
        }
    }
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// kB of a process in memory.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The most that a process has in memory, while it is watched.
struct Peak {
    most: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Peak {
    fn watch(pid: u32) -> Self {
        let (most, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (seen, end) = (Arc::clone(&most), Arc::clone(&over));
        let thread = thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                seen.fetch_max(resident(pid), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self { most, over, thread }
    }

    fn end(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.most.load(Ordering::Relaxed)
    }
}

/// nginx as Debian sets it up for static files, without a log.
struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    fn start(folder: &Folder) -> Option<Self> {
        if !Path::new(NGINX).exists() {
            return None;
        }
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = configuration(folder.path(), address);
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(NGINX);
        command.args(["-p", "/tmp", "-c"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let nginx = Self { child, address };
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "nginx does not start");
            thread::sleep(Duration::from_millis(50));
        }
        Some(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // In order: its workers end with it.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path, address: SocketAddr) -> String {
    let (work, boot): (PathBuf, PathBuf) = (folder.into(), folder.join("boot"));
    let (work, boot) = (work.display(), boot.display());
    format!(
        "daemon off; worker_processes auto; user root; pid {work}/nginx.pid; error_log {work}/nginx.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush on; keepalive_timeout 65;\n\
         client_body_temp_path {work}/a; proxy_temp_path {work}/b; fastcgi_temp_path {work}/c; uwsgi_temp_path {work}/d;\n\
         scgi_temp_path {work}/e; server {{ listen {address}; root {boot}; }} }}\n"
    )
}
