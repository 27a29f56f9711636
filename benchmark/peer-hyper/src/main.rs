//! A bare hyper HTTP/1.1 server on one thread, with the routes of `servers/app.js`.
//!
//! With TLS_KEY and TLS_CERT it serves https, by rustls. It shows the cost of the protocol without JavaScript. Its settings are those of
//! all rivals: no Nagle delay, one flush for the answers to a pipelined batch, a long accept queue.

use std::cell::Cell;
use std::convert::Infallible;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::Ticketer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

const HELLO: &[u8] = b"Hello, world!\n";
const BLOB_BYTES: usize = 1024 * 1024;
const BURN: Duration = Duration::from_millis(1);
/// As in `servers/app.js`: long enough for a burst of connections.
const BACKLOG: u32 = 4096;

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, serve())
}

async fn serve() -> io::Result<()> {
    let listener = listen()?;
    let acceptor = acceptor()?;
    let blob = Bytes::from(vec![b'x'; BLOB_BYTES]);
    let accepted = Rc::new(Cell::new(0));
    writeln!(
        io::stdout(),
        "{{\"port\":{}}}",
        listener.local_addr()?.port()
    )?;
    loop {
        // A peer may reset its connection in the accept queue. The server continues.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        accepted.set(accepted.get() + 1);
        let (blob, accepted) = (blob.clone(), accepted.clone());
        let acceptor = acceptor.clone();
        tokio::task::spawn_local(async move {
            match acceptor {
                None => serve_connection(stream, blob, accepted).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve_connection(stream, blob, accepted).await;
                    }
                }
            }
        });
    }
}

async fn serve_connection<S>(stream: S, blob: Bytes, accepted: Rc<Cell<u64>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(move |request| answer(request, blob.clone(), accepted.get()));
    // The load tool reports connections that end within an answer.
    let _ = http1::Builder::new()
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The key and certificate of the environment, with tickets, which all rivals have.
fn acceptor() -> io::Result<Option<TlsAcceptor>> {
    let (Ok(key), Ok(cert)) = (std::env::var("TLS_KEY"), std::env::var("TLS_CERT")) else {
        return Ok(None);
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    config.ticketer = Ticketer::new().map_err(io::Error::other)?;
    Ok(Some(Arc::new(config).into()))
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    socket.listen(BACKLOG)
}

/// `accepted`: number of connections so far, which shows whether a client has kept its connections.
async fn answer(
    request: Request<Incoming>,
    blob: Bytes,
    accepted: u64,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path();
    Ok(match (request.method(), path) {
        (&Method::GET, "/hello") => {
            respond(StatusCode::OK, "text/plain", Bytes::from_static(HELLO))
        }
        (&Method::GET, "/burn") => {
            burn();
            respond(StatusCode::OK, "text/plain", Bytes::from_static(HELLO))
        }
        (&Method::GET, "/blob") => respond(StatusCode::OK, "application/octet-stream", blob),
        (&Method::GET, "/connections") => respond(
            StatusCode::OK,
            "text/plain",
            Bytes::from(accepted.to_string()),
        ),
        (&Method::POST, "/upload") => match count(request.into_body()).await {
            Ok(bytes) => respond(StatusCode::OK, "text/plain", Bytes::from(bytes.to_string())),
            Err(_) => respond(StatusCode::BAD_REQUEST, "text/plain", Bytes::new()),
        },
        _ => respond(StatusCode::NOT_FOUND, "text/plain", Bytes::new()),
    })
}

fn respond(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let length = body.len();
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        hyper::header::HeaderValue::from_static(content_type),
    );
    headers.insert(CONTENT_LENGTH, length.into());
    response
}

/// Reads the body to its end and keeps nothing but its length.
async fn count(mut body: Incoming) -> hyper::Result<usize> {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(bytes)
}

fn burn() {
    let until = Instant::now() + BURN;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}
