//! HTTPS as somebody with bad intentions speaks it: any header, any body, any bytes. What a person does is
//! [`crate::Browser`]'s.

mod answer;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use sha2::{Digest as _, Sha256};

pub use answer::Answer;

/// How long a connection, and each piece of an answer, may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of a body that are sent before the next look for an answer.
const PIECE: usize = 64 << 10;

/// A client of one server, with its cookies.
#[derive(Debug)]
pub struct Https {
    port: u16,
    config: Arc<ClientConfig>,
    seen: Arc<Certificate>,
    cookies: RefCell<BTreeMap<String, String>>,
}

/// A connection to speak over as one likes.
pub type Connection = StreamOwned<ClientConnection, TcpStream>;

impl Https {
    /// Speaks to a port of this host.
    pub fn to(port: u16) -> Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let seen = Arc::new(Certificate { provider: Arc::clone(&provider), fingerprint: Mutex::default() });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&seen) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        Ok(Self { port, config: Arc::new(config), seen, cookies: RefCell::default() })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The SHA-256 of the certificate that the server showed last, as `AA:BB:…`.
    pub fn fingerprint(&self) -> Option<String> {
        self.seen.fingerprint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A connection, its handshake done.
    pub fn connect(&self) -> Result<Connection> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut tls = ClientConnection::new(Arc::clone(&self.config), ServerName::try_from("localhost")?)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut socket).context("TLS handshake")?;
        }
        Ok(StreamOwned::new(tls, socket))
    }

    /// Gets a page.
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.request("GET", path, &[], b"")
    }

    /// Sends a form.
    pub fn post_form(&self, path: &str, form: &str) -> Result<Answer> {
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        self.request("POST", path, &[kind], form.as_bytes())
    }

    /// Sends any request and keeps the cookies that the answer sets.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        self.send(method, path, headers, u64::try_from(body.len())?, body)
    }

    /// The same with a body of `length` bytes that is not held in memory. A server that answers before it has all is sent no
    /// more.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        length: u64,
        body: impl Read,
    ) -> Result<Answer> {
        let mut connection = self.connect()?;
        let port = self.port;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n");
        if length > 0 || method != "GET" {
            head += &format!("Content-Length: {length}\r\n");
        }
        let own = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        if let Some(cookies) = Some(self.cookies()).filter(|cookies| !own && !cookies.is_empty()) {
            head += &format!("Cookie: {cookies}\r\n");
        }
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        connection.write_all((head + "\r\n").as_bytes())?;
        let sent = send_until_answered(&mut connection, body.take(length));
        let answer = Answer::read(&mut connection);
        // A server that has seen enough answers and closes: then the answer counts, not the broken pipe.
        let answer = match (answer, sent) {
            (Ok(answer), _) => answer,
            (Err(error), Ok(())) => return Err(error),
            (Err(_), Err(error)) => return Err(error).context("the server closed without an answer"),
        };
        let mut cookies = self.cookies.borrow_mut();
        answer.cookies().for_each(|(name, value)| drop(cookies.insert(name, value)));
        Ok(answer)
    }

    /// The cookies so far, as a header's value.
    pub fn cookies(&self) -> String {
        let cookies = self.cookies.borrow();
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

/// Sends a body until there is an answer, and says then that there is no more of it.
fn send_until_answered(connection: &mut Connection, mut body: impl Read) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = body.read(&mut piece)?;
        if length == 0 {
            return connection.flush();
        }
        connection.write_all(&piece[..length])?;
        connection.flush()?;
        if has_answered(connection)? {
            connection.conn.send_close_notify();
            connection.flush()?;
            return connection.sock.shutdown(Shutdown::Write);
        }
    }
}

/// Looks, without waiting, whether the server has said anything, or nothing any more.
fn has_answered(connection: &mut Connection) -> io::Result<bool> {
    connection.sock.set_nonblocking(true)?;
    let read = connection.conn.read_tls(&mut connection.sock);
    connection.sock.set_nonblocking(false)?;
    match read {
        Ok(0) => return Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
        read => drop(read?),
    }
    // TLS has words of its own after the handshake, which are no answer.
    let state = connection.conn.process_new_packets().map_err(io::Error::other)?;
    Ok(state.plaintext_bytes_to_read() > 0 || state.peer_has_closed())
}

/// Takes any certificate and remembers it. Signatures are checked: who shows it has its key.
#[derive(Debug)]
struct Certificate {
    provider: Arc<CryptoProvider>,
    fingerprint: Mutex<Option<String>>,
}

impl ServerCertVerifier for Certificate {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let hash = Sha256::digest(certificate);
        let text = hash.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
        *self.fingerprint.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
