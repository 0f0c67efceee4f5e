//! Starting a desktop: its image, its turn, its memory, its container, and the wait until its X server answers.

use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use tokio::select;
use tokio::time::{Instant, sleep};

use super::Agent;
use super::desktop::{Desktop, State};
use super::engine::{Found, Result, Trouble};
use super::image::{self, Image};
use super::kept::Intent;
use super::life::Life;
use super::{memory, screen, spec};
use crate::reason::{Reason, Why};
use crate::say;

/// An X server answers within a tenth of a second; a slow disk and a cold image take it to ten.
const PATIENCE: Duration = Duration::from_secs(90);
/// While there is more to run than processors to run it, all take longer: a room starts together.
const PATIENCE_UNDER_LOAD: Duration = Duration::from_secs(300);
/// How long a desktop that is not ready may keep those behind it waiting.
const TURN: Duration = Duration::from_secs(20);
/// The pause before the next try where something is used up or taken that will be free in a moment.
const CROWDED: Duration = Duration::from_secs(1);
/// The pause before the next try of one that was refused by a guess.
const GUESS: Duration = Duration::from_secs(5);
/// How often a container is made whose name is taken by one that is still being made: an order came in the middle of that.
const LEFT_BEHIND: usize = 10;
/// Pauses between two looks at the screen: short at first, as it is there in a moment.
const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_millis(500);

/// Whether a container is made of the description that is wanted now.
pub(crate) async fn is_as_described(agent: &Agent, desktop: &Desktop, found: &Found) -> Result<bool> {
    // One whose image was removed runs on, and there is nothing else to make it of.
    let Ok(Some(image)) = agent.find_image(desktop).await else { return Ok(true) };
    let wish = desktop.wish.borrow().desktop.clone();
    Ok(spec::hash_of(&spec::describe(&wish, &image, &agent.facts)) == found.spec)
}

/// Starts a desktop and waits until it is ready. What went wrong is told of, or returned.
pub(crate) async fn start(life: &mut Life, found: Option<Found>) -> Result<()> {
    let (agent, desktop) = (Rc::clone(&life.agent), Rc::clone(&life.desktop));
    life.show(State::Waiting, Reason::none());
    let image = ensure_image(&agent, &desktop).await?;
    let turn = agent.starts.turn(&desktop.name).await;
    if let Err(refused) = agent.admit(&desktop) {
        if is_guess(&agent, &desktop) {
            drop(turn);
            life.show(State::Waiting, refused.and(Why::Guess));
            sleep(GUESS).await;
            return Ok(());
        }
        say!("{}: {refused}", desktop.name);
        life.fail(refused).await;
        return Ok(());
    }
    life.show(State::Starting, Reason::none());
    life.started = Instant::now();
    let folder = agent.screen(&desktop);
    if image.has_screen {
        match screen::prepare(&folder, agent.student()) {
            Ok(()) => {}
            // Somebody else's doing, who is found and stopped for it.
            Err(error) if screen::is_used_up(&error) => {
                drop(turn);
                life.show(State::Waiting, Why::Crowded);
                agent.look_at_screens();
                sleep(CROWDED).await;
                return Ok(());
            }
            Err(error) => return Err(Trouble::new(Why::Folder.with(&[&folder.display(), &error]))),
        }
    }
    ensure_container(&agent, &desktop, &image, found).await?;
    desktop.image.replace(Some(image));
    desktop.ended_by_others.set(false);
    agent.engine.start(&life.container()).await?;
    desktop.alive.set(true);
    // Its turn is over when it is ready: until then it needs the processor most. One that hangs keeps nobody.
    let has_turn = async {
        sleep(TURN).await;
        drop(turn);
        std::future::pending::<()>().await;
    };
    select! {
        waited = wait_ready(life) => waited.map(drop),
        () = has_turn => Ok(()),
    }
}

/// The image, pulled if it has to be.
async fn ensure_image(agent: &Agent, desktop: &Desktop) -> Result<Image> {
    let course = desktop.wish.borrow().desktop.course.clone();
    if let Some(image) = image::find(&agent.engine, &course.image).await? {
        return Ok(image);
    }
    agent.show(desktop, State::Waiting, Why::ToFetch.with(&[&course.image]));
    let _turn = agent.pulls.turn(&desktop.name).await;
    // Another desktop of the same image may have been before.
    if image::find(&agent.engine, &course.image).await?.is_none() {
        let tell = |progress| agent.show(desktop, State::Waiting, progress);
        image::pull(&agent.engine, &course.image, course.login.as_ref(), tell).await?;
    }
    let gone = || Trouble::new(Why::FetchedNot.with(&[&course.image]));
    image::find(&agent.engine, &course.image).await?.ok_or_else(gone)
}

/// The container, made anew unless it is of the same description, with all that it needs.
async fn ensure_container(
    agent: &Agent,
    desktop: &Desktop,
    image: &Image,
    found: Option<Found>,
) -> Result<()> {
    let wish = desktop.wish.borrow().desktop.clone();
    let container = spec::container(&desktop.name);
    if agent.facts.networks {
        agent.engine.ensure_network(spec::network(&wish)).await?;
    }
    let body = spec::describe(&wish, image, &agent.facts);
    match found {
        Some(found) if found.spec == spec::hash_of(&body) => return Ok(()),
        Some(_) => agent.engine.remove(&container).await?,
        None => {}
    }
    for volume in spec::volumes(&wish, image, &agent.facts) {
        agent.engine.ensure_volume(volume).await?;
    }
    for _ in 0..LEFT_BEHIND {
        match agent.engine.create(&container, body.clone()).await {
            Err(trouble) if trouble.is_conflict() => {}
            done => return done,
        }
        sleep(CROWDED).await;
        agent.engine.remove(&container).await?;
    }
    agent.engine.create(&container, body).await
}

/// Waits until a desktop that runs is ready. Breaks where it ended meanwhile, or has no X server.
pub(crate) async fn wait_ready(life: &mut Life) -> Result<ControlFlow<()>> {
    let (agent, desktop) = (Rc::clone(&life.agent), Rc::clone(&life.desktop));
    let has_screen = desktop.image.borrow().as_ref().is_some_and(|image| image.has_screen);
    if desktop.state() != State::Ready {
        life.show(State::Starting, Reason::none());
    }
    let (begun, mut pause) = (Instant::now(), SHORT);
    loop {
        let answered =
            if has_screen { screen::answers(&agent.places.screens, &desktop.name).await } else { Ok(()) };
        let Err(silent) = answered else { break };
        if life.stop_if_full().await? {
            return Ok(ControlFlow::Break(()));
        }
        if begun.elapsed() >= patience() {
            return no_screen(life, silent).await.map(ControlFlow::Break);
        }
        select! {
            () = sleep(pause) => {}
            () = desktop.happened.notified() => {}
        }
        pause = (pause * 5 / 4).min(LONG);
        let found = agent.find(&life.container()).await?;
        if !found.is_some_and(|found| found.running) {
            return Ok(ControlFlow::Break(()));
        }
    }
    life.ready = Some(Instant::now());
    life.show(State::Ready, Reason::none());
    Ok(ControlFlow::Continue(()))
}

/// How long an X server may take: longer where processes wait for processors.
fn patience() -> Duration {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    match is_loaded(&load, processors) {
        true => PATIENCE_UNDER_LOAD,
        false => PATIENCE,
    }
}

/// Twice as many that want to run as there are processors, over the last minute.
fn is_loaded(load: &str, processors: f64) -> bool {
    let running = load.split(' ').next().and_then(|word| word.parse::<f64>().ok());
    running.is_some_and(|running| running > 2.0 * processors)
}

async fn no_screen(life: &mut Life, silent: Reason) -> Result<()> {
    let image = life.desktop.wish.borrow().desktop.course.image.clone();
    let words = life.agent.engine.last_words(&life.container()).await;
    life.stop().await?;
    life.fail(Why::NoScreen.with(&[&image]).and(silent).and(last_words(&words))).await;
    Ok(())
}

/// What a desktop wrote last, if it wrote anything.
pub(crate) fn last_words(words: &str) -> Reason {
    if words.is_empty() { Reason::none() } else { Why::LastWords.with(&[&words]) }
}

/// Refused at once rather than in its turn, where that is sure.
pub(crate) fn refusal(agent: &Agent, desktop: &Desktop) -> Option<Reason> {
    let idle =
        matches!(desktop.state(), State::Stopped | State::Failed) && desktop.intent.get() == Intent::Stopped;
    if idle && !is_guess(agent, desktop) { agent.admit(desktop).err() } else { None }
}

/// Whether a refusal may rest on a guess: others start, or have just started, of whose images none was seen for long
/// enough. A minute later it is known.
fn is_guess(agent: &Agent, but: &Desktop) -> bool {
    let others = agent.desktops.borrow();
    others.values().filter(|other| !std::ptr::eq(&***other, but)).any(|other| {
        let known = agent.memory.is_known(&other.wish.borrow().desktop.course.image);
        let measured = || agent.memory.used(&other.id.borrow()).is_some();
        !known && (other.state() == State::Starting || (other.state() == State::Ready && measured()))
    })
}

/// What those that run use, and are expected to.
pub(crate) fn uses(agent: &Agent, but: &Desktop) -> Vec<memory::Use> {
    let others = agent.desktops.borrow();
    let up = others.values().filter(|other| !std::ptr::eq(&***other, but) && other.state().is_up());
    up.map(|other| {
        let course = &other.wish.borrow().desktop.course;
        let expected = agent.memory.expected(&course.image, course.memory);
        // One that is ready and cannot be measured is in what is free already.
        let unknown = if other.state() == State::Ready { expected } else { 0 };
        memory::Use { now: agent.memory.used(&other.id.borrow()).unwrap_or(unknown), expected }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use dockos_control::wanted::Course;
    use tokio::task::LocalSet;

    use super::super::desktop::tests::wish;
    use super::super::testing;
    use super::*;

    #[tokio::test]
    async fn a_refusal_is_a_guess_while_others_are_unknown() {
        let work = async {
            let (_dir, agent, _) = testing::agent(testing::empty());
            let course = Course { image: "dockos/c".to_owned(), ..Course::default() };
            let make = |name: &str| Rc::new(Desktop::new(wish(name, course.clone()), Intent::Running));
            let (one, other) = (make("a"), make("b"));
            for desktop in [&one, &other] {
                agent.desktops.borrow_mut().insert(Rc::clone(&desktop.name), Rc::clone(desktop));
            }
            one.show(State::Starting, Reason::none());
            assert!(!is_guess(&agent, &one), "its own start tells nothing");
            assert!(is_guess(&agent, &other));
            one.show(State::Ready, Reason::none());
            assert!(!is_guess(&agent, &other), "what cannot be measured will not be known later");
            one.show(State::Starting, Reason::none());
            agent.learn("dockos/c", 75 << 20).await;
            assert!(!is_guess(&agent, &other));
        };
        LocalSet::new().run_until(work).await;
    }

    #[tokio::test]
    async fn a_container_whose_name_is_still_taken_is_made_a_moment_later() {
        let tried = Rc::new(std::cell::Cell::new(0));
        let count = Rc::clone(&tried);
        let answers = move |method: &hyper::Method, path: &str| {
            if method == hyper::Method::POST && !path.ends_with("/containers/create") {
                let made = r#"{"Id": "n", "Warning": "", "Name": "v", "Driver": "local", "Mountpoint": "/", "Labels": {}, "Options": {}, "Scope": "local"}"#;
                return (201, made.to_owned());
            }
            if method != hyper::Method::POST {
                return (404, r#"{"message": "none"}"#.to_owned());
            }
            count.set(count.get() + 1);
            match count.get() {
                1 => (409, r#"{"message": "the name is in use"}"#.to_owned()),
                _ => (201, r#"{"Id": "i", "Warnings": []}"#.to_owned()),
            }
        };
        let work = async {
            let (_dir, agent, _) = testing::agent(Rc::new(answers));
            let desktop = Desktop::new(wish("a", Course::default()), Intent::Running);
            ensure_container(&agent, &desktop, &Image::default(), None).await.unwrap();
            assert_eq!(tried.get(), 2);
        };
        LocalSet::new().run_until(work).await;
    }

    #[test]
    fn a_machine_is_loaded_by_more_than_it_can_run() {
        assert!(is_loaded("8.10 3.00 1.00 9/300 1234\n", 4.0));
        assert!(!is_loaded("8.00 9.00 9.00 9/300 1234\n", 4.0));
        assert!(!is_loaded("", 1.0) && !is_loaded("x y", 1.0));
    }
}
