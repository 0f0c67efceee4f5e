//! What the kernel is told over rtnetlink, one call each.

use dockos_config::Cidr;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage, CacheInfo};
use rtnetlink::packet_route::link::{InfoData, InfoKind, InfoVlan, LinkMessage};
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec};

use super::ways::Way;
use dockos_control::error::{Context, Result};

/// Adds an address; for so many seconds, or for good.
pub(super) async fn add_address(handle: &Handle, index: u32, address: Cidr, life: Option<u32>) -> Result<()> {
    let mut request = handle.address().add(index, address.ip, address.prefix).replace();
    if let Some(seconds) = life {
        let mut life = CacheInfo::default();
        (life.ifa_valid, life.ifa_preferred) = (seconds, seconds);
        request.message_mut().attributes.push(AddressAttribute::CacheInfo(life));
    }
    request.execute().await.context(|| format!("set the address {address}"))
}

/// Removes an address; one that is gone is no failure.
pub(super) async fn remove_address(handle: &Handle, index: u32, address: Cidr) {
    let mut message: AddressMessage =
        handle.address().add(index, address.ip, address.prefix).message_mut().clone();
    message.attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Broadcast(_)));
    if let Err(error) = handle.address().del(message).execute().await {
        tracing::debug!("remove the address {address}: {error}");
    }
}

/// Adds a route, or puts it in the place of one to the same network with the same metric.
pub(super) async fn add_way(handle: &Handle, index: u32, way: &Way) -> Result<()> {
    let request = handle.route().add(way.message(index)).replace();
    request.execute().await.context(|| format!("set the route to {}", way.to))
}

/// Removes a route; one that is gone is no failure.
pub(super) async fn remove_way(handle: &Handle, index: u32, way: &Way) {
    if let Err(error) = handle.route().del(way.message(index)).execute().await {
        tracing::debug!("remove the route to {}: {error}", way.to);
    }
}

/// Changes an interface; `what` says which and how.
pub(super) async fn change(handle: &Handle, what: &str, message: LinkMessage) -> Result<()> {
    handle.link().set(message).execute().await.context(|| what.to_owned())
}

pub(super) async fn set_mtu(handle: &Handle, index: u32, mtu: u32) -> Result<()> {
    change(handle, "set the MTU", LinkUnspec::new_with_index(index).mtu(mtu).build()).await
}

/// Makes a virtual interface; of a VLAN the number and the interface below it.
pub(super) async fn make(
    handle: &Handle,
    name: &str,
    kind: InfoKind,
    vlan: Option<(u16, u32)>,
) -> Result<()> {
    let mut message = LinkMessageBuilder::<LinkUnspec>::new_with_info_kind(kind).name(name);
    if let Some((id, base)) = vlan {
        message = message.set_info_data(InfoData::Vlan(vec![InfoVlan::Id(id)])).link(base);
    }
    handle.link().add(message.build()).execute().await.context(|| format!("make {name}"))
}

/// Removes a virtual interface.
pub(super) async fn unmake(handle: &Handle, name: &str, index: u32) -> Result<()> {
    handle.link().del(index).execute().await.context(|| format!("remove {name}"))
}
