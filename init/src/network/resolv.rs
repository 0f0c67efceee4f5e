//! The machine's name servers.

use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;

/// The name servers; /etc/resolv.conf links to it, and services on the machine's network have it bound in.
pub(crate) const RESOLV_CONF: &str = "/run/dockos/resolv.conf";

/// Name servers and domains, the first asked first.
#[derive(Debug, Default)]
pub(super) struct Resolvers {
    servers: Vec<IpAddr>,
    search: Vec<String>,
}

impl Resolvers {
    /// Adds what is not there yet.
    pub(super) fn add<'s>(
        &mut self,
        servers: impl IntoIterator<Item = IpAddr>,
        search: impl IntoIterator<Item = &'s str>,
    ) {
        for server in servers {
            if !self.servers.contains(&server) {
                self.servers.push(server);
            }
        }
        for domain in search {
            // It may be from the network, so only what can be a name goes in.
            let is_name = domain.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            if is_name && !domain.is_empty() && !self.search.iter().any(|known| known == domain) {
                self.search.push(domain.to_owned());
            }
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if !self.search.is_empty() {
            let _ = writeln!(text, "search {}", self.search.join(" "));
        }
        for server in &self.servers {
            let _ = writeln!(text, "nameserver {server}");
        }
        text
    }

    /// Written in place, not renamed: services hold this very file.
    pub(super) fn write(&self) {
        let text = self.text();
        if fs::read_to_string(RESOLV_CONF).is_ok_and(|found| found == text) {
            return;
        }
        if let Err(error) = fs::write(RESOLV_CONF, text) {
            tracing::warn!("write {RESOLV_CONF}: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_from_the_network_cannot_add_lines() {
        let mut resolvers = Resolvers::default();
        resolvers.add(["10.0.2.3".parse().unwrap()], ["lab\nnameserver 6.6.6.6"]);
        assert_eq!(resolvers.text(), "nameserver 10.0.2.3\n");
    }

    #[test]
    fn each_stands_once_in_the_order_of_coming() {
        let mut resolvers = Resolvers::default();
        resolvers.add(["10.0.0.2".parse().unwrap()], ["lab.example"]);
        resolvers.add(["fd00::1".parse().unwrap(), "10.0.0.2".parse().unwrap()], ["example", "lab.example"]);
        assert_eq!(resolvers.text(), "search lab.example example\nnameserver 10.0.0.2\nnameserver fd00::1\n");
    }
}
