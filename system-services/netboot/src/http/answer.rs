//! The answer to each request.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};

use crate::identity::Identity;
use crate::script::{self, Boot, Origin};
use crate::serve::{Asks, Service};

use super::handover::{Content, Handover, Transfer};
use super::range::{Part, part};

/// The longest address of a request.
const MOST_ADDRESS: usize = 2048;

/// What goes wrong with a request: a status, and a line for whoever reads it.
type Refusal = (StatusCode, String);

/// Answers a request.
pub(super) fn answer<B>(
    service: &Arc<Service>,
    peer: SocketAddr,
    local: SocketAddr,
    request: &Request<B>,
    handover: &Handover,
) -> Response<Content> {
    let answered = find(service, peer, local, request, handover);
    let mut response = answered.unwrap_or_else(|(status, why)| text(status, &format!("{why}\n")));
    if request.method() == Method::HEAD {
        *response.body_mut() = Content::Bytes(None);
    }
    response
}

fn find<B>(
    service: &Arc<Service>,
    peer: SocketAddr,
    local: SocketAddr,
    request: &Request<B>,
    handover: &Handover,
) -> Result<Response<Content>, Refusal> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here".to_owned()));
    }
    let address = request.uri().path_and_query().map_or("/", |address| address.as_str());
    if address.len() > MOST_ADDRESS {
        return Err((StatusCode::URI_TOO_LONG, "this address is longer than any here".to_owned()));
    }
    let query = request.uri().query().unwrap_or_default();
    let identity = || Identity::from_query(query).map_err(|why| (StatusCode::BAD_REQUEST, why));
    // A boot loader that has said all it knows boots the machine; PID 1 knows more.
    let booting = || match identity() {
        Ok(identity) if !identity.is_empty() => Ok(Some(identity)),
        _ if script::is_again(query) => Ok(Some(Identity::default())),
        Ok(_) => Ok(None),
        Err(refusal) => Err(refusal),
    };
    let origin = || origin(request, local);
    // Each path as it is written: nothing of it is ever looked for in a folder.
    match request.uri().path() {
        "/" => Ok(text(StatusCode::OK, &service.index())),
        "/boot.ipxe" => Ok(match booting()? {
            Some(identity) => script_for(service, peer, &identity, &origin(), Asks::Ipxe, |boot| boot.ipxe()),
            None => text(StatusCode::OK, &script::ipxe_first(&origin())),
        }),
        "/grub.cfg" => Ok(match booting()? {
            Some(identity) => script_for(service, peer, &identity, &origin(), Asks::Grub, |boot| boot.grub()),
            None => text(StatusCode::OK, &script::grub_first(&origin())),
        }),
        "/machine" => machine(service, peer, &identity()?, &origin()),
        path => match path.strip_prefix("/config/") {
            Some(name) => config(service, name),
            None => file(service, path, request, handover),
        },
    }
}

/// The server as the client calls it, if it does so by an address; else the address that it reached.
fn origin<B>(request: &Request<B>, local: SocketAddr) -> Origin {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    host.and_then(Origin::parse).unwrap_or_else(|| Origin::of(local))
}

/// The script of a machine, for its boot loader.
fn script_for(
    service: &Service,
    peer: SocketAddr,
    identity: &Identity,
    origin: &Origin,
    loader: Asks,
    script: fn(&Boot<'_>) -> String,
) -> Response<Content> {
    let asks = if identity.is_empty() { Asks::Nobody } else { loader };
    let gets = service.gets(peer, identity, origin, asks);
    let waits = || vec![format!("ds=netboot;s={}", origin.url("/machine"))];
    let mut words = gets.config.unwrap_or_else(waits);
    words.extend(gets.append);
    let boot_files = service.boot_files();
    let root_sha256 = &boot_files.root_sha256;
    text(StatusCode::OK, &script(&Boot { origin, root_sha256, who: &identity.name(), words: &words }))
}

/// The words for a machine that waits.
fn machine(
    service: &Service,
    peer: SocketAddr,
    identity: &Identity,
    origin: &Origin,
) -> Result<Response<Content>, Refusal> {
    if identity.is_empty() {
        let why = "say which machine asks: ?mac=52-54-00-12-34-56&serial=...&uuid=...";
        return Err((StatusCode::BAD_REQUEST, why.to_owned()));
    }
    match service.gets(peer, identity, origin, Asks::Waiting).config {
        Some(words) => Ok(text(StatusCode::OK, &format!("{}\n", words.join(" ")))),
        None => Err((StatusCode::NOT_FOUND, format!("not assigned yet: {identity}"))),
    }
}

fn config(service: &Service, name: &str) -> Result<Response<Content>, Refusal> {
    let none = || (StatusCode::NOT_FOUND, "there is no such config".to_owned());
    let sum = name.strip_suffix(".yml").filter(|sum| sum.len() == 64).ok_or_else(none)?;
    let config = service.config(sum).ok_or_else(none)?;
    Ok(whole("text/plain; charset=utf-8", config.bytes.clone(), StatusCode::OK))
}

fn file<B>(
    service: &Service,
    path: &str,
    request: &Request<B>,
    handover: &Handover,
) -> Result<Response<Content>, Refusal> {
    let boot_files = service.boot_files();
    let found = path.strip_prefix('/').and_then(|name| boot_files.get(name));
    let file = found.ok_or_else(|| (StatusCode::NOT_FOUND, "there is no such file".to_owned()))?;
    let tag = format!("\"{}\"", file.tag);
    let (status, first, last) = match part(request.headers(), file.size, &tag) {
        Part::Whole => (StatusCode::OK, 0, file.size.saturating_sub(1)),
        Part::Bytes(first, last) => (StatusCode::PARTIAL_CONTENT, first, last),
        Part::None => {
            let mut response =
                text(StatusCode::RANGE_NOT_SATISFIABLE, "there is no such part of this file\n");
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", file.size));
            return Ok(response);
        }
    };
    let length = last - first + 1;
    let transfer = Transfer { file: Arc::clone(file), offset: first, length, last: is_last(request) };
    let content = if length == 0 { Content::Bytes(None) } else { handover.body(transfer) };
    let mut response = Response::new(content);
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, "application/octet-stream");
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::ETAG, &tag);
    if status == StatusCode::PARTIAL_CONTENT {
        set(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{}", file.size));
    }
    if is_last(request) {
        set(&mut response, header::CONNECTION, "close");
    }
    Ok(response)
}

/// Whether the connection ends with this request.
fn is_last<B>(request: &Request<B>) -> bool {
    let close = request.headers().get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let close =
        close.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case("close"));
    close || request.version() != Version::HTTP_11
}

fn set(response: &mut Response<Content>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn text(status: StatusCode, text: &str) -> Response<Content> {
    whole("text/plain; charset=utf-8", Bytes::copy_from_slice(text.as_bytes()), status)
}

fn whole(kind: &'static str, bytes: Bytes, status: StatusCode) -> Response<Content> {
    let length = bytes.len().to_string();
    let mut response = Response::new(Content::Bytes(Some(bytes)));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, kind);
    set(&mut response, header::CONTENT_LENGTH, &length);
    // Scripts and configs change; nothing between may keep them.
    set(&mut response, header::CACHE_CONTROL, "no-store");
    response
}
