//! What tests of sessions and of connections need: a certificate, and a client that trusts everyone.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};

use super::provider::provider;
use super::server::{Asks, Identity, TlsServer, TlsServerOptions};
use super::{Purpose, TlsClient, TlsClientOptions, TlsTrust};

const NODE: &str =
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:HIGH";

pub(crate) fn identity() -> Identity {
    Identity {
        chain: vec![include_bytes!("testdata/cert.der").to_vec()],
        key: include_bytes!("testdata/key.der").to_vec(),
    }
}

pub(crate) fn options() -> TlsServerOptions {
    TlsServerOptions {
        identities: vec![identity()],
        contexts: Vec::new(),
        versions: (0x0303, 0x0304),
        ciphers: (NODE.into(), true),
        curves: "auto".into(),
        alpn: vec![b"http/1.1".to_vec()],
        honor_cipher_order: true,
        clients: None,
        tickets: None,
        asks: Asks::default(),
        base: None,
        logs_keys: false,
    }
}

/// A client's verifier that trusts every certificate. rustls rejects the tests' certificates, because a self-signed one with the rights
/// of an authority is no server certificate for it.
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

pub(crate) fn client_config() -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

pub(crate) fn client_with(config: ClientConfig) -> ClientConnection {
    let name = ServerName::try_from("localhost").expect("a name");
    ClientConnection::new(Arc::new(config), name).expect("a client")
}

/// A client that offers HTTP/1.1.
pub(crate) fn client() -> ClientConnection {
    client_with(client_config())
}

/// A server of HTTP/1.1.
pub(crate) fn server() -> TlsServer {
    TlsServer::new(options()).expect("options")
}

/// A certificate of `testdata`.
macro_rules! certificate {
    ($name:literal) => {
        include_bytes!(concat!("testdata/", $name, ".der")).to_vec()
    };
}
pub(crate) use certificate;

/// A server that the authority of the tests has certified.
pub(crate) fn certified_server() -> TlsServer {
    TlsServer::new(TlsServerOptions {
        identities: vec![Identity {
            chain: vec![certificate!("direct")],
            key: include_bytes!("testdata/leaf-key.der").to_vec(),
        }],
        ..options()
    })
    .expect("options")
}

/// A server that may send before it has received the client's last message of the handshake. After that it sends `tickets`.
pub(crate) fn eager_server(tickets: usize) -> rustls::ServerConnection {
    let chain = vec![CertificateDer::from(certificate!("direct"))];
    let key = include_bytes!("testdata/leaf-key.der").to_vec();
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::clone(provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(key).into())
        .expect("a key");
    config.send_half_rtt_data = true;
    config.send_tls13_tickets = tickets;
    rustls::ServerConnection::new(Arc::new(config)).expect("a server")
}

pub(crate) fn trusting_client(versions: (u16, u16)) -> TlsClient {
    TlsClient::new(TlsClientOptions {
        trust: TlsTrust::new(Purpose::Servers, [certificate!("root")], []),
        identities: Vec::new(),
        versions,
        ciphers: (NODE.into(), true),
        curves: "auto".into(),
        alpn: vec![b"http/1.1".to_vec()],
        logs_keys: false,
    })
    .expect("options")
}

/// A client that rustls refuses when a connection begins.
pub(crate) fn impossible_client() -> TlsClient {
    trusting_client((0x0303, 0x0304)).with_fragments_of(1)
}
