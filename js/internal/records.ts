/**
 * The numbers of the records that cross between JavaScript and the I/O threads. They mirror
 * `crates/net/src/handoff/`, where the layout is described; a test compares the two.
 */

/** Bytes before a record's own words: type and flags, length, slot, generation. */
export const HEADER = 16

/** I/O thread → JavaScript. */
export const IN_OPEN = 1
export const IN_HEAD = 2
export const IN_BODY = 3
export const IN_END = 4
export const IN_ERROR = 5
export const IN_CLOSED = 6
export const IN_ACK = 7
export const IN_TIMEOUT = 8
export const IN_EOF = 9
export const IN_LISTENER_CLOSED = 10
export const IN_DROPPED = 11
export const IN_RESPONSE = 12
export const IN_CONNECTED = 13
export const IN_CONNECT_FAILED = 14

/** Flags of IN_RESPONSE. */
export const RESPONSE_KEEP_ALIVE = 1
export const RESPONSE_UPGRADE = 2
export const RESPONSE_INFORMATION = 8

/** The step of a failed attempt in IN_CONNECT_FAILED. */
export const FAILED_CONNECT = 1
export const FAILED_BIND = 2

/** Flags of IN_HEAD. */
export const HEAD_KEEP_ALIVE = 1
export const HEAD_UPGRADE = 2
export const HEAD_COMPLETE = 4
export const HEAD_EXPECT_CONTINUE = 8
export const HEAD_EXPECT_OTHER = 16
export const HEAD_HAS_HOST = 32

/** Flag of IN_END: the client's connection carries no further request. */
export const END_LAST = 1

/** Flags of IN_BODY. */
export const BODY_RAW = 1
export const BODY_TAKE = 2
/** A copy of bytes that have been parsed, for the socket's 'data' listeners. */
export const BODY_TAP = 4

/** What IN_TIMEOUT tells of. */
export const TIMEOUT_REQUEST = 1
export const TIMEOUT_SOCKET = 2
export const TIMEOUT_KEEP_ALIVE = 3

/** JavaScript → I/O thread. CHUNKED, END, CLOSE and ACKNOWLEDGE of `transport.ts` are flags of the first five. */
export const OUT_HEAD = 1
export const OUT_BODY = 2
export const OUT_END = 3
export const OUT_INTERIM = 4
export const OUT_RAW = 5
export const OUT_CREDIT = 6
export const OUT_CLOSE = 7
export const OUT_UPGRADE = 8
export const OUT_DECLINE_UPGRADE = 9
export const OUT_SOCKET_TIMEOUT = 10
export const OUT_NO_DELAY = 11
export const OUT_TCP_KEEP_ALIVE = 12
export const OUT_PAUSE = 13
export const OUT_TAP = 14
export const OUT_KEEP = 15
export const OUT_REQUEST = 16
/** Of a client: maxHeaderSize, and 1 for insecureHTTPParser, from here on. */
export const OUT_LIMITS = 17
/** Bytes to be read as if the peer had sent them next. */
export const OUT_FEED = 18

/** The payload is a buffer of the flush, not in the record: after its length comes the number that `hold` gave it. */
export const HELD = 16
/** The payload is in the flush's text, behind the head. */
export const TEXT = 32
/** OUT_REQUEST: its method is HEAD, or CONNECT. */
export const REQUEST_HEAD = 64
export const REQUEST_CONNECT = 128
/** OUT_HEAD, OUT_REQUEST, OUT_END: the bytes go through the program's socket; the record only moves the engine on. */
export const STATE_ONLY = 256

/** How OUT_CLOSE closes. */
export const CLOSE_DESTROY = 0
export const CLOSE_AFTER_FLUSH = 1
export const CLOSE_RESET = 2
export const CLOSE_HALF = 3
export const CLOSE_IF_IDLE = 4
