//! One NIC's DHCP: the lease from mozim, put on the NIC, into the routes and into resolv.conf.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::rc::Rc;

use mozim::{DhcpV4Client, DhcpV4Config, DhcpV4Lease, DhcpV4State};
use rtnetlink::RouteMessageBuilder;
use rtnetlink::packet_route::address::{AddressAttribute, CacheInfo};
use rtnetlink::packet_route::route::RouteMessage;

use crate::error::{Context, Result};
use crate::machine::Machine;
use crate::network::{Links, index_of};

/// The name servers; /etc/resolv.conf links to it, and services on the machine's network have it bound in.
pub(crate) const RESOLV_CONF: &str = "/run/dockos/resolv.conf";
/// Seconds for one try; the next begins anew.
const DHCP_BOUND: u32 = 60;
/// Metric of the first NIC's routes; each further NIC's are worse by its number, so that the choice is the same each boot.
const METRIC: u32 = 1024;

/// Gets a lease and keeps it; `tell` hears of each one. Returns only with a failure.
pub(crate) async fn run(machine: &Machine, links: &Rc<Links>, nic: &str, tell: impl Fn(&str)) -> Result<()> {
    let index = index_of(nic)?;
    let mut config = DhcpV4Config::new(nic);
    config.set_iface_index(index);
    let mac = fs::read_to_string(format!("/sys/class/net/{nic}/address"))
        .context(|| format!("address of {nic}"))?;
    config.set_iface_mac(mac.trim()).context(|| format!("DHCP on {nic}"))?;
    // Without it a server that offers and then falls silent would be waited for for ever.
    config.set_timeout_sec(DHCP_BOUND);
    config.use_mac_as_client_id();
    if let Some(name) = &machine.config().hostname {
        config.set_host_name(name.as_str());
    }
    let mut client = DhcpV4Client::init(config, None).await.context(|| format!("DHCP on {nic}"))?;
    loop {
        if let DhcpV4State::Done(lease) = client.run().await.context(|| format!("DHCP on {nic}"))? {
            let text = format!("{}/{} on {nic}", lease.yiaddr, lease.prefix_length());
            apply(machine, links, index, &lease).await.context(|| text.clone())?;
            let mut addresses = machine.addresses.borrow_mut();
            if !addresses.contains(&text) {
                addresses.retain(|known| !known.ends_with(&format!(" on {nic}")));
                addresses.push(text.clone());
            }
            tell(&text);
        }
    }
}

async fn apply(machine: &Machine, links: &Links, index: u32, lease: &DhcpV4Lease) -> Result<()> {
    let mut request = links.handle.address().add(index, lease.yiaddr.into(), lease.prefix_length()).replace();
    // The kernel itself removes an address whose lease ran out.
    let mut life = CacheInfo::default();
    (life.ifa_valid, life.ifa_preferred) = (lease.lease_time_sec, lease.lease_time_sec);
    request.message_mut().attributes.push(AddressAttribute::CacheInfo(life));
    request.execute().await.context(|| "set the address".to_owned())?;
    for route in routes(index, lease) {
        links.handle.route().add(route).replace().execute().await.context(|| "set a route".to_owned())?;
    }
    if links.dns_of.get().is_none_or(|first| first == index) {
        links.dns_of.set(Some(index));
        write_resolv_conf(lease);
        take_host_name(machine, lease);
    }
    Ok(())
}

/// Option 121's routes where the server gives them, else its routers (RFC 3442: never both).
fn routes(index: u32, lease: &DhcpV4Lease) -> Vec<RouteMessage> {
    let metric = METRIC + index;
    let new = || RouteMessageBuilder::<Ipv4Addr>::new().output_interface(index).priority(metric);
    match &lease.classless_routes {
        Some(list) if !list.is_empty() => list
            .iter()
            .map(|route| {
                let new = new().destination_prefix(route.destination, route.prefix_length);
                // A router of 0.0.0.0 means that the network is on the wire itself.
                if route.router.is_unspecified() {
                    new.build()
                } else {
                    new.gateway(route.router).onlink().build()
                }
            })
            .collect(),
        _ => lease
            .gateways
            .iter()
            .flatten()
            .take(1)
            .map(|gateway| new().gateway(*gateway).onlink().build())
            .collect(),
    }
}

/// Written in place, not renamed: services hold this very file.
fn write_resolv_conf(lease: &DhcpV4Lease) {
    let text = resolv_conf(lease.domain_name.as_deref(), lease.dns_srvs.as_deref().unwrap_or_default());
    if let Err(error) = fs::write(RESOLV_CONF, text) {
        tracing::warn!("write {RESOLV_CONF}: {error}");
    }
}

fn resolv_conf(domain: Option<&str>, servers: &[Ipv4Addr]) -> String {
    let mut text = String::new();
    // From the network, so only what can be a name goes in.
    let is_name = |name: &&str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    if let Some(domain) = domain.filter(is_name).filter(|name| !name.is_empty()) {
        let _ = writeln!(text, "search {domain}");
    }
    for server in servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    text
}

/// A config without a host name takes the one that the network gives.
fn take_host_name(machine: &Machine, lease: &DhcpV4Lease) {
    let Some(name) = lease.host_name.as_deref().filter(|_| machine.config().hostname.is_none()) else {
        return;
    };
    if !name.is_empty() && name.len() <= 63 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        let _ = nix::unistd::sethostname(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_from_the_network_cannot_add_lines() {
        let text = resolv_conf(Some("lab\nnameserver 6.6.6.6"), &[Ipv4Addr::new(10, 0, 2, 3)]);
        assert_eq!(text, "nameserver 10.0.2.3\n");
        assert_eq!(resolv_conf(Some("lab.example"), &[]), "search lab.example\n");
    }
}
