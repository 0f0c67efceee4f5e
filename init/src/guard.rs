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
/// Seconds for the lock of the tables. With a bare `--wait` the file would be taken for the number.
const WAIT: &str = "--wait=30";
const RULES_FILE: &str = "/run/dockos/guard.rules";
const PROGRAMS: [&str; 2] = ["/usr/sbin/iptables-restore", "/usr/sbin/ip6tables-restore"];

/// The phase.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    files::write_durably(Path::new(RULES_FILE), RULES.as_bytes(), 0o600)?;
    for program in PROGRAMS {
        set(machine, program).await?;
    }
    Ok(Step::Done("tenants cannot enter the machine".to_owned()))
}

async fn set(machine: &Machine, program: &str) -> Result<()> {
    machine.reaper.run(&Program::new([program, "--noflush", WAIT, RULES_FILE])).await
}
