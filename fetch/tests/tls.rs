//! TLS against a real server, with certificates good and bad.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly, and so may what it calls")]

mod common;

use std::{fs, net::TcpListener, path::PathBuf, sync::Arc, thread, time::Duration};

use common::{Exchange, SECRET, Server, fetch};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    version::{TLS12, TLS13},
};
use tempfile::TempDir;

/// A certificate authority, and its certificate in a file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ca.pem"), format!("Our CA\n{}", issuer.pem())).unwrap();
        Self { issuer, dir }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// What a server with a certificate for these names needs.
    fn config(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> ServerConfig {
        self.config_of(&[&TLS13, &TLS12], names, change)
    }

    fn config_of(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }
}

fn hello(exchange: &mut Exchange<'_>) {
    exchange.ok("hello");
}

fn run(authority: &Authority, url: &str) -> common::Run {
    fetch(&[url, "--ca", authority.file().to_str().unwrap(), "--timeout", "5"])
}

#[test]
fn our_own_ca_is_trusted_when_named() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let config = authority.config_of(&[version], &["localhost", "127.0.0.1"], |_| {});
        let server = Server::tls(config, hello);
        run(&authority, &format!("https://localhost:{}/", server.port)).expect_ok("hello");
        run(&authority, &format!("https://127.0.0.1:{}/", server.port)).expect_ok("hello");
    }
}

#[test]
fn an_unknown_issuer_is_told_with_the_cure() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = Server::tls(authority.config(&["localhost"], |_| {}), hello);
    let url = format!("https://alice:{SECRET}@localhost:{}/?{SECRET}", server.port);
    let run = run(&other, &url);
    run.expect(
        1,
        "its certificate is from an unknown issuer; if the issuer is yours, add the CA under `ca_certs:`",
    );
    assert_eq!(run.tries_that_failed(), 0, "{run:?}");
    assert!(server.heads().is_empty(), "nothing may be sent to a server that is not trusted");
}

#[test]
fn bad_certificates_are_told_apart() {
    let authority = Authority::new();
    for (names, change, message) in [
        (
            &["localhost"][..],
            (|params| params.not_after = date_time_ymd(2020, 2, 29)) as fn(&mut CertificateParams),
            "its certificate expired at 2020-02-29 00:00 UTC; the clock says 20",
        ),
        (
            &["localhost"],
            |params| params.not_before = date_time_ymd(2099, 1, 1),
            "its certificate is not valid before 2099-01-01 00:00 UTC; the clock says 20",
        ),
        (
            &["center.lab", "*.room"],
            |_| {},
            "its certificate is for another host: center.lab, *.room; use a name in the URL",
        ),
    ] {
        let server = Server::tls(authority.config(names, change), hello);
        let run = run(&authority, &format!("https://localhost:{}/", server.port));
        run.expect(1, message);
        assert_eq!(run.tries_that_failed(), 0, "{run:?}");
    }
}

#[test]
fn redirects_lead_to_https_and_never_back() {
    let authority = Authority::new();
    let plain = Server::start(hello);
    let back = plain.url(&format!("/plain?{SECRET}"));
    let server =
        Server::tls(authority.config(&["localhost"], |_| {}), move |exchange| match exchange.path() {
            "/back" => exchange.redirect(&back),
            _ => exchange.ok("hello"),
        });
    let secure = format!("https://localhost:{}", server.port);
    let start = {
        let secure = secure.clone();
        Server::start(move |exchange| {
            let next = format!("{secure}{}", exchange.path());
            exchange.redirect(&next);
        })
    };
    run(&authority, &start.url("/")).expect_ok("hello");
    run(&authority, &start.url("/back")).expect(1, "redirected from https to http://127.0.0.1");
    run(&authority, &format!("{secure}/back")).expect(1, "give a URL that stays with https");
    assert!(plain.heads().is_empty());
}

#[test]
fn what_is_no_tls_is_told() {
    let plain = Server::start(hello);
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        use std::io::Write;
        for stream in listener.incoming() {
            let _ = stream.and_then(|mut stream| stream.write_all(b"220 mail.lab ESMTP ready\r\n"));
        }
    });
    run(&authority, &format!("https://localhost:{port}/")).expect(1, "does not speak TLS; check the port");
    // Waits for the end of a head that never comes.
    run(&authority, &format!("https://localhost:{}/", plain.port)).expect(1, "").within(5.6);
    // The other way round.
    let server = Server::tls(authority.config(&["localhost"], |_| {}), hello);
    run(&authority, &format!("http://localhost:{}/", server.port)).expect(1, "").within(5.6);
}

#[test]
fn a_handshake_that_never_ends_costs_no_more_than_the_bound() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let held = thread::spawn(move || {
        let streams: Vec<_> = listener.incoming().take(2).collect();
        thread::sleep(Duration::from_secs(10));
        drop(streams);
    });
    run(&authority, &url).expect(1, "").within(5.6);
    drop(held);
}

#[test]
fn a_file_of_no_certificates_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    let to = file.to_str().unwrap();
    let url = "https://localhost:1/";
    fetch(&[url, "--ca", to]).expect(1, "cannot read the certificates to trust");
    fs::write(&file, "no certificate\n").unwrap();
    fetch(&[url, "--ca", to]).expect(1, "holds no certificates that can be used");
    fs::write(&file, "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n").unwrap();
    fetch(&[url, "--ca", to]).expect(1, "is damaged");
    fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    fetch(&[url, "--ca", to]).expect(1, "holds no certificates that can be used");
}
