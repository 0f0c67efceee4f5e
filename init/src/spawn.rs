//! Starting a child: straight in its cgroup (clone3 with CLONE_INTO_CGROUP), in its own session, with default signals.
//!
//! `std::process::Command` can do none of the three without running as a member of PID 1's group first.
#![expect(unsafe_code, reason = "clone3, and the few system calls between it and execve")]

use std::ffi::{CString, OsStr};
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::unistd::{Pid, pipe2};

use crate::cgroup::Cgroup;
use dockos_control::error::{Context, Fault, Result};

/// PATH of every program that PID 1 starts.
pub(crate) const PATH: &str = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

/// linux/sched.h; the libc crate's constants are cut to 32 bits.
const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Where a child's input and output go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Io {
    /// Nothing in, nothing out.
    Null,
    /// Nothing in; output is appended to a file.
    Log(PathBuf),
    /// Nothing in; output goes into this pipe.
    Pipe(RawFd),
    /// A terminal below /dev, which the child's session then owns.
    Tty(String),
}

/// A child to be started.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// Absolute path, then arguments.
    pub(crate) argv: Vec<String>,
    /// `NAME=VALUE`, whole: nothing is inherited.
    pub(crate) env: Vec<String>,
    pub(crate) cgroup: Option<Cgroup>,
    /// -1000 to 1000; higher is killed first.
    pub(crate) oom_score_adj: i16,
    pub(crate) io: Io,
}

impl Program {
    /// A program with PID 1's PATH, no output and no cgroup of its own.
    pub(crate) fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        let argv = argv.into_iter().map(Into::into).collect();
        Self {
            argv,
            env: vec![PATH.to_owned(), "HOME=/root".to_owned()],
            cgroup: None,
            oom_score_adj: 0,
            io: Io::Null,
        }
    }
}

/// What the child needs, ready made: between clone3 and execve nothing may allocate.
struct Prepared {
    argv: Vec<CString>,
    env: Vec<CString>,
    stdin: File,
    stdout: OwnedFd,
    oom_score_adj: CString,
    owns_tty: bool,
}

/// Starts the program. Must be called on the thread of the reaper, so that the child cannot be reaped before its
/// waiter is there. The error names the program and why it could not be run, a missing file included.
pub(crate) fn spawn(program: &Program) -> Result<Pid> {
    let name = program.argv.first().cloned().unwrap_or_default();
    let prepared = prepare(program)?;
    let cgroup = program.cgroup.as_ref().map(Cgroup::open).transpose()?;
    let (report_in, report_out) = pipe2(OFlag::O_CLOEXEC).context(|| "make a pipe".to_owned())?;
    let argv = pointers(&prepared.argv);
    let env = pointers(&prepared.env);
    // SAFETY: without CLONE_VM the child has a copy of this address space, so the pointers stay valid in it, and it
    // calls only async-signal-safe functions until execve or _exit.
    let pid = match unsafe { clone3(cgroup.as_ref().map(AsRawFd::as_raw_fd)) }
        .context(|| format!("start {name}"))?
    {
        // SAFETY: this is the child of clone3, and the pointer lists end with null.
        0 => unsafe { become_program(&prepared, &argv, &env, report_out.as_raw_fd()) },
        pid => Pid::from_raw(pid),
    };
    drop(report_out);
    // The pipe closes with a successful execve; else it brings the error's number.
    let mut number = [0; 4];
    match File::from(report_in).read_exact(&mut number) {
        Ok(()) => {
            Err(Fault::new(format!("run {name}: {}", Errno::from_raw(i32::from_ne_bytes(number)).desc())))
        }
        Err(_) => Ok(pid),
    }
}

fn prepare(program: &Program) -> Result<Prepared> {
    let (stdin, stdout, owns_tty) = open_io(&program.io)?;
    Ok(Prepared {
        argv: c_strings(&program.argv)?,
        env: c_strings(&program.env)?,
        stdin,
        stdout,
        oom_score_adj: c_string(OsStr::new(&program.oom_score_adj.to_string()))?,
        owns_tty,
    })
}

fn open_io(io: &Io) -> Result<(File, OwnedFd, bool)> {
    let null = || {
        OpenOptions::new().read(true).write(true).open("/dev/null").context(|| "open /dev/null".to_owned())
    };
    match io {
        Io::Null => Ok((null()?, null()?.into(), false)),
        Io::Log(path) => {
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory).context(|| format!("make {}", directory.display()))?;
            }
            let log = OpenOptions::new().append(true).create(true).open(path);
            Ok((null()?, log.context(|| format!("open {}", path.display()))?.into(), false))
        }
        Io::Pipe(fd) => {
            // SAFETY: the caller keeps the pipe open through the call; the duplicate is ours alone.
            let copy = unsafe { libc::fcntl(*fd, libc::F_DUPFD_CLOEXEC, 3) };
            let copy = Errno::result(copy).context(|| "duplicate a pipe".to_owned())?;
            // SAFETY: `copy` was just made and belongs to nobody else.
            Ok((null()?, unsafe { OwnedFd::from_raw_fd(copy) }, false))
        }
        Io::Tty(name) => {
            let path = format!("/dev/{name}");
            // Non-blocking only to open it: a serial line may wait for a carrier that never comes.
            let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
            let tty = OpenOptions::new().read(true).write(true).custom_flags(flags).open(&path);
            let tty = tty.context(|| format!("open {path}"))?;
            fcntl(&tty, FcntlArg::F_SETFL(OFlag::O_RDWR)).context(|| format!("set up {path}"))?;
            let out = tty.try_clone().context(|| format!("duplicate {path}"))?;
            Ok((tty, out.into(), true))
        }
    }
}

fn c_string(text: &OsStr) -> Result<CString> {
    CString::new(text.as_bytes()).context(|| "a NUL byte in an argument".to_owned())
}

fn c_strings(texts: &[String]) -> Result<Vec<CString>> {
    texts.iter().map(|text| c_string(OsStr::new(text))).collect()
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
}

/// fork(2), but into a cgroup: returns 0 in the child.
///
/// # Safety
/// As for fork: the child may call only async-signal-safe functions.
unsafe fn clone3(cgroup: Option<RawFd>) -> nix::Result<libc::pid_t> {
    // SAFETY: all fields of clone_args are integers, for which zero is "not used".
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.exit_signal = libc::SIGCHLD as u64;
    // Until execve the child would answer signals with our handlers, into a pipe that it shares with us.
    args.flags = CLONE_CLEAR_SIGHAND;
    if let Some(fd) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = fd as u64;
    }
    // SAFETY: `args` has the size that is given and lives through the call.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) };
    Errno::result(pid as libc::pid_t)
}

/// The child's way to execve; on any failure it writes errno to `report` and exits with 127.
///
/// # Safety
/// Only in a child of [`clone3`]; the pointer lists end with null and point to live strings.
unsafe fn become_program(
    p: &Prepared,
    argv: &[*const libc::c_char],
    env: &[*const libc::c_char],
    report: RawFd,
) -> ! {
    // SAFETY: raw system calls on descriptors and strings prepared by the parent; nothing allocates or locks.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        // Rust ignores SIGPIPE, and what is ignored stays so across execve.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::setsid();
        let (stdin, stdout) = (p.stdin.as_raw_fd(), p.stdout.as_raw_fd());
        libc::dup2(stdin, 0);
        libc::dup2(stdout, 1);
        libc::dup2(stdout, 2);
        if p.owns_tty {
            libc::ioctl(0, libc::TIOCSCTTY, 1);
        }
        let oom = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if oom >= 0 {
            libc::write(oom, p.oom_score_adj.as_ptr().cast(), p.oom_score_adj.as_bytes().len());
        }
        // Libraries open descriptors without O_CLOEXEC; none of ours is a child's business.
        libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
        libc::umask(0o022);
        libc::chdir(c"/".as_ptr());
        libc::execve(*argv.as_ptr(), argv.as_ptr(), env.as_ptr());
        let number = *libc::__errno_location();
        libc::write(report, (&raw const number).cast(), size_of::<libc::c_int>());
        libc::_exit(127)
    }
}
