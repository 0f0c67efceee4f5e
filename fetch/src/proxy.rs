//! The proxy that the environment names.

use std::env;

use ureq::{Proxy, ProxyProtocol};

use crate::{address::Address, failure::Failure};

/// In the order in which the HTTP client looks.
const VARIABLES: [&str; 6] =
    ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

/// The proxy to use, if any. One that cannot be used is an error: going without it is not what was asked for.
pub(crate) fn from_environment() -> Result<Option<Proxy>, Failure> {
    for name in VARIABLES {
        let Some(value) = env::var_os(name).filter(|value| !value.is_empty()) else { continue };
        let parsed = value.to_str().and_then(|text| Proxy::new(text).ok());
        let usable = |proxy: &Proxy| matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
        if !parsed.is_some_and(|proxy| usable(&proxy)) {
            let what = format!("{name} is no proxy that can be used");
            return Err(Failure::last(what, "give it as http://HOST:PORT, or unset it"));
        }
    }
    Ok(Proxy::try_from_env())
}

/// `, by the proxy HOST:PORT`, or nothing: whom a failure may come from.
pub(crate) fn mention(proxy: Option<&Proxy>, address: &Address) -> String {
    match proxy.filter(|proxy| !proxy.is_no_proxy(address.uri())) {
        Some(proxy) => format!(", by the proxy {}:{}", proxy.host(), proxy.port()),
        None => String::new(),
    }
}
