//! A netboot service to ask, with good boot files of its own.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrStorage, bind, connect, socket,
};
use tempfile::TempDir;

/// How long anything may take here.
pub(crate) const BOUND: Duration = Duration::from_secs(20);
/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_dockos-netboot");

/// A state folder with boot files.
pub(crate) struct Folder {
    dir: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // What runs as another user reads from it too.
        fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        fs::create_dir(dir.path().join("boot")).unwrap();
        fs::create_dir(dir.path().join("configs")).unwrap();
        let folder = Self { dir };
        folder.write("boot/vmlinuz", &kernel(20_000));
        folder.write("boot/initramfs", b"070701 and so on");
        folder.write("boot/rootfs", &rootfs(3_000_000, 1));
        folder.write("boot/undionly.kpxe", b"a loader for BIOS");
        folder.write("boot/snponly.efi", b"a loader for UEFI");
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Replaces a file as an installer does: whole, under its name at once.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let beside = self.path().join(format!("{name}.new"));
        fs::write(&beside, bytes).unwrap();
        fs::rename(beside, self.path().join(name)).unwrap();
    }
}

/// What passes for a kernel of so many bytes.
pub(crate) fn kernel(size: usize) -> Vec<u8> {
    let mut bytes = vec![3; size];
    bytes[0x1f1] = 1;
    bytes[0x1f4..0x1f8].copy_from_slice(&u32::try_from((size - 1024) / 16).unwrap().to_le_bytes());
    bytes[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    bytes[0x202..0x206].copy_from_slice(b"HdrS");
    bytes
}

/// A root image of so many bytes in its archive; the seed tells one from another.
pub(crate) fn rootfs(size: usize, seed: u8) -> Vec<u8> {
    let mut image: Vec<u8> = (0..size).map(|at| (at % 251) as u8 ^ seed).collect();
    image[..4].copy_from_slice(b"hsqs");
    image[40..48].copy_from_slice(&(size as u64).to_le_bytes());
    let header = |length: usize, name: &str| {
        let mut fields = [0; 13];
        (fields[6], fields[11]) = (length, name.len() + 1);
        let fields: String = fields.iter().map(|field| format!("{field:08x}")).collect();
        let mut bytes = format!("070701{fields}{name}\0").into_bytes();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    let mut archive = header(size, "root.img");
    archive.extend(image);
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive.extend(header(0, "TRAILER!!!"));
    archive
}

/// The service, while it runs.
pub(crate) struct Service {
    pub(crate) child: Child,
    pub(crate) port: u16,
    said: Arc<Mutex<String>>,
}

impl Service {
    /// HTTP alone, on a free port.
    pub(crate) fn start(folder: &Folder) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--dhcp", "none", "--port", "0", "--state"]).arg(folder.path());
        Self::spawn(command)
    }

    /// As the command says; waits until it serves.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (stderr, all) = (child.stderr.take().unwrap(), Arc::clone(&said));
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                all.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        let mut service = Self { child, port: 0, said };
        let line = service.wait_for("serving http://");
        let port = line.split("serving http://").nth(1).unwrap().split('/').next().unwrap();
        service.port = port.rsplit(':').next().unwrap().parse().unwrap();
        service
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits for something that it says, and returns all it said.
    pub(crate) fn wait_for(&mut self, what: &str) -> String {
        let end = Instant::now() + BOUND;
        loop {
            let said = self.said();
            if said.contains(what) {
                return said;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < end, "no `{what}` ({ended:?}) in:\n{said}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Asks for a path.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            self.port
        ))
    }

    /// Sends a request as it is, and reads to the end.
    pub(crate) fn ask(&self, request: &str) -> Answer {
        Self::ask_by(TcpStream::connect(self.address()).unwrap(), request)
    }

    /// The same on a connection that is there.
    pub(crate) fn ask_by(mut stream: TcpStream, request: &str) -> Answer {
        stream.set_read_timeout(Some(BOUND)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Answer::parse(&bytes)
    }

    /// Ends it as PID 1 does.
    pub(crate) fn end(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let end = Instant::now() + BOUND;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "it does not end:\n{}", self.said());
            thread::sleep(Duration::from_millis(20));
        }
        self.said()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connects as another machine would: from the loopback address of this number.
pub(crate) fn connect_as(number: u16, to: SocketAddr) -> TcpStream {
    let [high, low] = number.to_be_bytes();
    let own = SockaddrIn::new(127, 1, high, low, 0);
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(fd.as_raw_fd(), &own).unwrap();
    connect(fd.as_raw_fd(), &SockaddrStorage::from(to)).unwrap();
    fd.into()
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let at = bytes.windows(4).position(|part| part == b"\r\n\r\n").unwrap_or_else(|| {
            panic!("no head in {:?}", String::from_utf8_lossy(bytes));
        });
        let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_ascii_lowercase(), body: bytes[at + 4..].to_vec() }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Runs the program with some words, and returns whether it went well and what it said on both outputs.
pub(crate) fn run(folder: &Folder, words: &[&str]) -> (bool, String) {
    let mut command = Command::new(PROGRAM);
    let output = command.args(words).arg("--state").arg(folder.path()).output().unwrap();
    let both = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&both).into_owned())
}

/// Where a host file is, if it is there.
pub(crate) fn tool(path: &str) -> Option<PathBuf> {
    Some(PathBuf::from(path)).filter(|path| path.exists())
}

/// Says that a test does nothing here, past the harness, which keeps back what a test says that passes. In CI it fails.
pub(crate) fn skipped(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "nothing is skipped where CI is set: {why}");
    let thread = thread::current();
    let _ = writeln!(std::io::stderr(), "\nSKIPPED {}: {why}", thread.name().unwrap_or("test"));
}
