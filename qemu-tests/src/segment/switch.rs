//! What a switch does with a frame: learn where its sender is, pass it on to its receiver, or to all.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::Sender,
    },
};

/// Frames that wait at a port take at most these bytes; what comes then is lost, as at any switch. It is more than TCP
/// has under way, so that only a machine that does not listen loses any.
pub(super) const DEPTH: usize = 32 << 20;

/// An Ethernet address.
type Mac = [u8; 6];

/// The ports and who was heard at them.
#[derive(Debug, Default)]
pub(super) struct Switch {
    ports: Vec<Port>,
    places: HashMap<Mac, usize>,
    count: usize,
}

/// A cable's end at the switch.
#[derive(Debug)]
struct Port {
    id: usize,
    machine: String,
    plugged: bool,
    connected: bool,
    queue: Sender<Arc<[u8]>>,
    waiting: Arc<AtomicUsize>,
}

impl Switch {
    /// A new port for a machine. Its frames go to `queue`; who takes them out of there counts `waiting` down.
    pub(super) fn add(
        &mut self,
        machine: &str,
        queue: Sender<Arc<[u8]>>,
        waiting: Arc<AtomicUsize>,
    ) -> usize {
        let (id, machine) = (self.count, machine.to_owned());
        self.count += 1;
        self.ports.push(Port { id, machine, plugged: true, connected: false, queue, waiting });
        id
    }

    /// Notes that the machine is at its end of the cable.
    pub(super) fn connect(&mut self, id: usize) {
        self.ports.iter_mut().filter(|port| port.id == id).for_each(|port| port.connected = true);
    }

    /// Whether a machine is at its end of this port's cable.
    pub(super) fn is_connected(&self, id: usize) -> bool {
        self.ports.iter().any(|port| port.id == id && port.connected)
    }

    /// Takes a port away; its queue closes.
    pub(super) fn remove(&mut self, id: usize) {
        self.ports.retain(|port| port.id != id);
        self.places.retain(|_, place| *place != id);
    }

    /// Plugs or pulls a machine's cables; `false` when it has none.
    pub(super) fn set_plugged(&mut self, machine: &str, plugged: bool) -> bool {
        let mut found = false;
        for port in self.ports.iter_mut().filter(|port| port.machine == machine) {
            port.plugged = plugged;
            found = true;
        }
        found
    }

    /// Passes a frame on.
    pub(super) fn forward(&mut self, from: usize, frame: &[u8]) {
        let Some((to, rest)) = frame.split_first_chunk::<6>() else { return };
        let Some((sender, _)) = rest.split_first_chunk::<6>() else { return };
        if !self.ports.iter().any(|port| port.id == from && port.plugged) {
            return;
        }
        if !is_group(*sender) {
            self.places.insert(*sender, from);
        }
        let place = if is_group(*to) { None } else { self.places.get(to) };
        let frame: Arc<[u8]> = frame.into();
        for port in self.ports.iter().filter(|port| port.id != from && port.plugged) {
            if place.is_none_or(|place| *place == port.id) {
                port.give(&frame);
            }
        }
    }
}

impl Port {
    fn give(&self, frame: &Arc<[u8]>) {
        let waiting = self.waiting.fetch_add(frame.len(), Ordering::Relaxed);
        // A closed queue: the machine is gone, and its port about to be removed.
        if waiting + frame.len() > DEPTH || self.queue.send(Arc::clone(frame)).is_err() {
            self.waiting.fetch_sub(frame.len(), Ordering::Relaxed);
        }
    }
}

/// Whether an address means several receivers: multicast or broadcast.
fn is_group(mac: Mac) -> bool {
    let [first, ..] = mac;
    first & 1 == 1
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    const ALL: u8 = 0xff;

    /// A switch with ports of the machines a, b and c.
    fn switch() -> (Switch, [Receiver<Arc<[u8]>>; 3]) {
        let mut switch = Switch::default();
        let ports = ["a", "b", "c"].map(|machine| {
            let (sender, receiver) = channel();
            switch.add(machine, sender, Arc::default());
            receiver
        });
        (switch, ports)
    }

    fn frame(to: u8, from: u8) -> Vec<u8> {
        let mac = |last: u8| if last == ALL { [ALL; 6] } else { [2, 0, 0, 0, 0, last] };
        [&mac(to)[..], &mac(from)[..], b"payload"].concat()
    }

    /// How many frames arrived at each port since last time.
    fn arrived(ports: &[Receiver<Arc<[u8]>>; 3]) -> [usize; 3] {
        ports.each_ref().map(|port| port.try_iter().count())
    }

    #[test]
    fn strangers_are_looked_for_everywhere_and_acquaintances_are_not() {
        let (mut switch, ports) = switch();
        switch.forward(0, &frame(2, 1));
        assert_eq!(arrived(&ports), [0, 1, 1], "nobody knows where 2 is");
        switch.forward(1, &frame(1, 2));
        assert_eq!(arrived(&ports), [1, 0, 0], "1 was heard at the first port");
        switch.forward(0, &frame(2, 1));
        assert_eq!(arrived(&ports), [0, 1, 0]);
        switch.forward(0, &frame(ALL, 1));
        assert_eq!(arrived(&ports), [0, 1, 1], "a broadcast");
        switch.forward(2, &frame(ALL, 1));
        assert_eq!(arrived(&ports), [1, 1, 0]);
        switch.forward(1, &frame(1, 2));
        assert_eq!(arrived(&ports), [0, 0, 1], "1 has moved to the third port");
    }

    #[test]
    fn a_pulled_cable_carries_nothing_in_either_direction() {
        let (mut switch, ports) = switch();
        assert!(switch.set_plugged("b", false));
        assert!(!switch.set_plugged("nobody", false));
        switch.forward(0, &frame(ALL, 1));
        switch.forward(1, &frame(ALL, 2));
        assert_eq!(arrived(&ports), [0, 0, 1]);
        switch.set_plugged("b", true);
        switch.forward(1, &frame(ALL, 2));
        assert_eq!(arrived(&ports), [1, 0, 1]);
    }

    #[test]
    fn a_removed_port_is_forgotten() {
        let (mut switch, ports) = switch();
        switch.forward(1, &frame(ALL, 2));
        arrived(&ports);
        switch.remove(1);
        switch.forward(0, &frame(2, 1));
        assert_eq!(arrived(&ports), [0, 0, 1], "2 may be anywhere now");
    }

    #[test]
    fn one_who_does_not_listen_costs_a_bounded_amount_of_memory() {
        let (mut switch, ports) = switch();
        let big = [frame(ALL, 1), vec![0; 1 << 20]].concat();
        for _ in 0..100 {
            switch.forward(0, &big);
        }
        assert_eq!(arrived(&ports)[1], DEPTH / big.len());
    }

    #[test]
    fn fragments_of_frames_are_dropped() {
        let (mut switch, ports) = switch();
        for length in 0..12 {
            switch.forward(0, &frame(ALL, 1)[..length]);
        }
        assert_eq!(arrived(&ports), [0; 3]);
    }
}
