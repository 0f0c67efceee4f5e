//! The boot as a list: each phase, what has to end before it, and what it does. Phases that nothing orders run together.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::clock::uptime;
use crate::machine::Machine;
use crate::timeline::{Entry, Outcome};
use crate::{
    commands, config, desktops, engine, fstab, guard, images, network, services, settings, state,
    user_docker, write_files,
};
use dockos_control::error::Result;

/// What a phase came to.
pub(crate) enum Step {
    /// It did its work; a word about it for the screen.
    Done(String),
    /// There was nothing to do, and why.
    Skipped(String),
}

/// "1 file", "2 files".
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A phase's end, or the failure that makes the machine degraded.
pub(crate) type Ended = Result<Step>;
type Running<'a> = Pin<Box<dyn Future<Output = Ended> + 'a>>;

/// A phase of the boot.
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    /// Phases that must have ended, well or not.
    pub(crate) after: &'static [&'static str],
    /// Those of them without whose success there is nothing to be done.
    pub(crate) needs: &'static [&'static str],
    run: for<'a> fn(&'a Rc<Machine>) -> Running<'a>,
}

/// The boot.
#[rustfmt::skip]
const PHASES: [Phase; 17] = [
    Phase { name: "sources",            after: &[],                                    needs: &[],                          run: |m| Box::pin(config::sources_phase(m)) },
    Phase { name: "system-containerd",  after: &[],                                    needs: &[],                          run: |m| Box::pin(engine::system_containerd(m)) },
    Phase { name: "guard",              after: &[],                                    needs: &[],                          run: |m| Box::pin(guard::phase(m)) },
    Phase { name: "state",              after: &["sources"],                           needs: &[],                          run: |m| Box::pin(state::phase(m)) },
    Phase { name: "config",             after: &["state"],                             needs: &[],                          run: |m| Box::pin(config::phase(m)) },
    Phase { name: "mounts",             after: &["config"],                            needs: &[],                          run: |m| Box::pin(fstab::phase(m)) },
    Phase { name: "settings",           after: &["mounts"],                            needs: &[],                          run: |m| Box::pin(settings::phase(m)) },
    Phase { name: "bootcmd",            after: &["settings"],                          needs: &[],                          run: |m| Box::pin(commands::bootcmd(m)) },
    Phase { name: "files",              after: &["bootcmd"],                           needs: &[],                          run: |m| Box::pin(write_files::phase(m)) },
    Phase { name: "network",            after: &["bootcmd"],                           needs: &[],                          run: |m| Box::pin(network::phase(m)) },
    Phase { name: "system-docker",      after: &["settings", "system-containerd"],     needs: &["system-containerd"],      run: |m| Box::pin(engine::system_docker(m)) },
    Phase { name: "docker",             after: &["system-docker", "files", "guard"],   needs: &["system-docker", "guard"],  run: |m| Box::pin(user_docker::phase(m)) },
    Phase { name: "services",           after: &["system-docker", "files"],            needs: &["system-docker"],          run: |m| Box::pin(services::phase(m)) },
    Phase { name: "images",             after: &["docker"],                            needs: &["docker"],                 run: |m| Box::pin(images::phase(m)) },
    Phase { name: "desktops",           after: &["images", "network"],                 needs: &["docker"],                 run: |m| Box::pin(desktops::phase(m)) },
    Phase { name: "late-files",         after: &["desktops", "services"],              needs: &[],                          run: |m| Box::pin(write_files::late_phase(m)) },
    Phase { name: "runcmd",             after: &["late-files"],                        needs: &[],                          run: |m| Box::pin(commands::runcmd(m)) },
];

/// How often the screen says what is still awaited.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the boot to its end.
pub(crate) async fn run(machine: &Rc<Machine>) {
    list(machine);
    let all = join_all(PHASES.iter().map(|phase| run_one(machine, phase)));
    tokio::select! {
        _ = all => {}
        () = say_what_is_awaited(machine) => {}
    }
}

/// Enters the phases in the timeline, so that it shows what is still to come.
fn list(machine: &Machine) {
    let mut timeline = machine.timeline.borrow_mut();
    timeline.phases.extend(PHASES.iter().map(|phase| Entry {
        name: phase.name.to_owned(),
        start: 0.0,
        end: 0.0,
        result: Outcome::Waiting,
        after: phase.after.iter().map(|&name| name.to_owned()).collect(),
        note: String::new(),
    }));
    timeline.save();
}

async fn run_one(machine: &Rc<Machine>, phase: &Phase) {
    let mut progress = machine.progress.subscribe();
    while !phase.after.iter().all(|name| has_ended(machine, name)) {
        if progress.changed().await.is_err() {
            return;
        }
    }
    let start = uptime();
    update(machine, phase.name, |entry| (entry.start, entry.result) = (start, Outcome::Running));
    let lacking = phase.needs.iter().find(|need| !machine.went_well(need));
    let ended = match lacking {
        Some(need) => Ok(Step::Skipped(format!("{need} failed"))),
        None => (phase.run)(machine).await,
    };
    let (outcome, note) = match ended {
        Ok(Step::Done(note)) => (Outcome::Ok, note),
        Ok(Step::Skipped(why)) => (Outcome::Skipped, why),
        Err(fault) => {
            machine.problem(format!("{}: {fault}", phase.name));
            (Outcome::Failed, fault.to_string())
        }
    };
    let end = uptime();
    if outcome == Outcome::Ok {
        tracing::info!("{:<18} {:6.3} s  {note}", phase.name, end - start);
    }
    update(machine, phase.name, |entry| (entry.end, entry.result, entry.note) = (end, outcome, note));
    machine.timeline.borrow().save();
    machine.progress.send_modify(|count| *count += 1);
}

fn update(machine: &Machine, name: &str, change: impl FnOnce(&mut Entry)) {
    if let Some(entry) = machine.timeline.borrow_mut().entry(name) {
        change(entry);
    }
}

fn has_ended(machine: &Machine, name: &str) -> bool {
    machine.timeline.borrow_mut().entry(name).is_some_and(|entry| entry.result.ended())
}

/// Names, every now and then, the phases that run and what each waits for. Never ends.
async fn say_what_is_awaited(machine: &Machine) {
    loop {
        tokio::time::sleep(PATIENCE).await;
        let timeline = machine.timeline.borrow();
        let running = timeline.phases.iter().filter(|entry| entry.result == Outcome::Running);
        for entry in running.filter(|entry| uptime() - entry.start > PATIENCE.as_secs_f64()) {
            let what = if entry.note.is_empty() { "" } else { ": " };
            tracing::info!(
                "waiting for {} since {:.0} s{what}{}",
                entry.name,
                uptime() - entry.start,
                entry.note
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_waits_only_for_phases_above_it() {
        for (i, phase) in PHASES.iter().enumerate() {
            for after in phase.after.iter().chain(phase.needs) {
                let place = PHASES.iter().position(|other| other.name == *after);
                assert!(place.is_some_and(|place| place < i), "{} waits for {after}", phase.name);
            }
        }
    }
}
