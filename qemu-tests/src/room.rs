//! Several machines at once.

use std::sync::Arc;

use anyhow::Result;

use crate::{Machine, Vm, lock::VmLock};

/// Leave to run several machines at once, for a test that needs a server and its clients. All of them have one place
/// of the VMs' lock, until the last is gone.
#[derive(Debug, Clone)]
pub struct Room(#[expect(dead_code, reason = "held, never read")] Arc<VmLock>);

impl Room {
    /// Waits until there is a place.
    pub fn new() -> Result<Self> {
        Ok(Self(Arc::new(VmLock::acquire()?)))
    }
}

impl Machine {
    /// Boots the machine, once there is a place for it.
    pub fn start(self) -> Result<Vm> {
        self.start_in(&Room::new()?)
    }

    /// Boots the machine beside the others of a room.
    pub fn start_in(self, room: &Room) -> Result<Vm> {
        Vm::start(self, room.clone())
    }
}
