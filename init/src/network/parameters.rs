//! Settings that the kernel takes as files: of bonds and bridges below /sys, of IPv6 below /proc/sys.

use std::fs;
use std::time::Duration;

use dockos_config::{AddressGeneration, BondParameters, BridgeParameters, Link, LinkLocal};

use dockos_control::error::{Context, Result};

/// A file and what it is to hold.
pub(super) type Setting = (String, String);

/// How often a bond looks at its members' carriers when the config does not say: the kernel's default is never, and a
/// bond that never looks is no better than its first cable.
const MII_MONITOR: Duration = Duration::from_millis(100);

/// What a bond is told, in the order in which the kernel takes it: before it has members.
pub(super) fn bond(name: &str, parameters: &BondParameters) -> Vec<Setting> {
    let p = parameters;
    let ms = |duration: Option<Duration>| duration.map(|duration| duration.as_millis().to_string());
    let number = |count: Option<u32>| count.map(|count| count.to_string());
    let word = |word: Option<&'static str>| word.map(str::to_owned);
    let monitor = p.mii_monitor_interval.map(|ms| ms.duration());
    let monitor = monitor.or_else(|| p.arp_interval.is_none().then_some(MII_MONITOR));
    let mut settings = vec![
        ("mode", word(Some(p.mode.as_str()))),
        ("miimon", ms(monitor)),
        ("updelay", ms(p.up_delay.map(|ms| ms.duration()))),
        ("downdelay", ms(p.down_delay.map(|ms| ms.duration()))),
        ("arp_interval", ms(p.arp_interval.map(|ms| ms.duration()))),
        ("arp_validate", word(p.arp_validate.map(|v| v.as_str()))),
        ("arp_all_targets", word(p.arp_all_targets.map(|v| v.as_str()))),
        ("lacp_rate", word(p.lacp_rate.map(|v| v.as_str()))),
        ("ad_select", word(p.ad_select.map(|v| v.as_str()))),
        ("xmit_hash_policy", word(p.transmit_hash_policy.map(|v| v.as_str()))),
        ("min_links", number(p.min_links.map(|n| n.get()))),
        ("all_slaves_active", p.all_members_active.map(|all| u8::from(all).to_string())),
        ("fail_over_mac", word(p.fail_over_mac_policy.map(|v| v.as_str()))),
        ("num_grat_arp", number(p.gratuitous_arp.map(|n| n.get()))),
        ("packets_per_slave", number(p.packets_per_member.map(|n| n.get()))),
        ("primary_reselect", word(p.primary_reselect_policy.map(|v| v.as_str()))),
        ("resend_igmp", number(p.resend_igmp.map(|n| n.get()))),
        ("lp_interval", number(p.learn_packet_interval.map(|n| n.get()))),
    ];
    settings.extend(p.arp_ip_targets.iter().map(|ip| ("arp_ip_target", Some(format!("+{ip}")))));
    files(&format!("/sys/class/net/{name}/bonding"), settings)
}

/// What a bridge is told. The kernel counts its times in hundredths of a second.
pub(super) fn bridge(name: &str, parameters: &BridgeParameters) -> Vec<Setting> {
    let p = parameters;
    let ticks = |duration: Option<Duration>| duration.map(|duration| (duration.as_millis() / 10).to_string());
    let stp = p.stp.unwrap_or(true);
    let delay = p.forward_delay.map(|s| s.duration());
    let delay = delay.or_else(|| Some(if stp { Duration::from_secs(15) } else { Duration::ZERO }));
    let settings = vec![
        // Without it the delay has a least value.
        ("stp_state", (!stp).then(|| "0".to_owned())),
        ("forward_delay", ticks(delay)),
        ("hello_time", ticks(p.hello_time.map(|s| s.duration()))),
        ("max_age", ticks(p.max_age.map(|s| s.duration()))),
        ("ageing_time", ticks(p.ageing_time.map(|s| s.duration()))),
        ("priority", p.priority.map(|n| n.to_string())),
        ("stp_state", stp.then(|| "1".to_owned())),
    ];
    files(&format!("/sys/class/net/{name}/bridge"), settings)
}

/// What a bridge is told of a port.
pub(super) fn port(port: &str, id: &str, parameters: &BridgeParameters) -> Vec<Setting> {
    let cost = parameters.path_cost.iter().find(|(name, _)| name.as_str() == id);
    let rank = parameters.port_priority.iter().find(|(name, _)| name.as_str() == id);
    let settings =
        vec![("path_cost", cost.map(|(_, n)| n.to_string())), ("priority", rank.map(|(_, n)| n.to_string()))];
    files(&format!("/sys/class/net/{port}/brport"), settings)
}

/// What IPv6 is told of an interface: the setting, what the config says of it, and the kernel's own value.
pub(super) fn ipv6(link: &Link) -> Vec<(&'static str, Option<String>, &'static str)> {
    let ra = link.accept_ra.map(|accept| if accept { "2" } else { "0" });
    let local = link.link_local.as_ref().map(|kinds| kinds.contains(&LinkLocal::Ipv6));
    let generation = match (local, link.ipv6_address_generation) {
        (Some(false), _) => Some("1"),
        (_, Some(AddressGeneration::StablePrivacy)) => Some("3"),
        (_, Some(AddressGeneration::Eui64)) => Some("0"),
        (_, None) => None,
    };
    vec![
        ("accept_ra", ra.map(str::to_owned), "1"),
        ("addr_gen_mode", generation.map(str::to_owned), "0"),
        ("use_tempaddr", link.ipv6_privacy.then(|| "2".to_owned()), "0"),
    ]
}

fn files(folder: &str, settings: Vec<(&str, Option<String>)>) -> Vec<Setting> {
    settings.into_iter().filter_map(|(file, value)| Some((format!("{folder}/{file}"), value?))).collect()
}

/// Writes a setting.
pub(super) fn write((file, value): &Setting) -> Result<()> {
    fs::write(file, value).context(|| format!("write {value} into {file}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(settings: &[Setting]) -> String {
        let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        settings.iter().map(|(file, value)| format!("{}={value}", last(file))).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn bonds_are_told_in_the_kernels_words() {
        let cases = [
            ("{}", "mode=balance-rr miimon=100"),
            (
                "{mode: active-backup, arp-interval: 1s, arp-ip-targets: [10.0.0.1]}",
                "mode=active-backup arp_interval=1000 arp_ip_target=+10.0.0.1",
            ),
            (
                "{mode: 802.3ad, lacp-rate: fast, transmit-hash-policy: layer3+4, up-delay: 200}",
                "mode=802.3ad miimon=100 updelay=200 lacp_rate=fast xmit_hash_policy=layer3+4",
            ),
            (
                "{mii-monitor-interval: 0, all-members-active: true, min-links: 1}",
                "mode=balance-rr miimon=0 min_links=1 all_slaves_active=1",
            ),
        ];
        for (parameters, expected) in cases {
            let text = format!("network: {{bonds: {{b: {{parameters: {parameters}}}}}}}");
            let config = dockos_config::parse("test", &text).unwrap();
            let bond_config = config.network.bonds.iter().next().unwrap().1;
            assert_eq!(shown(&bond("b", &bond_config.parameters)), expected, "{parameters}");
        }
    }

    #[test]
    fn a_bridge_without_stp_forwards_at_once() {
        let cases = [
            ("{}", "forward_delay=1500 stp_state=1"),
            ("{stp: false}", "stp_state=0 forward_delay=0"),
            (
                "{stp: true, forward-delay: 4, hello-time: 1, priority: 4096}",
                "forward_delay=400 hello_time=100 priority=4096 stp_state=1",
            ),
        ];
        for (parameters, expected) in cases {
            let text = format!("network: {{bridges: {{b: {{parameters: {parameters}}}}}}}");
            let config = dockos_config::parse("test", &text).unwrap();
            let bridge_config = config.network.bridges.iter().next().unwrap().1;
            assert_eq!(shown(&bridge("b", &bridge_config.parameters)), expected, "{parameters}");
        }
    }
}
