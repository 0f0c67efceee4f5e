//! Bonds, bridges and VLANs are made.

use std::path::Path;

use dockos_config::BondParameters;
use rtnetlink::packet_route::link::InfoKind;

use super::{Applied, Made, Run};
use crate::network::plan::{Plan, Wanted, What};
use crate::network::{kernel, parameters};

impl Run<'_> {
    /// Makes bonds, bridges and VLANs that are not there.
    pub(super) async fn make(&mut self, plan: &Plan<'_>) {
        for wanted in &plan.wanted {
            let (info, folder) = match wanted.what {
                What::Card { .. } => continue,
                What::Bond(_) => (InfoKind::Bond, "bonding"),
                What::Bridge(_) => (InfoKind::Bridge, "bridge"),
                What::Vlan { .. } => (InfoKind::Vlan, "none"),
            };
            // The kernel makes a `bond0` of its own when it starts.
            let found = Path::new("/sys/class/net").join(wanted.name).join(folder).exists();
            if self.index_of(wanted.name).is_some_and(|index| self.state.applied.contains_key(&index)) {
                continue;
            }
            if !found {
                let vlan = match wanted.what {
                    What::Vlan { id, base } => match self.index_of(base) {
                        Some(base) => Some((id, base)),
                        None => continue,
                    },
                    _ => None,
                };
                let done = kernel::make(&self.links.handle, wanted.name, info, vlan).await;
                if self.note(done).is_none() {
                    continue;
                }
            }
            self.tell_parameters(wanted, plan);
            if let Some(index) = self.index_of(wanted.name) {
                let applied = Applied { made: Made::of(wanted.what), ..Applied::default() };
                self.state.applied.insert(index, applied);
            }
        }
    }

    fn tell_parameters(&mut self, wanted: &Wanted<'_>, plan: &Plan<'_>) {
        let mut settings = match wanted.what {
            What::Bond(parameters) => parameters::bond(wanted.name, parameters),
            What::Bridge(parameters) => parameters::bridge(wanted.name, parameters),
            _ => return,
        };
        if let What::Bond(BondParameters { primary: Some(primary), .. }) = wanted.what {
            let member = plan.wanted.iter().find(|wanted| wanted.id == primary.as_str());
            let file = format!("/sys/class/net/{}/bonding/primary", wanted.name);
            settings.extend(member.map(|member| (file, member.name.to_owned())));
        }
        for setting in &settings {
            let done = parameters::write(setting);
            self.note(done);
        }
    }

    pub(super) fn tell_port(&mut self, wanted: &Wanted<'_>) {
        let bridges = &self.network.bridges;
        let bridge = bridges.iter().find(|(name, _)| wanted.controller == Some(name.as_str()));
        let Some((_, bridge)) = bridge else { return };
        for setting in parameters::port(wanted.name, wanted.id, &bridge.parameters) {
            let done = parameters::write(&setting);
            self.note(done);
        }
    }
}
