//! Whom to trust, and why a certificate was not.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use rustls::{
    CertificateError, RootCertStore,
    crypto::{CryptoProvider, KeyProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer},
    sign::SigningKey,
};
use ureq::tls::{Certificate, PemItem, parse_pem};

use crate::{date, failure::Failure};

/// ring's ciphers, without what signs: this program has no certificate of its own, and the code would be linked.
pub(crate) fn provider() -> CryptoProvider {
    CryptoProvider { key_provider: &NoKeys, ..ring::default_provider() }
}

#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("fetch has no keys of its own".into()))
    }
}

/// The certificates in a PEM file.
pub(crate) fn trusted(file: &Path) -> Result<Vec<Certificate<'static>>, Failure> {
    let shown = file.display();
    let bytes = fs::read(file).map_err(|error| {
        Failure::last(format!("cannot read the certificates to trust, {shown}: {error}"), "give --ca FILE")
    })?;
    let items: Result<Vec<_>, _> = parse_pem(&bytes).collect();
    let items = items.map_err(|_| {
        Failure::last(format!("{shown}: a certificate in it is damaged"), "write it anew, in PEM")
    })?;
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    let ders = certificates.iter().map(|certificate| CertificateDer::from(certificate.der()));
    // A bundle may hold some that are too odd to be understood; those are not trusted.
    let (understood, _) = RootCertStore::empty().add_parsable_certificates(ders);
    if understood == 0 {
        let what = format!("{shown} holds no certificates that can be used");
        return Err(Failure::last(what, "give a file of them, in PEM"));
    }
    Ok(certificates)
}

/// Why a server's certificate was not trusted, and what to do.
pub(crate) fn explain(error: &CertificateError) -> Failure {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    explain_at(error, now)
}

fn explain_at(error: &CertificateError, now: u64) -> Failure {
    let clock = date::show(now);
    match error {
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }
            if date::is_unset(now) =>
        {
            let what =
                format!("its certificate is not valid yet: the clock says {clock}: no time source yet");
            // A time server may answer while we try.
            Failure::passing(what, "set `ntp:` to a server that can be reached, or the clock in the firmware")
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            let from = date::show(not_before.as_secs());
            let what = format!("its certificate is not valid before {from}; the clock says {clock}");
            Failure::last(what, "set the clock, or mend the certificate at the server")
        }
        CertificateError::ExpiredContext { not_after, .. } => {
            let until = date::show(not_after.as_secs());
            let what = format!("its certificate expired at {until}; the clock says {clock}");
            Failure::last(what, "renew it at the server, or set the clock")
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Failure::last(
            "its certificate is from an unknown issuer",
            "if the issuer is yours, add the CA under `ca_certs:`",
        ),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            let names = if names.is_empty() { "it names none".to_owned() } else { names.join(", ") };
            let what = format!("its certificate is for another host: {names}");
            Failure::last(what, "use a name in the URL that the certificate has, or mend the certificate")
        }
        other => Failure::last(
            format!("its certificate is not valid: {other}"),
            "mend the certificate at the server",
        ),
    }
}

/// The name in what the library shows as `DnsName("center.lab")`.
fn bare(presented: &str) -> &str {
    let inner = presented.split_once('(').map_or(presented, |(_, inner)| inner);
    inner.trim_matches(['"', '(', ')'])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::failure::Again;

    #[test]
    fn a_clock_that_was_never_set_is_told() {
        let certificate = CertificateError::NotValidYetContext {
            time: rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(100)),
            not_before: rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(1_735_689_600)),
        };
        let unset = explain_at(&certificate, 100);
        assert!(unset.what.ends_with("the clock says 1970-01-01 00:01 UTC: no time source yet"), "{unset}");
        assert_eq!(unset.again, Again::Soon);
        let early = explain_at(&certificate, 1_720_000_000);
        assert!(early.what.contains("not valid before 2025-01-01 00:00 UTC"), "{early}");
        assert_eq!(early.again, Again::Never);
    }
}
