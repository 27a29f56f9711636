// Written by the tests of crates/net/src/crossing, where the command is documented. Do not edit.

// Kinds of records from an I/O thread to JavaScript.

/** A server has accepted a connection. */
export const IN_OPEN = 1
/** A request head. */
export const IN_HEAD = 2
/** A part of a body, or raw bytes. */
export const IN_BODY = 3
/** The end of a message. */
export const IN_END = 4
/** The peer has sent malformed bytes. */
export const IN_ERROR = 5
/** The connection is closed: its last record. */
export const IN_CLOSED = 6
/** The kernel has accepted writes that asked for an acknowledgement. */
export const IN_ACK = 7
/** A deadline has passed. */
export const IN_TIMEOUT = 8
/** The peer has sent FIN. */
export const IN_EOF = 9
/** A listening socket is closed. The slot is the server's id. */
export const IN_LISTENER_CLOSED = 10
/** A connection was refused because of `maxConnections`. The slot is the server's id. */
export const IN_DROPPED = 11
/** A response head, interim or final. */
export const IN_RESPONSE = 12
/** A client's connection is established. */
export const IN_CONNECTED = 13
/** A client's connection could not be established: its last record. */
export const IN_CONNECT_FAILED = 14
/** The TLS handshake is complete, after IN_OPEN or IN_CONNECTED. A client, or a server with an invalid client, waits for OUT_APPROVE. */
export const IN_SECURED = 15
/**
 * TLS has failed, and the connection is being closed. Comes after IN_OPEN, which it follows when the handshake failed, or
 * after IN_CONNECTED.
 */
export const IN_TLS_FAILED = 16
/** A client's connection has received a session that later ones can resume. */
export const IN_SESSION = 17
/** A server has begun to refuse requests (flag 1), or has stopped. The slot is the server's id. */
export const IN_OVERLOAD = 18
/** A client has sent its ClientHello, after IN_OPEN, and the handshake waits for the program's decision. */
export const IN_HELLO = 19
/** Secrets of a connection's TLS for 'keylog', after IN_OPEN or IN_CONNECTED. */
export const IN_KEY_LOG = 20

// Flags of IN_HEAD.

/** The connection may be kept after this request. */
export const HEAD_KEEP_ALIVE = 1
/** `Connection: upgrade` with `Upgrade`, or CONNECT. */
export const HEAD_UPGRADE = 2
/** The request is complete: neither IN_BODY nor IN_END follows. */
export const HEAD_COMPLETE = 4
/** `Expect: 100-continue`. */
export const HEAD_EXPECT_CONTINUE = 8
/** Any other expectation. */
export const HEAD_EXPECT_OTHER = 16
/** There is a Host field, so JavaScript does not have to search for it. */
export const HEAD_HAS_HOST = 32

// Flags of IN_RESPONSE.

/** The connection may be kept after this response. */
export const RESPONSE_KEEP_ALIVE = 1
/** The program takes the connection over after this head. */
export const RESPONSE_UPGRADE = 2
/** An interim response. The final one follows. */
export const RESPONSE_INFORMATION = 8

// Flags of IN_BODY.

/** Bytes of a connection that has been upgraded. */
export const BODY_RAW = 1
/** The bytes are not in the record but in a chunk, see the layout `LargeBody`. */
export const BODY_TAKE = 2
/** A copy of bytes that are parsed as well, for the 'data' listeners of the socket. */
export const BODY_TAP = 4

// Flags of IN_END.

/** The client's connection carries no further request. The trailers may have announced that. */
export const END_LAST = 1

// Flags of IN_HELLO.

/** The handshake is one of TLS 1.3. */
export const HELLO_TLS13 = 1
/** rustls does not support what the hello asks for: node:tls takes the client. */
export const HELLO_REFUSED = 2

// The deadline in IN_TIMEOUT.

/** headersTimeout or requestTimeout. The answer is 408. */
export const TIMEOUT_REQUEST = 1
/** The inactivity timeout of the socket. */
export const TIMEOUT_SOCKET = 2
/** keepAliveTimeout. */
export const TIMEOUT_KEEP_ALIVE = 3
/** headersTimeout or requestTimeout, and the I/O thread has answered 408. */
export const TIMEOUT_ANSWERED = 4
/** keepAliveTimeout, and the I/O thread closes the connection. */
export const TIMEOUT_CLOSED_IDLE = 5

// The verdict on the peer's certificates, in IN_SECURED. Its name is not part of it.

/** They are valid, and a trusted certificate has signed them. */
export const VERDICT_TRUSTED = 1
/** A session was resumed. The verdict of its first connection holds. */
export const VERDICT_RESUMED = 2
/** The peer's own certificate is that of an authority, or one of version 1. */
export const VERDICT_UNUSUAL = 3
/** A certificate is not for this use. */
export const VERDICT_PURPOSE = 4
/** An authority may not sign for this name. */
export const VERDICT_NAME_CONSTRAINTS = 5
/** An authority may not sign for other authorities. */
export const VERDICT_PATH_LENGTH = 6
/** A certificate that is not an authority's has signed. */
export const VERDICT_INVALID_CA = 7
/** An unknown extension is critical. */
export const VERDICT_CRITICAL_EXTENSION = 8
/** A signature is not valid. */
export const VERDICT_SIGNATURE = 9
/** They are not valid for another reason, which JavaScript finds. */
export const VERDICT_OTHER = 10
/** A certificate is revoked. */
export const VERDICT_REVOKED = 11
/** There is no list of revoked certificates of an authority. */
export const VERDICT_NO_LIST = 12
/** The list of an authority has expired. */
export const VERDICT_LIST_EXPIRED = 13
/** An authority has not signed its list. */
export const VERDICT_LIST_SIGNATURE = 14

// Reasons in IN_TLS_FAILED that are none of OpenSSL's.

/** The peer closed the connection before the handshake was complete. */
export const TLS_HANG_UP = 0
/** The handshake took longer than handshakeTimeout. */
export const TLS_TIMEOUT = 1
/** Added to the number of an alert that was received. */
export const TLS_ALERT = 1000

// The step of a failed attempt in IN_CONNECT_FAILED.

/** connect(2). */
export const FAILED_CONNECT = 1
/** bind(2) to the local address. */
export const FAILED_BIND = 2

// Kinds of records from JavaScript to an I/O thread.

/** A response head and the first part of the body. Layout `Message`. */
export const OUT_HEAD = 1
/** A part of the body. Layout `Bytes`. */
export const OUT_BODY = 2
/** The end of a message, with trailers. Layout `Text`. */
export const OUT_END = 3
/** An interim response. Layout `Text`. */
export const OUT_INTERIM = 4
/** Bytes without framing. Layout `Bytes`. */
export const OUT_RAW = 5
/** Body bytes that the I/O thread may read beyond its window, or less than 0 to revoke some. */
export const OUT_CREDIT = 6
/** Closes the connection, see CLOSE_DESTROY and the others. */
export const OUT_CLOSE = 7
/** The program takes the connection over. */
export const OUT_UPGRADE = 8
/** Nothing listens for the upgrade. The request is an ordinary one. */
export const OUT_DECLINE_UPGRADE = 9
/** The inactivity timeout in milliseconds, 0 for none. */
export const OUT_SOCKET_TIMEOUT = 10
/** TCP_NODELAY: 1 or 0. */
export const OUT_NO_DELAY = 11
/** SO_KEEPALIVE: 1 or 0, and the initial delay in milliseconds. */
export const OUT_TCP_KEEP_ALIVE = 12
/** Stops reading (1) or continues (0). */
export const OUT_PAUSE = 13
/** Requests a copy of the bytes that are parsed. */
export const OUT_TAP = 14
/** The program keeps the connection after TIMEOUT_KEEP_ALIVE. */
export const OUT_KEEP = 15
/** A request head and the first part of the body. Layout `Message`. */
export const OUT_REQUEST = 16
/** Of a client, for the following responses: maxHeaderSize, and VALIDATION_STRICT or another. */
export const OUT_LIMITS = 17
/** Bytes to be parsed as if the peer had sent them next. Layout `Bytes`. */
export const OUT_FEED = 18
/** The program has approved the peer of a connection with TLS. */
export const OUT_APPROVE = 19

// Flags of the outbound records with text or a payload.

/** The body of the message is sent in the chunked coding (RFC 9112 section 7.1). */
export const CHUNKED = 1
/** The message ends with this record. */
export const END = 2
/** The connection is closed after this message. Only together with END. */
export const CLOSE = 4
/** An IN_ACK follows when the kernel has accepted the bytes. */
export const ACKNOWLEDGE = 8
/** The payload is a buffer that the flush holds. The record has its number instead. */
export const HELD = 16
/** The payload is in the text of the flush, after the head. */
export const TEXT = 32
/** OUT_REQUEST: its method is HEAD. */
export const REQUEST_HEAD = 64
/** OUT_REQUEST: its method is CONNECT. */
export const REQUEST_CONNECT = 128
/** OUT_HEAD, OUT_REQUEST, OUT_END: the program's socket sends the bytes. The record changes the engine's state only. */
export const STATE_ONLY = 256

// How OUT_CLOSE closes.

/** At once. Bytes that the kernel does not accept at once are lost. */
export const CLOSE_DESTROY = 0
/** After everything has been written. */
export const CLOSE_AFTER_FLUSH = 1
/** With RST. */
export const CLOSE_RESET = 2
/** Only our direction, after everything has been written. */
export const CLOSE_HALF = 3
/** Only if no request is arriving or unanswered. */
export const CLOSE_IF_IDLE = 4

// How strictly messages are parsed.

/** As RFC 9112 requires. */
export const VALIDATION_STRICT = 0
/** insecureHTTPParser. */
export const VALIDATION_INSECURE = 1
/** httpValidation 'relaxed'. */
export const VALIDATION_RELAXED = 2

// Kinds of requests by their methods, which decide about the response: the argument of `BindingSession.begin`.

/** Any other method. */
export const REQUEST_IS_ORDINARY = 0
/** HEAD: the response has no body. */
export const REQUEST_IS_HEAD = 1
/** CONNECT: the response may open a tunnel. */
export const REQUEST_IS_CONNECT = 2

// Results of the pool's functions that are not the number of a member or a name.

/** `poolAcquire`: the request gets a connection of its own. */
export const POOL_CONNECT = -1
/** `poolAcquire`: the request waits. */
export const POOL_WAIT = -2
/** `poolReleased`: the connection should be closed. */
export const POOL_CLOSE = 0
/** `poolReleased`: the connection may be kept. */
export const POOL_KEEP = 1
/** `poolReleased`: the oldest request of the queue gets the connection. */
export const POOL_SERVE = 2
/** `poolNext`: no origin. `poolOldest`: no member. */
export const POOL_NONE = -1
/** `poolNext`: POOL_BUSY - `origin` when no request gets a connection because that origin has connections. */
export const POOL_BUSY = -2
/** `poolKeep` and others: the slot of a socket that no I/O thread has. */
export const POOL_NO_SLOT = -1

// Words that JavaScript and the ends of the event loop's phases share.

/** Number of records for which a peer waits that JavaScript has written in this phase. */
export const PHASE_WRITES = 0
/** That number in the last phase of this kind. */
export const PHASE_EXPECTED = 1
/** Not 0: JavaScript has to be called at the end of this phase. */
export const PHASE_WAITING = 2
/** Number of IN_HEAD records that were served, which wraps around. */
export const PHASE_SERVED = 3
/** Not 0: JavaScript has sent records, or begun an attempt to connect, since the event loop last began to poll for I/O. */
export const PHASE_SENT = 4
/** How often the event loop has begun to poll for I/O. Wraps around. */
export const PHASE_TURN = 5
/** Number of these words. */
export const PHASE_COUNT = 6

// The field `line` of a head: from its low end the method or the status, the major and the minor version.

/** IN_HEAD: bits of the method's number. */
export const LINE_METHOD_BITS = 8
/** Those bits. */
export const LINE_METHOD_MASK = 255
/** IN_RESPONSE: bits of the status. */
export const LINE_STATUS_BITS = 16
/** Those bits. */
export const LINE_STATUS_MASK = 65535
/** Bits of the major version. */
export const LINE_MAJOR_BITS = 8
/** Those bits. */
export const LINE_MAJOR_MASK = 255

// A histogram as a list of numbers: the sum and the largest of all values, then the counts of its buckets.

/** Numbers before the counts. */
export const HISTOGRAM_HEADER = 2
/** Buckets for each power of two. */
export const HISTOGRAM_STEPS = 16

// Limits that both sides apply.

/** Body bytes that may be on their way to JavaScript before it grants credit. */
export const BODY_WINDOW = 131072
/** Requests of one connection that may be unanswered before it is read no further. */
export const MAX_PIPELINED = 64
/** Largest number of I/O threads. */
export const MAX_IO_THREADS = 64
/**
 * Largest number of I/O threads where none is set. More threads have not helped in any measurement, because one of them
 * keeps several JavaScript threads busy.
 */
export const DEFAULT_IO_THREADS = 4
/** Smallest limit of the plaintext of a TLS record, in bytes, as OpenSSL has it. */
export const SMALLEST_FRAGMENT = 512
/** Largest limit of the plaintext of a TLS record, in bytes. */
export const LARGEST_FRAGMENT = 16384
