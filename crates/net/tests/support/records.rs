//! The records of `handoff`, from JavaScript's side: written again here so that the tests notice a changed layout.

use ferrohttp_net::{Batch, Chunk, ConnectionId, Held, Outbound};

/// Bytes before a record's own words.
const HEADER: usize = 16;

/// Flags of outbound records.
pub mod flag {
    pub const CHUNKED: u32 = 1;
    pub const END: u32 = 2;
    pub const CLOSE: u32 = 4;
    pub const ACKNOWLEDGE: u32 = 8;
    pub const HELD: u32 = 16;
    pub const TEXT: u32 = 32;
    pub const REQUEST_HEAD: u32 = 64;
    pub const REQUEST_CONNECT: u32 = 128;
}

/// Flags of a HEAD record.
pub mod head_flag {
    pub const KEEP_ALIVE: u32 = 1;
    pub const UPGRADE: u32 = 2;
    pub const COMPLETE: u32 = 4;
    pub const EXPECT_CONTINUE: u32 = 8;
    pub const HAS_HOST: u32 = 32;
}

/// Flags of a RESPONSE record.
pub mod response_flag {
    pub const KEEP_ALIVE: u32 = 1;
    pub const UPGRADE: u32 = 2;
    pub const INFORMATION: u32 = 8;
}

/// A response head as in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub flags: u32,
    pub status: u16,
    /// Major and minor.
    pub version: (u8, u8),
    pub reason: String,
    /// Names and values in wire order.
    pub fields: Vec<(String, String)>,
    /// The server's hint, in seconds.
    pub keep_alive: Option<u32>,
    /// The bytes after the head of an upgrade.
    pub after: Vec<u8>,
}

/// A failed attempt to connect to one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub errno: u32,
    /// 1 connect, 2 bind.
    pub step: u32,
    /// Position in the list of addresses.
    pub index: u32,
}

/// A request head as in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub flags: u32,
    /// Index into the engine's method table.
    pub method: u8,
    pub minor_version: u8,
    pub target: String,
    /// Names and values in wire order.
    pub fields: Vec<(String, String)>,
    /// The bytes after the head of an upgrade.
    pub after: Vec<u8>,
}

/// One inbound record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Open {
        id: ConnectionId,
        server: u32,
        addresses: String,
    },
    Head {
        id: ConnectionId,
        head: Head,
    },
    Body {
        id: ConnectionId,
        bytes: Vec<u8>,
        raw: bool,
    },
    Tapped {
        id: ConnectionId,
        bytes: Vec<u8>,
    },
    End {
        id: ConnectionId,
        trailers: Vec<(String, String)>,
    },
    Error {
        id: ConnectionId,
        kind: u32,
        parsed: u32,
        packet: Vec<u8>,
    },
    Closed {
        id: ConnectionId,
        errno: u32,
    },
    Ack {
        id: ConnectionId,
        count: u32,
    },
    Timeout {
        id: ConnectionId,
        kind: u32,
    },
    Eof {
        id: ConnectionId,
    },
    ListenerClosed {
        server: u32,
    },
    Dropped {
        server: u32,
    },
    Response {
        id: ConnectionId,
        head: Response,
    },
    Connected {
        id: ConnectionId,
        index: u32,
        addresses: String,
    },
    ConnectFailed {
        id: ConnectionId,
        failures: Vec<Failure>,
    },
}

impl Event {
    /// Its connection, None for a record about a listener.
    pub fn id(&self) -> Option<ConnectionId> {
        match self {
            Self::Open { id, .. }
            | Self::Head { id, .. }
            | Self::Body { id, .. }
            | Self::Tapped { id, .. }
            | Self::End { id, .. }
            | Self::Error { id, .. }
            | Self::Closed { id, .. }
            | Self::Ack { id, .. }
            | Self::Timeout { id, .. }
            | Self::Response { id, .. }
            | Self::Connected { id, .. }
            | Self::ConnectFailed { id, .. }
            | Self::Eof { id } => Some(*id),
            Self::ListenerClosed { .. } | Self::Dropped { .. } => None,
        }
    }

    /// All records of a batch.
    pub fn read_all(batch: &mut Batch) -> Vec<Self> {
        let mut events = Vec::new();
        let mut at = 0;
        while at < batch.records().len() {
            let length = word(&batch.records()[at..], 1) as usize;
            assert!(
                length >= HEADER && length.is_multiple_of(4),
                "a record of {length} bytes"
            );
            events.push(Self::read(&batch.records()[at..at + length], &batch.chunks));
            at += length;
        }
        assert_eq!(at, batch.records().len());
        events
    }

    fn read(record: &[u8], chunks: &[Chunk]) -> Self {
        let (kind, flags) = (word(record, 0) & 0xff, word(record, 0) >> 8);
        let (first, second) = (word(record, 2), word(record, 3));
        let id = ConnectionId {
            slot: first,
            generation: second,
        };
        let own = |index: usize| word(record, 4 + index);
        let bytes = |words: usize, len: u32| {
            let start = HEADER + words * 4;
            record[start..start + len as usize].to_vec()
        };
        let text = |words, len| String::from_utf8(bytes(words, len)).expect("text");
        match kind {
            1 => Self::Open {
                id,
                server: own(0),
                addresses: text(2, own(1)),
            },
            2 => Self::Head {
                id,
                head: head(record, flags),
            },
            3 if flags & 4 != 0 => Self::Tapped {
                id,
                bytes: bytes(2, own(0)),
            },
            3 if flags & 2 != 0 => Self::Body {
                id,
                bytes: chunks[own(1) as usize][own(2) as usize..][..own(0) as usize].to_vec(),
                raw: flags & 1 != 0,
            },
            3 => Self::Body {
                id,
                bytes: bytes(2, own(0)),
                raw: flags & 1 != 0,
            },
            4 => Self::End {
                id,
                trailers: pairs(&bytes(1, own(0))),
            },
            5 => Self::Error {
                id,
                kind: own(0),
                parsed: own(1),
                packet: bytes(3, own(2)),
            },
            6 => Self::Closed { id, errno: own(0) },
            7 => Self::Ack { id, count: own(0) },
            8 => Self::Timeout { id, kind: own(0) },
            9 => Self::Eof { id },
            10 => Self::ListenerClosed { server: first },
            11 => Self::Dropped { server: first },
            12 => Self::Response {
                id,
                head: response(record, flags),
            },
            13 => Self::Connected {
                id,
                index: own(0),
                addresses: text(2, own(1)),
            },
            14 => Self::ConnectFailed {
                id,
                failures: (0..own(0) as usize)
                    .map(|each| Failure {
                        errno: own(1 + each * 3),
                        step: own(2 + each * 3),
                        index: own(3 + each * 3),
                    })
                    .collect(),
            },
            other => panic!("unknown record type {other}"),
        }
    }
}

fn head(record: &[u8], flags: u32) -> Head {
    let own = |index: usize| word(record, 4 + index) as usize;
    let (line, target_len, count, block_len, after_len) = (own(0), own(1), own(2), own(3), own(4));
    let block = &record[HEADER + 20..HEADER + 20 + block_len];
    let (target, rest) = block.split_at(target_len);
    let fields = if count == 0 {
        Vec::new()
    } else {
        pairs(&rest[1..])
    };
    assert_eq!(fields.len(), count);
    let after = HEADER + 20 + block_len;
    Head {
        flags,
        method: (line & 0xff) as u8,
        minor_version: (line >> 16) as u8,
        target: text(target),
        fields,
        after: record[after..after + after_len].to_vec(),
    }
}

fn response(record: &[u8], flags: u32) -> Response {
    let own = |index: usize| word(record, 4 + index);
    let (reason_len, count) = (own(1) as usize, own(2) as usize);
    let (block_len, after_len) = (own(4) as usize, own(5) as usize);
    let block = &record[HEADER + 24..HEADER + 24 + block_len];
    let (reason, rest) = block.split_at(reason_len);
    let fields = if count == 0 {
        Vec::new()
    } else {
        pairs(&rest[1..])
    };
    assert_eq!(fields.len(), count);
    let after = HEADER + 24 + block_len;
    Response {
        flags,
        status: own(0) as u16,
        version: ((own(0) >> 16) as u8, (own(0) >> 24) as u8),
        reason: text(reason),
        fields,
        keep_alive: own(3).checked_sub(1),
        after: record[after..after + after_len].to_vec(),
    }
}

fn pairs(block: &[u8]) -> Vec<(String, String)> {
    if block.is_empty() {
        return Vec::new();
    }
    let parts: Vec<_> = block.split(|&byte| byte == b'\n').map(text).collect();
    assert!(parts.len().is_multiple_of(2), "a field without a value");
    parts
        .chunks(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect()
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

fn word(bytes: &[u8], index: usize) -> u32 {
    u32::from_le_bytes(
        bytes[index * 4..index * 4 + 4]
            .try_into()
            .expect("four bytes"),
    )
}

/// How a connection is to be closed.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum Close {
    Destroy = 0,
    AfterFlush = 1,
    Reset = 2,
    Half = 3,
    IfIdle = 4,
}

/// Commands of one flush.
#[derive(Default)]
pub struct Out {
    pub bytes: Vec<u8>,
    /// Heads and trailers, and every other short body.
    pub text: Vec<u8>,
    pub held: Vec<Held>,
}

impl Out {
    pub fn new() -> Self {
        Self::default()
    }

    /// The arguments of a flush. Takes the held buffers.
    pub fn outbound(&mut self) -> Outbound<'_> {
        Outbound {
            records: &self.bytes,
            text: &self.text,
            held: std::mem::take(&mut self.held),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn record(
        &mut self,
        (kind, flags): (u32, u32),
        id: ConnectionId,
        words: &[u32],
        tail: &[u8],
    ) -> &mut Self {
        let start = self.bytes.len();
        for word in [kind | flags << 8, 0, id.slot, id.generation]
            .iter()
            .chain(words)
        {
            self.bytes.extend_from_slice(&word.to_le_bytes());
        }
        self.bytes.extend_from_slice(tail);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let length = (self.bytes.len() - start) as u32;
        self.bytes[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
        self
    }

    /// A head and the first part of the body; `flags` of `flag`.
    pub fn head(&mut self, id: ConnectionId, head: &str, body: &[u8], flags: u32) -> &mut Self {
        self.text.extend_from_slice(head.as_bytes());
        let words = [head.len() as u32, body.len() as u32];
        // JavaScript passes text in both of these ways.
        if body.len().is_multiple_of(2) {
            self.record((1, flags), id, &words, body)
        } else {
            self.text.extend_from_slice(body);
            self.record((1, flags | flag::TEXT), id, &words, &[])
        }
    }

    /// A request head and the first part of the body; `flags` of `flag`.
    pub fn request(&mut self, id: ConnectionId, head: &str, body: &[u8], flags: u32) -> &mut Self {
        self.text.extend_from_slice(head.as_bytes());
        let words = [head.len() as u32, body.len() as u32];
        self.record((16, flags), id, &words, body)
    }

    /// A complete GET request.
    pub fn get(&mut self, id: ConnectionId) -> &mut Self {
        self.request(id, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"", flag::END)
    }

    /// A head, and a body that is a held buffer.
    pub fn head_held(&mut self, id: ConnectionId, head: &str, body: Held, flags: u32) -> &mut Self {
        let words = [
            head.len() as u32,
            body.bytes().len() as u32,
            self.held.len() as u32,
        ];
        self.held.push(body);
        self.text.extend_from_slice(head.as_bytes());
        self.record((1, flags | flag::HELD), id, &words, &[])
    }

    pub fn body(&mut self, id: ConnectionId, body: &[u8], flags: u32) -> &mut Self {
        self.record((2, flags), id, &[body.len() as u32], body)
    }

    pub fn body_held(&mut self, id: ConnectionId, body: Held, flags: u32) -> &mut Self {
        let words = [body.bytes().len() as u32, self.held.len() as u32];
        self.held.push(body);
        self.record((2, flags | flag::HELD), id, &words, &[])
    }

    pub fn end(&mut self, id: ConnectionId, trailers: &str, flags: u32) -> &mut Self {
        self.text.extend_from_slice(trailers.as_bytes());
        self.record((3, flags), id, &[trailers.len() as u32], &[])
    }

    pub fn interim(&mut self, id: ConnectionId, head: &str, flags: u32) -> &mut Self {
        self.text.extend_from_slice(head.as_bytes());
        self.record((4, flags), id, &[head.len() as u32], &[])
    }

    pub fn raw(&mut self, id: ConnectionId, bytes: &[u8], flags: u32) -> &mut Self {
        self.record((5, flags), id, &[bytes.len() as u32], bytes)
    }

    pub fn credit(&mut self, id: ConnectionId, bytes: u32) -> &mut Self {
        self.record((6, 0), id, &[bytes], &[])
    }

    pub fn close(&mut self, id: ConnectionId, mode: Close) -> &mut Self {
        self.record((7, 0), id, &[mode as u32], &[])
    }

    pub fn upgrade(&mut self, id: ConnectionId) -> &mut Self {
        self.record((8, 0), id, &[], &[])
    }

    pub fn decline_upgrade(&mut self, id: ConnectionId) -> &mut Self {
        self.record((9, 0), id, &[], &[])
    }

    pub fn socket_timeout(&mut self, id: ConnectionId, millis: u32) -> &mut Self {
        self.record((10, 0), id, &[millis], &[])
    }

    /// Asks for a copy of the bytes that are read.
    pub fn tap(&mut self, id: ConnectionId) -> &mut Self {
        self.record((14, 0), id, &[], &[])
    }

    pub fn pause(&mut self, id: ConnectionId, on: bool) -> &mut Self {
        self.record((13, 0), id, &[u32::from(on)], &[])
    }

    /// Sets the limits of a client's further responses.
    pub fn limits(&mut self, id: ConnectionId, max_header_size: u32, lenient: bool) -> &mut Self {
        self.record((17, 0), id, &[max_header_size, u32::from(lenient)], &[])
    }

    pub fn no_delay(&mut self, id: ConnectionId, on: bool) -> &mut Self {
        self.record((11, 0), id, &[u32::from(on)], &[])
    }

    pub fn tcp_keep_alive(&mut self, id: ConnectionId, on: bool, millis: u32) -> &mut Self {
        self.record((12, 0), id, &[u32::from(on), millis], &[])
    }

    /// A complete response with Content-Length.
    pub fn respond(&mut self, id: ConnectionId, body: &[u8]) -> &mut Self {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        self.head(id, &head, body, flag::END)
    }

    /// A complete response, after which the connection is closed.
    pub fn respond_and_close(&mut self, id: ConnectionId, body: &[u8]) -> &mut Self {
        let head = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.head(id, &head, body, flag::END | flag::CLOSE)
    }
}
