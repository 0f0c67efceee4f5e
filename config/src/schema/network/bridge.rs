//! Interfaces joined as by a switch.

use super::Link;
use crate::decode::keys;
use crate::map::Map;
use crate::value::{InterfaceId, PathCost, PortPriority, Priority, Seconds};

keys! {
    /// Interfaces joined as by a switch.
    #[derive(Default)]
    pub struct Bridge {
        /// Its ports.
        pub interfaces: Vec<InterfaceId>,
        /// How it works.
        pub parameters: BridgeParameters,
        .. pub link: Link,
    }
}

keys! {
    /// How a bridge works.
    #[derive(Default)]
    pub struct BridgeParameters {
        /// Find loops of bridges and break them (Spanning Tree Protocol).
        @default("true")
        pub stp: Option<bool>,
        /// How long a new port listens before it forwards, in seconds.
        @default("15, or 0 without `stp`")
        pub forward_delay = "forward-delay": Option<Seconds>,
        /// How often other bridges are told of this one, in seconds.
        pub hello_time = "hello-time": Option<Seconds>,
        /// After how long another bridge that is silent counts as gone, in seconds.
        pub max_age = "max-age": Option<Seconds>,
        /// How long an address that was seen at a port is remembered, in seconds.
        pub ageing_time = "ageing-time": Option<Seconds>,
        /// The bridge's rank among bridges: the least is the root.
        pub priority: Option<Priority>,
        /// What it costs to send by a port.
        pub path_cost = "path-cost": Map<InterfaceId, PathCost>,
        /// The rank of a port in the bridge.
        pub port_priority = "port-priority": Map<InterfaceId, PortPriority>,
    }
}
