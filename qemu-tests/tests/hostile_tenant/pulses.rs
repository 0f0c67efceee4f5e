//! The system side's answers while a tenant does what it can.

use std::{fmt, time::Duration};

use anyhow::{Context as _, Result, ensure};
use qemu_tests::{Https, Pulse, Vm};

/// Runs in the guest: by its own clock, how long an exec in the system Docker takes, again and again.
const SCRIPT: &str = r#"
now() { read -r up _ < /proc/uptime; echo $up; }
while [ -e /tmp/pulse ]; do
    begin=$(now); system-docker exec docker true || echo failed; end=$(now)
    echo $begin $end >> /tmp/pulse.log
    sleep 1
done
"#;

/// How long the system side took to answer.
pub(crate) struct Beats {
    /// An exec in the system Docker, as a rule: the middle one.
    pub(crate) exec: Duration,
    /// The page, at worst.
    pub(crate) page: Duration,
}

impl fmt::Display for Beats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an exec in {:.1?}, the page within {:.2?}", self.exec, self.page)
    }
}

/// What it took while `work` was done.
pub(crate) fn of(vm: &Vm, work: impl FnOnce() -> Result<()>) -> Result<Beats> {
    vm.check(&format!("rm -f /tmp/pulse.log; touch /tmp/pulse; cat > /tmp/pulse.sh <<'END'\n{SCRIPT}\nEND"))?;
    vm.check("sh /tmp/pulse.sh > /tmp/pulse.err 2>&1 < /dev/null & echo $! > /tmp/pulse.pid")?;
    let page = Https::to(vm.port(443)?)?;
    let page = Pulse::start(Duration::from_millis(500), move || {
        let status = page.get("/login")?.status;
        ensure!(status == 200, "the page answers {status}");
        Ok(())
    });
    work()?;
    let page = page.end()?.into_iter().max().context("the page was not asked")?;
    let failures = vm.check(
        "rm /tmp/pulse; while kill -0 $(cat /tmp/pulse.pid) 2>/dev/null; do sleep 0.2; done; cat /tmp/pulse.err",
    )?;
    ensure!(failures.is_empty(), "an exec in the system Docker failed: {failures}");
    let log = vm.check("cat /tmp/pulse.log")?;
    let beats = log.lines().map(|line| {
        let (begin, end) = line.split_once(' ').context("half a line")?;
        Ok(Duration::from_secs_f64(end.parse::<f64>()? - begin.parse::<f64>()?))
    });
    let mut beats = beats.collect::<Result<Vec<_>>>()?;
    beats.sort();
    Ok(Beats { exec: *beats.get(beats.len() / 2).context("no exec was timed")?, page })
}
