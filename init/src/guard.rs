//! What a tenant's packets may not do: enter the machine itself. Docker's own chains only guard what is forwarded.
//!
//! Set once, before the user Docker makes its first bridge. Replies to what the machine asked pass.

use std::path::Path;
use std::rc::Rc;

use crate::machine::Machine;
use crate::phases::{Ended, Step};
use crate::spawn::Program;
use dockos_control::error::Result;
use dockos_control::files;

/// Docker's own bridges (docker0, and Swarm's docker_gwbridge), and those of networks made later. The rest of INPUT is
/// left to the admin.
const RULES: &str = "\
*filter
-A INPUT -i docker+ -m conntrack ! --ctstate ESTABLISHED,RELATED -j REJECT
-A INPUT -i br-+ -m conntrack ! --ctstate ESTABLISHED,RELATED -j REJECT
COMMIT
";
/// Link-local addresses are where clouds keep a machine's own secrets. Docker looks into this chain before its own, and
/// leaves what it finds there.
const FORWARD_RULES: &str = "\
*filter
:DOCKER-USER - [0:0]
-A DOCKER-USER -d 169.254.0.0/16 -j REJECT
-A DOCKER-USER -j RETURN
COMMIT
";
/// Seconds for the lock of the tables. With a bare `--wait` the file would be taken for the number.
const WAIT: &str = "--wait=30";
const RULES_FILE: &str = "/run/dockos/guard.rules";
const PROGRAMS: [(&str, &[&str]); 2] =
    [("/usr/sbin/iptables-restore", &[RULES, FORWARD_RULES]), ("/usr/sbin/ip6tables-restore", &[RULES])];

/// The phase.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    for (program, rules) in PROGRAMS {
        files::write_durably(Path::new(RULES_FILE), rules.concat().as_bytes(), 0o600)?;
        set(machine, program).await?;
    }
    Ok(Step::Done("tenants cannot enter the machine".to_owned()))
}

async fn set(machine: &Machine, program: &str) -> Result<()> {
    machine.reaper.run(&Program::new([program, "--noflush", WAIT, RULES_FILE])).await
}
