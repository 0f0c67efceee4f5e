//! What was done is taken back.

use dockos_config::Link;
use rtnetlink::LinkUnspec;

use super::{Made, Run};
use crate::network::kernel;
use crate::network::plan::{Plan, What};
use crate::network::seen::Seen;

impl Run<'_> {
    /// Takes back what was done to interfaces that nothing is wanted of any more.
    pub(super) async fn release_unwanted(&mut self, plan: &Plan<'_>, seen: &[Seen]) {
        let done: Vec<u32> = self.state.applied.keys().copied().collect();
        for index in done {
            let Some(seen) = seen.iter().find(|seen| seen.index == index) else { continue };
            let made = self.state.applied.get(&index).and_then(|applied| applied.made.clone());
            let wanted = plan.wanted.iter().any(|wanted| match wanted.what {
                What::Card { index: card, .. } => card == index,
                what => wanted.name == seen.name && Made::of(what) == made,
            });
            if !wanted {
                self.release(seen).await;
            }
        }
    }

    async fn release(&mut self, seen: &Seen) {
        let index = seen.index;
        let handle = self.links.handle.clone();
        self.stop_dhcp(index);
        self.drop_lease(index).await;
        let Some(applied) = self.state.applied.remove(&index) else { return };
        if applied.made.is_some() {
            // A VLAN goes with the interface below it.
            if self.index_of(&seen.name) != Some(index) {
                return;
            }
            let done = kernel::unmake(&handle, &seen.name, index).await;
            self.note(done);
            return;
        }
        for way in &applied.ways {
            kernel::remove_way(&handle, index, way).await;
        }
        for address in &applied.addresses {
            kernel::remove_address(&handle, index, *address).await;
        }
        self.ipv6(&seen.name, &applied.link, &Link::default());
        let mut message = LinkUnspec::new_with_index(index).down();
        if applied.controller {
            message = message.nocontroller();
        }
        if applied.link.mtu.is_some() {
            message = message.mtu(applied.mtu);
        }
        if let Some(mac) = seen.own_mac.filter(|_| applied.link.macaddress.is_some()) {
            message = message.address(mac.0.to_vec());
        }
        self.change(&format!("give {} back", seen.name), message.build()).await;
        if seen.name != seen.born {
            self.give_name(index, &seen.name, &seen.born).await;
        }
    }

    /// Takes back an address from a server, and its routes.
    pub(super) async fn drop_lease(&mut self, index: u32) {
        let lease = self.links.leases.borrow_mut().remove(&index);
        let Some(lease) = lease else { return };
        for way in &lease.ways {
            kernel::remove_way(&self.links.handle, index, way).await;
        }
        kernel::remove_address(&self.links.handle, index, lease.address).await;
    }
}
