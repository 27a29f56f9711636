//! Numbers that both languages use.

/// A group of numbers, as the generator of TypeScript sees it.
#[cfg(test)]
pub(super) struct Group {
    /// Lines of its doc comment.
    pub(super) doc: &'static [&'static str],
    /// The prefix of its names in TypeScript.
    pub(super) prefix: &'static str,
    pub(super) numbers: &'static [Number],
}

#[cfg(test)]
pub(super) struct Number {
    /// Lines of its doc comment.
    pub(super) doc: &'static [&'static str],
    pub(super) name: &'static str,
    pub(super) value: i64,
}

/// Declares modules of constants and, for the generator, the list of them.
macro_rules! numbers {
    ($(
        $(#[doc = $group_doc:literal])*
        $visibility:vis mod $group:ident: $type:ty, $prefix:literal {
            $( $(#[doc = $doc:literal])* $name:ident = $value:expr; )*
        }
    )*) => {
        $(
            $(#[doc = $group_doc])*
            $visibility mod $group {
                $( $(#[doc = $doc])* $visibility const $name: $type = $value; )*
            }
        )*

        /// All groups, in the order of their declaration.
        #[cfg(test)]
        pub(super) const GROUPS: &[Group] = &[$(
            Group {
                doc: &[$($group_doc),*],
                prefix: $prefix,
                numbers: &[$(
                    Number {
                        doc: &[$($doc),*],
                        name: stringify!($name),
                        value: $group::$name as i64,
                    },
                )*],
            },
        )*];
    };
}

numbers! {
    /// Kinds of records from an I/O thread to JavaScript.
    pub(crate) mod inbound: u32, "IN_" {
        /// A server has accepted a connection.
        OPEN = 1;
        /// A request head.
        HEAD = 2;
        /// A part of a body, or raw bytes.
        BODY = 3;
        /// The end of a message.
        END = 4;
        /// The peer has sent malformed bytes.
        ERROR = 5;
        /// The connection is closed: its last record.
        CLOSED = 6;
        /// The kernel has accepted writes that asked for an acknowledgement.
        ACK = 7;
        /// A deadline has passed.
        TIMEOUT = 8;
        /// The peer has sent FIN.
        EOF = 9;
        /// A listening socket is closed. The slot is the server's id.
        LISTENER_CLOSED = 10;
        /// A connection was refused because of `maxConnections`. The slot is the server's id.
        DROPPED = 11;
        /// A response head, interim or final.
        RESPONSE = 12;
        /// A client's connection is established.
        CONNECTED = 13;
        /// A client's connection could not be established: its last record.
        CONNECT_FAILED = 14;
        /// The TLS handshake is complete, after IN_OPEN or IN_CONNECTED. A client, or a server with an invalid client, waits for OUT_APPROVE.
        SECURED = 15;
        /// TLS has failed, and the connection is being closed. Comes after IN_OPEN, which it follows when the handshake failed, or
        /// after IN_CONNECTED.
        TLS_FAILED = 16;
        /// A client's connection has received a session that later ones can resume.
        SESSION = 17;
        /// A server has begun to refuse requests (flag 1), or has stopped. The slot is the server's id.
        OVERLOAD = 18;
        /// A client has sent its ClientHello, after IN_OPEN, and the handshake waits for the program's decision.
        HELLO = 19;
        /// Secrets of a connection's TLS for 'keylog', after IN_OPEN or IN_CONNECTED.
        KEY_LOG = 20;
    }

    /// Flags of IN_HEAD.
    pub(crate) mod head_flag: u32, "HEAD_" {
        /// The connection may be kept after this request.
        KEEP_ALIVE = 1;
        /// `Connection: upgrade` with `Upgrade`, or CONNECT.
        UPGRADE = 2;
        /// The request is complete: neither IN_BODY nor IN_END follows.
        COMPLETE = 4;
        /// `Expect: 100-continue`.
        EXPECT_CONTINUE = 8;
        /// Any other expectation.
        EXPECT_OTHER = 16;
        /// There is a Host field, so JavaScript does not have to search for it.
        HAS_HOST = 32;
    }

    /// Flags of IN_RESPONSE.
    pub(crate) mod response_flag: u32, "RESPONSE_" {
        /// The connection may be kept after this response.
        KEEP_ALIVE = 1;
        /// The program takes the connection over after this head.
        UPGRADE = 2;
        /// An interim response. The final one follows.
        INFORMATION = 8;
    }

    /// Flags of IN_BODY.
    pub(crate) mod body_flag: u32, "BODY_" {
        /// Bytes of a connection that has been upgraded.
        RAW = 1;
        /// The bytes are not in the record but in a chunk, see the layout `LargeBody`.
        TAKE = 2;
        /// A copy of bytes that are parsed as well, for the 'data' listeners of the socket.
        TAP = 4;
    }

    /// Flags of IN_END.
    pub(crate) mod end_flag: u32, "END_" {
        /// The client's connection carries no further request. The trailers may have announced that.
        LAST = 1;
    }

    /// Flags of IN_HELLO.
    pub(crate) mod hello_flag: u32, "HELLO_" {
        /// The handshake is one of TLS 1.3.
        TLS13 = 1;
        /// rustls does not support what the hello asks for: node:tls takes the client.
        REFUSED = 2;
    }

    /// The deadline in IN_TIMEOUT.
    pub(crate) mod timeout: u32, "TIMEOUT_" {
        /// headersTimeout or requestTimeout. The answer is 408.
        REQUEST = 1;
        /// The inactivity timeout of the socket.
        SOCKET = 2;
        /// keepAliveTimeout.
        KEEP_ALIVE = 3;
        /// headersTimeout or requestTimeout, and the I/O thread has answered 408.
        ANSWERED = 4;
        /// keepAliveTimeout, and the I/O thread closes the connection.
        CLOSED_IDLE = 5;
    }

    /// The verdict on the peer's certificates, in IN_SECURED. Its name is not part of it.
    pub(crate) mod verdict: u32, "VERDICT_" {
        /// They are valid, and a trusted certificate has signed them.
        TRUSTED = 1;
        /// A session was resumed. The verdict of its first connection holds.
        RESUMED = 2;
        /// The peer's own certificate is that of an authority, or one of version 1.
        UNUSUAL = 3;
        /// A certificate is not for this use.
        PURPOSE = 4;
        /// An authority may not sign for this name.
        NAME_CONSTRAINTS = 5;
        /// An authority may not sign for other authorities.
        PATH_LENGTH = 6;
        /// A certificate that is not an authority's has signed.
        INVALID_CA = 7;
        /// An unknown extension is critical.
        CRITICAL_EXTENSION = 8;
        /// A signature is not valid.
        SIGNATURE = 9;
        /// They are not valid for another reason, which JavaScript finds.
        OTHER = 10;
        /// A certificate is revoked.
        REVOKED = 11;
        /// There is no list of revoked certificates of an authority.
        NO_LIST = 12;
        /// The list of an authority has expired.
        LIST_EXPIRED = 13;
        /// An authority has not signed its list.
        LIST_SIGNATURE = 14;
    }

    /// Reasons in IN_TLS_FAILED that are none of OpenSSL's.
    pub(crate) mod tls_failure: u32, "TLS_" {
        /// The peer closed the connection before the handshake was complete.
        HANG_UP = 0;
        /// The handshake took longer than handshakeTimeout.
        TIMEOUT = 1;
        /// Added to the number of an alert that was received.
        ALERT = 1000;
    }

    /// The step of a failed attempt in IN_CONNECT_FAILED.
    pub(crate) mod step: u32, "FAILED_" {
        /// connect(2).
        CONNECT = 1;
        /// bind(2) to the local address.
        BIND = 2;
    }

    /// Kinds of records from JavaScript to an I/O thread.
    pub(crate) mod outbound: u32, "OUT_" {
        /// A response head and the first part of the body. Layout `Message`.
        HEAD = 1;
        /// A part of the body. Layout `Bytes`.
        BODY = 2;
        /// The end of a message, with trailers. Layout `Text`.
        END = 3;
        /// An interim response. Layout `Text`.
        INTERIM = 4;
        /// Bytes without framing. Layout `Bytes`.
        RAW = 5;
        /// Body bytes that the I/O thread may read beyond its window, or less than 0 to revoke some.
        CREDIT = 6;
        /// Closes the connection, see CLOSE_DESTROY and the others.
        CLOSE = 7;
        /// The program takes the connection over.
        UPGRADE = 8;
        /// Nothing listens for the upgrade. The request is an ordinary one.
        DECLINE_UPGRADE = 9;
        /// The inactivity timeout in milliseconds, 0 for none.
        SOCKET_TIMEOUT = 10;
        /// TCP_NODELAY: 1 or 0.
        NO_DELAY = 11;
        /// SO_KEEPALIVE: 1 or 0, and the initial delay in milliseconds.
        TCP_KEEP_ALIVE = 12;
        /// Stops reading (1) or continues (0).
        PAUSE = 13;
        /// Requests a copy of the bytes that are parsed.
        TAP = 14;
        /// The program keeps the connection after TIMEOUT_KEEP_ALIVE.
        KEEP = 15;
        /// A request head and the first part of the body. Layout `Message`.
        REQUEST = 16;
        /// Of a client, for the following responses: maxHeaderSize, and VALIDATION_STRICT or another.
        LIMITS = 17;
        /// Bytes to be parsed as if the peer had sent them next. Layout `Bytes`.
        FEED = 18;
        /// The program has approved the peer of a connection with TLS.
        APPROVE = 19;
    }

    /// Flags of the outbound records with text or a payload.
    pub(crate) mod flag: u32, "" {
        /// The body of the message is sent in the chunked coding (RFC 9112 section 7.1).
        CHUNKED = 1;
        /// The message ends with this record.
        END = 2;
        /// The connection is closed after this message. Only together with END.
        CLOSE = 4;
        /// An IN_ACK follows when the kernel has accepted the bytes.
        ACKNOWLEDGE = 8;
        /// The payload is a buffer that the flush holds. The record has its number instead.
        HELD = 16;
        /// The payload is in the text of the flush, after the head.
        TEXT = 32;
        /// OUT_REQUEST: its method is HEAD.
        REQUEST_HEAD = 64;
        /// OUT_REQUEST: its method is CONNECT.
        REQUEST_CONNECT = 128;
        /// OUT_HEAD, OUT_REQUEST, OUT_END: the program's socket sends the bytes. The record changes the engine's state only.
        STATE_ONLY = 256;
    }

    /// How OUT_CLOSE closes.
    pub(crate) mod close_mode: u32, "CLOSE_" {
        /// At once. Bytes that the kernel does not accept at once are lost.
        DESTROY = 0;
        /// After everything has been written.
        AFTER_FLUSH = 1;
        /// With RST.
        RESET = 2;
        /// Only our direction, after everything has been written.
        HALF = 3;
        /// Only if no request is arriving or unanswered.
        IF_IDLE = 4;
    }

    /// How strictly messages are parsed.
    pub mod validation: u32, "VALIDATION_" {
        /// As RFC 9112 requires.
        STRICT = 0;
        /// insecureHTTPParser.
        INSECURE = 1;
        /// httpValidation 'relaxed'.
        RELAXED = 2;
    }

    /// Kinds of requests by their methods, which decide about the response: the argument of `BindingSession.begin`.
    pub mod request_kind: u32, "REQUEST_IS_" {
        /// Any other method.
        ORDINARY = 0;
        /// HEAD: the response has no body.
        HEAD = 1;
        /// CONNECT: the response may open a tunnel.
        CONNECT = 2;
    }

    /// Results of the pool's functions that are not the number of a member or a name.
    pub mod pool_answer: i32, "POOL_" {
        /// `poolAcquire`: the request gets a connection of its own.
        CONNECT = -1;
        /// `poolAcquire`: the request waits.
        WAIT = -2;
        /// `poolReleased`: the connection should be closed.
        CLOSE = 0;
        /// `poolReleased`: the connection may be kept.
        KEEP = 1;
        /// `poolReleased`: the oldest request of the queue gets the connection.
        SERVE = 2;
        /// `poolNext`: no origin. `poolOldest`: no member.
        NONE = -1;
        /// `poolNext`: POOL_BUSY - `origin` when no request gets a connection because that origin has connections.
        BUSY = -2;
        /// `poolKeep` and others: the slot of a socket that no I/O thread has.
        NO_SLOT = -1;
    }

    /// Words that JavaScript and the ends of the event loop's phases share.
    pub mod phase_word: u32, "PHASE_" {
        /// Number of records for which a peer waits that JavaScript has written in this phase.
        WRITES = 0;
        /// That number in the last phase of this kind.
        EXPECTED = 1;
        /// Not 0: JavaScript has to be called at the end of this phase.
        WAITING = 2;
        /// Number of IN_HEAD records that were served, which wraps around.
        SERVED = 3;
        /// Not 0: JavaScript has sent records, or begun an attempt to connect, since the event loop last began to poll for I/O.
        SENT = 4;
        /// How often the event loop has begun to poll for I/O. Wraps around.
        TURN = 5;
        /// Number of these words.
        COUNT = 6;
    }

    /// The field `line` of a head: from its low end the method or the status, the major and the minor version.
    pub(crate) mod line: u32, "LINE_" {
        /// IN_HEAD: bits of the method's number.
        METHOD_BITS = 8;
        /// Those bits.
        METHOD_MASK = (1 << METHOD_BITS) - 1;
        /// IN_RESPONSE: bits of the status.
        STATUS_BITS = 16;
        /// Those bits.
        STATUS_MASK = (1 << STATUS_BITS) - 1;
        /// Bits of the major version.
        MAJOR_BITS = 8;
        /// Those bits.
        MAJOR_MASK = (1 << MAJOR_BITS) - 1;
    }

    /// A histogram as a list of numbers: the sum and the largest of all values, then the counts of its buckets.
    pub(crate) mod histogram: u32, "HISTOGRAM_" {
        /// Numbers before the counts.
        HEADER = 2;
        /// Buckets for each power of two.
        STEPS = 16;
    }

    /// Limits that both sides apply.
    pub mod limit: u32, "" {
        /// Body bytes that may be on their way to JavaScript before it grants credit.
        BODY_WINDOW = 128 * 1024;
        /// Requests of one connection that may be unanswered before it is read no further.
        MAX_PIPELINED = ferrohttp_proto::MAX_PIPELINED as u32;
        /// Largest number of I/O threads.
        MAX_IO_THREADS = 64;
        /// Largest number of I/O threads where none is set. More threads have not helped in any measurement, because one of them
        /// keeps several JavaScript threads busy.
        DEFAULT_IO_THREADS = 4;
        /// Smallest limit of the plaintext of a TLS record, in bytes, as OpenSSL has it.
        SMALLEST_FRAGMENT = 512;
        /// Largest limit of the plaintext of a TLS record, in bytes.
        LARGEST_FRAGMENT = 16 * 1024;
    }
}
