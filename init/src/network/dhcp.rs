//! One interface's DHCP: the lease from mozim, put on the interface, into the routes and into resolv.conf.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use dockos_config::{Cidr, DhcpIdentifier, DhcpOverrides, UseDomains};
use mozim::{DhcpV4Client, DhcpV4Config, DhcpV4Lease, DhcpV4State};
use tokio::time::sleep;

use super::ways::{self, Way};
use super::{Links, kernel};
use crate::machine::Machine;
use dockos_control::error::{Context, Result};

/// Seconds for one try; the next begins anew.
const DHCP_BOUND: u32 = 60;
/// Metric of the first NIC's routes; each further NIC's are worse by its number, so that the choice is the same each boot.
const METRIC: u32 = 1024;
/// After a failure.
const PAUSE: Duration = Duration::from_secs(5);

/// The client of an interface. Another one is another conversation with the server.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Client {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) mac: [u8; 6],
    pub(super) overrides: DhcpOverrides,
    pub(super) identifier: DhcpIdentifier,
}

/// What a server gave.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lease {
    pub(super) address: Cidr,
    pub(super) ways: Vec<Way>,
    pub(super) servers: Vec<IpAddr>,
    pub(super) search: Vec<String>,
}

/// The DHCP option for a config's URL: the first of those that RFC 3942 leaves to each site.
const CONFIG_URL: u8 = 224;

/// Asks for a lease and keeps it, for ever, with a pause after a failure.
pub(super) async fn keep(machine: Rc<Machine>, links: Rc<Links>, client: Client) {
    loop {
        if let Err(fault) = run(&machine, &links, &client).await {
            tracing::warn!("{fault}");
        }
        sleep(PAUSE).await;
    }
}

/// Gets a lease and keeps it. Returns only with a failure.
async fn run(machine: &Machine, links: &Links, client: &Client) -> Result<()> {
    let what = || format!("DHCP on {}", client.name);
    let mut config = DhcpV4Config::new(&client.name);
    config.set_iface_index(client.index);
    config.set_iface_mac_raw(&client.mac).context(what)?;
    // Without it a server that offers and then falls silent would be waited for for ever.
    config.set_timeout_sec(DHCP_BOUND);
    config.request_extra_dhcp_opts(&[CONFIG_URL]);
    match client.identifier {
        DhcpIdentifier::Mac => config.use_mac_as_client_id(),
        DhcpIdentifier::Duid => config.set_client_id(0xff, &duid(client.mac)),
    };
    if client.overrides.send_hostname != Some(false) {
        let own = machine.config();
        if let Some(name) = client.overrides.hostname.as_ref().or(own.hostname.as_ref()) {
            config.set_host_name(name.as_str());
        }
    }
    let mut conversation = DhcpV4Client::init(config, None).await.context(what)?;
    loop {
        if let DhcpV4State::Done(lease) = conversation.run().await.context(what)? {
            take(machine, links, client, &lease).await.context(what)?;
        }
    }
}

/// An identifier as of RFC 4361: of the interface, and of the machine as a DUID of its hardware address.
fn duid(mac: [u8; 6]) -> Vec<u8> {
    let interface = &mac[2..];
    // DUID-LL, Ethernet.
    [interface, &[0, 3, 0, 1], &mac].concat()
}

/// Puts a lease in force, in place of the one before.
async fn take(machine: &Machine, links: &Links, client: &Client, lease: &DhcpV4Lease) -> Result<()> {
    let Client { index, overrides, .. } = client;
    let new = lease_of(client, lease);
    let old = links.leases.borrow().get(index).cloned();
    // The kernel itself removes an address whose lease ran out.
    kernel::add_address(&links.handle, *index, new.address, Some(lease.lease_time_sec)).await?;
    for way in &new.ways {
        kernel::add_way(&links.handle, *index, way).await?;
    }
    if let Some(old) = old {
        for way in old.ways.iter().filter(|way| !new.ways.contains(way)) {
            kernel::remove_way(&links.handle, *index, way).await;
        }
        if old.address != new.address {
            kernel::remove_address(&links.handle, *index, old.address).await;
        }
    }
    if let Some(mtu) = lease.mtu.filter(|mtu| overrides.use_mtu == Some(true) && *mtu >= 576) {
        kernel::set_mtu(&links.handle, *index, mtu.into()).await?;
    }
    links.leases.borrow_mut().insert(*index, new);
    if links.first_lease(*index) {
        machine.config_url.replace(config_url(lease));
    }
    if links.first_lease(*index) && overrides.use_hostname != Some(false) {
        take_host_name(machine, lease);
    }
    links.tell(machine);
    Ok(())
}

/// What of a server's answer is used.
fn lease_of(client: &Client, lease: &DhcpV4Lease) -> Lease {
    let overrides = &client.overrides;
    let metric = overrides.route_metric.map_or(METRIC + client.index, |metric| metric.get());
    let ways = if overrides.use_routes == Some(false) { Vec::new() } else { ways::of_lease(lease, metric) };
    let servers = lease.dns_srvs.iter().flatten().copied().map(IpAddr::V4);
    let search = lease.domain_name.iter().chain(lease.domain_search.iter().flatten());
    Lease {
        address: Cidr { ip: lease.yiaddr.into(), prefix: lease.prefix_length() },
        ways,
        servers: servers.filter(|_| overrides.use_dns != Some(false)).collect(),
        search: search.filter(|_| overrides.use_domains == UseDomains::Yes).cloned().collect(),
    }
}

/// Where the network says that configs are: the site's option 224, or a boot file that is the URL of a YAML, or a
/// well-known path of the next server. Looked at only where the kernel command line says `ds=dhcp`: by default no
/// network decides what a machine is.
fn config_url(lease: &DhcpV4Lease) -> Option<String> {
    let is_url = |text: &String| {
        (text.starts_with("http://") || text.starts_with("https://"))
            && text.bytes().all(|b| b.is_ascii_graphic())
    };
    let option = lease.get_option_raw(CONFIG_URL).and_then(|raw| {
        // Code and length come first.
        String::from_utf8(raw.get(2..)?.to_vec()).ok()
    });
    let file = lease.file_str.clone().filter(|file| file.ends_with(".yml") || file.ends_with(".yaml"));
    let next =
        (!lease.siaddr.is_unspecified()).then(|| format!("http://{}/dockos/cloud-config.yml", lease.siaddr));
    option.filter(is_url).or_else(|| file.filter(is_url)).or(next)
}

/// A config without a host name takes the one that the network gives.
fn take_host_name(machine: &Machine, lease: &DhcpV4Lease) {
    let config = machine.config();
    let free = config.hostname.is_none() && config.fqdn.is_none();
    let Some(name) = lease.host_name.as_deref().filter(|_| free) else { return };
    if !name.is_empty() && name.len() <= 63 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        let _ = nix::unistd::sethostname(name);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn client(overrides: DhcpOverrides) -> Client {
        let identifier = DhcpIdentifier::Mac;
        Client { index: 2, name: "eth0".to_owned(), mac: [2, 0, 0, 0, 0, 1], overrides, identifier }
    }

    #[test]
    fn a_lease_is_used_as_the_overrides_say() {
        let mut lease = DhcpV4Lease::default();
        lease.yiaddr = Ipv4Addr::new(10, 0, 2, 15);
        lease.subnet_mask = Ipv4Addr::new(255, 255, 255, 0);
        lease.gateways = Some(vec![Ipv4Addr::new(10, 0, 2, 2)]);
        lease.dns_srvs = Some(vec![Ipv4Addr::new(10, 0, 2, 3)]);
        lease.domain_name = Some("lab".to_owned());
        let all = lease_of(&client(DhcpOverrides::default()), &lease);
        assert_eq!(all.address.to_string(), "10.0.2.15/24");
        assert_eq!((all.ways[0].metric, all.ways[0].on_link), (Some(1026), true));
        assert_eq!((all.servers.len(), all.search), (1, vec!["lab".to_owned()]));
        let no = Some(false);
        let overrides = DhcpOverrides {
            use_dns: no,
            use_routes: no,
            use_domains: UseDomains::No,
            ..DhcpOverrides::default()
        };
        let none = lease_of(&client(overrides), &lease);
        assert!(none.ways.is_empty() && none.servers.is_empty() && none.search.is_empty());
    }

    #[test]
    fn the_identifier_is_one_of_rfc_4361() {
        assert_eq!(duid([2, 0, 0, 0, 0, 9]), [0, 0, 0, 9, 0, 3, 0, 1, 2, 0, 0, 0, 0, 9]);
    }
}
