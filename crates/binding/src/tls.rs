//! The TLS of servers and clients, as JavaScript passes it.

use std::time::Duration;

use ferrohttp_net::{
    Asks, ClientCertificates, Identity, Purpose, TlsClient, TlsClientOptions, TlsConnect,
    TlsResumption, TlsServer, TlsServerOptions, TlsSessions, TlsTrust, Unsupported,
};
use napi::bindgen_prelude::{Buffer, Error, Result, Status};
use napi_derive::napi;

/// A certificate and its key.
#[napi(object)]
pub struct BindingIdentity {
    /// The certificate and those that it is signed by, in DER.
    pub chain: Vec<Buffer>,
    /// The private key in DER, as PKCS #8.
    pub key: Buffer,
}

/// Certificates for a name.
#[napi(object)]
pub struct BindingTlsContext {
    /// `*` stands for a first label.
    pub name: String,
    /// One for each kind of key.
    pub identities: Vec<BindingIdentity>,
}

/// The parts of a client's hello by which a program decides.
#[napi(object)]
pub struct BindingTlsAsks {
    /// The name that the client asks for.
    pub names: bool,
    /// The protocols that it offers.
    pub protocols: bool,
}

/// The options of `tls.createServer`.
#[napi(object)]
pub struct BindingTlsOptions {
    /// `key` and `cert`, one for each kind of key.
    pub identities: Vec<BindingIdentity>,
    /// The contexts of `addContext`.
    pub contexts: Vec<BindingTlsContext>,
    /// `minVersion`, as the protocol has it.
    pub min_version: u16,
    /// `maxVersion`, likewise.
    pub max_version: u16,
    /// `ciphers`.
    pub ciphers: String,
    /// Whether those are Node's default.
    pub has_default_ciphers: bool,
    /// `ecdhCurve`.
    pub curves: String,
    /// `ALPNProtocols`.
    pub alpn: Vec<Buffer>,
    /// `honorCipherOrder`.
    pub honor_cipher_order: bool,
    /// The names, in DER, of the authorities that clients are asked for. Of consequence only with `requestCert`.
    pub authorities: Vec<Buffer>,
    /// `rejectUnauthorized`, likewise.
    pub reject_unauthorized: bool,
    /// `ticketKeys`. Without them the I/O threads have keys of their own.
    pub ticket_keys: Option<Buffer>,
    /// `sessionTimeout` in seconds. Of consequence only with `ticket_keys`.
    pub session_timeout: Option<u32>,
    /// The parts of a client's hello by which the program decides.
    pub asks: BindingTlsAsks,
    /// Whether the program listens for 'keylog'.
    pub logs_keys: bool,
}

/// The keying material that a program requests (RFC 5705).
#[napi(object)]
pub struct BindingKeyingMaterial {
    /// Number of bytes of the keying material.
    pub length: u32,
    /// The label (RFC 5705 section 4).
    pub label: String,
    /// The context value; absent for none.
    pub context: Option<Buffer>,
}

/// A server's TLS. The constructor throws an Error whose message says which option an I/O thread cannot serve.
#[napi]
pub struct BindingTls(TlsServer);

impl BindingTls {
    pub(crate) fn to_net(&self) -> TlsServer {
        self.0.clone()
    }
}

#[napi]
impl BindingTls {
    /// See the class. `clients`: what is trusted when clients are asked for certificates. `base`: TLS of the same server, whose
    /// tickets are in use.
    #[napi(constructor, catch_unwind)]
    #[allow(clippy::use_self, reason = "the macro needs the name")]
    pub fn new(
        options: BindingTlsOptions,
        clients: Option<&BindingTlsTrust>,
        base: Option<&BindingTls>,
    ) -> Result<Self> {
        let contexts = options.contexts.into_iter();
        let authorities = options.authorities.into_iter();
        TlsServer::new(TlsServerOptions {
            identities: identities(options.identities),
            contexts: contexts
                .map(|context| (context.name, identities(context.identities)))
                .collect(),
            versions: (options.min_version, options.max_version),
            ciphers: (options.ciphers, options.has_default_ciphers),
            curves: options.curves,
            alpn: options.alpn.into_iter().map(|name| name.to_vec()).collect(),
            honor_cipher_order: options.honor_cipher_order,
            clients: clients.map(|trust| ClientCertificates {
                trust: trust.0.clone(),
                authorities: authorities.map(|name| name.to_vec()).collect(),
                is_mandatory: options.reject_unauthorized,
            }),
            tickets: options.ticket_keys.map(|keys| {
                let seconds = options.session_timeout.map(u64::from);
                (keys.to_vec(), seconds.map(Duration::from_secs))
            }),
            asks: Asks {
                names: options.asks.names,
                protocols: options.asks.protocols,
            },
            base: base.map(Self::to_net),
            logs_keys: options.logs_keys,
        })
        .map(Self)
        .map_err(unsupported)
    }
}

/// The options of `tls.connect`.
#[napi(object)]
pub struct BindingTlsClientOptions {
    /// `key` and `cert`, one for each kind of key.
    pub identities: Vec<BindingIdentity>,
    /// `minVersion`, as the protocol has it.
    pub min_version: u16,
    /// `maxVersion`, likewise.
    pub max_version: u16,
    /// `ciphers`.
    pub ciphers: String,
    /// Whether those are Node's default.
    pub has_default_ciphers: bool,
    /// `ecdhCurve`.
    pub curves: String,
    /// `ALPNProtocols`.
    pub alpn: Vec<Buffer>,
    /// Whether the program listens for 'keylog'.
    pub logs_keys: bool,
}

/// The TLS of clients. The constructor throws an Error whose message is the option that an I/O thread does not support.
#[napi]
pub struct BindingTlsClient(TlsClient);

#[napi]
impl BindingTlsClient {
    /// See the class.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: BindingTlsClientOptions, trust: &BindingTlsTrust) -> Result<Self> {
        TlsClient::new(TlsClientOptions {
            trust: trust.0.clone(),
            identities: identities(options.identities),
            versions: (options.min_version, options.max_version),
            ciphers: (options.ciphers, options.has_default_ciphers),
            curves: options.curves,
            alpn: options.alpn.into_iter().map(|name| name.to_vec()).collect(),
            logs_keys: options.logs_keys,
        })
        .map(Self)
        .map_err(unsupported)
    }
}

/// Trusted certificates.
#[napi]
pub struct BindingTlsTrust(TlsTrust);

#[napi]
impl BindingTlsTrust {
    /// Certificates in DER. Those that cannot be parsed are trusted for nothing. A path has to end with one of `roots`, and may lead
    /// through `others`. `lists` are those of revoked certificates, at most one of each authority. `for_clients`: paths lead from the
    /// certificates of clients, not of servers. Throws an Error whose message is the reason why an I/O thread cannot read a list.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        roots: Vec<Buffer>,
        others: Vec<Buffer>,
        lists: Vec<Buffer>,
        for_clients: bool,
    ) -> Result<Self> {
        let bytes = |list: Vec<Buffer>| list.into_iter().map(|der| der.to_vec());
        let purpose = if for_clients {
            Purpose::Clients
        } else {
            Purpose::Servers
        };
        TlsTrust::new(purpose, bytes(roots), bytes(others))
            .with_lists(bytes(lists))
            .map(Self)
            .map_err(unsupported)
    }
}

/// The TLS sessions that one connection has received.
#[napi]
pub struct BindingTlsSessions(TlsResumption);

#[napi]
impl BindingTlsSessions {
    /// Empty. The connection that it is passed to may resume a session of `from`.
    #[napi(constructor)]
    #[allow(clippy::use_self, reason = "the macro needs the name")]
    pub fn new(from: Option<&BindingTlsSessions>) -> Self {
        Self(TlsResumption {
            from: from.map(|earlier| earlier.0.own.clone()),
            own: TlsSessions::default(),
        })
    }
}

/// The TLS of one connection.
pub(crate) fn connect(
    client: &BindingTlsClient,
    server_name: Option<String>,
    sessions: Option<&BindingTlsSessions>,
) -> Result<TlsConnect> {
    let resumption = sessions.map(|sessions| sessions.0.clone());
    TlsConnect::new(client.0.clone(), server_name, resumption).map_err(unsupported)
}

fn unsupported(Unsupported(reason): Unsupported) -> Error {
    Error::new(Status::InvalidArg, reason)
}

fn identities(given: Vec<BindingIdentity>) -> Vec<Identity> {
    let to_net = |one: BindingIdentity| Identity {
        chain: one.chain.into_iter().map(|der| der.to_vec()).collect(),
        key: one.key.to_vec(),
    };
    given.into_iter().map(to_net).collect()
}
