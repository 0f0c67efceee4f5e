//! The certificate: the config's, or one made at the first start and kept, so that its fingerprint stays the same.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use dockos_control::error::{Context, Fault, Result};
use dockos_control::{files, wanted::Web};
use nix::ifaddrs::getifaddrs;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};
use ring::digest::{SHA256, digest};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerSessionMemoryCache;

use crate::web::say;

/// The certificate and key that are kept, in one file: there is never one without the other.
const FILE: &str = "self-made.pem";
/// Only the server reads them.
const MODE: u32 = 0o600;
/// The first year that a certificate is good in, however wrong the machine's clock is: no browser's clock is before.
const FIRST_YEAR: i32 = 2024;
/// A clock that is before this one has not been set yet.
const LIKELY_YEAR: i32 = 2026;
/// How long one is good.
const YEARS: i32 = 10;
/// Sessions of TLS that can be taken up again.
const RESUMED: usize = 64;
/// Seconds of a year, about.
const YEAR: u64 = 31_556_952;

/// How to speak TLS, and what the certificate's SHA-256 is.
#[derive(Clone)]
pub(super) struct Identity {
    /// For the acceptor.
    pub(super) tls: Arc<ServerConfig>,
    /// `AA:BB:…`
    pub(super) fingerprint: String,
}

/// The identity that the settings want; where theirs is no good, it says so and takes its own.
pub(super) fn identity(web: &Web, state: &Path) -> Result<Identity> {
    let given = match (&web.certificate, &web.key) {
        (Some(certificate), Some(key)) => Some(load(certificate, key)),
        (None, None) => None,
        (Some(_), None) => Some(Err(Fault::new("there is a certificate and no key; give both"))),
        (None, Some(_)) => Some(Err(Fault::new("there is a key and no certificate; give both"))),
    };
    match given {
        Some(Ok(identity)) => return Ok(identity),
        Some(Err(why)) => say!("the config's certificate: {why}. The self-made one is used in its place"),
        None => {}
    }
    own(state)
}

fn own(state: &Path) -> Result<Identity> {
    let path = state.join(FILE);
    if let Ok(text) = fs::read_to_string(&path) {
        match load(&text, &text) {
            Ok(identity) if !is_over(&text) => return Ok(identity),
            Ok(_) => say!("{}: its time is over, so a new one is made", path.display()),
            Err(why) => say!("{}: {why}; a new one is made", path.display()),
        }
    }
    let text = make()?;
    // A machine whose disk is full still shows its page, by another certificate after each start.
    if let Err(fault) = files::write_durably(&path, text.as_bytes(), MODE) {
        say!("{fault}; this certificate will not be kept");
    }
    load(&text, &text)
}

fn load(certificate: &str, key: &str) -> Result<Identity> {
    let chain: std::result::Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
    let chain = chain.context(|| "no certificate in PEM".to_owned())?;
    let first = chain.first().ok_or_else(|| Fault::new("no certificate in PEM"))?;
    let sum: Vec<String> = digest(&SHA256, first).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    let key =
        PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| Fault::new("no private key in PEM"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.context(|| "TLS".to_owned())?.with_no_client_auth();
    let mut config = config.with_single_cert(chain, key).map_err(|error| Fault::new(explain(&error)))?;
    config.session_storage = ServerSessionMemoryCache::new(RESUMED);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { tls: Arc::new(config), fingerprint: sum.join(":") })
}

fn explain(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => "the key is not this certificate's".to_owned(),
        other => other.to_string(),
    }
}

/// What a new one is good for: names and addresses that browsers may know this machine by.
fn make() -> Result<String> {
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let hostname = hostname.trim();
    let mut params = CertificateParams::new(Vec::new()).context(|| "make a certificate".to_owned())?;
    let names = [hostname, "localhost"].into_iter().filter_map(|name| name.try_into().ok());
    params.subject_alt_names = names.map(SanType::DnsName).collect();
    params.subject_alt_names.extend(addresses().into_iter().map(SanType::IpAddress));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("DockOS {hostname}"));
    let last = year() + YEARS;
    (params.not_before, params.not_after) = (date_time_ymd(FIRST_YEAR, 1, 1), date_time_ymd(last, 1, 1));
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).context(|| "make a key".to_owned())?;
    let certificate = params.self_signed(&key).context(|| "make a certificate".to_owned())?;
    Ok(format!("good until {last}\n{}{}", certificate.pem(), key.serialize_pem()))
}

/// The year by the machine's clock, or a likely one where it has not been set.
fn year() -> i32 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    i32::try_from(1970 + seconds / YEAR).unwrap_or(LIKELY_YEAR).max(LIKELY_YEAR)
}

fn is_over(text: &str) -> bool {
    let last = text.lines().find_map(|line| line.strip_prefix("good until ")?.parse().ok());
    last.is_none_or(|last: i32| year() >= last)
}

/// The machine's own addresses.
pub(super) fn addresses() -> Vec<IpAddr> {
    let mut found = vec![IpAddr::from([127, 0, 0, 1])];
    for interface in getifaddrs().into_iter().flatten() {
        let Some(address) = interface.address else { continue };
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::from(address.ip()));
        let ip = v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::from(address.ip())));
        let is_link_local = |ip: &IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        if let Some(ip) = ip.filter(|ip| !is_link_local(ip) && !found.contains(ip)) {
            found.push(ip);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(certificate: Option<String>, key: Option<String>) -> Web {
        Web { port: 0, certificate, key, users: Vec::new() }
    }

    #[test]
    fn one_is_made_once_and_kept_for_the_server_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let first = identity(&web(None, None), dir.path()).unwrap();
        let second = identity(&web(None, None), dir.path()).unwrap();
        assert_eq!(first.fingerprint, second.fingerprint);
        assert_eq!(first.fingerprint.len(), 32 * 3 - 1);
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_was_kept_and_is_damaged_or_over_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let first = identity(&web(None, None), dir.path()).unwrap().fingerprint;
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("good until 20", "good until 19")).unwrap();
        let second = identity(&web(None, None), dir.path()).unwrap().fingerprint;
        assert_ne!(first, second);
        fs::write(&path, "half a fi").unwrap();
        assert_ne!(identity(&web(None, None), dir.path()).unwrap().fingerprint, second);
    }

    #[test]
    fn a_pair_of_the_config_is_taken_if_it_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (make().unwrap(), make().unwrap());
        let own = identity(&web(None, None), dir.path()).unwrap().fingerprint;
        let of = |certificate: Option<&String>, key: Option<&String>| {
            identity(&web(certificate.cloned(), key.cloned()), dir.path()).unwrap().fingerprint
        };
        assert_ne!(of(Some(&one), Some(&one)), own);
        assert_eq!(of(Some(&one), Some(&other)), own, "the key of another");
        assert_eq!(of(Some(&one), None), own);
        assert_eq!(of(Some(&"garbage".to_owned()), Some(&one)), own);
        let cut = one[..one.len() / 2].to_owned();
        assert_eq!(of(Some(&cut), Some(&cut)), own);
    }
}
