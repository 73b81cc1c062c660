//! How do bytes go over the wire, encrypted where a test asks for it? Before TDS 8.0 the handshake of TLS travels inside
//! of packets, and what follows does not.

use std::io::{Error, Read, Result, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use super::wire;

/// The type of the packets that carry the handshake.
const PRELOGIN: u8 = 0x12;

/// How a server encrypts.
#[derive(Clone)]
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    /// What it says of encryption when it is greeted.
    pub(crate) level: u8,
}

impl Tls {
    /// A server with a certificate, which says `level` of encryption: 0 for the sign-in alone, 1 on, 3 required.
    pub(crate) fn new(certificate: &Path, key: &Path, level: u8) -> Self {
        let chain = CertificateDer::pem_file_iter(certificate).unwrap();
        let chain = chain.map(|certificate| certificate.unwrap()).collect();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // In 1.3 more of the handshake would follow its end, and nobody could tell whether that travels in packets.
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = vec![b"tds/8.0".to_vec()];
        Self {
            config: Arc::new(config),
            level,
        }
    }
}

/// A connection of the server.
pub(crate) struct Socket {
    pub(crate) tcp: TcpStream,
    tls: Option<ServerConnection>,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self { tcp, tls: None }
    }

    /// Whether the client begins with TLS and greets in it (TDS 8.0).
    pub(crate) fn begins_encrypted(&self) -> Result<bool> {
        let mut first = [0; 1];
        Ok(self.tcp.peek(&mut first)? == 1 && first[0] == 0x16)
    }

    /// Shakes hands; inside of packets where `packed`.
    pub(crate) fn encrypt(&mut self, tls: &Tls, packed: bool) -> Result<()> {
        let mut connection = ServerConnection::new(tls.config.clone()).map_err(Error::other)?;
        let mut packets = Packets {
            tcp: &mut self.tcp,
            rest: Vec::new(),
        };
        while connection.is_handshaking() {
            if packed {
                connection.complete_io(&mut packets)?;
            } else {
                connection.complete_io(packets.tcp)?;
            }
        }
        self.tls = Some(connection);
        Ok(())
    }

    /// Goes on in the clear, as after a sign-in that alone was encrypted.
    pub(crate) fn decrypt(&mut self) {
        self.tls = None;
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut self.tcp).read(into),
            None => self.tcp.read(into),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut self.tcp).write(bytes),
            None => self.tcp.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<()> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut self.tcp).flush(),
            None => self.tcp.flush(),
        }
    }
}

/// What of a stream travels inside of packets.
struct Packets<'a> {
    tcp: &'a mut TcpStream,
    rest: Vec<u8>,
}

impl Read for Packets<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if self.rest.is_empty() {
            let mut header = [0; 8];
            self.tcp.read_exact(&mut header)?;
            let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
            self.rest.resize(length - 8, 0);
            self.tcp.read_exact(&mut self.rest)?;
        }
        let taken = into.len().min(self.rest.len());
        into[..taken].copy_from_slice(&self.rest[..taken]);
        self.rest.drain(..taken);
        Ok(taken)
    }
}

impl Write for Packets<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let part = &bytes[..bytes.len().min(4000)];
        let mut packet = wire::packet(part, true);
        packet[0] = PRELOGIN;
        self.tcp.write_all(&packet)?;
        Ok(part.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.tcp.flush()
    }
}
