//! Several interfaces used as one.

use super::Link;
use crate::decode::{choice, keys};
use crate::value::{Count, InterfaceId, Ip, Millis};

keys! {
    /// Several interfaces used as one.
    #[derive(Default)]
    pub struct Bond {
        /// Its members.
        pub interfaces: Vec<InterfaceId>,
        /// How it works.
        pub parameters: BondParameters,
        .. pub link: Link,
    }
}

keys! {
    /// How a bond works.
    #[derive(Default)]
    pub struct BondParameters {
        /// Which member sends a packet.
        pub mode: BondMode,
        /// How often the switch is told of the machine: `802.3ad` only.
        pub lacp_rate = "lacp-rate": Option<LacpRate>,
        /// How often members are looked at, in milliseconds.
        @default("100, or 0 with `arp-interval`")
        pub mii_monitor_interval = "mii-monitor-interval": Option<Millis>,
        /// Members that must be up for the bond to be.
        pub min_links = "min-links": Option<Count>,
        /// What of a packet says by which member it goes.
        pub transmit_hash_policy = "transmit-hash-policy": Option<HashPolicy>,
        /// Which of several groups of members is used: `802.3ad` only.
        pub ad_select = "ad-select": Option<AdSelect>,
        /// Take packets that arrive at a member that is not active.
        pub all_members_active = "all-members-active": Option<bool>,
        /// How often neighbours are asked whether they are there, in milliseconds.
        pub arp_interval = "arp-interval": Option<Millis>,
        /// Neighbours to ask.
        pub arp_ip_targets = "arp-ip-targets": Vec<Ip>,
        /// Whose answers are looked at.
        pub arp_validate = "arp-validate": Option<ArpValidate>,
        /// How many neighbours must answer.
        pub arp_all_targets = "arp-all-targets": Option<ArpAllTargets>,
        /// How long a member must be up before it is used, in milliseconds.
        pub up_delay = "up-delay": Option<Millis>,
        /// How long a member must be down before it is not used, in milliseconds.
        pub down_delay = "down-delay": Option<Millis>,
        /// Whose hardware address the bond has.
        pub fail_over_mac_policy = "fail-over-mac-policy": Option<FailOverMac>,
        /// How often neighbours are told of a change.
        pub gratuitous_arp = "gratuitous-arp": Option<Count>,
        /// Packets by one member before it is the next one's turn: `balance-rr` only.
        pub packets_per_member = "packets-per-member": Option<Count>,
        /// When `primary` is used again after it came back.
        pub primary_reselect_policy = "primary-reselect-policy": Option<PrimaryReselect>,
        /// How often groups are joined again after a change.
        pub resend_igmp = "resend-igmp": Option<Count>,
        /// How often switches learn of the members, in seconds.
        pub learn_packet_interval = "learn-packet-interval": Option<Count>,
        /// The member that is used whenever it is up.
        pub primary: Option<InterfaceId>,
    }
}

choice! {
    /// Which member sends a packet.
    pub enum BondMode {
        /// One after the other.
        BalanceRr = "balance-rr" (default),
        /// One; another when it fails.
        ActiveBackup = "active-backup",
        /// By the packet's addresses.
        BalanceXor = "balance-xor",
        /// All of them.
        Broadcast = "broadcast",
        /// As agreed with the switch (LACP).
        Lacp = "802.3ad",
        /// The one with the least load.
        BalanceTlb = "balance-tlb",
        /// The same, for what is received too.
        BalanceAlb = "balance-alb",
    }
}

choice! {
    /// How often the switch is told of the machine.
    pub enum LacpRate {
        /// Every 30 seconds.
        Slow = "slow" (default),
        /// Every second.
        Fast = "fast",
    }
}

choice! {
    /// What of a packet says by which member it goes.
    pub enum HashPolicy {
        /// Hardware addresses.
        Layer2 = "layer2" (default),
        /// Hardware and IP addresses.
        Layer23 = "layer2+3",
        /// IP addresses and ports.
        Layer34 = "layer3+4",
        /// As `layer2+3`, of what is in a tunnel.
        Encap23 = "encap2+3",
        /// As `layer3+4`, of what is in a tunnel.
        Encap34 = "encap3+4",
        /// VLAN and the sender's hardware address.
        VlanSrcmac = "vlan+srcmac",
    }
}

choice! {
    /// Which of several groups of members is used.
    pub enum AdSelect {
        /// The one in use, as long as it works.
        Stable = "stable" (default),
        /// The fastest.
        Bandwidth = "bandwidth",
        /// The largest.
        Count = "count",
    }
}

choice! {
    /// Whose answers are looked at.
    pub enum ArpValidate {
        /// Any packet is an answer.
        None = "none" (default),
        /// Those at the active member.
        Active = "active",
        /// Those at the others.
        Backup = "backup",
        /// All.
        All = "all",
    }
}

choice! {
    /// How many neighbours must answer.
    pub enum ArpAllTargets {
        /// One.
        Any = "any" (default),
        /// Each.
        All = "all",
    }
}

choice! {
    /// Whose hardware address the bond has.
    pub enum FailOverMac {
        /// That of the first member, always.
        None = "none" (default),
        /// That of the active member.
        Active = "active",
        /// That of the first member, which moves with the activity.
        Follow = "follow",
    }
}

choice! {
    /// When `primary` is used again after it came back.
    pub enum PrimaryReselect {
        /// At once.
        Always = "always" (default),
        /// If it is faster.
        Better = "better",
        /// When the other fails.
        Failure = "failure",
    }
}
