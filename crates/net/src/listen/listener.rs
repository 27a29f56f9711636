//! Listening sockets: binding, accepting, distributing connections among the I/O threads.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
#[cfg(unix)]
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::error::Elapsed;

use crate::connection::{self, AcceptedTls, Connection, Place};
use crate::handoff::Addresses;
use crate::listen::deferred_accept::{self, DeferredAccept};
use crate::listen::error::ListenError;
use crate::registry::Registry;
use crate::server::{Accepting, Server, ServerConfig, ServerTls};
use crate::socket::descriptor::Descriptor;
use crate::socket::errno;
use crate::socket::stream::Stream;
use crate::sync::lock;
use crate::threads::io_thread::{IoThread, next_thread};
use crate::threads::staging;
use crate::time::clock::now;
use crate::tls::Failure;

/// Pause after an accept that failed because descriptors or memory were exhausted. The peer stays in the backlog, and descriptors
/// may be released meanwhile.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// The time that a listener which is being closed waits for connections that the kernel holds until their requests arrive.
const LAST_ACCEPT_WAIT: Duration = Duration::from_millis(20);

/// On Linux accepted sockets inherit TCP_NODELAY from the listening socket, which saves a system call for each connection.
const INHERITS_NO_DELAY: bool = cfg!(target_os = "linux");

/// Where to listen.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// What to bind.
    pub target: ListenTarget,
    /// Length of the accept queue.
    pub backlog: i32,
    /// Accept IPv6 only, no dual stack.
    pub ipv6_only: bool,
    /// SO_REUSEPORT.
    pub reuse_port: bool,
}

/// What to bind.
#[derive(Clone, Debug)]
pub enum ListenTarget {
    /// The unspecified address: dual stack where that can be bound, IPv4 elsewhere.
    AnyAddress(u16),
    /// One address.
    Address(SocketAddr),
    /// A Unix socket.
    Path(PathBuf),
}

/// Where a server is bound.
#[derive(Clone, Debug)]
pub enum BoundAddress {
    /// Host and port.
    Ip(SocketAddr),
    /// A Unix socket.
    Path(PathBuf),
}

impl BoundAddress {
    /// The local address of all accepted connections, or None where each connection has its own.
    fn of_connections(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) if !address.ip().is_unspecified() => Some(*address),
            _ => None,
        }
    }
}

struct Bound {
    socket: Socket,
    address: BoundAddress,
}

/// A listening socket that the I/O thread's poller watches.
pub(crate) struct Listening {
    listener: Listener,
    pub(crate) address: BoundAddress,
}

/// Creates, binds and listens, synchronously as Node does, and registers the socket with `thread`'s poller.
pub(crate) fn listen(
    options: &ListenOptions,
    config: &ServerConfig,
    thread: &IoThread,
) -> Result<Listening, ListenError> {
    let Bound { socket, address } = bind(options)?;
    if INHERITS_NO_DELAY && config.no_delay && matches!(address, BoundAddress::Ip(_)) {
        drop(socket.set_tcp_nodelay(true));
    }
    let _runtime = thread.handle.enter();
    let listener = Listener::new(socket, &address).map_err(ListenError::at("listen"))?;
    Ok(Listening { listener, address })
}

fn bind(options: &ListenOptions) -> Result<Bound, ListenError> {
    let (socket, address) = match &options.target {
        ListenTarget::Path(path) => return bind_path(options, path),
        ListenTarget::Address(address) => (bind_ip(options, *address)?, *address),
        ListenTarget::AnyAddress(port) => {
            let v6 = (Ipv6Addr::UNSPECIFIED, *port).into();
            match bind_ip(options, v6) {
                Ok(socket) => (socket, v6),
                // In Node a port that is in use fails `listen`, so Node does not try IPv4 either.
                Err(error) if error.errno == errno::IN_USE => return Err(error),
                Err(_) => {
                    let v4 = ([0, 0, 0, 0], *port).into();
                    let socket = bind_ip(options, v4).map_err(|error| ListenError {
                        fell_back: true,
                        ..error
                    })?;
                    (socket, v4)
                }
            }
        }
    };
    let listen = ListenError::at("listen");
    socket.listen(options.backlog).map_err(&listen)?;
    let bound = socket.local_addr().map_err(&listen)?;
    Ok(Bound {
        address: BoundAddress::Ip(bound.as_socket().unwrap_or(address)),
        socket,
    })
}

fn bind_ip(options: &ListenOptions, address: SocketAddr) -> Result<Socket, ListenError> {
    let listen = ListenError::at("listen");
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )
    .map_err(&listen)?;
    #[cfg(unix)]
    socket.set_reuse_address(true).map_err(&listen)?;
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    if options.reuse_port {
        socket.set_reuse_port(true).map_err(&listen)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(options.ipv6_only).map_err(&listen)?;
    }
    socket.set_nonblocking(true).map_err(&listen)?;
    socket.bind(&address.into()).map_err(&listen)?;
    Ok(socket)
}

#[cfg(unix)]
fn bind_path(options: &ListenOptions, path: &std::path::Path) -> Result<Bound, ListenError> {
    if !is_socket_name(path.as_os_str().as_bytes()) {
        return Err(ListenError::invalid());
    }
    let listen = ListenError::at("listen");
    // The only possible error is a path that is longer than an address may be.
    let address = SockAddr::unix(path).map_err(|_| ListenError::invalid())?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(&listen)?;
    socket.set_nonblocking(true).map_err(&listen)?;
    socket.bind(&address).map_err(|error| {
        // libuv maps the error of a missing directory on Windows in the same way.
        let missing = error.raw_os_error() == Some(libc::ENOENT);
        ListenError {
            errno: if missing {
                libc::EACCES
            } else {
                listen(error).errno
            },
            syscall: "listen",
            fell_back: false,
        }
    })?;
    socket.listen(options.backlog).map_err(&listen)?;
    Ok(Bound {
        socket,
        address: BoundAddress::Path(path.to_path_buf()),
    })
}

/// Whether the kernel uses the whole path. It ends a path at the first NUL and would bind the part before it. An abstract name
/// begins with a NUL, and may contain others.
#[cfg(unix)]
fn is_socket_name(name: &[u8]) -> bool {
    let is_abstract = cfg!(target_os = "linux") && name.first() == Some(&0);
    !name.is_empty() && (is_abstract || !name.contains(&0))
}

#[cfg(not(unix))]
fn bind_path(_options: &ListenOptions, _path: &std::path::Path) -> Result<Bound, ListenError> {
    // Named pipes are served on the compatible road.
    Err(ListenError {
        errno: errno::NOT_SUPPORTED,
        ..ListenError::invalid()
    })
}

enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listener {
    fn new(socket: Socket, address: &BoundAddress) -> io::Result<Self> {
        match address {
            BoundAddress::Ip(_) => TcpListener::from_std(socket.into()).map(Self::Tcp),
            #[cfg(unix)]
            BoundAddress::Path(_) => UnixListener::from_std(socket.into()).map(Self::Unix),
            #[cfg(not(unix))]
            BoundAddress::Path(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// A connection and the address of its peer, None for a Unix socket.
    async fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => listener
                .accept()
                .await
                .map(|(stream, peer)| (Stream::Tcp(stream), Some(peer))),
            #[cfg(unix)]
            Self::Unix(listener) => listener
                .accept()
                .await
                .map(|(stream, _)| (Stream::Unix(stream), None)),
        }
    }

    /// A connection that the kernel has established. Call it inside a runtime.
    fn accept_waiting(&self) -> io::Result<Stream> {
        let (socket, _) = match self {
            Self::Tcp(listener) => SockRef::from(listener).accept(),
            #[cfg(unix)]
            Self::Unix(listener) => SockRef::from(listener).accept(),
        }?;
        Stream::adopt(socket)
    }

    fn duplicate(&self) -> io::Result<Descriptor> {
        match self {
            Self::Tcp(listener) => Descriptor::duplicate(&SockRef::from(listener)),
            #[cfg(unix)]
            Self::Unix(listener) => Descriptor::duplicate(&SockRef::from(listener)),
        }
    }

    /// Sets whether the kernel holds connections until bytes have arrived, see `deferred_accept`.
    fn defer(&self, on: bool) {
        if let Self::Tcp(listener) = self {
            // On a kernel without the option, connections are accepted at once.
            drop(deferred_accept::set(listener, on));
        }
    }
}

/// Lives as long as the accepting task. Its drop reports that the listening socket is closed.
struct Closing {
    registry: Arc<Registry>,
    server: Arc<Server>,
    path: Option<PathBuf>,
    closed: Option<mpsc::Sender<()>>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && !self.server.given_up.load(Ordering::Acquire)
        {
            // As libuv does, remove the path with the socket. Another process may have removed it already.
            drop(std::fs::remove_file(path));
        }
        staging::with_batch(&self.registry.js, |batch| {
            batch.listener_closed(self.server.id);
            // Also closes the sockets of idle connections: when `stop` returns, no client may find one of them open.
            batch.publish_soon();
        });
        drop(self.closed.take());
    }
}

/// Starts to accept on `thread`.
pub(crate) fn start(
    listening: Listening,
    thread: &Arc<IoThread>,
    registry: &Arc<Registry>,
    server: &Arc<Server>,
) {
    let (closed, on_closed) = mpsc::channel();
    let path = match &listening.address {
        BoundAddress::Path(path) => Some(path.clone()),
        BoundAddress::Ip(_) => None,
    };
    let closing = Closing {
        registry: Arc::clone(registry),
        server: Arc::clone(server),
        path,
        closed: Some(closed),
    };
    let socket = listening.listener.duplicate().ok();
    let stop_request = Arc::new(Notify::new());
    let accepting = accept_loop(
        listening,
        Arc::clone(&stop_request),
        Arc::clone(thread),
        Arc::clone(registry),
        closing,
    );
    let task = thread.handle.spawn(accepting);
    *lock(&server.accepting) = Some(Accepting {
        task: task.abort_handle(),
        stop_request,
        closed: on_closed,
        socket,
    });
}

/// What happens to connections in the accept queue of a server that stops accepting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// The kernel resets them.
    Reset,
    /// They are accepted.
    Accept,
}

/// Stops accepting. The sender of the returned receiver is dropped when the socket is closed, or at once if there is no socket.
pub(crate) fn stop(server: &Server, backlog: Backlog) -> mpsc::Receiver<()> {
    let Some(accepting) = lock(&server.accepting).take() else {
        return mpsc::channel().1;
    };
    match backlog {
        Backlog::Reset => accepting.task.abort(),
        Backlog::Accept => {
            // The kernel continues to establish connections while any descriptor is open.
            drop(accepting.socket);
            accepting.stop_request.notify_one();
        }
    }
    accepting.closed
}

/// A descriptor of the listening socket. `give_up`: stop accepting here, because the caller accepts from now on.
///
/// # Errors
/// The server does not listen, or the process has no free descriptor.
pub(crate) fn descriptor(server: &Server, give_up: bool) -> io::Result<Descriptor> {
    let descriptor = match lock(&server.accepting).as_ref() {
        Some(Accepting {
            socket: Some(socket),
            ..
        }) => socket.another()?,
        _ => return Err(io::ErrorKind::NotConnected.into()),
    };
    server.given_up.store(give_up, Ordering::Release);
    Ok(descriptor)
}

async fn accept_loop(
    Listening { listener, address }: Listening,
    stop_request: Arc<Notify>,
    thread: Arc<IoThread>,
    registry: Arc<Registry>,
    closing: Closing,
) {
    // Dropped after the listener, so the socket is closed when the report arrives.
    let closing = closing;
    let server = &closing.server;
    let listener = listener;
    let local = address.of_connections();
    let mut deferred = DeferredAccept::new(now());
    let mut stop_request = pin!(stop_request.notified());
    loop {
        let accepting = pin!(accept_within_period(&listener, deferred.is_on()));
        let Some(accepted) = unless_stopped(accepting, stop_request.as_mut()).await else {
            break;
        };
        if deferred.update(now(), server.ended(), || server.config().paused) {
            listener.defer(deferred.is_on());
        }
        let Ok(accepted) = accepted else { continue };
        match accepted {
            Ok((stream, peer)) => {
                let local = peer.and_then(|_| local.or_else(|| stream.local_address()));
                assign(stream, (local, peer), &thread, &registry, server);
            }
            Err(error) if has_ended(&error) => {}
            // EMFILE, ENFILE, ENOBUFS, ENOMEM and other errors that may be temporary.
            Err(_) => {
                server.lingering.shrink(0);
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
    if deferred.is_on() {
        listener.defer(false);
        tokio::time::sleep(LAST_ACCEPT_WAIT).await;
    }
    loop {
        match listener.accept_waiting() {
            Ok(stream) => {
                let addresses = (stream.local_address(), stream.peer_address());
                assign(stream, addresses, &thread, &registry, server);
            }
            Err(error) if has_ended(&error) => {}
            // The queue is empty, or the process has no free descriptor.
            Err(_) => break,
        }
    }
}

/// Whether `accept` failed because the peer has ended its connection. The next connection is not affected.
fn has_ended(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// The next connection. An error after a period without a connection, when `deferred_accept` has to decide again.
async fn accept_within_period(
    listener: &Listener,
    is_deferred: bool,
) -> Result<io::Result<(Stream, Option<SocketAddr>)>, Elapsed> {
    if is_deferred {
        tokio::time::timeout(deferred_accept::PERIOD, listener.accept()).await
    } else {
        Ok(listener.accept().await)
    }
}

/// The output of `accepting`, or None after `stop_request`. `stop_request` is polled first: without free descriptors `accept` fails
/// repeatedly and is never pending.
async fn unless_stopped<F: Future>(
    mut accepting: Pin<&mut F>,
    mut stop_request: Pin<&mut Notified<'_>>,
) -> Option<F::Output> {
    poll_fn(|context| match stop_request.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => accepting.as_mut().poll(context).map(Some),
    })
    .await
}

/// Passes an accepted connection to one of the I/O threads, or drops it if the server has too many.
fn assign(
    stream: Stream,
    addresses: Addresses,
    accepting: &Arc<IoThread>,
    registry: &Arc<Registry>,
    server: &Arc<Server>,
) {
    let config = server.config();
    if !server.admit(config.max_connections) {
        staging::with_batch(&registry.js, |batch| batch.dropped(server.id, addresses));
        return;
    }
    server.make_room(config.max_connections);
    registry.count_accepted();
    let target = match accepting.shares_with_others() {
        true => next_thread().unwrap_or_else(|_| Arc::clone(accepting)),
        false => Arc::clone(accepting),
    };
    if Arc::ptr_eq(&target, accepting) {
        open(stream, addresses, target, registry, server);
        return;
    }
    let (registry, server) = (Arc::clone(registry), Arc::clone(server));
    let handle = target.handle.clone();
    let moved = stream.detach();
    handle.spawn(async move {
        match moved.and_then(Stream::attach) {
            Ok(stream) => open(stream, addresses, target, &registry, &server),
            Err(_) => server.release(false),
        }
    });
}

/// Begins to serve a connection. Runs on the connection's own I/O thread.
fn open(
    stream: Stream,
    addresses: Addresses,
    thread: Arc<IoThread>,
    registry: &Arc<Registry>,
    server: &Arc<Server>,
) {
    let config = server.config();
    if config.no_delay && !INHERITS_NO_DELAY {
        drop(stream.set_nodelay(true));
    }
    if !registry.js.is_alive() {
        server.release(false);
        return;
    }
    let handle = thread.handle.clone();
    let session = |tls: ServerTls| {
        let judge = tls.config.judge();
        Ok(((tls.config.accept()?, judge), tls.handshake_timeout))
    };
    let Ok::<_, Failure>(tls) = server.tls().map(session).transpose() else {
        // Fails only for a configuration that never works.
        server.release(false);
        return;
    };
    let is_plain = tls.is_none();
    let connection = begin(stream, thread, registry, (server, &config), (false, tls));
    // A TLS connection is reported after its handshake.
    if is_plain {
        staging::with_batch(&registry.js, |batch| {
            batch.open(connection.id(), server.id, addresses);
        });
    }
    handle.spawn(connection::serve(connection));
}

/// `shared` and `tls`: see `Connection::accepted`.
pub(crate) fn begin(
    stream: Stream,
    thread: Arc<IoThread>,
    registry: &Arc<Registry>,
    (server, config): (&Arc<Server>, &ServerConfig),
    (shared, tls): (bool, Option<AcceptedTls>),
) -> Arc<Connection> {
    if let Some(delay) = config.tcp_keep_alive {
        drop(stream.set_tcp_keepalive(true, delay));
    }
    registry.connections.insert(|entry| {
        let place = Place {
            entry,
            js: Arc::clone(&registry.js),
            thread,
        };
        Arc::new(Connection::accepted(
            place,
            stream,
            shared,
            Arc::clone(server),
            tls,
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    /// Behaves as `accept` does while no descriptor is free.
    #[tokio::test]
    async fn the_stop_is_noticed_while_accepting_fails() {
        let stop_request = Notify::new();
        let mut stopped = pin!(stop_request.notified());
        assert!(
            unless_stopped(pin!(ready(())), stopped.as_mut())
                .await
                .is_some()
        );
        stop_request.notify_one();
        assert!(
            unless_stopped(pin!(ready(())), stopped.as_mut())
                .await
                .is_none()
        );
    }
}
