//! A desktop's life: one task for each, which brings its container to what is wanted, step by step.
//!
//! Each step looks at the container first, so it does not matter who did what before: the agent itself, an agent that was
//! killed meanwhile, or somebody at the engine's own command line.

use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use tokio::select;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Agent;
use super::desktop::{Demand, Desktop, State};
use super::engine::{Found, Result};
use super::kept::Intent;
use super::{memory, screen, spec, start};
use crate::reason::{Reason, Why};
use crate::say;

/// How often a desktop is looked at without a reason.
const LOOK: Duration = Duration::from_secs(30);
/// How often one that does not run is looked at: the engine tells what happens, unless its word is lost.
const LONG_LOOK: Duration = Duration::from_secs(3600);
/// How long the engine's word of something may be on its way.
const HEARSAY: Duration = Duration::from_millis(200);
/// The pause before the next try when the engine is away.
const AWAY: Duration = Duration::from_secs(1);
/// Pauses before a desktop that ended by itself is started again; after the last of them it has failed.
const PAUSES: [u64; 5] = [1, 2, 5, 10, 20];
/// One that ran so long begins with the first pause again.
const LONG: Duration = Duration::from_secs(300);
/// A desktop's memory says something about its image when it has been ready for so long.
const SETTLED: Duration = Duration::from_secs(60);

/// What comes after a step.
pub(crate) enum Next {
    /// Look again at once.
    Again,
    /// Look again when something happens, and after a while.
    Rest,
    /// Look again when something happens: it does not run, and nothing about it changes by itself.
    Sleep,
    /// The desktop is gone.
    Gone,
}

/// One desktop's life.
pub(crate) struct Life {
    pub(crate) agent: Rc<Agent>,
    pub(crate) desktop: Rc<Desktop>,
    orders: watch::Receiver<u64>,
    /// How often it ended by itself, and when it was started last.
    ends: usize,
    pub(crate) started: Instant,
    /// The image that was looked at.
    seen: Option<String>,
    /// Since when it is ready.
    pub(crate) ready: Option<Instant>,
    /// The most memory that it used lately, and when that was last looked at.
    peak: u64,
    learned: Option<Instant>,
}

impl Life {
    /// A life that begins now.
    pub(crate) fn new(agent: Rc<Agent>, desktop: Rc<Desktop>) -> Self {
        let orders = desktop.orders();
        Self {
            agent,
            desktop,
            orders,
            ends: 0,
            started: Instant::now(),
            seen: None,
            ready: None,
            peak: 0,
            learned: None,
        }
    }

    /// Lives until the desktop is deleted.
    pub(crate) async fn live(mut self) {
        let mut told = false;
        loop {
            self.orders.borrow_and_update();
            let next = self.step().await;
            told &= next.is_err();
            match next {
                Ok(Next::Again) => {}
                Ok(Next::Rest) => self.rest(LOOK).await,
                Ok(Next::Sleep) => self.rest(LONG_LOOK).await,
                Ok(Next::Gone) => return,
                Err(trouble) if trouble.is_away() || (self.seen.is_none() && trouble.is_passing()) => {
                    if !told {
                        say!("{}: {trouble}", self.desktop.name);
                        told = true;
                    }
                    self.rest(AWAY).await;
                }
                Err(trouble) => {
                    self.fail(trouble.reason).await;
                    self.rest(LOOK).await;
                }
            }
        }
    }

    /// The container's name.
    pub(crate) fn container(&self) -> String {
        spec::container(&self.desktop.name)
    }

    /// Waits for an order, for something that happens to the container, or for the time to pass.
    async fn rest(&mut self, most: Duration) {
        select! {
            _ = self.orders.changed() => {}
            () = self.desktop.happened.notified() => {}
            () = sleep(most) => {}
        }
    }

    /// Does something, unless there is another order meanwhile.
    async fn unless_ordered<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut orders = self.orders.clone();
        select! {
            biased;
            _ = orders.changed() => Ok(None),
            done = work(self) => done.map(Some),
        }
    }

    async fn step(&mut self) -> Result<Next> {
        match self.desktop.demand.get() {
            Some(Demand::Delete) => return self.delete().await,
            Some(Demand::Reset) => {
                self.unmake().await?;
                self.desktop.done(Demand::Reset);
            }
            None => {}
        }
        self.look_at_image().await?;
        let found = self.agent.find(&self.container()).await?;
        if found.as_ref().is_some_and(|found| !self.desktop.is_of(&found.tenant)) {
            // The config gave its name to somebody else, who shall not find what is in it.
            self.unmake().await?;
            return Ok(Next::Again);
        }
        let running = found.as_ref().is_some_and(|found| found.running);
        match (self.desktop.intent.get(), found) {
            (Intent::Stopped, _) if running => {
                self.stop().await?;
                Ok(Next::Again)
            }
            (Intent::Stopped, _) => {
                self.desktop.alive.set(false);
                if !self.desktop.held.get() {
                    // Why it was stopped stays to be read.
                    let stopped = self.desktop.state() == State::Stopped;
                    let reason = if stopped { self.desktop.reason() } else { Reason::none() };
                    self.show(State::Stopped, reason);
                }
                // Its image may come yet, of which the engine tells nothing to us.
                Ok(if self.desktop.image.borrow().is_some() { Next::Sleep } else { Next::Rest })
            }
            (Intent::Running, Some(found)) if running => self.watch(found).await,
            (Intent::Running, _) if self.desktop.held.get() => Ok(Next::Sleep),
            (Intent::Running, found) if self.desktop.alive.get() => {
                self.ended(found.unwrap_or_default()).await
            }
            (Intent::Running, found) => self.start(found).await,
        }
    }

    /// Finds out whether its image has a screen, until that is known: what runs is ready at once if it has none.
    async fn look_at_image(&mut self) -> Result<()> {
        let image = Some(self.desktop.wish.borrow().desktop.course.image.clone());
        if self.seen == image {
            return Ok(());
        }
        self.seen = None;
        match self.agent.find_image(&self.desktop).await {
            Ok(None) => {}
            Err(trouble) if trouble.is_away() || trouble.is_passing() => return Err(trouble),
            // What else is wrong with it is said when it is started.
            Ok(Some(_)) | Err(_) => self.seen = image,
        }
        Ok(())
    }

    async fn start(&mut self, found: Option<Found>) -> Result<Next> {
        if let Some(fault) = self.desktop.wish.borrow().fault.clone() {
            self.show(State::Failed, fault);
            self.desktop.held.set(true);
            return Ok(Next::Sleep);
        }
        (self.ready, self.peak) = (None, 0);
        self.unless_ordered(async |life| start::start(life, found).await).await?;
        Ok(Next::Again)
    }

    /// Looks after one that runs.
    async fn watch(&mut self, found: Found) -> Result<Next> {
        self.desktop.alive.set(true);
        self.desktop.held.set(false);
        self.desktop.id.replace(found.id.clone());
        if self.ready.is_none() {
            // It ran before this agent did, or was started by another hand.
            let waited = self.unless_ordered(async |life| start::wait_ready(life).await).await?;
            if !matches!(waited, Some(ControlFlow::Continue(()))) {
                return Ok(Next::Again);
            }
        }
        let reason = match start::is_as_described(&self.agent, &self.desktop, &found).await? {
            true => Reason::none(),
            false => Why::Changed.into(),
        };
        self.show(State::Ready, reason);
        if self.desktop.is_idle() {
            let seconds = self.desktop.wish.borrow().desktop.course.idle_stop.unwrap_or_default();
            self.agent.intend(&self.desktop, Intent::Stopped).await;
            self.stop().await?;
            self.show(State::Stopped, idle(seconds));
            return Ok(Next::Again);
        }
        if self.stop_if_full().await? {
            return Ok(Next::Again);
        }
        if let Some(used) = self.agent.memory.used(&found.id) {
            self.learn(used).await;
        }
        Ok(Next::Rest)
    }

    /// Takes note of what it uses, once each time it is looked at without a reason.
    async fn learn(&mut self, used: u64) {
        if self.learned.is_some_and(|last| last.elapsed() < LOOK) {
            self.peak = self.peak.max(used);
            return;
        }
        self.learned = Some(Instant::now());
        self.peak = memory::peak(self.peak, used);
        if self.ready.is_some_and(|since| since.elapsed() >= SETTLED) {
            let image = self.desktop.wish.borrow().desktop.course.image.clone();
            self.agent.learn(&image, self.peak).await;
        }
    }

    /// It ran, and does not run any more, without an order of ours.
    async fn ended(&mut self, found: Found) -> Result<Next> {
        let (was_ready, ran) = (self.ready.take().is_some(), self.started.elapsed());
        let has_screen = self.desktop.image.borrow().as_ref().is_some_and(|image| image.has_screen);
        self.desktop.alive.set(false);
        screen::remove(&self.agent.screen(&self.desktop));
        // Whoever told the engine to end it did so before; the word of it may still be on its way.
        sleep(HEARSAY).await;
        if self.desktop.ended_by_others.take() {
            // Still to run after a reboot, which may be what ends it.
            self.desktop.held.set(true);
            self.show(State::Stopped, Why::ByEngine);
            return Ok(Next::Sleep);
        }
        if found.exit_code == 0 && (was_ready || !has_screen) {
            say!("{}: logged out", self.desktop.name);
            self.agent.intend(&self.desktop, Intent::Stopped).await;
            self.show(State::Stopped, Reason::none());
            return Ok(Next::Again);
        }
        let why = self.why(&found).await;
        say!("{}: {why}", self.desktop.name);
        self.ends = if ran >= LONG { 1 } else { self.ends + 1 };
        let Some(pause) = PAUSES.get(self.ends - 1) else {
            let times = std::mem::take(&mut self.ends);
            self.fail(why.and(Why::Times.with(&[&times]))).await;
            return Ok(Next::Again);
        };
        self.show(State::Waiting, why.and(Why::Again.with(&[&pause])));
        self.unless_ordered(async |_| {
            sleep(Duration::from_secs(*pause)).await;
            Ok(())
        })
        .await?;
        Ok(Next::Again)
    }

    /// Why it ended.
    async fn why(&self, found: &Found) -> Reason {
        let limit = self.desktop.wish.borrow().desktop.course.memory;
        let why = match limit {
            Some(limit) if found.out_of_memory => Why::UsedUp.with(&[&(limit >> 20)]),
            _ if !found.error.is_empty() => Why::Engine.with(&[&found.error]),
            _ => Why::Ended.with(&[&found.exit_code]),
        };
        let words = self.agent.engine.last_words(&self.container()).await;
        why.and(start::last_words(&words))
    }

    /// Stops it, if it runs.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        if self.desktop.state().is_up() {
            self.show(State::Stopping, Reason::none());
        }
        self.agent.engine.stop(&self.container()).await?;
        screen::remove(&self.agent.screen(&self.desktop));
        self.desktop.alive.set(false);
        self.desktop.ended_by_others.set(false);
        self.ready = None;
        if self.desktop.state() == State::Stopping {
            // One that is made anew goes on at once: nobody who waits for it shall take it for stopped.
            let next =
                if self.desktop.intent.get() == Intent::Running { State::Waiting } else { State::Stopped };
            self.show(next, Reason::none());
        }
        Ok(())
    }

    /// Stops it and removes its container; its volumes stay.
    async fn unmake(&mut self) -> Result<()> {
        self.stop().await?;
        self.agent.engine.remove(&self.container()).await
    }

    /// Stops it if it takes from all screens what they share.
    pub(crate) async fn stop_if_full(&mut self) -> Result<bool> {
        let full = screen::is_full(&self.agent.screen(&self.desktop));
        if full {
            self.stop().await?;
            self.fail(Why::FilledScreen.into()).await;
        }
        Ok(full)
    }

    async fn delete(&mut self) -> Result<Next> {
        self.unmake().await?;
        self.agent.forget(&self.desktop).await;
        Ok(Next::Gone)
    }

    /// It cannot run: it is left alone until somebody orders something else.
    pub(crate) async fn fail(&mut self, reason: Reason) {
        say!("{}: {reason}", self.desktop.name);
        self.desktop.held.set(true);
        self.show(State::Failed, reason);
    }

    /// Tells of its state.
    pub(crate) fn show(&self, state: State, reason: impl Into<Reason>) {
        self.agent.show(&self.desktop, state, reason);
    }
}

/// Nobody looked at it for so long.
fn idle(seconds: u64) -> Reason {
    match seconds {
        0..120 => Why::IdleSeconds.with(&[&seconds]),
        120..7200 => Why::IdleMinutes.with(&[&(seconds / 60)]),
        _ => Why::IdleHours.with(&[&(seconds / 3600)]),
    }
}

#[cfg(test)]
mod tests {
    use dockos_control::wanted::Course;
    use tokio::task::LocalSet;
    use tokio::time::timeout;

    use super::super::desktop::tests::wish;
    use super::super::{LOOKS, testing};
    use super::*;

    #[tokio::test]
    async fn images_are_looked_at_until_they_are_seen_and_few_at_once() {
        let asked = Rc::new(std::cell::Cell::new(0));
        let count = Rc::clone(&asked);
        let answers = move |_: &hyper::Method, path: &str| {
            if !path.contains("/images/") {
                return (404, r#"{"message": "none"}"#.to_owned());
            }
            count.set(count.get() + 1);
            match count.get() {
                0..=5 => (500, r#"{"message": "not now"}"#.to_owned()),
                _ => (200, r#"{"Id": "i", "Config": {"Labels": {"dockos.screen": "vnc"}}}"#.to_owned()),
            }
        };
        let work = async {
            let (_dir, agent, most) = testing::agent(Rc::new(answers));
            let names = (0..60).map(|i| format!("d{i}"));
            let course = Course { image: "dockos/c".to_owned(), ..Course::default() };
            let all: Vec<_> = names
                .map(|name| agent.adopt(Desktop::new(wish(&name, course.clone()), Intent::Stopped)))
                .collect();
            while !all.iter().all(|desktop| desktop.told().has_screen) {
                sleep(Duration::from_millis(20)).await;
            }
            assert!(most.get() <= LOOKS, "{} at once", most.get());
            assert_eq!(asked.get(), 65, "once each, and those again that were not answered");
        };
        LocalSet::new().run_until(timeout(Duration::from_secs(20), work)).await.unwrap();
    }

    #[tokio::test]
    async fn a_deletion_that_is_ordered_during_a_reset_is_not_forgotten() {
        let desktop = Rc::new(Desktop::new(wish("a", Course::default()), Intent::Stopped));
        let deleted = Rc::clone(&desktop);
        let answers = move |method: &hyper::Method, _: &str| {
            if method == hyper::Method::DELETE {
                deleted.order(Intent::Stopped, Some(Demand::Delete));
            }
            (404, r#"{"message": "none"}"#.to_owned())
        };
        let work = async {
            let (_dir, agent, _) = testing::agent(Rc::new(answers));
            let mut life = Life::new(agent, Rc::clone(&desktop));
            desktop.order(Intent::Stopped, Some(Demand::Reset));
            assert!(life.step().await.is_ok());
            assert_eq!(desktop.demand.get(), Some(Demand::Delete));
            assert!(matches!(life.step().await, Ok(Next::Gone)));
        };
        LocalSet::new().run_until(timeout(Duration::from_secs(20), work)).await.unwrap();
    }

    #[tokio::test]
    async fn a_container_of_another_tenant_is_never_shown() {
        let removed = Rc::new(std::cell::Cell::new(false));
        let told = Rc::clone(&removed);
        let answers = move |method: &hyper::Method, path: &str| {
            if method == hyper::Method::DELETE {
                told.set(true);
            }
            match path.ends_with("/containers/desktop-a/json") && !told.get() {
                true => (200, r#"{"Id": "i", "State": {"Running": true}, "Config": {"Labels": {"dockos.tenant": "bob"}}}"#.to_owned()),
                false => (404, r#"{"message": "none"}"#.to_owned()),
            }
        };
        let work = async {
            let (_dir, agent, _) = testing::agent(Rc::new(answers));
            let desktop = Rc::new(Desktop::new(wish("a", Course::default()), Intent::Running));
            let mut life = Life::new(agent, Rc::clone(&desktop));
            assert!(matches!(life.step().await, Ok(Next::Again)));
            assert!(removed.get() && desktop.state() == State::Stopped);
        };
        LocalSet::new().run_until(timeout(Duration::from_secs(20), work)).await.unwrap();
    }

    #[test]
    fn times_are_for_people() {
        for (seconds, words) in [(5, "5 s"), (120, "2 minutes"), (3600, "60 minutes"), (7200, "2 hours")] {
            assert!(idle(seconds).to_string().ends_with(words), "{seconds}");
        }
    }
}
