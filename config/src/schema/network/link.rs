//! What all kinds of interfaces have in common.

use super::Route;
use super::route::RoutingPolicy;
use crate::decode::{choice, keys};
use crate::value::{Cidr, Hostname, Ip, MacAddress, Metric, Mtu, SearchDomain};

keys! {
    /// What all kinds of interfaces have in common.
    #[derive(Default)]
    pub struct Link {
        /// Get an IPv4 address by DHCP.
        pub dhcp4: bool,
        /// Get an IPv6 address by DHCP.
        @later
        pub dhcp6: bool,
        /// What of DHCP's answer is used.
        pub dhcp4_overrides = "dhcp4-overrides": DhcpOverrides,
        /// What of DHCP's answer is used.
        @later
        pub dhcp6_overrides = "dhcp6-overrides": DhcpOverrides,
        /// What the machine calls itself to a DHCP server.
        pub dhcp_identifier = "dhcp-identifier": DhcpIdentifier,
        /// Take IPv6 addresses and routes that routers announce.
        @default("true, unless the machine forwards IPv6")
        pub accept_ra = "accept-ra": Option<bool>,
        /// Addresses of the interface.
        @add
        pub addresses: Vec<Cidr>,
        /// The router for all that no route is for; `routes` is the newer way to say it.
        pub gateway4: Option<Ip>,
        /// The same for IPv6.
        pub gateway6: Option<Ip>,
        /// Ways by this interface.
        @add
        pub routes: Vec<Route>,
        /// Which routing table is used for what.
        @add
        @later
        pub routing_policy = "routing-policy": Vec<RoutingPolicy>,
        /// Name servers.
        pub nameservers: Nameservers,
        /// The largest packet in bytes.
        pub mtu: Option<Mtu>,
        /// The largest packet of IPv6 in bytes.
        @later
        pub ipv6_mtu = "ipv6-mtu": Option<Mtu>,
        /// The boot does not wait for it.
        pub optional: bool,
        /// Kinds of addresses that the boot does not wait for. `dhcp4` is the only one that it waits for otherwise.
        pub optional_addresses = "optional-addresses": Vec<OptionalAddress>,
        /// The hardware address it gets.
        pub macaddress: Option<MacAddress>,
        /// Kinds of addresses that the interface gives itself, for its own wire alone.
        @default("[ipv6]")
        pub link_local = "link-local": Option<Vec<LinkLocal>>,
        /// Keep addresses when the machine goes down.
        @later
        pub critical: bool,
        /// Use changing IPv6 addresses for connections that go out.
        pub ipv6_privacy = "ipv6-privacy": bool,
        /// How IPv6 addresses of its own are made.
        pub ipv6_address_generation = "ipv6-address-generation": Option<AddressGeneration>,
    }
}

keys! {
    /// What of DHCP's answer is used.
    #[derive(Default)]
    pub struct DhcpOverrides {
        /// Name servers.
        @default("true")
        pub use_dns = "use-dns": Option<bool>,
        /// Time servers.
        @later
        pub use_ntp = "use-ntp": Option<bool>,
        /// Routes, the default one among them.
        @default("true")
        pub use_routes = "use-routes": Option<bool>,
        /// Domains in which short names are looked up.
        pub use_domains = "use-domains": UseDomains,
        /// The machine's name, if the config gives none.
        @default("true")
        pub use_hostname = "use-hostname": Option<bool>,
        /// The size of the largest packet.
        @default("false")
        pub use_mtu = "use-mtu": Option<bool>,
        /// Tell the server the machine's name.
        @default("true")
        pub send_hostname = "send-hostname": Option<bool>,
        /// Another name to tell the server.
        pub hostname: Option<Hostname>,
        /// The metric of its routes.
        @default("1024 and the number of the interface")
        pub route_metric = "route-metric": Option<Metric>,
    }
}

choice! {
    /// Whether the domain that DHCP names is used.
    pub enum UseDomains {
        /// Short names are looked up in it.
        Yes = "true" (default),
        /// It is not used.
        No = "false",
        /// netplan's word for a domain that names are not looked up in: it is not used.
        Route = "route",
    }
}

choice! {
    /// What a machine calls itself to a DHCP server.
    pub enum DhcpIdentifier {
        /// Its hardware address.
        Mac = "mac" (default),
        /// An identifier made of its hardware address, as RFC 4361 wants it.
        Duid = "duid",
    }
}

choice! {
    /// A kind of address for the wire alone.
    pub enum LinkLocal {
        /// `fe80::...`
        Ipv6 = "ipv6" (default),
        /// `169.254.x.y`
        Ipv4 = "ipv4",
    }
}

choice! {
    /// A kind of address that the boot does not wait for.
    pub enum OptionalAddress {
        /// By DHCP.
        Dhcp4 = "dhcp4" (default),
        /// By DHCP for IPv6.
        Dhcp6 = "dhcp6",
        /// For the wire alone.
        Ipv4Ll = "ipv4-ll",
        /// By what routers announce.
        Ipv6Ra = "ipv6-ra",
        /// Written in the config.
        Static = "static",
    }
}

choice! {
    /// How an interface makes its own IPv6 addresses.
    pub enum AddressGeneration {
        /// Of its hardware address.
        Eui64 = "eui64" (default),
        /// Another one in each network, the same each time.
        StablePrivacy = "stable-privacy",
    }
}

keys! {
    /// Name servers.
    #[derive(Default)]
    pub struct Nameservers {
        /// Their addresses, the first asked first.
        @add
        pub addresses: Vec<Ip>,
        /// Domains in which short names are looked up.
        @add
        pub search: Vec<SearchDomain>,
    }
}
