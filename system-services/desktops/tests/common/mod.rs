//! The page with all that it needs: an agent that stands in for the real one, screens, a browser's side of HTTPS.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod agent;
pub(crate) mod client;
pub(crate) mod rfb;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dockos_control::wanted::{Announced, Web, WebUser};
use tempfile::TempDir;

use agent::Agent;
use client::Browser;

/// How long anything may take here.
pub(crate) const BOUND: Duration = Duration::from_secs(30);
/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_dockos-desktops");
/// Of `alice-pw`, `zhao-pw` and `bob-pw`, with few rounds.
const HASHES: [&str; 3] = include!("hashes.in");
/// The word of alice's link.
pub(crate) const LINK: &str = "a-word-that-logs-in-once";

/// A page that runs.
pub(crate) struct Page {
    pub(crate) dir: TempDir,
    pub(crate) agent: Agent,
    pub(crate) child: Child,
    pub(crate) announced: Announced,
}

/// The settings of the tests: two students and a teacher.
pub(crate) fn settings() -> Web {
    let user = |name: &str, hash: &str, teacher| WebUser {
        name: name.to_owned(),
        password_hash: Some(hash.to_owned()),
        link_sha256: None,
        teacher,
    };
    let [alice, zhao, bob] = HASHES;
    let mut users = vec![user("alice", alice, false), user("zhao", zhao, true), user("bob", bob, false)];
    users[0].link_sha256 = Some(sha256(LINK));
    Web { port: 0, certificate: None, key: None, users }
}

pub(crate) fn sha256(text: &str) -> String {
    let sum = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Page {
    /// Starts one, with an agent that has `alice-c` and `bob-c` ready.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("screens")).unwrap();
        let agent = Agent::start(&dir.path().join("agent.sock"), &dir.path().join("home"));
        write(&dir.path().join("wanted.json"), &settings());
        let child = spawn(dir.path());
        let announced = announced(dir.path());
        Self { dir, agent, child, announced }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Ends it, and starts it again over the same state.
    pub(crate) fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let _ = fs::remove_file(self.dir.path().join("announced.json"));
        self.child = spawn(self.dir.path());
        self.announced = announced(self.dir.path());
    }

    /// Other settings; the page sees them within a second or two.
    pub(crate) fn set(&self, web: &Web) {
        write(&self.dir.path().join("wanted.json"), web);
    }

    /// kB of memory, by the kernel's word for what is counted.
    pub(crate) fn memory(&self, what: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// A browser that nobody has logged in with.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.announced.port)
    }

    /// A browser of somebody who is logged in.
    pub(crate) async fn of(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.log_in(name, &format!("{name}-pw")).await;
        assert_eq!(answer.status, 303, "{name}: {}", answer.text());
        browser
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn places(dir: &Path) -> Vec<(&'static str, PathBuf)> {
    vec![
        ("--wanted", dir.join("wanted.json")),
        ("--announced", dir.join("announced.json")),
        ("--state", dir.join("state")),
    ]
}

fn spawn(dir: &Path) -> Child {
    let mut command = Command::new(PROGRAM);
    command.arg("web").stderr(Stdio::inherit());
    for (option, path) in places(dir) {
        command.arg(option).arg(path);
    }
    command.arg("--agent").arg(dir.join("agent.sock")).arg("--screens").arg(dir.join("screens"));
    command.spawn().unwrap()
}

fn announced(dir: &Path) -> Announced {
    let end = Instant::now() + BOUND;
    loop {
        let text = fs::read(dir.join("announced.json")).unwrap_or_default();
        if let Ok(announced) = serde_json::from_slice(&text) {
            return announced;
        }
        assert!(Instant::now() < end, "the page does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn write(path: &Path, web: &Web) {
    let beside = path.with_extension("new");
    fs::write(&beside, serde_json::to_vec(web).unwrap()).unwrap();
    fs::rename(beside, path).unwrap();
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + BOUND;
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not within {} s", BOUND.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
