//! A desktop as the agent has it in mind: what is wanted of it, what it was ordered to do, and what is told of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dockos_control::wanted;
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::Instant;

use super::image::Image;
use super::kept::Intent;
use crate::reason::Reason;
use crate::told;
pub(crate) use crate::told::State;

/// How long the page may say nothing before its viewers are taken for gone.
const VIEWERS_HOLD: Duration = Duration::from_secs(60);

/// Who wants a desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The config.
    Config,
    /// Whoever asked the API for it.
    Api,
}

/// What is wanted of a desktop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// What it is.
    pub(crate) desktop: wanted::Desktop,
    /// Who wants it.
    pub(crate) origin: Origin,
    /// Why it cannot be: its course is gone.
    pub(crate) fault: Option<Reason>,
}

/// Something to be done once; the later of two in this list is what is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Demand {
    /// Its container is made anew; its home stays.
    Reset,
    /// It goes; its volumes stay.
    Delete,
}

/// What is told of its state.
#[derive(Clone, Debug)]
struct Shown {
    state: State,
    reason: Reason,
    since: u64,
}

/// A desktop.
#[derive(Debug)]
pub(crate) struct Desktop {
    /// Its name.
    pub(crate) name: Rc<str>,
    /// What is wanted.
    pub(crate) wish: RefCell<Wish>,
    /// What its image says, once it was seen.
    pub(crate) image: RefCell<Option<Image>>,
    /// The ID of its container while that runs.
    pub(crate) id: RefCell<String>,
    /// Whether it is to run.
    pub(crate) intent: Cell<Intent>,
    /// What is to be done once.
    pub(crate) demand: Cell<Option<Demand>>,
    /// It is left as it is until there is another order: it failed, or was stopped by another hand than the agent's.
    pub(crate) held: Cell<bool>,
    /// It ran when it was last looked at.
    pub(crate) alive: Cell<bool>,
    /// The engine was told by somebody else to end it.
    pub(crate) ended_by_others: Cell<bool>,
    /// A folder of its home is being listed.
    pub(crate) listing: Mutex<()>,
    /// Something happened to its container.
    pub(crate) happened: Notify,
    orders: watch::Sender<u64>,
    shown: RefCell<Shown>,
    viewers: Cell<u32>,
    told_of_viewers: Cell<Instant>,
    last_viewed: Cell<Instant>,
}

impl Desktop {
    /// A desktop of which nothing is known but what is wanted.
    pub(crate) fn new(wish: Wish, intent: Intent) -> Self {
        let now = Instant::now();
        Self {
            name: Rc::from(wish.desktop.name.as_str()),
            wish: RefCell::new(wish),
            image: RefCell::default(),
            id: RefCell::default(),
            intent: Cell::new(intent),
            demand: Cell::default(),
            held: Cell::default(),
            alive: Cell::default(),
            ended_by_others: Cell::default(),
            listing: Mutex::default(),
            happened: Notify::new(),
            orders: watch::Sender::new(0),
            shown: RefCell::new(Shown {
                state: State::Stopped,
                reason: Reason::none(),
                since: seconds_now(),
            }),
            viewers: Cell::default(),
            told_of_viewers: Cell::new(now),
            last_viewed: Cell::new(now),
        }
    }

    /// Whether it is a tenant's.
    pub(crate) fn is_of(&self, tenant: &str) -> bool {
        self.wish.borrow().desktop.tenant == tenant
    }

    /// Orders it to run or not, or to do something once.
    pub(crate) fn order(&self, intent: Intent, demand: Option<Demand>) {
        self.intent.set(intent);
        self.demand.set(demand.max(self.demand.get()));
        self.look_again();
    }

    /// Something that was to be done once is done. What was ordered meanwhile stays.
    pub(crate) fn done(&self, demand: Demand) {
        self.demand.set(self.demand.get().filter(|now| *now != demand));
    }

    /// Something about it changed: what holds it holds it no more.
    pub(crate) fn look_again(&self) {
        self.held.set(false);
        if self.state() == State::Failed && self.intent.get() == Intent::Running {
            // Nobody shall take it for settled who looks before it does.
            self.show(State::Waiting, Reason::none());
        }
        self.orders.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Tells of orders.
    pub(crate) fn orders(&self) -> watch::Receiver<u64> {
        self.orders.subscribe()
    }

    /// Its state.
    pub(crate) fn state(&self) -> State {
        self.shown.borrow().state
    }

    /// Why it is in this state.
    pub(crate) fn reason(&self) -> Reason {
        self.shown.borrow().reason.clone()
    }

    /// Takes note of a state and its reason. Tells whether that is another than before.
    pub(crate) fn show(&self, state: State, reason: impl Into<Reason>) -> bool {
        let (mut shown, reason) = (self.shown.borrow_mut(), reason.into());
        let other = shown.state != state;
        let changed = other || shown.reason != reason;
        if other {
            shown.since = seconds_now();
            if state == State::Ready {
                self.last_viewed.set(Instant::now());
            }
        }
        shown.state = state;
        shown.reason = reason;
        changed
    }

    /// The page says how many look at it.
    pub(crate) fn viewed(&self, viewers: u32) {
        let now = Instant::now();
        if viewers > 0 || self.viewers() > 0 {
            self.last_viewed.set(now);
        }
        self.viewers.set(viewers);
        self.told_of_viewers.set(now);
    }

    /// How many look at it.
    pub(crate) fn viewers(&self) -> u32 {
        if self.told_of_viewers.get().elapsed() < VIEWERS_HOLD { self.viewers.get() } else { 0 }
    }

    /// Whether nobody looked at it for longer than its course allows.
    pub(crate) fn is_idle(&self) -> bool {
        let allowed = self.wish.borrow().desktop.course.idle_stop;
        allowed.is_some_and(|seconds| {
            self.viewers() == 0 && self.last_viewed.get().elapsed() >= Duration::from_secs(seconds)
        })
    }

    /// Whether there is nothing left to do for a boot to be over.
    pub(crate) fn is_settled(&self) -> bool {
        let rests = self.intent.get() == Intent::Stopped || self.held.get();
        self.demand.get().is_none() && (rests || matches!(self.state(), State::Ready | State::Failed))
    }

    /// What is told of it. Its place and its memory are others' to know.
    pub(crate) fn told(&self) -> told::Desktop {
        let (wish, shown) = (self.wish.borrow(), self.shown.borrow());
        let (desktop, course) = (&wish.desktop, &wish.desktop.course);
        let image = self.image.borrow();
        let label = |of: fn(&Image) -> &Option<String>| image.as_ref().and_then(|image| of(image).clone());
        let own = course.title.clone();
        let title =
            own.clone().or_else(|| label(|image| &image.title)).or_else(|| desktop.course_name.clone());
        let title = title.unwrap_or_else(|| desktop.name.clone());
        let title_en = own.or_else(|| label(|image| &image.title_en)).unwrap_or_else(|| title.clone());
        told::Desktop {
            name: desktop.name.clone(),
            state: shown.state,
            reason: shown.reason.to_string(),
            why: shown.reason.clone(),
            tenant: desktop.tenant.clone(),
            course: desktop.course_name.clone(),
            title,
            title_en,
            image: course.image.clone(),
            has_screen: image.as_ref().is_some_and(|image| image.has_screen),
            viewers: self.viewers(),
            memory: None,
            memory_limit: course.memory,
            since: shown.since,
            queue: None,
        }
    }
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use dockos_control::wanted::{Course, Start};

    use super::*;
    use crate::reason::Why;

    /// A desktop of alice's.
    pub(crate) fn wish(name: &str, course: Course) -> Wish {
        let desktop = wanted::Desktop {
            name: name.to_owned(),
            tenant: "alice".to_owned(),
            start: Start::Boot,
            course_name: None,
            course,
            ports: Vec::new(),
            volumes: Vec::new(),
        };
        Wish { desktop, origin: Origin::Config, fault: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_desktop_is_idle_when_nobody_looks_at_it() {
        let course = Course { idle_stop: Some(100), ..Course::default() };
        let desktop = Desktop::new(wish("a", course), Intent::Running);
        desktop.show(State::Ready, Reason::none());
        let pass = |seconds| tokio::time::advance(Duration::from_secs(seconds));
        pass(99).await;
        assert!(!desktop.is_idle());
        desktop.viewed(1);
        for _ in 0..20 {
            pass(15).await;
            desktop.viewed(1);
            assert!(!desktop.is_idle());
        }
        assert_eq!(desktop.viewers(), 1);
        pass(61).await;
        assert_eq!(desktop.viewers(), 0, "a page that says nothing has no viewers");
        pass(40).await;
        assert!(desktop.is_idle());
        desktop.viewed(2);
        desktop.viewed(0);
        assert!(!desktop.is_idle(), "counted from the last viewer");
    }

    #[test]
    fn orders_let_go_of_what_is_held() {
        let desktop = Desktop::new(wish("a", Course::default()), Intent::Running);
        let orders = desktop.orders();
        desktop.held.set(true);
        desktop.order(Intent::Running, Some(Demand::Reset));
        desktop.order(Intent::Stopped, None);
        assert!(orders.has_changed().unwrap() && !desktop.held.get());
        assert_eq!((desktop.intent.get(), desktop.demand.get()), (Intent::Stopped, Some(Demand::Reset)));
    }

    #[test]
    fn one_that_has_to_go_is_not_reset_instead() {
        let desktop = Desktop::new(wish("a", Course::default()), Intent::Running);
        desktop.order(Intent::Running, Some(Demand::Reset));
        desktop.order(Intent::Stopped, Some(Demand::Delete));
        desktop.order(Intent::Running, Some(Demand::Reset));
        assert_eq!(desktop.demand.get(), Some(Demand::Delete));
    }

    #[test]
    fn a_failed_one_that_is_tried_again_is_not_settled() {
        let desktop = Desktop::new(wish("a", Course::default()), Intent::Running);
        desktop.held.set(true);
        desktop.show(State::Failed, Why::FilledScreen);
        assert!(desktop.is_settled());
        desktop.look_again();
        assert_eq!((desktop.state(), desktop.is_settled()), (State::Waiting, false));
    }

    #[test]
    fn titles_are_the_courses_then_the_images() {
        let desktop = Desktop::new(wish("a", Course::default()), Intent::Running);
        assert_eq!(desktop.told().title, "a");
        let image =
            Image {
                title: Some("程序设计".to_owned()), title_en: Some("C".to_owned()), ..Image::default()
            };
        desktop.image.replace(Some(image));
        let told = desktop.told();
        assert_eq!((told.title.as_str(), told.title_en.as_str()), ("程序设计", "C"));
        desktop.wish.borrow_mut().desktop.course.title = Some("Ours".to_owned());
        let told = desktop.told();
        assert_eq!((told.title.as_str(), told.title_en.as_str()), ("Ours", "Ours"));
    }
}
