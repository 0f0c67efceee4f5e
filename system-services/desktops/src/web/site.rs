//! All that requests are answered from.

use std::sync::{Arc, Mutex, PoisonError};

use dockos_control::error::Result;
use dockos_control::wanted::Web;

use crate::web::agent::Agent;
use crate::web::attempts::Attempts;
use crate::web::certificate::Identity;
use crate::web::crowd::Crowd;
use crate::web::links::Links;
use crate::web::options::Places;
use crate::web::password::Checks;
use crate::web::picture::Pictures;
use crate::web::sessions::Sessions;
use crate::web::settings::Settings;
use crate::web::viewers::Viewers;

/// Files that go up or down at once: each takes a process in its desktop.
const TRANSFERS: usize = 24;
/// Those of one user, so that nobody has them all.
const TRANSFERS_OF_ONE: usize = 4;
/// Orders that are on their way to the agent at once: each is written to the disk before it is given.
const ORDERS: usize = 16;
/// Those of one user.
const ORDERS_OF_ONE: usize = 2;
/// Folders that are listed at once: each may be two megabytes of names, until its page has been taken.
const LISTINGS: usize = 12;

/// The page.
pub(super) struct Site {
    /// Where everything is.
    pub(super) places: Places,
    settings: Settings,
    identity: Mutex<Identity>,
    /// Who is logged in.
    pub(super) sessions: Sessions,
    /// Wrong passwords.
    pub(super) attempts: Attempts,
    /// Passwords that are checked.
    pub(super) checks: Checks,
    /// Links that log in.
    pub(super) links: Links,
    /// The agent.
    pub(super) agent: Agent,
    /// Who looks at what.
    pub(super) viewers: Arc<Viewers>,
    /// What screens show.
    pub(super) pictures: Pictures,
    /// Places for files.
    pub(super) transfers: Arc<Crowd>,
    /// Places for listings of folders, one for each user.
    pub(super) listings: Arc<Crowd>,
    /// Places for orders.
    pub(super) orders: Arc<Crowd>,
}

impl Site {
    /// With what was kept.
    pub(super) fn new(places: Places, settings: Settings, identity: Identity) -> Result<Self> {
        Ok(Self {
            sessions: Sessions::load(&places.state),
            attempts: Attempts::default(),
            checks: Checks::default(),
            links: Links::load(&places.state),
            agent: Agent::new(&places.agent),
            viewers: Arc::default(),
            pictures: Pictures::default(),
            transfers: Crowd::new(TRANSFERS, TRANSFERS_OF_ONE),
            listings: Crowd::new(LISTINGS, 1),
            orders: Crowd::new(ORDERS, ORDERS_OF_ONE),
            settings,
            identity: Mutex::new(identity),
            places,
        })
    }

    /// The settings as they are now.
    pub(super) fn web(&self) -> Arc<Web> {
        let none = || Arc::new(Web { port: 0, certificate: None, key: None, users: Vec::new() });
        self.settings.borrow().clone().unwrap_or_else(none)
    }

    /// How to speak TLS now.
    pub(super) fn identity(&self) -> Identity {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Speaks TLS by another certificate from now on.
    pub(super) fn set_identity(&self, identity: Identity) {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = identity;
    }
}
