//! Who may do something next: so many at once, the others in the order in which they came, with a place that can be told.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::{Semaphore, SemaphorePermit};

/// A queue before something that only so many may do at once.
#[derive(Debug)]
pub(crate) struct Queue {
    turns: Semaphore,
    waiting: RefCell<Vec<Rc<str>>>,
}

impl Queue {
    /// So many at once.
    pub(crate) fn new(most: usize) -> Self {
        Self { turns: Semaphore::new(most), waiting: RefCell::default() }
    }

    /// Waits for a turn, which ends when it is dropped. `None` never comes: the queue is not closed.
    pub(crate) async fn turn(&self, name: &Rc<str>) -> Option<SemaphorePermit<'_>> {
        let _place = Place::take(self, name);
        self.turns.acquire().await.ok()
    }

    /// The place of somebody who waits; 1 is next.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.waiting.borrow().iter().position(|waiting| &**waiting == name).map(|at| at + 1)
    }
}

/// A name among those that wait, until it is dropped.
struct Place<'a> {
    queue: &'a Queue,
    name: Rc<str>,
}

impl<'a> Place<'a> {
    fn take(queue: &'a Queue, name: &Rc<str>) -> Self {
        queue.waiting.borrow_mut().push(Rc::clone(name));
        Self { queue, name: Rc::clone(name) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting.borrow_mut();
        if let Some(at) = waiting.iter().position(|name| *name == self.name) {
            waiting.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_move_up_when_somebody_goes() {
        let queue = Queue::new(1);
        let names: Vec<Rc<str>> = ["a", "b", "c", "d"].map(Rc::from).to_vec();
        let first = queue.turn(&names[0]).await;
        let mut others: Vec<_> = names[1..].iter().map(|name| Box::pin(queue.turn(name))).collect();
        for other in &mut others {
            assert!(futures_util::poll!(other).is_pending());
        }
        let places = |names: &[&str]| names.iter().map(|name| queue.place(name)).collect::<Vec<_>>();
        assert_eq!(places(&["a", "b", "c", "d"]), [None, Some(1), Some(2), Some(3)]);
        // One gives up.
        drop(others.remove(1));
        assert_eq!(places(&["b", "c", "d"]), [Some(1), None, Some(2)]);
        drop(first);
        let turn = futures_util::poll!(&mut others[0]);
        assert!(turn.is_ready());
        assert_eq!(places(&["b", "d"]), [None, Some(1)]);
    }
}
