//! Loads an https server with handshakes of TLS 1.3: each request has a connection of its own, and its session is new or resumed.
//!
//! A ticket of TLS 1.3 is used once (RFC 8446 appendix C.4), and OpenSSL sends none in a session that was resumed. So the tickets of all
//! resumed handshakes are collected first, from full ones, and those of resumed sessions are not used: each server gets the same load.
//!
//! Arguments: port, the file of the server's authority, `full` or `resumed`, connections at a time, milliseconds, path, length of the
//! body that answers. Prints `ready` when it has the tickets, begins after a line of its input, and prints the counts as JSON when the
//! time is over or the tickets are used up. Any answer but that one, any failure and any handshake of the other kind end the process
//! with code 1.

use std::cell::Cell;
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, NamedGroup, RootCertStore, version};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Largest number of resumed handshakes.
const TICKETS: usize = 3000;
/// Largest number of full handshakes for them. Servers send two tickets in each.
const COLLECTING: usize = 2 * TICKETS;

/// The tickets that were collected.
#[derive(Debug, Default)]
struct Tickets(Mutex<Vec<Tls13ClientSessionValue>>);

impl Tickets {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<Tls13ClientSessionValue>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self) -> usize {
        self.with(|tickets| tickets.len())
    }
}

/// The view of one connection, which collects tickets or uses one.
#[derive(Debug)]
struct Store {
    tickets: Arc<Tickets>,
    collects: bool,
}

impl ClientSessionStore for Store {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        if self.collects {
            self.tickets.with(|tickets| tickets.push(ticket));
        }
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        if self.collects {
            None
        } else {
            self.tickets.with(Vec::pop)
        }
    }
}

struct Load {
    port: u16,
    /// Of all connections: a session is resumed only with the verifier that its first connection had.
    config: ClientConfig,
    /// Of sessions to resume. None for full handshakes.
    tickets: Option<Arc<Tickets>>,
    /// Tickets that no connection is about to use.
    unclaimed: Cell<usize>,
    request: String,
    body_bytes: usize,
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [
        port,
        authority,
        kind,
        connections,
        milliseconds,
        path,
        body_bytes,
    ] = &args[..]
    else {
        return Err("seven arguments are needed".into());
    };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority)?)?;
    // The group that all rivals support. A rival that prefers another one would ask for a second hello.
    let provider = CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::X25519],
        ..aws_lc_rs::default_provider()
    };
    let load = Rc::new(Load {
        port: port.parse()?,
        config: ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth(),
        tickets: (kind == "resumed").then(Arc::default),
        unclaimed: Cell::new(0),
        request: format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        body_bytes: body_bytes.parse()?,
    });
    let length = Duration::from_millis(milliseconds.parse()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut latencies, seconds) =
        LocalSet::new().block_on(&runtime, run(load, connections.parse()?, length))?;
    latencies.sort_unstable();
    let at = |share: f64| latencies[(latencies.len() as f64 * share) as usize].as_micros();
    writeln!(
        io::stdout(),
        r#"{{"requests":{},"seconds":{seconds},"p50":{},"p99":{}}}"#,
        latencies.len(),
        at(0.5),
        at(0.99),
    )?;
    Ok(())
}

/// Returns the time of each connection, and how many seconds they took together.
async fn run(load: Rc<Load>, connections: usize, length: Duration) -> Result<(Vec<Duration>, f64)> {
    load.collect().await?;
    writeln!(io::stdout(), "ready")?;
    io::stdin().lock().read_line(&mut String::new())?;
    let connector = load.connector(false);
    let start = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| tokio::task::spawn_local(load.clone().repeat(connector.clone(), start + length)))
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await?.map_err(Box::<dyn Error>::from)?);
    }
    if latencies.is_empty() {
        return Err("nothing was answered".into());
    }
    Ok((latencies, start.elapsed().as_secs_f64()))
}

impl Load {
    async fn collect(&self) -> Result<()> {
        let Some(tickets) = &self.tickets else {
            return Ok(());
        };
        let connector = self.connector(true);
        for _ in 0..COLLECTING {
            if tickets.count() >= TICKETS {
                tickets.with(|tickets| tickets.truncate(TICKETS));
                self.unclaimed.set(TICKETS);
                return Ok(());
            }
            self.ask(&connector, HandshakeKind::Full).await?;
        }
        Err("the server sends too few tickets".into())
    }

    fn connector(&self, collects: bool) -> TlsConnector {
        let mut config = self.config.clone();
        config.resumption = match &self.tickets {
            None => Resumption::disabled(),
            Some(tickets) => Resumption::store(Arc::new(Store {
                tickets: Arc::clone(tickets),
                collects,
            })),
        };
        Arc::new(config).into()
    }

    async fn repeat(
        self: Rc<Self>,
        connector: TlsConnector,
        end: Instant,
    ) -> std::result::Result<Vec<Duration>, String> {
        let expected = match self.tickets {
            Some(_) => HandshakeKind::Resumed,
            None => HandshakeKind::Full,
        };
        let mut latencies = Vec::new();
        let mut begun = Instant::now();
        while begun < end && self.claim() {
            self.ask(&connector, expected)
                .await
                .map_err(|error| error.to_string())?;
            let now = Instant::now();
            latencies.push(now - begun);
            begun = now;
        }
        Ok(latencies)
    }

    /// Whether there is a ticket for one more connection, if it needs one.
    fn claim(&self) -> bool {
        if self.tickets.is_none() {
            return true;
        }
        let left = self.unclaimed.get();
        self.unclaimed.set(left.saturating_sub(1));
        left > 0
    }

    /// One connection, its request and the whole answer.
    async fn ask(&self, connector: &TlsConnector, expected: HandshakeKind) -> Result<()> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost")?;
        let mut stream = connector.connect(name, stream).await?;
        stream.write_all(self.request.as_bytes()).await?;
        let mut answer = Vec::with_capacity(1024);
        while !self.is_complete(&answer)? {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err("the answer is not complete".into());
            }
        }
        let kind = stream.get_ref().1.handshake_kind();
        if kind != Some(expected) {
            return Err(format!("the handshake was {kind:?}").into());
        }
        // The server need not send close_notify.
        let _ = stream.read_buf(&mut answer).await;
        Ok(())
    }

    fn is_complete(&self, answer: &[u8]) -> Result<bool> {
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(false);
        };
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            return Err("the answer is no 200".into());
        }
        Ok(answer.len() - end - 4 >= self.body_bytes)
    }
}
