//! Values of `network:`: addresses, names of interfaces, numbers.

mod address;
mod interface;
mod number;
mod range;

pub use address::{Cidr, Destination, Ip, MacAddress, SearchDomain};
pub use interface::{Glob, Globs, InterfaceId, InterfaceName};
pub use number::{
    Count, Metric, Millis, Mtu, PathCost, PortPriority, Priority, Seconds, Table, Version, VlanId,
};
pub use range::AddressRange;
