//! An environment and its JavaScript thread.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ferrohttp_net::{
    Batch, BoundAddress, ConnectionId, Environment, ListenOptions, ListenTarget, ServerConfig,
};

use super::PATIENCE;
use super::records::{Event, Head, Out};

/// How often connections on loan are read here, where an event loop would watch them.
const LOOK: Duration = Duration::from_millis(1);

/// Any free port of 127.0.0.1.
pub fn loopback() -> ListenOptions {
    ListenOptions {
        target: ListenTarget::Address(([127, 0, 0, 1], 0).into()),
        backlog: 511,
        ipv6_only: false,
        reuse_port: false,
    }
}

/// The default configuration.
pub fn config() -> ServerConfig {
    ServerConfig::default()
}

/// An environment driven from the test's own thread: takes records when the test asks for them.
pub struct Js {
    pub environment: Arc<Environment>,
    woken: mpsc::Receiver<()>,
    events: VecDeque<Event>,
}

impl Js {
    pub fn new() -> Self {
        let js = Self::unwatched();
        js.environment.allow_loans();
        js
    }

    /// An environment whose event loop watches no connections, so none is lent.
    pub fn unwatched() -> Self {
        let (wake, woken) = mpsc::channel();
        let environment = Environment::new(Box::new(move || {
            let _ = wake.send(());
        }));
        Self {
            environment,
            woken,
            events: VecDeque::new(),
        }
    }

    /// Listens on loopback. Returns the server's id and address.
    pub fn listen(&self, config: ServerConfig) -> (u32, SocketAddr) {
        let (server, address) = self
            .environment
            .listen(&loopback(), config)
            .expect("listen");
        let BoundAddress::Ip(address) = address else {
            panic!("not an IP address")
        };
        (server, address)
    }

    /// The next record.
    pub fn next(&mut self) -> Event {
        self.next_within(PATIENCE).expect("an event, but none came")
    }

    /// The next record, None if there is none within `patience`.
    pub fn next_within(&mut self, patience: Duration) -> Option<Event> {
        let began = Instant::now();
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            // One wake-up may announce several batches, and no other is sent before the queue was found empty.
            let mut used: Option<Batch> = None;
            while let Some(mut batch) = self.environment.take(used.take()) {
                self.events.extend(Event::read_all(&mut batch));
                used = Some(batch);
            }
            if self.events.is_empty() {
                match self.woken.recv_timeout(LOOK.min(patience)) {
                    Ok(()) => {}
                    Err(RecvTimeoutError::Timeout) if began.elapsed() < patience => {
                        self.environment.read_loans();
                    }
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
                }
            }
        }
    }

    /// Sends commands.
    pub fn flush(&mut self, out: &mut Out) {
        let mut out = std::mem::take(out);
        let mut acks = Batch::default();
        self.environment
            .flush(out.outbound(), false, &mut acks)
            .expect("a flush that parses");
        self.events.extend(Event::read_all(&mut acks));
    }

    /// CONNECTED of `id` to its first address, which must be the next record. Returns both addresses.
    pub fn connected(&mut self, id: ConnectionId) -> String {
        match self.next() {
            Event::Connected {
                id: whose,
                index: 0,
                addresses,
            } if whose == id => addresses,
            other => panic!("CONNECTED expected, not {other:?}"),
        }
    }

    pub fn open(&mut self) -> ConnectionId {
        match self.next() {
            Event::Open { id, .. } => id,
            other => panic!("OPEN expected, not {other:?}"),
        }
    }

    pub fn head(&mut self) -> (ConnectionId, Head) {
        match self.next() {
            Event::Head { id, head } => (id, head),
            other => panic!("HEAD expected, not {other:?}"),
        }
    }

    /// OPEN and the first HEAD.
    pub fn open_with_head(&mut self) -> (ConnectionId, Head) {
        let opened = self.open();
        let (id, head) = self.head();
        assert_eq!(opened, id);
        (id, head)
    }

    /// Reads a body up to END, and grants credit as its bytes arrive. Returns the bytes and the trailers.
    pub fn rest_of_body(&mut self, id: ConnectionId) -> (Vec<u8>, Vec<(String, String)>) {
        let mut body = Vec::new();
        loop {
            match self.next() {
                Event::Body {
                    id: whose,
                    bytes,
                    raw: false,
                } if whose == id => {
                    body.extend_from_slice(&bytes);
                    self.flush(Out::new().credit(id, bytes.len() as u32));
                }
                Event::End {
                    id: whose,
                    trailers,
                } if whose == id => return (body, trailers),
                other => panic!("BODY or END expected, not {other:?}"),
            }
        }
    }

    /// CLOSED of `id`, which must be the next record. Returns its errno.
    pub fn closed(&mut self, id: ConnectionId) -> u32 {
        match self.next() {
            Event::Closed { id: whose, errno } if whose == id => errno,
            other => panic!("CLOSED expected, not {other:?}"),
        }
    }

    /// Returns the records of `id` before CLOSED, and the errno of CLOSED.
    pub fn until_closed(&mut self, id: ConnectionId) -> (Vec<Event>, u32) {
        let mut before = Vec::new();
        loop {
            match self.next() {
                Event::Closed { id: whose, errno } if whose == id => return (before, errno),
                other => before.push(other),
            }
        }
    }

    /// The connection fails while its bytes are not acknowledged. They never are.
    pub fn dies_unacknowledged(&mut self, id: ConnectionId) {
        let (before, errno) = self.until_closed(id);
        assert_eq!(before, [], "what is lost is not acknowledged");
        assert!(
            errno == libc::ECONNRESET as u32 || errno == libc::EPIPE as u32,
            "{errno}"
        );
        assert_eq!(self.environment.open_connections(), 0);
    }

    /// Reads `count` acknowledgements. Other records must not come.
    pub fn acks(&mut self, id: ConnectionId, count: u32) {
        let mut reached = 0;
        while reached < count {
            match self.next() {
                Event::Ack { id: whose, count } if whose == id => reached += count,
                other => panic!("ACK expected, not {other:?}"),
            }
        }
        assert_eq!(reached, count);
    }
}

impl Drop for Js {
    fn drop(&mut self) {
        self.environment.shutdown();
        if !std::thread::panicking() {
            assert_eq!(self.environment.open_connections(), 0);
            assert_eq!(self.environment.open_clients(), 0);
        }
    }
}

/// A server whose JavaScript thread runs a handler for each record and flushes after each batch.
pub struct Server {
    pub environment: Arc<Environment>,
    pub address: SocketAddr,
    stop: mpsc::Sender<Signal>,
    thread: Option<JoinHandle<()>>,
}

enum Signal {
    Woken,
    Stop,
}

impl Server {
    pub fn start(
        config: ServerConfig,
        mut handle: impl FnMut(Event, &mut Out) + Send + 'static,
    ) -> Self {
        let (stop, signals) = mpsc::channel();
        let wake = stop.clone();
        let environment = Environment::new(Box::new(move || drop(wake.send(Signal::Woken))));
        environment.allow_loans();
        let (_, address) = environment.listen(&loopback(), config).expect("listen");
        let BoundAddress::Ip(address) = address else {
            panic!("not an IP address")
        };
        let its = Arc::clone(&environment);
        let thread = std::thread::spawn(move || {
            loop {
                match signals.recv_timeout(LOOK) {
                    Ok(Signal::Woken) => {}
                    Err(RecvTimeoutError::Timeout) => its.read_loans(),
                    Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                }
                let mut used = None;
                while let Some(mut batch) = its.take(used.take()) {
                    let mut events = Event::read_all(&mut batch);
                    while !events.is_empty() {
                        let mut out = Out::new();
                        for event in events {
                            handle(event, &mut out);
                        }
                        let mut acks = Batch::default();
                        let flushed = its.flush(out.outbound(), false, &mut acks);
                        assert!(flushed.is_ok());
                        events = Event::read_all(&mut acks);
                    }
                    used = Some(batch);
                }
            }
        });
        Self {
            environment,
            address,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.send(Signal::Stop));
        let ended = self.thread.take().map(JoinHandle::join);
        self.environment.shutdown();
        if !std::thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the handler panicked");
            assert_eq!(self.environment.open_connections(), 0);
        }
    }
}
