//! One try: the request, its redirects, the body.

use std::{
    cell::OnceCell,
    io::Read,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use ureq::{
    Agent, Body, Proxy,
    http::{HeaderValue, Response, StatusCode, header},
    tls::{Certificate, RootCerts, TlsConfig},
};

use crate::{
    address::Address,
    certificate, date,
    explain::explain,
    failure::{Again, Failure, Kind},
    options::Options,
    proxy,
};

const REDIRECTS: u32 = 5;
const USER_AGENT: &str = concat!("dockos-fetch/", env!("CARGO_PKG_VERSION"));
/// What a status line and headers may take.
const HEADER_BYTES: usize = 64 << 10;

/// What one request led to.
enum Step {
    Body(Vec<u8>),
    Redirect(Address),
}

/// Makes tries, each with fresh connections.
pub(crate) struct Client<'a> {
    options: &'a Options,
    proxy: Option<Proxy>,
    /// Read when an https URL first asks for it.
    trusted: OnceCell<Arc<Vec<Certificate<'static>>>>,
}

impl<'a> Client<'a> {
    /// A client within the bounds of these options.
    pub(crate) fn new(options: &'a Options) -> Result<Self, Failure> {
        Ok(Self { options, proxy: proxy::from_environment()?, trusted: OnceCell::new() })
    }

    /// Tries once, until `end` at the latest.
    pub(crate) fn get(&self, end: Instant) -> Result<Vec<u8>, Failure> {
        let mut address = self.options.address.clone();
        for _ in 0..=REDIRECTS {
            let next = match self.step(&address, end) {
                Ok(Step::Body(bytes)) => return Ok(bytes),
                Ok(Step::Redirect(next)) => next,
                Err(failure) => return Err(self.with_surroundings(failure, &address)),
            };
            if address.is_https() && !next.is_https() {
                let what = format!("redirected from https to {next}, where anybody may change it on the way");
                return Err(Failure::last(what, "give a URL that stays with https"));
            }
            address = next;
        }
        let what = format!("redirected more than {REDIRECTS} times, at last to {address}");
        Err(Failure::last(what, "give the URL that they lead to, or mend the loop at the server"))
    }

    fn step(&self, address: &Address, end: Instant) -> Result<Step, Failure> {
        let response = self.request(address, end)?;
        if let Some(next) = redirect(address, &response)? {
            return Ok(Step::Redirect(next));
        }
        check_status(&response)?;
        self.check_length(&response)?;
        self.body(address, response).map(Step::Body)
    }

    /// Adds who else may be the cause of a failure.
    fn with_surroundings(&self, mut failure: Failure, address: &Address) -> Failure {
        failure.what += &proxy::mention(self.proxy.as_ref(), address);
        if *address != self.options.address {
            failure.what += &format!(", redirected to {address}");
        }
        failure
    }

    fn request(&self, address: &Address, end: Instant) -> Result<Response<Body>, Failure> {
        let mut request = self.agent(address, end)?.get(address.uri().clone());
        // Headers may be secrets, and were given for one server.
        let ours = address.same_server(&self.options.address);
        let headers = if ours { self.options.headers.as_slice() } else { &[] };
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let authorized = headers.iter().any(|(name, _)| *name == header::AUTHORIZATION);
        if let Some(credentials) = credentials(address).filter(|_| !authorized) {
            request = request.header(header::AUTHORIZATION, credentials);
        }
        request.call().map_err(|error| explain(error, address))
    }

    fn agent(&self, address: &Address, end: Instant) -> Result<Agent, Failure> {
        let all = self.options.timeout;
        let mut tls =
            TlsConfig::builder().unversioned_rustls_crypto_provider(Arc::new(certificate::provider()));
        let proxy_speaks_tls =
            self.proxy.as_ref().is_some_and(|proxy| proxy.protocol() == ureq::ProxyProtocol::Https);
        if address.is_https() || proxy_speaks_tls {
            tls = tls.root_certs(RootCerts::Specific(self.trusted()?));
        }
        let config = Agent::config_builder()
            .proxy(self.proxy.clone())
            .tls_config(tls.build())
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(HEADER_BYTES)
            .max_idle_connections(0)
            .user_agent(USER_AGENT)
            .timeout_global(Some(end.saturating_duration_since(Instant::now())))
            // A dead first name server takes 5 s; with shares of the whole, a second try still fits.
            .timeout_resolve(Some(all / 2))
            .timeout_connect(Some((all / 3).min(Duration::from_secs(8))))
            .timeout_per_read(Some((all / 3).min(Duration::from_secs(10))));
        Ok(config.build().into())
    }

    fn trusted(&self) -> Result<Arc<Vec<Certificate<'static>>>, Failure> {
        if let Some(trusted) = self.trusted.get() {
            return Ok(Arc::clone(trusted));
        }
        let read = Arc::new(certificate::trusted(&self.options.ca)?);
        Ok(Arc::clone(self.trusted.get_or_init(|| read)))
    }

    /// Without a length nor chunks the end of the body is the end of the connection, however that came about.
    fn check_length(&self, response: &Response<Body>) -> Result<(), Failure> {
        let most = self.options.max_bytes;
        match number(response, header::CONTENT_LENGTH) {
            Some(length) if length > most => {
                Err(too_large(format!("it has {length} bytes, at most {most} are taken")))
            }
            None if !is_chunked(response) && self.options.sha256.is_none() => {
                let what = "the server does not tell the length, so that a cut transfer would go unnoticed";
                Err(Failure::last(what, "let it send Content-Length, or pin the content's SHA-256"))
            }
            _ => Ok(()),
        }
    }

    fn body(&self, address: &Address, response: Response<Body>) -> Result<Vec<u8>, Failure> {
        let most = self.options.max_bytes;
        let mut bytes = Vec::new();
        let mut reader = response.into_body().into_reader().take(most.saturating_add(1));
        reader.read_to_end(&mut bytes).map_err(|error| explain(error.into(), address))?;
        if bytes.len() as u64 > most {
            return Err(too_large(format!("it has more than the {most} bytes that are taken")));
        }
        Ok(bytes)
    }
}

fn is_chunked(response: &Response<Body>) -> bool {
    let coding = response.headers().get(header::TRANSFER_ENCODING).and_then(|value| value.to_str().ok());
    coding.is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked"))
}

fn too_large(what: String) -> Failure {
    let hint = "check that it is the right URL, or allow more by --max-bytes";
    Failure::last(what, hint).of(Kind::TooLarge)
}

/// User and password of the URL, as the server wants them.
fn credentials(address: &Address) -> Option<HeaderValue> {
    let (user, _) = address.uri().authority()?.as_str().rsplit_once('@')?;
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let mut plain: Vec<u8> = percent_decode_str(name).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(plain))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Where the response sends us, if it does.
fn redirect(address: &Address, response: &Response<Body>) -> Result<Option<Address>, Failure> {
    if ![301, 302, 303, 307, 308].contains(&response.status().as_u16()) {
        return Ok(None);
    }
    let wrong = |why: &str| {
        let what = format!("{address} redirects, but {why}");
        Failure::last(what, "give the URL that it should lead to, or mend it at the server")
    };
    let location = response.headers().get(header::LOCATION).ok_or_else(|| wrong("not whereto"))?;
    let location = location.to_str().map_err(|_| wrong("to something that is no URL"))?;
    address.follow(location).map(Some).map_err(wrong)
}

fn check_status(response: &Response<Body>) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let passing = status.is_server_error() || [408, 425, 429].contains(&status.as_u16());
    let hint = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "check user and password in the URL, or the header"
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => "check the path of the URL",
        _ if passing => "look into the server's log",
        _ => "check the URL, and the server's log",
    };
    let again = match (passing, retry_after(response)) {
        (true, Some(pause)) => Again::After(pause),
        (true, None) => Again::Soon,
        (false, _) => Again::Never,
    };
    let reason = status.canonical_reason().map(|reason| format!(" {reason}")).unwrap_or_default();
    let kind = if [404, 410].contains(&status.as_u16()) { Kind::NotFound } else { Kind::Failed };
    let failure = Failure::last(format!("HTTP status {}{reason}", status.as_u16()), hint).of(kind);
    Err(Failure { again, ..failure })
}

/// `Retry-After`, in seconds or as a date. A date counts from the server's own clock: ours may not be set.
fn retry_after(response: &Response<Body>) -> Option<Duration> {
    if let Some(seconds) = number(response, header::RETRY_AFTER) {
        return Some(Duration::from_secs(seconds));
    }
    let time = |name| date::parse_http(response.headers().get(name)?.to_str().ok()?);
    Some(Duration::from_secs(time(header::RETRY_AFTER)?.saturating_sub(time(header::DATE)?)))
}

fn number(response: &Response<Body>, name: header::HeaderName) -> Option<u64> {
    response.headers().get(name)?.to_str().ok()?.trim().parse().ok()
}
