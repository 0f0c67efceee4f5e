//! The agent: runs desktops in the user Docker as the config and the local API want them.
//!
//! | file | what |
//! |---|---|
//! | `wishes.rs` | what the config wants, as it changes, and what the engine still has of before |
//! | `life.rs`, `start.rs` | one task for each desktop, which brings its container there |
//! | `spec.rs` | a desktop as a container: what confines it |
//! | `memory.rs`, `queue.rs` | who may start, and when |
//! | `screen.rs`, `clear.rs` | whether an X server answers, and the folder of its socket |
//! | `kept.rs` | what is remembered over reboots |
//! | `api/` | what others ask of it |

mod api;
mod clear;
mod desktop;
mod disk;
mod engine;
mod exec;
mod image;
mod kept;
mod life;
mod memory;
mod places;
mod queue;
mod screen;
mod spec;
mod start;
mod status;
#[cfg(test)]
mod testing;
mod wishes;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use dockos_control::error::{Context, Result};
use dockos_control::wanted::Course;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::task::{LocalSet, spawn_blocking, spawn_local};
use tokio::time::sleep;

use crate::reason::Reason;
use crate::{say, told};
use desktop::{Desktop, State};
use engine::{Engine, Found};
use image::Image;
use kept::{Intent, Kept};
use life::Life;
use memory::Memory;
use places::Places;
use queue::Queue;
use spec::Facts;

/// How many desktops start at once: more would only wait for the same disk and processors.
const STARTS: usize = 3;
/// How many containers and images are looked at at once: at boot all desktops want to know of theirs.
const LOOKS: usize = 8;
/// How many folders of homes are listed at once: each takes up to 5 MB of the agent's 64.
const LISTINGS: usize = 6;
/// How often it is looked how full all screens are together.
const LOOK_AT_SCREENS: Duration = Duration::from_secs(1);
/// How many images are fetched at once.
const PULLS: usize = 2;

/// The agent.
pub(crate) struct Agent {
    places: Places,
    engine: Engine,
    facts: Facts,
    memory: Memory,
    looks: Semaphore,
    listings: Semaphore,
    starts: Queue,
    pulls: Queue,
    desktops: RefCell<BTreeMap<Rc<str>, Rc<Desktop>>>,
    courses: RefCell<BTreeMap<String, Course>>,
    kept: Rc<RefCell<Kept>>,
    saving: Arc<Mutex<()>>,
    /// The version of what is wanted that was taken in.
    version: Cell<Option<u64>>,
    /// A desktop went that may be wanted again: what is wanted has to be looked at once more.
    missed: Cell<bool>,
    /// What ran when an agent before this one ended.
    before: BTreeSet<String>,
    /// Something that is told of has changed.
    changed: Notify,
}

/// Runs it until it is told to end.
pub(crate) fn run(words: impl Iterator<Item = OsString>) -> ExitCode {
    let places = match Places::parse(words) {
        Ok(Some(places)) => places,
        Ok(None) => {
            let _ = std::io::stdout().write_all(places::HELP.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(text) => {
            say!("{text}; see `desktops agent --help`");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime
        .context(|| "start".to_owned())
        .and_then(|runtime| LocalSet::new().block_on(&runtime, serve(places)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say!("{fault}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(places: Places) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context(|| "take signals".to_owned())?;
    let mut interrupt = signal(SignalKind::interrupt()).context(|| "take signals".to_owned())?;
    let work = async {
        let listener = api::listen(&places.socket)?;
        let agent = Rc::new(Agent::new(places).await);
        spawn_local(wishes::watch_engine(Rc::clone(&agent)));
        spawn_local(watch_screens(Rc::clone(&agent)));
        spawn_local(wishes::follow(Rc::clone(&agent)));
        spawn_local(status::write_changes(Rc::clone(&agent)));
        api::serve(listener, agent).await;
        Ok(())
    };
    // Desktops run on: what ends here is only who looks after them.
    tokio::select! {
        done = work => done,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// Does not wait for the time at which each desktop is looked at: others could not start until then.
async fn watch_screens(agent: Rc<Agent>) {
    loop {
        sleep(LOOK_AT_SCREENS).await;
        if screen::are_filling(&agent.places.screens) {
            agent.look_at_screens();
        }
    }
}

impl Agent {
    async fn new(places: Places) -> Self {
        let engine = Engine::open(&places.docker).await;
        Self::with(places, engine)
    }

    fn with(places: Places, engine: Engine) -> Self {
        let facts = Facts {
            disk: disk::Disk::below(&places.state),
            screens: places.screens_inside.clone(),
            networks: places.networks,
            ipv6: Path::new("/proc/sys/net/ipv6").exists(),
        };
        // The user Docker goes through it as a tenant's root, the page as itself; what is in it is for each tenant alone.
        let shared = screen::share(&places.screens);
        shared.unwrap_or_else(|error| say!("make {}: {error}", places.screens.display()));
        let kept = Kept::load(&places.state);
        facts.disk.lacks().iter().for_each(|lack| say!("{lack}"));
        Self {
            memory: Memory::new(&places.cgroups, kept.memory.clone()),
            looks: Semaphore::new(LOOKS),
            listings: Semaphore::new(LISTINGS),
            starts: Queue::new(STARTS),
            pulls: Queue::new(PULLS),
            desktops: RefCell::default(),
            courses: RefCell::default(),
            kept: Rc::new(RefCell::new(kept)),
            saving: Arc::default(),
            version: Cell::default(),
            missed: Cell::default(),
            before: status::ran_before(&places.status),
            changed: Notify::new(),
            places,
            engine,
            facts,
        }
    }

    /// The user of a desktop, as the machine sees it.
    fn student(&self) -> u32 {
        self.engine.first_id + spec::STUDENT
    }

    /// The folder of a desktop's screen.
    fn screen(&self, desktop: &Desktop) -> PathBuf {
        self.places.screens.join(&*desktop.name)
    }

    /// Finds out who has filled what all screens share: those that run look at themselves, what others left goes.
    fn look_at_screens(&self) {
        for desktop in self.desktops.borrow().values() {
            let folder = self.screen(desktop);
            if !screen::is_full(&folder) {
                continue;
            }
            match desktop.alive.get() || desktop.state().is_up() {
                true => desktop.happened.notify_one(),
                false => screen::remove(&folder),
            }
        }
    }

    fn desktop(&self, name: &str) -> Option<Rc<Desktop>> {
        self.desktops.borrow().get(name).cloned()
    }

    /// A desktop's container, if it has one.
    async fn find(&self, container: &str) -> engine::Result<Option<Found>> {
        let _place = self.looks.acquire().await;
        self.engine.find(container).await
    }

    /// What a desktop's image says of itself, if it is there, which is noted.
    async fn find_image(&self, desktop: &Desktop) -> engine::Result<Option<Image>> {
        let name = desktop.wish.borrow().desktop.course.image.clone();
        let place = self.looks.acquire().await;
        let found = image::find(&self.engine, &name).await?;
        drop(place);
        if found.is_some() && *desktop.image.borrow() != found {
            desktop.image.replace(found.clone());
            self.changed.notify_one();
        }
        Ok(found)
    }

    /// Takes a desktop in, and lets it live.
    fn adopt(self: &Rc<Self>, desktop: Desktop) -> Rc<Desktop> {
        let desktop = Rc::new(desktop);
        self.desktops.borrow_mut().insert(Rc::clone(&desktop.name), Rc::clone(&desktop));
        spawn_local(Life::new(Rc::clone(self), Rc::clone(&desktop)).live());
        self.changed.notify_one();
        desktop
    }

    /// What is told of a desktop; its memory costs some reading.
    fn told(&self, desktop: &Desktop, with_memory: bool) -> told::Desktop {
        let mut told = desktop.told();
        if desktop.state() == State::Waiting {
            told.queue = self.starts.place(&desktop.name);
        }
        if with_memory && desktop.state().is_up() {
            told.memory = self.memory.used(&desktop.id.borrow());
        }
        told
    }

    /// Tells of a desktop's state.
    fn show(&self, desktop: &Desktop, state: State, reason: impl Into<Reason>) {
        if desktop.show(state, reason) {
            self.changed.notify_one();
        }
    }

    /// Takes note of the most that a desktop of an image used lately.
    async fn learn(&self, image: &str, peak: u64) {
        let kept = self.kept.borrow().memory.get(image).copied();
        let Some(expected) = self.memory.observe(image, peak, kept) else { return };
        let kept = self.keep(|kept| {
            kept.memory.insert(image.to_owned(), expected);
        });
        if let Err(fault) = kept.await {
            say!("{image}: {fault}");
        }
    }

    /// Whether there is memory for a desktop; if not, why.
    fn admit(&self, desktop: &Desktop) -> std::result::Result<(), Reason> {
        // Where nothing can be known, nothing is refused.
        let Some(free) = self.memory.free() else { return Ok(()) };
        let course = desktop.wish.borrow().desktop.course.clone();
        let wish = self.memory.expected(&course.image, course.memory);
        memory::admit(free, wish, &start::uses(self, desktop))
    }

    /// Changes what is kept, on the disk first: what could not be saved is not taken for kept, and is tried again. What has
    /// begun goes on when nobody waits for it any more.
    async fn keep(&self, change: impl FnOnce(&mut Kept)) -> Result<()> {
        // One after the other: each begins with what the one before it saved.
        let alone = Arc::clone(&self.saving).lock_owned().await;
        let mut kept = self.kept.borrow().clone();
        change(&mut kept);
        if kept == *self.kept.borrow() {
            return Ok(());
        }
        let (folder, text, all) = (self.places.state.clone(), kept.text(), Rc::clone(&self.kept));
        let saving = spawn_local(async move {
            let saved = spawn_blocking(move || kept::save(folder, &text)).await;
            saved.context(|| "save".to_owned())??;
            all.replace(kept);
            drop(alone);
            Ok(())
        });
        saving.await.context(|| "save".to_owned())?
    }

    /// Remembers that a desktop is to run, or not.
    async fn intend(&self, desktop: &Desktop, intent: Intent) {
        desktop.intent.set(intent);
        let kept = self.keep(|kept| {
            kept.intents.insert(desktop.name.to_string(), intent);
        });
        if let Err(fault) = kept.await {
            say!("{}: {fault}", desktop.name);
        }
    }

    /// A desktop is no more: nothing is left of it but its volumes.
    async fn forget(&self, desktop: &Desktop) {
        screen::remove(&self.screen(desktop));
        let tenant = desktop.wish.borrow().desktop.tenant.clone();
        let shared =
            |other: &Rc<Desktop>| other.name != desktop.name && other.wish.borrow().desktop.tenant == tenant;
        if self.facts.networks && !self.desktops.borrow().values().any(shared) {
            for network in spec::networks(&tenant) {
                self.engine.remove_network(&network).await;
            }
        }
        let forgotten = self.keep(|kept| {
            kept.made.remove(&*desktop.name);
            kept.intents.remove(&*desktop.name);
        });
        if let Err(fault) = forgotten.await {
            say!("{}: {fault}", desktop.name);
        }
        // Last, and with nothing to wait for between: until now its name was taken, and whoever makes a desktop of that
        // name from now on makes another one.
        self.desktops.borrow_mut().remove(&desktop.name);
        self.missed.set(true);
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::LocalSet;

    use super::*;

    #[tokio::test]
    async fn what_could_not_be_saved_is_not_taken_for_kept() {
        let work = async {
            let (_dir, agent, _) = testing::agent(testing::empty());
            let stop = |kept: &mut Kept| {
                kept.intents.insert("a".to_owned(), Intent::Stopped);
            };
            // A file in the folder's place: even root cannot write there.
            std::fs::remove_dir(&agent.places.state).unwrap();
            std::fs::write(&agent.places.state, "").unwrap();
            for _ in 0..2 {
                assert!(agent.keep(stop).await.is_err(), "not the first time, and not the second");
            }
            assert_eq!(*agent.kept.borrow(), Kept::default());
            std::fs::remove_file(&agent.places.state).unwrap();
            std::fs::create_dir(&agent.places.state).unwrap();
            agent.keep(stop).await.unwrap();
            assert_eq!(Kept::load(&agent.places.state), *agent.kept.borrow());
            assert_eq!(agent.kept.borrow().intents.len(), 1);
        };
        LocalSet::new().run_until(work).await;
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_kept_all_the_same() {
        let work = async {
            let (_dir, agent, _) = testing::agent(testing::empty());
            let stop = |name: &'static str| {
                agent.keep(move |kept| {
                    kept.intents.insert(name.to_owned(), Intent::Stopped);
                })
            };
            assert!(tokio::time::timeout(Duration::ZERO, stop("a")).await.is_err(), "it was too quick");
            stop("c").await.unwrap();
            assert_eq!(Kept::load(&agent.places.state), *agent.kept.borrow());
            assert_eq!(agent.kept.borrow().intents.keys().collect::<Vec<_>>(), ["a", "c"]);
        };
        LocalSet::new().run_until(work).await;
    }

    #[tokio::test]
    async fn what_was_learned_of_images_is_known_after_a_reboot() {
        let work = async {
            let (_dir, agent, _) = testing::agent(testing::empty());
            agent.learn("dockos/java", 600 << 20).await;
            let again = Agent::with(agent.places.clone(), agent.engine.clone());
            assert_eq!(again.memory.expected("dockos/java", None), 600 << 20);
        };
        LocalSet::new().run_until(work).await;
    }
}
