//! `ntp`: the clock from the network, by busybox's ntpd. Only servers that the config or the network's DHCP server names
//! are asked.

use std::rc::Rc;
use std::time::Duration;

use dockos_config::Ntp;
use nix::sys::signal::Signal;
use tokio::task::spawn_local;

use crate::cgroup::Cgroup;
use crate::machine::Machine;
use crate::phases::{Ended, Step};
use crate::spawn::{Io, Program};
use crate::supervise::{Daemon, keep_running};
use dockos_control::error::Result;

/// More servers tell no better time.
const MOST: usize = 8;

/// The phase. Does not wait for the time: a machine without its time server boots too.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    let config = machine.config();
    if config.ntp.enabled == Some(false) {
        return Ok(Step::Skipped("not wanted".to_owned()));
    }
    let servers = servers(&config.ntp, &machine.time_servers.borrow());
    if servers.is_empty() {
        return Ok(Step::Skipped("no time server is named".to_owned()));
    }
    spawn_local(keep_running(Rc::clone(&machine.reaper), daemon(&servers)?, machine.stop()));
    Ok(Step::Done(servers.join(", ")))
}

/// Those of the config; without any, those of the network.
fn servers(ntp: &Ntp, network: &[String]) -> Vec<String> {
    let own: Vec<String> = ntp.servers.iter().chain(&ntp.pools).map(ToString::to_string).collect();
    let mut servers = if own.is_empty() { network.to_vec() } else { own };
    servers.truncate(MOST);
    servers
}

fn daemon(servers: &[String]) -> Result<Daemon> {
    let mut argv = ["/usr/bin/busybox", "ntpd", "-n", "-N"].map(str::to_owned).to_vec();
    for server in servers {
        argv.extend(["-p".to_owned(), server.clone()]);
    }
    let mut program = Program::new(argv);
    program.cgroup = Some(Cgroup::make("ntpd")?);
    program.io = Io::Log("/run/dockos/log/ntpd.log".into());
    Ok(Daemon {
        name: "ntpd",
        program,
        stop_signal: Signal::SIGTERM,
        grace: Duration::from_secs(2),
        kill_cgroup: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configs_servers_come_before_the_networks() {
        let ntp = |text: &str| dockos_config::parse("test.yml", text).unwrap().ntp;
        let network = ["10.0.2.1".to_owned()];
        assert_eq!(servers(&ntp("ntp: {}"), &network), ["10.0.2.1"]);
        assert_eq!(servers(&ntp("ntp: {servers: [a], pools: [b]}"), &network), ["a", "b"]);
    }
}
