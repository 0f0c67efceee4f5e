//! Who does how much at once: each user a little, all together no more than there is room for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// Those who do something now.
#[derive(Debug)]
pub(super) struct Crowd {
    most: usize,
    most_of_one: usize,
    users: Mutex<HashMap<String, usize>>,
    left: Notify,
}

/// A place among them, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    user: String,
}

impl Crowd {
    /// Nobody yet; so many at once, and so many of one user.
    pub(super) fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Self { most, most_of_one, users: Mutex::default(), left: Notify::new() })
    }

    /// A place, if there is one.
    pub(super) fn enter(self: &Arc<Self>, user: &str) -> Option<Place> {
        let mut users = self.lock();
        let (all, own) = (users.values().sum::<usize>(), users.get(user).copied().unwrap_or(0));
        if all >= self.most || own >= self.most_of_one {
            return None;
        }
        users.insert(user.to_owned(), own + 1);
        Some(Place { crowd: Arc::clone(self), user: user.to_owned() })
    }

    /// A place, when there is one within a time.
    pub(super) async fn wait(self: &Arc<Self>, user: &str, bound: Duration) -> Option<Place> {
        let entered = async {
            loop {
                // Made before the look, it hears of whoever leaves after it.
                let left = self.left.notified();
                if let Some(place) = self.enter(user) {
                    return place;
                }
                left.await;
            }
        };
        timeout(bound, entered).await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut users = self.crowd.lock();
        match users.get_mut(&self.user) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(users.remove(&self.user)),
        }
        drop(users);
        self.crowd.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_leaves_room_for_others() {
        let crowd = Crowd::new(5, 2);
        let alice: Vec<_> = (0..9).filter_map(|_| crowd.enter("alice")).collect();
        assert_eq!(alice.len(), 2);
        let others: Vec<_> = (0..9).filter_map(|n| crowd.enter(&n.to_string())).collect();
        assert_eq!(others.len(), 3);
        drop(alice);
        assert!(crowd.enter("alice").is_some());
        drop(others);
        assert!(crowd.lock().is_empty());
    }

    #[tokio::test]
    async fn who_waits_comes_in_when_another_leaves() {
        let crowd = Crowd::new(5, 1);
        let place = crowd.enter("alice");
        assert!(crowd.wait("alice", Duration::from_millis(20)).await.is_none());
        let (second, ()) = tokio::join!(crowd.wait("alice", Duration::from_secs(10)), async { drop(place) });
        assert!(second.is_some());
    }
}
