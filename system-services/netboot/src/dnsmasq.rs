//! What dnsmasq is told: DHCP or proxyDHCP, and TFTP for what firmware fetches first.

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::path::Path;

use dockos_config::{AddressRange, NetbootDhcp};

use crate::address::Place;

/// What BIOS firmware fetches.
pub(crate) const BIOS: &str = "undionly.kpxe";

/// What the settings are made of.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    /// Beside another DHCP server, or alone.
    pub(crate) dhcp: NetbootDhcp,
    /// Addresses to give away.
    pub(crate) range: Option<AddressRange>,
    /// Our interface and address.
    pub(crate) place: &'a Place,
    /// The port of HTTP.
    pub(crate) port: u16,
    /// What UEFI firmware fetches, if it is there.
    pub(crate) efi: Option<&'a str>,
    /// The folder that TFTP serves.
    pub(crate) tftp: &'a Path,
    /// Where addresses that were given away are remembered.
    pub(crate) leases: &'a Path,
    /// Name servers for the machines.
    pub(crate) name_servers: &'a [Ipv4Addr],
}

impl Settings<'_> {
    /// The configuration file.
    pub(crate) fn text(&self) -> String {
        let mut text = self.common();
        text.push_str(&match self.dhcp {
            NetbootDhcp::Server => self.server(),
            _ => self.proxy(),
        });
        text
    }

    fn url(&self, path: &str) -> String {
        let port = if self.port == 80 { String::new() } else { format!(":{}", self.port) };
        format!("http://{}{port}{path}", self.place.address)
    }

    /// No name server, nothing of the machine's own files, one interface. A file for leases has to be there even where
    /// none are given away. TFTP for as many at once as HTTP: dnsmasq's own 50 are less than a room that is switched on, and
    /// firmware that is not answered goes on to its next boot device.
    fn common(&self) -> String {
        let (interface, tftp, leases) = (&self.place.interface, self.tftp.display(), self.leases.display());
        format!(
            "# Made by dockos netboot at each start.\n\
             port=0\nno-resolv\nno-hosts\nno-poll\npid-file=\nlog-facility=-\nquiet-dhcp\n\
             interface={interface}\nbind-dynamic\nexcept-interface=lo\n\
             enable-tftp\ntftp-max=512\ntftp-root={tftp}\ndhcp-leasefile={leases}\n\
             dhcp-match=set:ipxe,175\n"
        )
    }

    /// Beside another DHCP server: machines have their address from there, and hear from us where to boot from. The
    /// server's address stands at the end of each line, or clients ask again for it until they give up.
    fn proxy(&self) -> String {
        let Place { address, mask, .. } = self.place;
        let mut text = format!("dhcp-range={},proxy,{mask}\npxe-prompt=\"DockOS\",0\n", self.place.network());
        let script = self.url("/boot.ipxe");
        // The names of EFI's two numbers for x64: firmware uses either.
        let clients = [("X86PC", Some(BIOS)), ("X86-64_EFI", self.efi), ("BC_EFI", self.efi)];
        for (client, file) in clients {
            if let Some(file) = file {
                let _ = writeln!(text, "pxe-service=tag:!ipxe,{client},\"DockOS\",{file},{address}");
            }
            let _ = writeln!(text, "pxe-service=tag:ipxe,{client},\"DockOS\",{script},{address}");
        }
        text
    }

    /// As the network's only DHCP server.
    fn server(&self) -> String {
        let mask = self.place.mask;
        let mut text = String::new();
        if let Some(AddressRange { first, last }) = self.range {
            let _ = writeln!(text, "dhcp-range={first},{last},{mask},12h");
        }
        // Asking whether an address is free takes three seconds, in which nobody else is answered: a room that is
        // switched on at once would wait longer than its firmware does. The range is this server's alone.
        text.push_str("dhcp-authoritative\nno-ping\n");
        // Without a value, none is given: dnsmasq would name this machine, which forwards nothing.
        let gateway = self.place.gateway.map(|gateway| format!(",{gateway}")).unwrap_or_default();
        let _ = writeln!(text, "dhcp-option=option:router{gateway}");
        let names: String = self.name_servers.iter().map(|server| format!(",{server}")).collect();
        let _ = writeln!(text, "dhcp-option=option:dns-server{names}");
        let _ =
            writeln!(text, "dhcp-match=set:bios,option:client-arch,0\ndhcp-boot=tag:bios,tag:!ipxe,{BIOS}");
        if let Some(efi) = self.efi {
            // UEFI by TFTP (7, 9), and by HTTP (16): this wants to hear its own vendor class again.
            let _ = writeln!(
                text,
                "dhcp-match=set:efi,option:client-arch,7\ndhcp-match=set:efi,option:client-arch,9\n\
                 dhcp-match=set:http,option:client-arch,16\n\
                 dhcp-boot=tag:efi,tag:!ipxe,{efi}\n\
                 dhcp-boot=tag:http,tag:!ipxe,{}\n\
                 dhcp-option-force=tag:http,tag:!ipxe,60,HTTPClient",
                self.url(&format!("/{efi}"))
            );
        }
        let _ = writeln!(text, "dhcp-boot=tag:ipxe,{}", self.url("/boot.ipxe"));
        text
    }
}

/// The name servers of a `resolv.conf` that machines of the network can reach.
pub(crate) fn name_servers(resolv_conf: &str) -> Vec<Ipv4Addr> {
    let servers = resolv_conf.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let servers = servers.filter_map(|server| server.trim().parse::<Ipv4Addr>().ok());
    servers.filter(|server| !server.is_loopback() && !server.is_unspecified()).take(3).collect()
}

/// What a line of dnsmasq means for whoever reads it, where that is known.
pub(crate) fn explain(line: &str) -> Option<&'static str> {
    [
        (
            "Address already in use",
            "another DHCP or TFTP server runs on this machine: end it, or use --dhcp none",
        ),
        (
            "unknown interface",
            "there is no such network card: see `ip link`, and name another by --interface",
        ),
        (
            "Permission denied",
            "dnsmasq may use only what belongs to root: `chown root:root` the file and its folder, or move the file away",
        ),
        (
            "Operation not permitted",
            "it lacks a capability: NET_ADMIN, NET_RAW and NET_BIND_SERVICE are needed",
        ),
        (
            "no address range available",
            "the range of addresses is not of this card's network: change --range",
        ),
        ("bad command line options", "this dnsmasq is older than 2.76"),
    ]
    .into_iter()
    .find_map(|(part, meaning)| line.contains(part).then_some(meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(dhcp: NetbootDhcp, port: u16, gateway: Option<Ipv4Addr>) -> String {
        let place = Place {
            interface: "eth0".to_owned(),
            address: Ipv4Addr::new(10, 0, 0, 1),
            mask: Ipv4Addr::new(255, 255, 255, 0),
            gateway,
        };
        let range = "10.0.0.100-10.0.0.199".parse().ok();
        let names = name_servers("# x\nnameserver 127.0.0.53\nnameserver 10.0.0.53\nnameserver fd00::1\n");
        Settings {
            dhcp,
            range,
            place: &place,
            port,
            efi: Some("ipxe.efi"),
            tftp: Path::new("/run/tftp"),
            leases: Path::new("/state/leases"),
            name_servers: &names,
        }
        .text()
    }

    #[test]
    fn beside_another_server_it_gives_no_addresses() {
        let text = text(NetbootDhcp::Proxy, 80, None);
        assert!(text.contains("dhcp-range=10.0.0.0,proxy,255.255.255.0\n"), "{text}");
        assert!(text.contains("pxe-service=tag:!ipxe,X86PC,\"DockOS\",undionly.kpxe,10.0.0.1\n"), "{text}");
        assert!(text.contains("pxe-service=tag:!ipxe,BC_EFI,\"DockOS\",ipxe.efi,10.0.0.1\n"), "{text}");
        assert!(
            text.contains("pxe-service=tag:ipxe,X86-64_EFI,\"DockOS\",http://10.0.0.1/boot.ipxe,10.0.0.1\n"),
            "{text}"
        );
        assert!(!text.contains("10.0.0.100"), "{text}");
        assert!(text.contains("tftp-max=512\n"), "{text}");
        assert!(text.contains("dhcp-leasefile=/state/leases\n"), "without it, it does not start: {text}");
    }

    #[test]
    fn alone_it_gives_addresses_and_the_way_out_if_there_is_one() {
        let text = text(NetbootDhcp::Server, 8080, Some(Ipv4Addr::new(10, 0, 0, 254)));
        assert!(text.contains("dhcp-range=10.0.0.100,10.0.0.199,255.255.255.0,12h\n"), "{text}");
        assert!(text.contains("dhcp-option=option:router,10.0.0.254\n"), "{text}");
        assert!(text.contains("dhcp-option=option:dns-server,10.0.0.53\n"), "{text}");
        assert!(text.contains("dhcp-boot=tag:http,tag:!ipxe,http://10.0.0.1:8080/ipxe.efi\n"), "{text}");
        assert!(super::tests::text(NetbootDhcp::Server, 80, None).contains("option:router\n"));
    }

    #[test]
    fn deaths_are_explained() {
        let line = "dnsmasq: failed to create listening socket for port 69: Address already in use";
        assert!(explain(line).unwrap().contains("--dhcp none"));
        assert!(explain("dnsmasq: unknown interface eth9").unwrap().contains("ip link"));
        let line =
            "dnsmasq: cannot open or create lease file /var/lib/dockos/netboot/leases: Permission denied";
        assert!(explain(line).unwrap().contains("chown root:root"));
        assert_eq!(explain("started, version 2.91"), None);
    }
}
