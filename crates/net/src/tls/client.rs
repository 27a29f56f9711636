//! Makes rustls's configuration of a client from the program's options.

use std::sync::Arc;

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::{IpAddr, Ipv4Addr, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme};

use super::ciphers::CipherList;
use super::kept_sessions::ConnectionSessions;
use super::key_log::KeyLines;
use super::provider::provider_with;
use super::server::{Identity, Keys, load, versions};
use super::verifier::KeyVerifier;
use super::{Failure, Judge, Session, TlsResumption, TlsTrust, Unsupported};

/// Options of `tls.connect`.
#[derive(Clone, Debug)]
pub struct TlsClientOptions {
    /// `ca`, or the default certificates.
    pub trust: TlsTrust,
    /// `key` and `cert`, one for each kind of key.
    pub identities: Vec<Identity>,
    /// `minVersion`, `maxVersion`.
    pub versions: (u16, u16),
    /// `ciphers`, and whether they are Node's default.
    pub ciphers: (String, bool),
    /// `ecdhCurve`.
    pub curves: String,
    /// `ALPNProtocols`.
    pub alpn: Vec<Vec<u8>>,
    /// Whether the program listens for 'keylog'.
    pub logs_keys: bool,
}

/// A client's TLS configuration, shared by its connections.
#[derive(Clone, Debug)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    trust: TlsTrust,
    logs_keys: bool,
}

impl TlsClient {
    /// rustls needs fragments of 32 bytes and more.
    #[cfg(test)]
    pub(super) fn with_fragments_of(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.config).max_fragment_size = Some(bytes);
        self
    }

    /// Makes the configuration.
    ///
    /// # Errors
    /// rustls does not support an option.
    pub fn new(options: TlsClientOptions) -> Result<Self, Unsupported> {
        let (text, lenient) = &options.ciphers;
        let ciphers = CipherList::parse(text, *lenient)?;
        let provider = provider_with(&ciphers, &options.curves)?;
        let versions = versions(options.versions, &ciphers)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|_| Unsupported("ciphers: not with these curves".into()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(KeyVerifier::new()));
        let mut config = if options.identities.is_empty() {
            builder.with_no_client_auth()
        } else {
            builder.with_client_cert_resolver(Arc::new(OwnKeys(load(&options.identities)?)))
        };
        config.alpn_protocols = options.alpn;
        config.resumption = Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
            trust: options.trust,
            logs_keys: options.logs_keys,
        })
    }
}

/// The TLS of one connection that is about to be made.
#[derive(Debug)]
pub struct TlsConnect {
    client: TlsClient,
    name: ServerName<'static>,
    resumption: Option<TlsResumption>,
}

impl TlsConnect {
    /// `name` is sent to the server by SNI. Without `resumption` the connection neither resumes a session nor keeps one.
    ///
    /// # Errors
    /// `name` is no name of the DNS.
    pub fn new(
        client: TlsClient,
        name: Option<String>,
        resumption: Option<TlsResumption>,
    ) -> Result<Self, Unsupported> {
        let name = match name {
            Some(name) => match ServerName::try_from(name) {
                Ok(name @ ServerName::DnsName(_)) => name,
                _ => return Err(Unsupported("servername".into())),
            },
            // For an address rustls sends no name. The address itself is of no consequence, because JavaScript checks the identity.
            None => ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([0, 0, 0, 0]))),
        };
        Ok(Self {
            client,
            name,
            resumption,
        })
    }

    /// The connection's state, with a ClientHello to be sent, and its judge.
    ///
    /// # Errors
    /// The configuration makes no sense to rustls.
    pub(crate) fn begin(self) -> Result<(Session, Judge), Failure> {
        let Self {
            client:
                TlsClient {
                    mut config,
                    trust,
                    logs_keys,
                },
            name,
            resumption,
        } = self;
        let sessions = resumption.map(|given| Arc::new(ConnectionSessions::new(given)));
        if let Some(sessions) = &sessions {
            Arc::make_mut(&mut config).resumption = Resumption::store(Arc::clone(sessions) as _);
        }
        let key_lines = logs_keys.then(Arc::<KeyLines>::default);
        if let Some(lines) = &key_lines {
            Arc::make_mut(&mut config).key_log = Arc::clone(lines) as _;
        }
        let session = Session::client(config, name, key_lines)?;
        Ok((session, Judge::new(trust, sessions)))
    }
}

/// The client's own certificates. Like OpenSSL it sends one whichever authorities the server names.
struct OwnKeys(Keys);

opaque_debug!(OwnKeys);

impl ResolvesClientCert for OwnKeys {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0
            .iter()
            .find(|key| key.key.choose_scheme(schemes).is_some())
            .cloned()
    }

    fn has_certs(&self) -> bool {
        true
    }
}
