//! Makes rustls's configuration of a server from the program's options.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    Error, InconsistentKeys, ServerConfig, SignatureAlgorithm, SupportedProtocolVersion, version,
};

use super::ciphers::CipherList;
use super::key_log::KeyLines;
use super::provider::{provider, provider_with};
use super::tickets::KeyedTickets;
use super::verifier::ClientKeyVerifier;
use super::{Failure, Judge, Question, Session, TlsTrust, Unsupported};

/// A certificate chain and its private key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Certificates in DER, the server's own first.
    pub chain: Vec<Vec<u8>>,
    /// The private key in DER, as PKCS #8.
    pub key: Vec<u8>,
}

/// Options of `tls.createServer`.
#[derive(Clone, Debug)]
pub struct TlsServerOptions {
    /// `key` and `cert`, one for each kind of key.
    pub identities: Vec<Identity>,
    /// Identities of `addContext` by name, the latest of which has precedence. `*` stands for the first label.
    pub contexts: Vec<(String, Vec<Identity>)>,
    /// `minVersion`, `maxVersion`.
    pub versions: (u16, u16),
    /// `ciphers`, and whether they are Node's default.
    pub ciphers: (String, bool),
    /// `ecdhCurve`.
    pub curves: String,
    /// `ALPNProtocols`.
    pub alpn: Vec<Vec<u8>>,
    /// `honorCipherOrder`.
    pub honor_cipher_order: bool,
    /// `requestCert`.
    pub clients: Option<ClientCertificates>,
    /// `ticketKeys` and `sessionTimeout`. Without keys rustls has its own.
    pub tickets: Option<(Vec<u8>, Option<Duration>)>,
    /// What the program is asked about each client's hello.
    pub asks: Asks,
    /// A server whose tickets this one has, too.
    pub base: Option<TlsServer>,
    /// Whether the program listens for 'keylog'.
    pub logs_keys: bool,
}

/// The parts of a client's hello by which the program decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// `SNICallback`, or contexts that only the program can choose.
    pub names: bool,
    /// `ALPNCallback`.
    pub protocols: bool,
}

/// What a server asks of its clients' certificates.
#[derive(Clone, Debug)]
pub struct ClientCertificates {
    /// `ca`, or the default certificates.
    pub trust: TlsTrust,
    /// The names, in DER, of the authorities that clients are asked for. Empty for any.
    pub authorities: Vec<Vec<u8>>,
    /// `rejectUnauthorized`: a client without a certificate is refused in the handshake.
    pub is_mandatory: bool,
}

const TLS12: u16 = 0x0303;
const TLS13: u16 = 0x0304;

/// A server's TLS configuration, shared by its connections.
#[derive(Clone, Debug)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
    /// Of a server that asks its clients for certificates.
    trust: Option<TlsTrust>,
    asks: Asks,
    logs_keys: bool,
    has_tls13: bool,
}

impl TlsServer {
    /// Makes the configuration.
    ///
    /// # Errors
    /// rustls does not support an option.
    pub fn new(options: TlsServerOptions) -> Result<Self, Unsupported> {
        let (text, lenient) = &options.ciphers;
        let ciphers = CipherList::parse(text, *lenient)?;
        let provider = provider_with(&ciphers, &options.curves)?;
        let versions = versions(options.versions, &ciphers)?;
        let resolver = Resolver::new(&options)?;
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|_| Unsupported("ciphers: not with these curves".into()))?;
        let (builder, trust) = match options.clients {
            None => (builder.with_no_client_auth(), None),
            Some(clients) => {
                let verifier = ClientKeyVerifier::new(clients.authorities, clients.is_mandatory);
                let builder = builder.with_client_cert_verifier(Arc::new(verifier));
                (builder, Some(clients.trust))
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(resolver));
        config.ticketer = match (options.base, options.tickets) {
            (Some(base), _) => Arc::clone(&base.config.ticketer),
            (None, None) => {
                aws_lc_rs::Ticketer::new().map_err(|_| Unsupported("tickets".into()))?
            }
            (None, Some((keys, lifetime))) => Arc::new(KeyedTickets::new(&keys, lifetime)?),
        };
        config.alpn_protocols = options.alpn;
        config.ignore_client_order = options.honor_cipher_order;
        let config = Arc::new(config);
        let (asks, logs_keys) = (options.asks, options.logs_keys);
        Ok(Self {
            config,
            trust,
            asks,
            logs_keys,
            has_tls13: versions.contains(&&version::TLS13),
        })
    }

    /// A connection's state.
    ///
    /// # Errors
    /// The configuration makes no sense to rustls.
    pub(crate) fn accept(&self) -> Result<Session, Failure> {
        if self.asks != Asks::default() {
            return Ok(Session::asking(self.clone()));
        }
        let (config, key_lines) = self.config_of_one(None);
        Session::server(config, key_lines)
    }

    /// The configuration of one connection, with the lines of its secrets if the program listens for them. `protocols` replace those
    /// of all.
    pub(super) fn config_of_one(
        &self,
        protocols: Option<Vec<Vec<u8>>>,
    ) -> (Arc<ServerConfig>, Option<Arc<KeyLines>>) {
        if protocols.is_none() && !self.logs_keys {
            return (Arc::clone(&self.config), None);
        }
        let mut config = ServerConfig::clone(&self.config);
        if let Some(protocols) = protocols {
            config.alpn_protocols = protocols;
        }
        let key_lines = self.logs_keys.then(Arc::<KeyLines>::default);
        if let Some(lines) = &key_lines {
            config.key_log = Arc::clone(lines) as _;
        }
        (Arc::new(config), key_lines)
    }

    /// Whether a client that offers TLS 1.3 gets it.
    pub(super) const fn has_tls13(&self) -> bool {
        self.has_tls13
    }

    /// Whether the program has to decide about a client that has sent this.
    pub(super) fn asks_about(&self, question: &Question) -> bool {
        (self.asks.names && question.server_name.is_some())
            || (self.asks.protocols && !question.protocols.is_empty())
    }

    /// The judge of one connection's client. None if clients are not asked for certificates.
    pub(crate) fn judge(&self) -> Option<Judge> {
        self.trust.clone().map(|trust| Judge::new(trust, None))
    }
}

/// As with OpenSSL, TLS 1.2 without a suite is disabled.
pub(super) fn versions(
    (min, max): (u16, u16),
    ciphers: &CipherList,
) -> Result<Vec<&'static SupportedProtocolVersion>, Unsupported> {
    if min < TLS12 || min > max {
        return Err(Unsupported(format!("minVersion: {min:#06x}")));
    }
    let mut versions = Vec::new();
    if max >= TLS13 {
        versions.push(&version::TLS13);
    }
    if min <= TLS12 && !ciphers.tls12.is_empty() {
        versions.push(&version::TLS12);
    }
    if versions.is_empty() {
        return Err(Unsupported("ciphers: none of these versions".into()));
    }
    Ok(versions)
}

/// Loaded identities, for one name or for all others.
pub(super) type Keys = Vec<Arc<CertifiedKey>>;

struct Resolver {
    default: Keys,
    by_name: Vec<(String, Keys)>,
}

opaque_debug!(Resolver);

impl Resolver {
    fn new(options: &TlsServerOptions) -> Result<Self, Unsupported> {
        let by_name = options
            .contexts
            .iter()
            .rev()
            .map(|(name, identities)| Ok((name.to_ascii_lowercase(), load(identities)?)))
            .collect::<Result<_, Unsupported>>()?;
        Ok(Self {
            default: load(&options.identities)?,
            by_name,
        })
    }

    fn keys(&self, server_name: Option<&str>) -> &Keys {
        let Some(name) = server_name else {
            return &self.default;
        };
        let rest = name.split_once('.').map(|(_, rest)| rest);
        self.by_name
            .iter()
            .find(|(pattern, _)| match pattern.strip_prefix("*.") {
                Some(domain) => rest == Some(domain),
                None => pattern == name,
            })
            .map_or(&self.default, |(_, keys)| keys)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let keys = self.keys(hello.server_name());
        let fitting = keys
            .iter()
            .filter(|pair| pair.key.choose_scheme(schemes).is_some());
        // As OpenSSL, of a server with keys of both kinds.
        fitting
            .min_by_key(|pair| pair.key.algorithm() != SignatureAlgorithm::ECDSA)
            // rustls then reports that it has no signature for the client, and OpenSSL may have one.
            .or_else(|| keys.first())
            .cloned()
    }
}

pub(super) fn load(identities: &[Identity]) -> Result<Keys, Unsupported> {
    identities
        .iter()
        .map(|identity| {
            load_one(identity).ok_or_else(|| Unsupported("key: form or certificate".into()))
        })
        .collect()
}

fn load_one(identity: &Identity) -> Option<Arc<CertifiedKey>> {
    let chain = identity
        .chain
        .iter()
        .map(|der| CertificateDer::from(der.clone()))
        .collect();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.clone()));
    let key = provider().key_provider.load_private_key(key).ok()?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        // webpki does not read certificates of version 1, which peers need not see as it does. JavaScript has found the key of each
        // certificate.
        Ok(())
        | Err(Error::InvalidCertificate(_) | Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
            Some(Arc::new(certified))
        }
        Err(_) => None,
    }
}
