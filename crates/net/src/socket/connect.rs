//! Connects to one of several addresses, or to a Unix socket.

#[cfg(unix)]
use std::ffi::CString;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpSocket;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::crossing::step;
use crate::socket::descriptor::Descriptor;
use crate::socket::errno;
use crate::socket::stream::Stream;

/// Where to connect, and from where.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The target.
    pub target: ConnectTarget,
    /// The address to bind first.
    pub local_address: Option<IpAddr>,
    /// The port to bind first, on all addresses when there is no `local_address`.
    pub local_port: Option<u16>,
    /// `autoSelectFamilyAttemptTimeout` while `autoSelectFamily` is on: the address families take turns, and the next attempt
    /// begins after this time even if the last one is under way. None: one address after the other, in the given order.
    pub attempt_timeout: Option<Duration>,
    /// TCP_NODELAY.
    pub no_delay: bool,
    /// SO_KEEPALIVE, with the initial delay.
    pub tcp_keep_alive: Option<Duration>,
}

/// The target of a client's connection.
#[derive(Clone, Debug)]
pub enum ConnectTarget {
    /// A host's addresses, at least one, in the resolver's order.
    Addresses(Vec<SocketAddr>),
    /// A Unix socket.
    Path(PathBuf),
    /// A socket that is connected already, of which nothing will be read or written elsewhere.
    Connected(Arc<Descriptor>),
}

/// The number of an IPv6 scope, from its number or the name of its interface; 0 for none.
pub fn scope_id(scope: &str) -> u32 {
    scope.parse().unwrap_or_else(|_| interface_index(scope))
}

#[cfg(unix)]
fn interface_index(name: &str) -> u32 {
    // SAFETY: a C string, which the call only reads.
    CString::new(name).map_or(0, |name| unsafe { libc::if_nametoindex(name.as_ptr()) })
}

#[cfg(not(unix))]
const fn interface_index(_name: &str) -> u32 {
    0
}

/// The step at which an attempt failed, by its number in CONNECT_FAILED records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Step {
    Connect = step::CONNECT,
    Bind = step::BIND,
}

/// A failed attempt to connect to one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The operating system's error number, 0 if there is none.
    pub(crate) errno: i32,
    pub(crate) step: Step,
    /// Position of the address in the options.
    pub(crate) index: u32,
}

/// A connected socket and the position of its address in the options, or all failed attempts in their order.
pub(crate) type Outcome = Result<(Stream, u32), Vec<Failure>>;

type Attempt<'a> = Pin<Box<dyn Future<Output = Result<Stream, Failure>> + Send + 'a>>;

/// Connects, similar to RFC 8305 section 5, as Node documents `autoSelectFamily`. Unlike in Node, an attempt that takes longer
/// than its time continues, and may still succeed while later ones are under way.
pub(crate) async fn connect(options: &ConnectOptions) -> Outcome {
    let only = match &options.target {
        ConnectTarget::Addresses(addresses) => return connect_to(options, addresses).await,
        ConnectTarget::Path(path) => connect_path(path).await,
        ConnectTarget::Connected(descriptor) => descriptor
            .another()
            .and_then(|descriptor| Stream::adopt(descriptor.into_socket()))
            .map_err(|error| error.raw_os_error().unwrap_or(0)),
    };
    let failed = |errno| {
        vec![Failure {
            errno,
            step: Step::Connect,
            index: 0,
        }]
    };
    only.map(|stream| (stream, 0)).map_err(failed)
}

async fn connect_to(options: &ConnectOptions, addresses: &[SocketAddr]) -> Outcome {
    let order = match options.attempt_timeout {
        Some(_) => alternate(addresses),
        None => (0..addresses.len()).collect(),
    };
    let mut race = Race::default();
    for (position, &index) in order.iter().enumerate() {
        race.start(
            index as u32,
            attempt(options, addresses[index], index as u32),
        );
        let next = poll_fn(|cx| race.poll(cx));
        let limit = options
            .attempt_timeout
            .filter(|_| position + 1 < order.len());
        let news = match limit {
            None => next.await,
            Some(limit) => match tokio::time::timeout(limit, next).await {
                Ok(news) => news,
                Err(_) => continue,
            },
        };
        if let Some(won) = news {
            return Ok(won);
        }
    }
    Err(race.failures())
}

/// The attempts under way, and the failed ones.
#[derive(Default)]
struct Race<'a> {
    /// In the order in which they began.
    attempts: Vec<(u32, State<'a>)>,
}

enum State<'a> {
    Running(Attempt<'a>),
    Failed(Failure),
}

impl<'a> Race<'a> {
    fn start(
        &mut self,
        index: u32,
        attempt: impl Future<Output = Result<Stream, Failure>> + Send + 'a,
    ) {
        self.attempts
            .push((index, State::Running(Box::pin(attempt))));
    }

    /// Ready with the first socket that is connected, or with None when the latest attempt has failed.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Stream, u32)>> {
        for (index, state) in &mut self.attempts {
            let State::Running(attempt) = state else {
                continue;
            };
            match attempt.as_mut().poll(cx) {
                Poll::Ready(Ok(stream)) => return Poll::Ready(Some((stream, *index))),
                Poll::Ready(Err(failure)) => *state = State::Failed(failure),
                Poll::Pending => {}
            }
        }
        match self.attempts.last() {
            Some((_, State::Running(_))) => Poll::Pending,
            _ => Poll::Ready(None),
        }
    }

    /// All failed attempts, including those that were still under way.
    fn failures(self) -> Vec<Failure> {
        let reason = |(index, state)| match state {
            State::Failed(failure) => failure,
            State::Running(_) => Failure {
                errno: errno::TIMED_OUT,
                step: Step::Connect,
                index,
            },
        };
        self.attempts.into_iter().map(reason).collect()
    }
}

/// Positions of `addresses` in an order in which the families alternate, beginning with that of the first address.
fn alternate(addresses: &[SocketAddr]) -> Vec<usize> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut own, mut other): (Vec<usize>, Vec<usize>) =
        (0..addresses.len()).partition(|&index| addresses[index].is_ipv6() == first);
    let longer = own.len().max(other.len());
    let mut order = Vec::with_capacity(addresses.len());
    own.reverse();
    other.reverse();
    for _ in 0..longer {
        order.extend(own.pop());
        order.extend(other.pop());
    }
    order
}

async fn attempt(
    options: &ConnectOptions,
    address: SocketAddr,
    index: u32,
) -> Result<Stream, Failure> {
    let at = |step| {
        move |error: io::Error| Failure {
            errno: error.raw_os_error().unwrap_or(0),
            step,
            index,
        }
    };
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket.map_err(at(Step::Connect))?;
    if options.local_address.is_some() || options.local_port.is_some() {
        let any = match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let mut local = SocketAddr::new(
            options.local_address.unwrap_or(any),
            options.local_port.unwrap_or(0),
        );
        // A link-local address reaches only peers on its own link.
        if let (SocketAddr::V6(local), SocketAddr::V6(peer)) = (&mut local, address) {
            local.set_scope_id(peer.scope_id());
        }
        bind(&socket, local).map_err(at(Step::Bind))?;
    }
    let stream = socket.connect(address).await.map_err(at(Step::Connect))?;
    Ok(Stream::Tcp(stream))
}

/// As in libuv.
fn bind(socket: &TcpSocket, local: SocketAddr) -> io::Result<()> {
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(local).map_err(|error| {
        #[cfg(unix)]
        if error.raw_os_error() == Some(libc::EAFNOSUPPORT) {
            return io::Error::from_raw_os_error(libc::EINVAL);
        }
        error
    })
}

#[cfg(unix)]
async fn connect_path(path: &Path) -> Result<Stream, i32> {
    match UnixStream::connect(path).await {
        Ok(stream) => Ok(Stream::Unix(stream)),
        // There is no error number when the path is longer than an address may be.
        Err(error) => Err(error.raw_os_error().unwrap_or(libc::EINVAL)),
    }
}

#[cfg(not(unix))]
async fn connect_path(_path: &Path) -> Result<Stream, i32> {
    // Named pipes are connected by Node.
    Err(errno::NOT_SUPPORTED)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    const fn failure(errno: i32, index: u32) -> Failure {
        Failure {
            errno,
            step: Step::Connect,
            index,
        }
    }

    async fn next(race: &mut Race<'_>) -> Option<u32> {
        poll_fn(|cx| race.poll(cx)).await.map(|(_, index)| index)
    }

    #[tokio::test]
    async fn all_attempts_have_failed_when_the_last_one_fails() {
        let mut race = Race::default();
        race.start(2, std::future::pending());
        race.start(0, async { Err(failure(7, 0)) });
        assert_eq!(next(&mut race).await, None);
        race.start(1, async { Err(failure(8, 1)) });
        assert_eq!(next(&mut race).await, None);
        assert_eq!(
            race.failures(),
            [failure(errno::TIMED_OUT, 2), failure(7, 0), failure(8, 1)]
        );
    }

    #[tokio::test]
    async fn an_attempt_beyond_its_time_may_still_succeed() {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bind");
        let address = listener.local_addr().expect("address");
        let (open, opened) = tokio::sync::oneshot::channel::<()>();
        let mut race = Race::default();
        race.start(0, async {
            opened.await.expect("the test says so");
            let socket = TcpSocket::new_v4().expect("socket");
            Ok(Stream::Tcp(socket.connect(address).await.expect("connect")))
        });
        race.start(1, std::future::pending());
        let mut waiting = pin!(next(&mut race));
        assert!(poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await);
        open.send(()).expect("the attempt waits");
        assert_eq!(waiting.await, Some(0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_scope_has_a_number_or_a_name() {
        assert_eq!(scope_id("7"), 7);
        let loopback = scope_id("lo");
        assert_eq!(scope_id(&loopback.to_string()), loopback);
        assert_ne!(loopback, 0);
        assert_eq!(scope_id("no such interface"), 0);
        assert_eq!(scope_id("\0"), 0);
    }

    #[test]
    fn address_families_alternate() {
        let order = |families: &str| {
            let addresses: Vec<SocketAddr> = families
                .chars()
                .map(|family| match family {
                    '6' => (Ipv6Addr::LOCALHOST, 1).into(),
                    _ => (Ipv4Addr::LOCALHOST, 1).into(),
                })
                .collect();
            alternate(&addresses)
        };
        assert_eq!(order("6644"), [0, 2, 1, 3]);
        assert_eq!(order("4466"), [0, 2, 1, 3]);
        assert_eq!(order("4446"), [0, 3, 1, 2]);
        assert_eq!(order("44"), [0, 1]);
        assert_eq!(order("6"), [0]);
    }
}
