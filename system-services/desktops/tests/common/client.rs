//! A browser's side: HTTPS with cookies, forms and websockets, one connection for each request.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::BOUND;

/// A websocket.
pub(crate) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A browser.
pub(crate) struct Browser {
    pub(crate) port: u16,
    pub(crate) cookies: BTreeMap<String, String>,
    /// What pages of the session have for scripts.
    pub(crate) token: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl Browser {
    pub(crate) fn new(port: u16) -> Self {
        Self { port, cookies: BTreeMap::new(), token: String::new(), headers: Vec::new() }
    }

    pub(crate) fn origin(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], Bytes::new()).await
    }

    /// A form of our own page.
    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Answer {
        let origin = self.origin();
        self.send("POST", path, &[("origin", &origin)], Bytes::copy_from_slice(form.as_bytes())).await
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Answer {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(connect(self.port).await)).await.unwrap();
        let task = tokio::spawn(connection);
        let request = self.request(method, path, headers).body(Full::new(body)).unwrap();
        let answer = timeout(BOUND, sender.send_request(request)).await.unwrap().unwrap();
        let (parts, body) = answer.into_parts();
        let body = timeout(BOUND, body.collect()).await.unwrap().unwrap().to_bytes();
        task.abort();
        self.keep(&parts.headers);
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> hyper::http::request::Builder {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder().method(method).uri(path);
        request =
            request.header("host", format!("localhost:{}", self.port)).header("cookie", cookies.join("; "));
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        own.chain(headers.iter().copied()).fold(request, |request, (name, value)| request.header(name, value))
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all("set-cookie") {
            let text = cookie.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Fills in the form of the login page.
    pub(crate) async fn log_in(&mut self, name: &str, password: &str) -> Answer {
        let page = self.get("/login").await;
        let token = field(&page.text(), "token");
        let answer =
            self.post("/login", &format!("token={token}&name={name}&password={password}&to=/desktops")).await;
        if answer.status == 303 {
            self.token = attribute(&self.get("/desktops").await.text(), "data-token=\"");
        }
        answer
    }

    /// Opens a screen, as noVNC does.
    pub(crate) async fn screen(&self, name: &str, origin: &str) -> Result<Socket, u16> {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(connect(self.port).await)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        let headers = [
            ("origin", origin),
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let request = self.request("GET", &format!("/desktops/{name}/screen"), &headers);
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let answer = timeout(BOUND, sender.send_request(request)).await.unwrap().unwrap();
        if answer.status() != 101 {
            return Err(answer.status().as_u16());
        }
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let upgraded = hyper::upgrade::on(answer).await.unwrap();
        Ok(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await)
    }
}

/// The value of a form's hidden field.
pub(crate) fn field(html: &str, name: &str) -> String {
    attribute(html, &format!("name=\"{name}\" value=\""))
}

/// What stands after this, up to the next quote.
pub(crate) fn attribute(html: &str, before: &str) -> String {
    let rest = html.split_once(before).unwrap_or_else(|| panic!("no {before} in {html}")).1;
    rest.split('"').next().unwrap().to_owned()
}

/// Reads so many bytes of a screen.
pub(crate) async fn read(socket: &mut Socket, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        match timeout(BOUND, socket.next()).await.unwrap().unwrap().unwrap() {
            Message::Binary(part) => bytes.extend(part),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?} after {} bytes", bytes.len()),
        }
    }
    bytes
}

/// From the first byte to the size of the screen, which is 64 by 40.
pub(crate) async fn greet(socket: &mut Socket) {
    assert_eq!(read(socket, 12).await, b"RFB 003.008\n");
    socket.send(Message::binary(&b"RFB 003.008\n"[..])).await.unwrap();
    assert_eq!(read(socket, 2).await, [1, 1]);
    socket.send(Message::binary(&[1_u8][..])).await.unwrap();
    assert_eq!(read(socket, 4).await, [0; 4]);
    socket.send(Message::binary(&[0_u8][..])).await.unwrap();
    assert_eq!(read(socket, 24).await[..4], [0, 64, 0, 40]);
}

/// The code and word that a websocket ends with.
pub(crate) async fn farewell(socket: &mut Socket) -> (u16, String) {
    loop {
        match timeout(BOUND, socket.next()).await.unwrap() {
            Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
            Some(Ok(Message::Close(None)) | Err(_)) | None => return (0, String::new()),
            Some(Ok(_)) => {}
        }
    }
}

/// TLS to the page.
pub(crate) async fn connect(port: u16) -> TlsStream<TcpStream> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(Anyone)).with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    timeout(BOUND, TlsConnector::from(Arc::new(config)).connect(name, stream)).await.unwrap().unwrap()
}

/// Trusts every certificate: which one it is, is looked at apart.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
