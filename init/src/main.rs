//! PID 1 of DockOS, and the `dockos` command. Which of them it is, its process number and its name decide.
//!
//! PID 1 boots the machine ([`boot`]), phase by phase ([`phases`]), and ends it ([`shutdown`]). It runs on one thread.

mod accounts;
mod apply;
mod banner;
mod blockdev;
mod boot;
mod center;
mod certificates;
mod cgroup;
mod cli;
mod clock;
mod cmdline;
mod commands;
mod config;
mod control;
mod desktops;
mod docker;
mod ending;
mod engine;
mod environment;
mod fatal;
mod fstab;
mod guard;
mod han;
mod http;
mod identity;
mod images;
mod log;
mod logs;
mod loopdev;
mod machine;
mod medium;
mod mounts;
mod network;
mod phases;
mod power;
mod power_on;
mod probe;
mod reaper;
mod reserve;
mod root;
mod seed;
mod services;
mod settings;
mod shells;
mod shutdown;
mod spawn;
mod state;
mod state_create;
mod subinit;
mod supervise;
mod svg;
mod sysctls;
mod timeline;
mod uevent;
mod unmount;
mod user_docker;
mod users;
mod watch;
mod write_files;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The user Docker's container has a PID 1 too: there it was told to be the engine's.
    let is_init = std::process::id() == 1 && std::env::args_os().nth(1).is_none_or(|arg| arg != "engine");
    if is_init {
        boot::run()
    }
    ExitCode::from(u8::try_from(cli::run(std::env::args_os())).unwrap_or(1))
}
