//! How many connections a server takes: altogether, and of one address, behind which a whole room may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The connections that there are.
#[derive(Clone, Debug)]
pub struct Limits {
    most: usize,
    most_of_one: usize,
    clients: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// The place of a connection, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    limits: Limits,
    address: IpAddr,
}

impl Limits {
    /// No connections yet; so many at once, and so many of one address.
    pub fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, clients: Arc::default() }
    }

    /// A place for a client, if there is one left.
    pub fn enter(&self, address: IpAddr) -> Option<Place> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) =
            (clients.values().sum::<usize>(), clients.get(&address).copied().unwrap_or_default());
        if all >= self.most || own >= self.most_of_one {
            return None;
        }
        clients.insert(address, own + 1);
        Some(Place { limits: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut clients = self.limits.clients.lock().unwrap_or_else(PoisonError::into_inner);
        match clients.get_mut(&self.address) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(clients.remove(&self.address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_given_back() {
        let limits = Limits::new(7, 3);
        let address = |last: u8| IpAddr::from([10, 0, 0, last]);
        let enter =
            |last, times: usize| (0..times).filter_map(|_| limits.enter(address(last))).collect::<Vec<_>>();
        let one = enter(1, 9);
        assert_eq!(one.len(), 3);
        let others: Vec<Place> = [enter(2, 9), enter(3, 9)].into_iter().flatten().collect();
        assert_eq!(others.len(), 4, "all are taken");
        assert!(limits.enter(address(4)).is_none());
        drop(one);
        assert!(limits.enter(address(1)).is_some());
        drop(others);
        assert!(limits.clients.lock().unwrap().is_empty());
    }
}
