//! A driver with a paused clock, which advances only when all tasks wait.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::crossing::{close_mode, first_word, flag, inbound, kind_of, outbound};
use crate::environment::Environment;
use crate::handoff::{Batch, Outbound};
use crate::id::ConnectionId;
use crate::listen::listener::{BoundAddress, ListenOptions, ListenTarget};
use crate::server::{ServerConfig, ServerOptions};
use crate::settings::ClientConfig;
use crate::socket::connect::ConnectOptions;
use crate::threads::io_thread::IoThread;
use crate::threads::staging;
use crate::tls::TlsConnect;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Runs `test` on an I/O thread's runtime with a paused clock, which advances to the next timer whenever all tasks wait and the
/// sockets report nothing.
pub(super) fn run<F: Future<Output = ()>>(test: impl FnOnce(Js) -> F) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .on_thread_park(staging::on_park)
        .build()
        .expect("runtime");
    runtime.block_on(async { test(Js::start()).await });
}

/// JavaScript's end, on the same thread.
pub(super) struct Js {
    pub(super) environment: Arc<Environment>,
    pub(super) thread: Arc<IoThread>,
    woken: Arc<Notify>,
    records: VecDeque<Record>,
}

/// One inbound record: its kind, its connection, and the first word of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: u32,
    pub(super) id: ConnectionId,
    pub(super) word: u32,
}

impl Js {
    fn start() -> Self {
        let woken = Arc::new(Notify::new());
        let wake = Arc::clone(&woken);
        let environment = Environment::new(Box::new(move || wake.notify_one()));
        environment.allow_loans();
        Self {
            environment,
            thread: IoThread::start(Handle::current()),
            woken,
            records: VecDeque::new(),
        }
    }

    pub(super) fn listen(&self, config: ServerConfig) -> (u32, SocketAddr) {
        self.listen_with(config, ServerOptions::default())
    }

    pub(super) fn listen_with(
        &self,
        config: ServerConfig,
        server: ServerOptions,
    ) -> (u32, SocketAddr) {
        let options = ListenOptions {
            target: ListenTarget::Address(([127, 0, 0, 1], 0).into()),
            backlog: 64,
            ipv6_only: false,
            reuse_port: false,
        };
        let (server, bound) = self
            .environment
            .listen_on(&self.thread, &options, config, server)
            .expect("listen");
        let BoundAddress::Ip(address) = bound else {
            panic!("not an IP address")
        };
        (server, address)
    }

    /// Begins to connect, with this I/O thread.
    pub(super) fn connect(&self, options: ConnectOptions, config: ClientConfig) -> ConnectionId {
        self.environment
            .connect_on(&self.thread, options, config, None)
    }

    /// As `connect`, with TLS.
    pub(super) fn connect_with(&self, options: ConnectOptions, tls: TlsConnect) -> ConnectionId {
        self.environment
            .connect_on(&self.thread, options, ClientConfig::default(), Some(tls))
    }

    /// The next record. The clock advances in the meantime.
    pub(super) async fn next(&mut self) -> Record {
        loop {
            if let Some(record) = self.records.pop_front() {
                return record;
            }
            let mut used: Option<Batch> = None;
            while let Some(batch) = self.environment.take(used.take()) {
                self.records.extend(read_all(batch.records()));
                used = Some(batch);
            }
            if self.records.is_empty() {
                // Not a long wait, because the clock advances when all tasks wait.
                tokio::time::timeout(DAY, self.woken.notified())
                    .await
                    .expect("a record, but none comes");
            }
        }
    }

    /// The next record must be of this type.
    pub(super) async fn expect(&mut self, kind: u32) -> Record {
        let record = self.next().await;
        assert_eq!(record.kind, kind, "{record:?}");
        record
    }

    /// Passes each record to `see` until connection `id` has closed. There must be no records of other connections.
    pub(super) async fn until_closed(
        &mut self,
        id: ConnectionId,
        mut see: impl FnMut(&Self, &Record),
    ) {
        loop {
            let record = self.next().await;
            assert_eq!(record.id, id, "{record:?}");
            if record.kind == inbound::CLOSED {
                return;
            }
            see(self, &record);
        }
    }

    /// Nothing happens for so long.
    pub(super) async fn expect_nothing(&mut self, time: Duration) {
        if let Ok(record) = tokio::time::timeout(time, self.next()).await {
            panic!("unexpected {record:?}");
        }
    }

    /// OPEN, then HEAD of the connection that `peer` has sent a request on.
    pub(super) async fn open_with_head(&mut self) -> ConnectionId {
        let id = self.expect(inbound::OPEN).await.id;
        assert_eq!(self.expect(inbound::HEAD).await.id, id);
        id
    }

    /// Sends one command: its kind and flags, its fields, then its payload in the record and its text after the records.
    pub(super) fn command(
        &mut self,
        id: ConnectionId,
        (kind, flags): (u32, u32),
        words: &[u32],
        (tail, text): (&[u8], &str),
    ) {
        let length = (16 + words.len() * 4 + tail.len()).next_multiple_of(4);
        let mut record = Vec::new();
        for word in [
            first_word(kind, flags),
            length as u32,
            id.slot,
            id.generation,
        ]
        .iter()
        .chain(words)
        {
            record.extend_from_slice(&word.to_le_bytes());
        }
        record.extend_from_slice(tail);
        record.resize(length, 0);
        let mut acks = Batch::default();
        let out = Outbound {
            records: &record,
            text: text.as_bytes(),
            held: Vec::new(),
        };
        self.environment
            .flush(out, false, &mut acks)
            .expect("a flush that parses");
        self.records.extend(read_all(acks.records()));
    }

    /// A whole response.
    pub(super) fn respond(&mut self, id: ConnectionId, body: &[u8]) {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let words = [head.len() as u32, body.len() as u32];
        self.command(id, (outbound::HEAD, flag::END), &words, (body, &head));
    }

    pub(super) fn raw(&mut self, id: ConnectionId, bytes: &[u8]) {
        self.command(id, (outbound::RAW, 0), &[bytes.len() as u32], (bytes, ""));
    }

    pub(super) fn get(&mut self, id: ConnectionId) {
        let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        self.command(
            id,
            (outbound::REQUEST, flag::END),
            &[head.len() as u32, 0],
            (b"", head),
        );
    }

    /// The server of a connection with TLS is the right one.
    pub(super) fn approve(&mut self, id: ConnectionId) {
        self.command(id, (outbound::APPROVE, 0), &[], (b"", ""));
    }

    pub(super) fn destroy(&mut self, id: ConnectionId) {
        self.close(id, close_mode::DESTROY);
    }

    pub(super) fn close_after_flush(&mut self, id: ConnectionId) {
        self.close(id, close_mode::AFTER_FLUSH);
    }

    pub(super) fn half_close(&mut self, id: ConnectionId) {
        self.close(id, close_mode::HALF);
    }

    fn close(&mut self, id: ConnectionId, mode: u32) {
        self.command(id, (outbound::CLOSE, 0), &[mode], (b"", ""));
    }

    /// Keeps a connection whose keepAliveTimeout was reported.
    pub(super) fn keep(&mut self, id: ConnectionId) {
        self.command(id, (outbound::KEEP, 0), &[], (b"", ""));
    }

    /// Resumes a paused connection.
    pub(super) fn resume(&mut self, id: ConnectionId) {
        self.command(id, (outbound::PAUSE, 0), &[0], (b"", ""));
    }

    pub(super) fn socket_timeout(&mut self, id: ConnectionId, time: Duration) {
        self.command(
            id,
            (outbound::SOCKET_TIMEOUT, 0),
            &[time.as_millis() as u32],
            (b"", ""),
        );
    }
}

fn read_all(bytes: &[u8]) -> Vec<Record> {
    let word = |at: usize| {
        bytes.get(at..at + 4).map_or(0, |word| {
            u32::from_le_bytes(word.try_into().expect("four bytes"))
        })
    };
    let mut records = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let id = ConnectionId {
            slot: word(at + 8),
            generation: word(at + 12),
        };
        records.push(Record {
            kind: kind_of(word(at)),
            id,
            word: word(at + 16),
        });
        at += word(at + 4) as usize;
    }
    records
}

/// A client on the same thread.
pub(super) struct Peer(TcpStream);

impl Peer {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        // A small receive buffer: the writer stops soon when this peer does not read.
        let socket = TcpSocket::new_v4().expect("socket");
        socket.set_recv_buffer_size(64 * 1024).expect("SO_RCVBUF");
        Self(socket.connect(address).await.expect("connect"))
    }

    pub(super) async fn send(&mut self, bytes: &str) {
        self.0
            .write_all(bytes.as_bytes())
            .await
            .expect("the peer's write");
    }

    /// Reads the next bytes, which must be these.
    pub(super) async fn expect(&mut self, bytes: &str) {
        let mut got = vec![0; bytes.len()];
        self.0.read_exact(&mut got).await.expect("the peer's read");
        assert_eq!(String::from_utf8_lossy(&got), bytes);
    }

    /// FIN, and nothing before it.
    pub(super) async fn expect_end(&mut self) {
        let mut rest = Vec::new();
        self.0
            .read_to_end(&mut rest)
            .await
            .expect("the peer's read");
        assert_eq!(rest.escape_ascii().to_string(), "");
    }

    /// The server has closed its end: after a few bytes a write fails.
    pub(super) async fn expect_refusal(&mut self) {
        for _ in 0..10_000 {
            if self.0.write_all(b"more").await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("the peer's bytes are still taken");
    }

    /// Sends without waiting, so that no other task runs.
    pub(super) fn send_now(&mut self, bytes: &[u8]) {
        let sent = socket2::SockRef::from(&self.0).send(bytes);
        assert_eq!(sent.expect("room"), bytes.len());
    }

    /// RST.
    pub(super) fn reset(self) {
        let socket = socket2::SockRef::from(&self.0);
        socket.set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    }

    /// Reads `count` bytes and drops them.
    pub(super) async fn skip(&mut self, mut count: usize) {
        let mut buffer = vec![0; 64 * 1024];
        while count > 0 {
            let room = buffer.len().min(count);
            let read = self
                .0
                .read(&mut buffer[..room])
                .await
                .expect("the peer's read");
            assert_ne!(read, 0, "an early end");
            count -= read;
        }
    }
}

/// The time since `start` must be `expected`.
#[track_caller]
pub(super) fn assert_took(start: Instant, expected: Duration) {
    let took = start.elapsed();
    // The tolerance is one tick of the wheel and one of tokio's, and a connection may be checked between two ticks.
    let late = crate::time::timer::TICK * 2;
    assert!(
        took >= expected && took <= expected + late,
        "took {took:?} instead of {expected:?}"
    );
}
