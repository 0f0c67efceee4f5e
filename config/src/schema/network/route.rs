//! Ways for packets.

use crate::decode::{choice, keys};
use crate::value::{Count, Destination, Ip, Metric, Mtu, Table};

keys! {
    /// A way for packets.
    pub struct Route {
        /// Where it leads.
        pub to: Destination,
        /// The router; none: whoever is meant is on the wire.
        pub via: Option<Ip>,
        /// The machine's address that packets carry.
        pub from: Option<Ip>,
        /// How bad it is: of several to one place the one with the least metric is taken.
        pub metric: Option<Metric>,
        /// The routing table it is in.
        @default("254, the main one")
        pub table: Option<Table>,
        /// How far away it leads.
        @default("`link` without `via`, else `global`")
        pub scope: Option<RouteScope>,
        /// What becomes of the packets.
        pub kind = "type": RouteKind,
        /// The router is on the wire, though in no network of the interface.
        pub on_link = "on-link": bool,
        /// The largest packet in bytes.
        pub mtu: Option<Mtu>,
    }
}

choice! {
    /// How far away a route leads.
    pub enum RouteScope {
        /// Anywhere.
        Global = "global" (default),
        /// Along the wire.
        Link = "link",
        /// To the machine itself.
        Host = "host",
    }
}

choice! {
    /// What becomes of packets.
    pub enum RouteKind {
        /// They are sent.
        Unicast = "unicast" (default),
        /// They are for the machine itself.
        Local = "local",
        /// They vanish.
        Blackhole = "blackhole",
        /// Their sender hears that nobody is there.
        Unreachable = "unreachable",
        /// Their sender hears that it is forbidden.
        Prohibit = "prohibit",
        /// The next routing table is asked.
        Throw = "throw",
    }
}

keys! {
    /// Which routing table is used for what.
    pub struct RoutingPolicy {
        /// Packets from there.
        pub from: Option<Destination>,
        /// Packets to there.
        pub to: Option<Destination>,
        /// The table.
        pub table: Option<Table>,
        /// Of several rules the least number comes first.
        pub priority: Option<Count>,
        /// Packets with this mark.
        pub mark: Option<Count>,
        /// Packets with this type of service.
        pub type_of_service = "type-of-service": Option<Count>,
    }
}
