//! What the config wants, as it changes, and what the engine tells.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use dockos_control::wanted::{self, Course, Start};
use futures_util::{StreamExt, stream};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};

use super::Agent;
use super::desktop::{Demand, Desktop, Origin, State, Wish};
use super::engine::Labelled;
use super::kept::{Intent, Kept};
use super::{screen, spec};
use crate::reason::{Reason, Why};
use crate::say;
use crate::screen::is_name;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long desktops that have to go may hold up others, whose ports they may have.
const LEAVE: Duration = Duration::from_secs(20);
/// How many containers that nobody wants are removed at once.
const REMOVALS: usize = 4;
/// The signals by which an engine ends a container.
const ENDING: [&str; 2] = ["9", "15"];

/// A file as it was when it was read.
type Mark = Option<(u64, i64, i64, u64)>;

fn mark(path: &Path) -> Mark {
    let found = path.metadata().ok()?;
    Some((found.ino(), found.mtime(), found.mtime_nsec(), found.len()))
}

/// Takes in what the config wants, now and whenever it changes.
pub(crate) async fn follow(agent: Rc<Agent>) {
    let mut seen: Mark = None;
    loop {
        let now = mark(&agent.places.wanted);
        if now.is_some() && (now != seen || agent.missed.get()) {
            seen = now;
            agent.missed.set(false);
            match wanted::read(&agent.places.wanted.to_string_lossy()) {
                Ok(wanted) => take_in(&agent, wanted).await,
                Err(fault) => say!("{fault}; desktops stay as they are"),
            }
        }
        sleep(LOOK).await;
    }
}

async fn take_in(agent: &Rc<Agent>, wanted: wanted::Desktops) {
    let wishes = wishes(&wanted, &agent.kept.borrow());
    agent.courses.replace(wanted.courses);
    send_away(agent, &wishes).await;
    if wanted.remove_others {
        // Those that run have ports and memory that others wait for.
        let known = |is: &IsOne<'_>| wishes.values().any(|wish| is(&wish.desktop)) || agent.has(is);
        let _ = timeout(LEAVE, remove_unknown(agent, true, known)).await;
    }
    // Where there was no config to be found, nothing is known of courses.
    let images = wanted.remove_others.then(|| images(&wishes, &agent.courses.borrow()));
    let mut named: Vec<wanted::Desktop> = wishes
        .values()
        .filter(|wish| wish.origin == Origin::Config)
        .map(|wish| wish.desktop.clone())
        .collect();
    named.iter_mut().for_each(|desktop| desktop.course.login = None);
    let intents: BTreeMap<String, Intent> =
        wishes.iter().map(|(name, wish)| (name.clone(), intent(wish, &agent.kept.borrow()))).collect();
    for (name, wish) in wishes {
        match agent.desktop(&name) {
            Some(desktop) if *desktop.wish.borrow() == wish => {}
            // It still goes: then all is looked at once more.
            Some(desktop) if !desktop.is_of(&wish.desktop.tenant) => {}
            Some(desktop) => {
                desktop.wish.replace(wish);
                desktop.look_again();
            }
            None => {
                let desktop = Desktop::new(wish, intents.get(&name).copied().unwrap_or(Intent::Stopped));
                desktop.alive.set(agent.before.contains(&name));
                agent.adopt(desktop);
            }
        }
    }
    let kept = agent.keep(|kept| {
        kept.named = named;
        // Some may have been made while others were waited for.
        let Kept { made, intents: known, .. } = &mut *kept;
        known.retain(|name, _| intents.contains_key(name) || made.contains_key(name));
        if let Some(images) = images {
            kept.memory.retain(|image, _| images.contains(image));
        }
        for (name, intent) in intents {
            kept.intents.entry(name).or_insert(intent);
        }
    });
    if let Err(fault) = kept.await {
        say!("{fault}");
    }
    agent.version.set(Some(wanted.version));
    agent.changed.notify_one();
    if wanted.remove_others {
        let agent = Rc::clone(agent);
        spawn_local(async move { remove_unknown(&agent, false, |is| agent.has(is)).await });
    }
}

/// All that is wanted, by name: what the config names, and what the API made. Where there was no config to be found, that
/// is what the last one named.
fn wishes(wanted: &wanted::Desktops, kept: &Kept) -> BTreeMap<String, Wish> {
    let made = kept.made.iter().map(|(name, made)| {
        let (desktop, fault) = of_course(name, &made.tenant, &made.course, &wanted.courses);
        Wish { desktop, origin: Origin::Api, fault }
    });
    let before = kept.named.iter().filter(|_| !wanted.remove_others).cloned();
    let named = before.chain(wanted.desktops.iter().cloned());
    let named = named.map(|desktop| Wish { desktop, origin: Origin::Config, fault: None });
    made.chain(named).map(|wish| (wish.desktop.name.clone(), wish)).collect()
}

/// The images that something is made of, or can be.
fn images(wishes: &BTreeMap<String, Wish>, courses: &BTreeMap<String, Course>) -> BTreeSet<String> {
    let named = wishes.values().map(|wish| &wish.desktop.course);
    named.chain(courses.values()).map(|course| course.image.clone()).collect()
}

/// A desktop of a course; if there is no such course, why it cannot be.
pub(crate) fn of_course(
    name: &str,
    tenant: &str,
    course: &str,
    courses: &BTreeMap<String, Course>,
) -> (wanted::Desktop, Option<Reason>) {
    let found = courses.get(course).cloned();
    let fault = found.is_none().then(|| Why::NoCourse.with(&[&course]));
    let desktop = wanted::Desktop {
        name: name.to_owned(),
        tenant: tenant.to_owned(),
        start: Start::Demand,
        course_name: Some(course.to_owned()),
        course: found.unwrap_or_default(),
        ports: Vec::new(),
        volumes: Vec::new(),
    };
    (desktop, fault)
}

fn intent(wish: &Wish, kept: &Kept) -> Intent {
    let first = match wish.desktop.start {
        Start::Boot => Intent::Running,
        Start::Demand => Intent::Stopped,
    };
    kept.intents.get(&wish.desktop.name).copied().unwrap_or(first)
}

/// Desktops that are not wanted any more go, and those that are may have their ports. One that is another tenant's now is
/// another one: nobody finds what somebody else left open.
async fn send_away(agent: &Agent, wishes: &BTreeMap<String, Wish>) {
    let stays = |desktop: &Desktop| {
        wishes.get(&*desktop.name).is_some_and(|wish| desktop.is_of(&wish.desktop.tenant))
    };
    let gone = |agent: &Agent| {
        let all = agent.desktops.borrow();
        all.values().filter(|desktop| !stays(desktop)).cloned().collect::<Vec<_>>()
    };
    for desktop in gone(agent) {
        let tenant = &desktop.wish.borrow().desktop.tenant;
        say!("{}: the config has none of {tenant} of that name any more, and it is removed", desktop.name);
        desktop.order(Intent::Stopped, Some(Demand::Delete));
    }
    let end = Instant::now() + LEAVE;
    while !gone(agent).is_empty() && Instant::now() < end {
        sleep(Duration::from_millis(20)).await;
    }
}

/// Whether a desktop is one that is looked for.
type IsOne<'a> = dyn Fn(&wanted::Desktop) -> bool + 'a;

impl Agent {
    fn has(&self, is: &IsOne<'_>) -> bool {
        self.desktops.borrow().values().any(|desktop| is(&desktop.wish.borrow().desktop))
    }
}

/// Removes containers of desktops that nobody knows, those that run or all. Their volumes stay.
async fn remove_unknown(agent: &Agent, running: bool, known: impl Fn(&IsOne<'_>) -> bool) {
    let all = match agent.engine.all().await {
        Ok(all) => all,
        Err(trouble) => return say!("desktops of an earlier config are not looked for: {trouble}"),
    };
    let unknown = all.into_iter().filter(|found| found.running || !running);
    let removed = stream::iter(unknown).for_each_concurrent(REMOVALS, async |found| {
        // Looked up when its turn comes: somebody may have made one of that name meanwhile.
        if !known(&|desktop| desktop.name == found.desktop) {
            remove_one(agent, &found, &known).await;
        }
    });
    removed.await;
}

async fn remove_one(agent: &Agent, found: &Labelled, known: impl Fn(&IsOne<'_>) -> bool) {
    say!("{}: it is not in the config and is removed", found.desktop);
    if let Err(trouble) = agent.engine.remove(&found.id).await {
        return say!("{}: {trouble}", found.desktop);
    }
    // A label is only a text: nothing but a name may become a part of a path.
    if is_name(&found.desktop) && !known(&|desktop| desktop.name == found.desktop) {
        screen::remove(&agent.places.screens.join(&found.desktop));
    }
    let shared = known(&|desktop| desktop.tenant == found.tenant);
    if agent.facts.networks && !shared && is_name(&found.tenant) {
        for network in spec::networks(&found.tenant) {
            agent.engine.remove_network(&network).await;
        }
    }
}

/// Wakes desktops when something happens to their containers.
pub(crate) async fn watch_engine(agent: Rc<Agent>) {
    loop {
        let mut events = agent.engine.events();
        // Something may have happened while nobody listened.
        agent.desktops.borrow().values().for_each(|desktop| desktop.happened.notify_one());
        while let Some(Ok(event)) = events.next().await {
            let attributes = event.actor.and_then(|actor| actor.attributes).unwrap_or_default();
            let name = attributes.get(super::engine::DESKTOP_LABEL);
            let Some(desktop) = name.and_then(|name| agent.desktop(name)) else { continue };
            let signal = attributes.get("signal").map(String::as_str).unwrap_or_default();
            let killed = event.action.as_deref() == Some("kill") && ENDING.contains(&signal);
            if killed && desktop.state() != State::Stopping {
                desktop.ended_by_others.set(true);
            }
            desktop.happened.notify_one();
        }
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio::task::LocalSet;

    use super::super::desktop::tests::wish;
    use super::super::kept::Made;
    use super::super::testing;
    use super::*;

    fn names(wishes: &BTreeMap<String, Wish>) -> Vec<(&str, Origin, bool)> {
        wishes.iter().map(|(name, wish)| (name.as_str(), wish.origin, wish.fault.is_some())).collect()
    }

    #[tokio::test]
    async fn leftovers_keep_nobody_waiting() {
        let removed = Rc::new(RefCell::new(Vec::new()));
        let told = Rc::clone(&removed);
        let left = |name: &str, state: &str| serde_json::json!({"Id": name, "State": state, "Labels": {"dockos.desktop": name, "dockos.tenant": "t"}});
        let mut all: Vec<_> = (0..50).map(|i| left(&format!("old-{i}"), "exited")).collect();
        all.extend([left("runs", "running"), left("a", "exited")]);
        let all = serde_json::to_string(&all).unwrap();
        let answers = move |method: &hyper::Method, path: &str| {
            if method == hyper::Method::DELETE && path.contains("/containers/") {
                told.borrow_mut().push(path.rsplit('/').next().unwrap_or_default().to_owned());
                return (204, String::new());
            }
            if path.ends_with("/containers/json") {
                return (200, all.clone());
            }
            (404, r#"{"message": "none"}"#.to_owned())
        };
        let work = async {
            let (_dir, agent, _) = testing::agent(Rc::new(answers));
            let mut named = wish("a", Course::default()).desktop;
            named.start = Start::Demand;
            let wanted = wanted::Desktops {
                version: 7,
                remove_others: true,
                desktops: vec![named],
                ..Default::default()
            };
            take_in(&agent, wanted).await;
            assert_eq!(agent.version.get(), Some(7));
            assert!(agent.desktop("a").is_some());
            assert_eq!(*removed.borrow(), ["runs"], "only what has a port may be waited for");
            while removed.borrow().len() < 51 {
                sleep(Duration::from_millis(5)).await;
            }
            assert!(!removed.borrow().contains(&"a".to_owned()));
        };
        LocalSet::new().run_until(timeout(Duration::from_secs(20), work)).await.unwrap();
    }

    #[tokio::test]
    async fn a_desktop_that_is_another_tenants_now_is_another_desktop() {
        let work = async {
            let (_dir, agent, _) = testing::agent(testing::empty());
            let old = agent.adopt(Desktop::new(wish("a", Course::default()), Intent::Running));
            old.show(State::Ready, Reason::none());
            let mut named = wish("a", Course::default()).desktop;
            (named.tenant, named.start) = ("bob".to_owned(), Start::Demand);
            let wanted =
                wanted::Desktops { remove_others: true, desktops: vec![named], ..Default::default() };
            take_in(&agent, wanted).await;
            let new = agent.desktop("a").unwrap();
            assert!(old.is_of("alice") && new.is_of("bob") && !Rc::ptr_eq(&old, &new));
            assert_eq!((new.intent.get(), new.state()), (Intent::Stopped, State::Stopped));
        };
        LocalSet::new().run_until(timeout(Duration::from_secs(20), work)).await.unwrap();
    }

    #[tokio::test]
    async fn one_that_is_made_meanwhile_still_runs_after_a_reboot() {
        let taking: Rc<RefCell<Option<Rc<Agent>>>> = Rc::default();
        let making = Rc::clone(&taking);
        let answers = move |_: &hyper::Method, path: &str| {
            if path.ends_with("/containers/json")
                && let Some(agent) = &*making.borrow()
            {
                let mut kept = agent.kept.borrow_mut();
                let made = Made { tenant: "bob".to_owned(), course: "c".to_owned() };
                kept.made.insert("made".to_owned(), made);
                kept.intents.insert("made".to_owned(), Intent::Running);
                return (200, "[]".to_owned());
            }
            (404, r#"{"message": "none"}"#.to_owned())
        };
        let work = async {
            let (_dir, agent, _) = testing::agent(Rc::new(answers));
            taking.replace(Some(Rc::clone(&agent)));
            agent.kept.borrow_mut().intents.insert("gone".to_owned(), Intent::Running);
            take_in(&agent, wanted::Desktops { remove_others: true, ..Default::default() }).await;
            let intents = agent.kept.borrow().intents.clone();
            assert_eq!(intents, BTreeMap::from([("made".to_owned(), Intent::Running)]));
        };
        LocalSet::new().run_until(timeout(Duration::from_secs(20), work)).await.unwrap();
    }

    #[test]
    fn the_config_and_the_api_want_desktops() {
        let named = |name| wish(name, Course::default()).desktop;
        let mut kept = Kept { named: vec![named("old"), named("b")], ..Kept::default() };
        for (name, course) in [("made", "c"), ("lost", "x"), ("b", "c")] {
            kept.made.insert(name.to_owned(), Made { tenant: "bob".to_owned(), course: course.to_owned() });
        }
        let mut wanted = wanted::Desktops {
            version: 1,
            remove_others: true,
            desktops: vec![named("a"), named("b")],
            courses: BTreeMap::from([("c".to_owned(), Course::default())]),
        };
        let (config, api) = (Origin::Config, Origin::Api);
        let all = wishes(&wanted, &kept);
        let expected =
            [("a", config, false), ("b", config, false), ("lost", api, true), ("made", api, false)];
        assert_eq!(names(&all), expected);
        assert_eq!(all["made"].desktop.tenant, "bob");
        // Without a config, what the last one named stays.
        wanted.remove_others = false;
        wanted.desktops.clear();
        assert_eq!(
            names(&wishes(&wanted, &kept)).iter().map(|found| found.0).collect::<Vec<_>>(),
            ["b", "lost", "made", "old"]
        );
    }

    #[test]
    fn the_first_boot_does_as_the_config_says_later_ones_as_it_was() {
        let mut of_boot = wish("a", Course::default());
        let mut kept = Kept::default();
        assert_eq!(intent(&of_boot, &kept), Intent::Running);
        of_boot.desktop.start = Start::Demand;
        assert_eq!(intent(&of_boot, &kept), Intent::Stopped);
        kept.intents.insert("a".to_owned(), Intent::Running);
        assert_eq!(intent(&of_boot, &kept), Intent::Running);
    }
}
