//! One interface is brought to what is wanted of it.

use std::rc::Rc;

use dockos_config::{Link, OptionalAddress};
use rtnetlink::LinkUnspec;
use tokio::task::spawn_local;

use super::{Applied, Run};
use crate::network::dhcp::{self, Client};
use crate::network::plan::{Wanted, What};
use crate::network::seen::Seen;
use crate::network::settled::View;
use crate::network::{kernel, parameters, wake, ways};

impl Run<'_> {
    /// Brings one interface to what is wanted of it.
    pub(super) async fn set_up(&mut self, wanted: &Wanted<'_>, seen: &Seen) {
        let applied = self.state.applied.entry(seen.index);
        let applied = applied.or_insert_with(|| Applied { mtu: seen.mtu, ..Applied::default() });
        if applied.mtu == 0 {
            applied.mtu = seen.mtu;
        }
        let old = std::mem::replace(&mut applied.link, wanted.link.clone());
        self.ipv6(wanted.name, &old, wanted.link);
        self.shape(wanted, seen, &old).await;
        self.wake(wanted, seen.index);
        self.addresses(wanted, seen).await;
        self.dhcp(wanted, seen).await;
    }

    pub(super) fn ipv6(&mut self, name: &str, old: &Link, new: &Link) {
        for ((file, before, own), (_, now, _)) in parameters::ipv6(old).into_iter().zip(parameters::ipv6(new))
        {
            if before != now {
                let file = format!("/proc/sys/net/ipv6/conf/{name}/{file}");
                let done = parameters::write(&(file, now.unwrap_or_else(|| own.to_owned())));
                self.note(done);
            }
        }
    }

    /// MTU, hardware address, the bond or bridge that it is part of, up.
    async fn shape(&mut self, wanted: &Wanted<'_>, seen: &Seen, old: &Link) {
        let Some(applied) = self.state.applied.get(&seen.index) else { return };
        let mtu_before = applied.mtu;
        // A bond that goes takes its members down.
        let released = applied.controller && seen.controller.is_none();
        let controller = wanted.controller.and_then(|name| self.index_of(name));
        let moves = seen.controller != controller && (controller.is_some() || applied.controller);
        let mtu = wanted.link.mtu.map(|mtu| mtu.get()).or(old.mtu.map(|_| mtu_before));
        let mtu = mtu.filter(|mtu| *mtu != seen.mtu);
        // A bond gives its members its own.
        let mac = wanted.link.macaddress.or(seen.own_mac.filter(|_| old.macaddress.is_some()));
        let mac = mac.filter(|mac| seen.mac != Some(*mac) && controller.is_none());
        let down = seen.up && (moves || mac.is_some());
        let new = || LinkUnspec::new_with_index(seen.index);
        if down || released {
            self.forget(seen.index);
        }
        if down {
            self.change(&format!("take {} down", seen.name), new().down().build()).await;
        }
        if let Some(mtu) = mtu {
            self.change(&format!("set the MTU of {} to {mtu}", seen.name), new().mtu(mtu).build()).await;
        }
        if let Some(mac) = mac {
            let what = format!("set the hardware address of {}", seen.name);
            self.change(&what, new().address(mac.0.to_vec()).build()).await;
        }
        if moves {
            let message = controller.map_or_else(|| new().nocontroller(), |index| new().controller(index));
            let whose = wanted.controller.map(|name| format!("a part of {name}"));
            let whose = whose.unwrap_or_else(|| "independent".to_owned());
            self.change(&format!("make {} {whose}", seen.name), message.build()).await;
            self.tell_port(wanted);
        }
        let Some(applied) = self.state.applied.get_mut(&seen.index) else { return };
        applied.controller = controller.is_some();
        if !std::mem::replace(&mut applied.raised, true) {
            self.change(&format!("bring {} up", seen.name), new().up().build()).await;
        }
    }

    fn wake(&mut self, wanted: &Wanted<'_>, index: u32) {
        let What::Card { wakeonlan, .. } = wanted.what else { return };
        let Some(applied) = self.state.applied.get_mut(&index) else { return };
        if std::mem::replace(&mut applied.wakes, wakeonlan) != wakeonlan {
            let done = wake::set(wanted.name, wakeonlan);
            self.note(done);
        }
    }

    /// Addresses and routes of the config. What cannot be set without a cable is tried again with one.
    async fn addresses(&mut self, wanted: &Wanted<'_>, seen: &Seen) {
        let index = seen.index;
        let handle = self.links.handle.clone();
        let Some(applied) = self.state.applied.get_mut(&index) else { return };
        let mut addresses = std::mem::take(&mut applied.addresses);
        let mut ways = std::mem::take(&mut applied.ways);
        let new_ways = ways::of_config(wanted.link);
        for way in leaving(&mut ways, &new_ways) {
            kernel::remove_way(&handle, index, &way).await;
        }
        let left = leaving(&mut addresses, &wanted.link.addresses);
        for address in &left {
            kernel::remove_address(&handle, index, *address).await;
        }
        if !left.is_empty() {
            // With an address the kernel removes the routes that need it.
            ways.clear();
        }
        for address in wanted
            .link
            .addresses
            .iter()
            .filter(|address| !addresses.contains(address))
            .copied()
            .collect::<Vec<_>>()
        {
            let done = kernel::add_address(&handle, index, address, None).await;
            if self.note(done).is_some() {
                addresses.push(address);
            }
        }
        for way in new_ways {
            if ways.contains(&way) {
                continue;
            }
            match kernel::add_way(&handle, index, &way).await {
                Ok(()) => ways.push(way),
                Err(_) if !seen.carrier => {}
                Err(fault) => self.problems.push(format!("{}: {fault}", wanted.name)),
            }
        }
        if let Some(applied) = self.state.applied.get_mut(&index) {
            (applied.addresses, applied.ways) = (addresses, ways);
        }
    }

    /// DHCP runs where it is wanted and there is a cable. The next cable may lead into another network: it begins anew.
    async fn dhcp(&mut self, wanted: &Wanted<'_>, seen: &Seen) {
        let link = wanted.link;
        let wants = link.dhcp4 && wanted.controller.is_none();
        let running = self.state.applied.get(&seen.index).and_then(|applied| applied.dhcp.as_ref());
        let client = seen.mac.map(|mac| Client {
            index: seen.index,
            name: wanted.name.to_owned(),
            mac: link.macaddress.unwrap_or(mac).0,
            overrides: link.dhcp4_overrides.clone(),
            identifier: link.dhcp_identifier,
        });
        let same = running.is_some_and(|(running, _)| Some(running) == client.as_ref());
        if running.is_some() && !(same && wants && seen.carrier) {
            if wants && !seen.carrier {
                tracing::warn!("{} lost its carrier", wanted.name);
            }
            self.stop_dhcp(seen.index);
        }
        if !wants {
            self.drop_lease(seen.index).await;
        } else if let Some(client) = client.filter(|_| seen.carrier) {
            let (machine, links) = (Rc::clone(self.machine), Rc::clone(self.links));
            if let Some(applied) =
                self.state.applied.get_mut(&seen.index).filter(|applied| applied.dhcp.is_none())
            {
                let task = spawn_local(dhcp::keep(machine, links, client.clone()));
                applied.dhcp = Some((client, task));
            }
        }
    }

    pub(super) fn view(&self, wanted: &Wanted<'_>, seen: &Seen) -> View {
        let link = wanted.link;
        let speaks = link.dhcp4 || !link.addresses.is_empty();
        View {
            name: wanted.name.to_owned(),
            carrier: seen.carrier,
            needed: speaks && !link.optional && wanted.controller.is_none(),
            asks: link.dhcp4 && !link.optional_addresses.contains(&OptionalAddress::Dhcp4),
            leased: false,
        }
    }
}

/// What is had, but not wanted any more; the rest stays in `had`.
fn leaving<T: PartialEq + Clone>(had: &mut Vec<T>, wanted: &[T]) -> Vec<T> {
    let (stays, leaves) = std::mem::take(had).into_iter().partition(|item| wanted.contains(item));
    *had = stays;
    leaves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_wanted_leaves() {
        type Items = &'static [u8];
        let cases: [(Items, Items, Items, Items); 4] = [
            (&[], &[1], &[], &[]),
            (&[1, 2], &[2, 3], &[1], &[2]),
            (&[1, 2], &[1, 2], &[], &[1, 2]),
            (&[1, 2], &[], &[1, 2], &[]),
        ];
        for (had, wanted, leaves, stays) in cases {
            let mut had = had.to_vec();
            assert_eq!(leaving(&mut had, wanted), leaves);
            assert_eq!(had, stays);
        }
    }
}
