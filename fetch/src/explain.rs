//! What an error of the HTTP client means to the person who wrote the URL. No text of the client's that may repeat the
//! URL is passed on.

use std::io;

use ureq::{Error, Timeout};

use crate::{address::Address, certificate, failure::Failure};

/// The failure that an error is.
pub(crate) fn explain(error: Error, address: &Address) -> Failure {
    match error {
        Error::Io(error) => explain_io(&error, address),
        Error::Rustls(error) => explain_tls(&error),
        Error::HostNotFound => not_resolved(address),
        Error::Timeout(timeout) => explain_timeout(timeout, address),
        Error::ConnectProxyFailed(reason) => Failure::passing(
            format!("the proxy makes no connection: {reason}"),
            "look into its log, or name the host in NO_PROXY",
        ),
        Error::LargeResponseHeader(..) => Failure::last(
            "its headers are larger than 64 KiB",
            "check that it is the right URL; no file server sends so much",
        ),
        Error::Protocol(_) | Error::Http(_) => {
            Failure::last("what answers there does not speak HTTP", "check scheme, host and port of the URL")
        }
        Error::Tls(text) => Failure::last(format!("TLS: {text}"), "check the host in the URL"),
        _ => Failure::last("it cannot be fetched", "check the URL"),
    }
}

fn explain_timeout(timeout: Timeout, address: &Address) -> Failure {
    let host = address.host();
    match timeout {
        Timeout::Resolve => Failure::passing(
            format!("no name server tells the address of {host}"),
            "check that the name servers can be reached",
        ),
        Timeout::Connect => Failure::passing(
            "no connection in time",
            "check that the server is on, and that no firewall drops the port",
        ),
        Timeout::PerRead | Timeout::PerWrite => {
            Failure::passing("it does not answer any more", "look into the server's log")
        }
        _ => Failure::passing("not done in time", "check the server, or allow more by --timeout"),
    }
}

fn explain_io(error: &io::Error, address: &Address) -> Failure {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return explain_tls(error);
    }
    // The standard library's words for whatever getaddrinfo says.
    if error.to_string().starts_with("failed to lookup address information") {
        return not_resolved(address);
    }
    let kind = error.kind();
    let hint = match kind {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens there: check host, port, and that the server runs"
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "check the cable, the machine's address and its gateway"
        }
        io::ErrorKind::TimedOut => "check that the server is on, and that no firewall drops the port",
        _ => "look into the server's log",
    };
    let what = match kind {
        io::ErrorKind::UnexpectedEof => "the connection ended too early".to_owned(),
        _ if error.raw_os_error().is_some() => kind.to_string(),
        _ => "the connection broke".to_owned(),
    };
    Failure::passing(what, hint)
}

fn not_resolved(address: &Address) -> Failure {
    Failure::passing(
        format!("the name {} is not known", address.host()),
        "check its spelling, and that the name servers know it",
    )
}

fn explain_tls(error: &rustls::Error) -> Failure {
    match error {
        rustls::Error::InvalidCertificate(error) => certificate::explain(error),
        rustls::Error::InvalidMessage(_) => Failure::last(
            "what answers there does not speak TLS",
            "check the port; if the server has no TLS, the URL begins with http://",
        ),
        rustls::Error::AlertReceived(alert) => Failure::last(
            format!("the server ends TLS with the alert {alert:?}"),
            "check the host in the URL, and which TLS versions the server allows; 1.2 is needed",
        ),
        rustls::Error::PeerIncompatible(_) => Failure::last(
            "the server has no TLS version or cipher in common with us",
            "allow TLS 1.2 or 1.3 at the server",
        ),
        other => Failure::last(format!("TLS: {other}"), "look into the server's log"),
    }
}
