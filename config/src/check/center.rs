//! What a center offers.

use super::Checker;
use crate::schema::{Config, NetbootDhcp};
use crate::yaml::Step::Key;

impl Checker<'_> {
    pub(super) fn center(&mut self, config: &Config) {
        let netboot = config.dockos.center.as_ref().and_then(|center| center.netboot.as_ref());
        let Some(netboot) = netboot else { return };
        let at = |key| [Key("center"), Key("netboot"), Key(key)];
        match (netboot.dhcp, netboot.range) {
            (NetbootDhcp::Server, None) => {
                let message = "a DHCP server needs a range of addresses to give away";
                self.dockos(&at("range"), message, "add `range`, such as `10.0.0.100-10.0.0.199`");
            }
            (NetbootDhcp::Proxy | NetbootDhcp::None, Some(_)) => {
                let message = "only with `dhcp: server` are addresses given away";
                self.dockos(&at("range"), message, "remove `range`, or set `dhcp: server`");
            }
            _ => {}
        }
    }
}
