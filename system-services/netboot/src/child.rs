//! dnsmasq as a child: started in a thread of its own, again with growing pauses when it ends, and made anew when the
//! machine's address changes. It ends when this program does, however this program ends.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use dockos_control::error::{Context, Fault, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::address::{self, Place};
use crate::dnsmasq::{self, Settings, explain};
use crate::options::Options;
use crate::say;
use crate::serve::Service;

/// The programs, in the order in which they are looked for.
const PROGRAMS: [&str; 2] = ["/usr/sbin/dnsmasq", "/usr/local/sbin/dnsmasq"];
/// How often the machine's address is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How long it may take to end.
const END_BOUND: Duration = Duration::from_secs(3);
/// The first pause after it died, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// After this long, a death is the first one again.
const STEADY: Duration = Duration::from_secs(60);
/// How often it is said what is waited for.
const REMIND: Duration = Duration::from_secs(60);
/// Lines of its last words.
const LAST_WORDS: usize = 5;
/// The longest line of it that is passed on as one.
const MOST_LINE: u64 = 4096;
/// What dnsmasq may do of what root may: bind ports below 1024 (10), set neighbours' addresses (12), send raw packets
/// (13). The same as in the service's container.
const CAPABILITIES: [libc::c_ulong; 3] = [10, 12, 13];
/// To write `leases` into a folder of whoever called sudo; a center's is root's.
const DAC_OVERRIDE: libc::c_ulong = 1;
/// More than the kernel has.
const MOST_CAPABILITIES: libc::c_ulong = 64;

/// dnsmasq and what watches it.
#[derive(Debug)]
pub(crate) struct Supervisor {
    end: Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Supervisor {
    /// Starts what starts dnsmasq as soon as there is an address.
    pub(crate) fn start(options: &Options, service: &Service, port: u16) -> Result<Self> {
        let program = PROGRAMS.iter().map(Path::new).find(|path| path.exists());
        let program = program.ok_or_else(|| {
            Fault::new("there is no dnsmasq: install the package dnsmasq-base, or use --dhcp none")
        })?;
        if !nix::unistd::geteuid().is_root() {
            return Err(Fault::new("DHCP and TFTP need root: start this as root, or use --dhcp none"));
        }
        let work = Work::make(service)?;
        let (end, ended) = channel();
        let watch = Watch { options: options.clone(), port, program, work, ended };
        let thread = thread::Builder::new().name("dnsmasq".to_owned());
        let thread = thread.spawn(move || watch.run()).context(|| "start a thread".to_owned())?;
        Ok(Self { end, thread })
    }

    /// Ends dnsmasq, and waits until it has.
    pub(crate) fn end(self) {
        let _ = self.end.send(());
        let _ = self.thread.join();
    }
}

/// The private folder: its configuration, and what TFTP serves.
#[derive(Debug)]
struct Work {
    folder: PathBuf,
    efi: Option<&'static str>,
}

impl Work {
    fn make(service: &Service) -> Result<Self> {
        let folder = PathBuf::from(format!("/run/dockos-netboot.{}", std::process::id()));
        let work = Self { folder, efi: service.efi() };
        let made = work.fill(service);
        made.context(|| format!("make {}", work.folder.display()))?;
        Ok(work)
    }

    /// Firmware fetches as nobody: what it may read is readable by all, and there is nothing else in the folder.
    fn fill(&self, service: &Service) -> io::Result<()> {
        let _ = fs::remove_dir_all(&self.folder);
        fs::DirBuilder::new().mode(0o755).create(&self.folder)?;
        fs::create_dir(self.tftp())?;
        let files = service.boot_files();
        for name in [Some(dnsmasq::BIOS), self.efi].into_iter().flatten() {
            let Some(loader) = files.get(name) else { continue };
            let path = self.tftp().join(name);
            let mut bytes = Vec::new();
            loader.file.try_clone()?.take(loader.size).read_to_end(&mut bytes)?;
            fs::write(&path, bytes)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o444))?;
        }
        Ok(())
    }

    fn tftp(&self) -> PathBuf {
        self.folder.join("tftp")
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What the thread does.
struct Watch {
    options: Options,
    port: u16,
    program: &'static Path,
    work: Work,
    ended: Receiver<()>,
}

impl Watch {
    fn run(self) {
        let mut pause = PAUSES.0;
        while let Some(place) = self.wait_for_place() {
            let start = Instant::now();
            let why = match self.spawn(&place) {
                Ok(child) => match self.watch(child, &place) {
                    Ended::Told => return,
                    Ended::Moved => {
                        pause = PAUSES.0;
                        continue;
                    }
                    Ended::Died(why) => why,
                },
                Err(fault) => fault.to_string(),
            };
            if start.elapsed() > STEADY {
                pause = PAUSES.0;
            }
            say!("dnsmasq ended: {why}; it is started again in {} s", pause.as_secs());
            if self.is_told_to_end(pause) {
                return;
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    fn is_told_to_end(&self, wait: Duration) -> bool {
        !matches!(self.ended.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
    }

    /// The network may come later than this service. `None`: it is to end.
    fn wait_for_place(&self) -> Option<Place> {
        let interface = self.options.interface.as_deref();
        let mut said: Option<Instant> = None;
        loop {
            match address::find(interface) {
                Ok(place) => return Some(place),
                Err(why) if said.is_none_or(|last| last.elapsed() > REMIND) => {
                    let missing = interface.is_some_and(|name| !address::exists(name));
                    let more = if missing { " (there is no such card: see `ip link`)" } else { "" };
                    say!("waiting for an address: {why}{more}");
                    said = Some(Instant::now());
                }
                Err(_) => {}
            }
            if self.is_told_to_end(LOOK) {
                return None;
            }
        }
    }

    fn spawn(&self, place: &Place) -> Result<Child> {
        let config = self.work.folder.join("dnsmasq.conf");
        let resolv_conf = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        let settings = Settings {
            dhcp: self.options.dhcp,
            range: self.options.range,
            place,
            port: self.port,
            efi: self.work.efi,
            tftp: &self.work.tftp(),
            leases: &self.options.folders.state.join("leases"),
            name_servers: &dnsmasq::name_servers(&resolv_conf),
        };
        fs::write(&config, settings.text()).context(|| format!("write {}", config.display()))?;
        let mut command = Command::new(self.program);
        command.arg(format!("--conf-file={}", config.display()));
        // It stays root, with few capabilities: who changes its user outlives its parent.
        command.args(["--keep-in-foreground", "--user=", "--group="]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        end_with_us(&mut command, owner_is_another(&self.options.folders.state));
        let child = command.spawn().context(|| format!("start {}", self.program.display()))?;
        say!("dnsmasq: {} on {} ({})", self.options.dhcp.as_str(), place.interface, place.address);
        Ok(child)
    }

    /// Passes on what it says until it ends, or has to.
    fn watch(&self, mut child: Child, place: &Place) -> Ended {
        let stderr = child.stderr.take();
        let reader = thread::spawn(move || stderr.map(|stderr| pass_on(BufReader::new(stderr))));
        let ended = loop {
            if self.is_told_to_end(LOOK) {
                end(&mut child);
                break Ended::Told;
            }
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => break Ended::Died(status.to_string()),
                Err(error) => break Ended::Died(error.to_string()),
            }
            let now = address::find(self.options.interface.as_deref());
            if now.as_ref().is_ok_and(|now| now != place) {
                say!("this machine's address is another one now: dnsmasq is started again");
                end(&mut child);
                break Ended::Moved;
            }
        };
        let last = reader.join().ok().flatten().unwrap_or_default();
        match ended {
            Ended::Died(status) => Ended::Died(last_words(&last, &status)),
            other => other,
        }
    }
}

/// Says what it says, and keeps the last lines. What is no UTF-8, or has no end, must not keep it waiting.
fn pass_on(mut stderr: impl BufRead) -> VecDeque<String> {
    let mut last = VecDeque::new();
    let mut line = Vec::new();
    while (&mut stderr).take(MOST_LINE).read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        line.clear();
        // Its last words begin with an empty line.
        if text.is_empty() {
            continue;
        }
        say!("{text}");
        last.push_back(text);
        if last.len() > LAST_WORDS {
            last.pop_front();
        }
    }
    last
}

enum Ended {
    Told,
    Moved,
    Died(String),
}

/// Why it died: what it said last, and what that means.
fn last_words(lines: &VecDeque<String>, status: &str) -> String {
    let explained = lines.iter().rev().find_map(|line| Some((line, explain(line)?)));
    match explained {
        Some((line, meaning)) => format!("{line}: {meaning}"),
        None => lines.back().map_or_else(|| status.to_owned(), |line| format!("{line} ({status})")),
    }
}

fn end(child: &mut Child) {
    let pid = Pid::from_raw(child.id().cast_signed());
    let _ = kill(pid, Signal::SIGTERM);
    let start = Instant::now();
    while start.elapsed() < END_BOUND {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn owner_is_another(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|metadata| metadata.uid() != 0)
}

/// The kernel ends it when the thread that started it does, which is when this program ends; and it is root in name only.
#[expect(unsafe_code, reason = "only between fork and exec can a process ask for that")]
fn end_with_us(command: &mut Command, writes_for_others: bool) {
    // SAFETY: prctl is a plain system call, allowed between fork and exec; nothing is allocated or locked.
    unsafe {
        command.pre_exec(move || {
            let keeps = |number: &libc::c_ulong| {
                CAPABILITIES.contains(number) || (writes_for_others && *number == DAC_OVERRIDE)
            };
            for capability in (0..MOST_CAPABILITIES).filter(|number| !keeps(number)) {
                // Fails for those that are not there, and where they are all gone already.
                libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
            }
            nix::sys::prctl::set_pdeathsig(Signal::SIGTERM).map_err(io::Error::from)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_no_more() {
        let mut said: Vec<u8> = (0..20).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        said.extend(b"\xff\xfe\n  last");
        let last = pass_on(&said[..]);
        assert_eq!(last.len(), LAST_WORDS);
        assert_eq!(last.back().map(String::as_str), Some("last"));
        assert_eq!(last.front().map(String::as_str), Some("line 17"));
        let endless = vec![b'x'; 10_000];
        assert!(pass_on(&endless[..]).iter().all(|line| line.len() as u64 <= MOST_LINE));
    }

    #[test]
    fn the_line_that_explains_is_taken() {
        let lines = ["dnsmasq: unknown interface eth9", "dnsmasq: bye"].map(str::to_owned);
        let why = last_words(&lines.into(), "exit status: 2");
        assert!(why.starts_with("dnsmasq: unknown interface eth9: there is no such network card"), "{why}");
        assert_eq!(last_words(&VecDeque::new(), "exit status: 2"), "exit status: 2");
        assert_eq!(last_words(&["x".to_owned()].into(), "signal: 9"), "x (signal: 9)");
    }
}
