// Written by the tests of crates/net/src/crossing, where the command is documented. Do not edit.
//
// `words` is the memory of the records, `word` the word at which a record begins. Constants are in bytes from there.

export function kind(words: Uint32Array, word: number): number {
  return words[word]! & 255
}

export function flags(words: Uint32Array, word: number): number {
  return words[word]! >>> 8
}

export function length(words: Uint32Array, word: number): number {
  return words[word + 1]!
}

export function slot(words: Uint32Array, word: number): number {
  return words[word + 2]!
}

export function generation(words: Uint32Array, word: number): number {
  return words[word + 3]!
}

export function firstWord(kind: number, flags: number): number {
  return kind | (flags << 8)
}

/** Writes all of a record's header but the length. `first`: see `firstWord`. */
export function setHeader(
  words: Uint32Array,
  word: number,
  first: number,
  slot: number,
  generation: number,
): void {
  words[word] = first
  words[word + 2] = slot
  words[word + 3] = generation
}

export function setLength(words: Uint32Array, word: number, length: number): void {
  words[word + 1] = length
}

/** The length of a payload that begins at the byte `payload` is the word before it. */
export function setPayloadLength(words: Uint32Array, payload: number, length: number): void {
  words[(payload >> 2) - 1] = length
}

// IN_OPEN, IN_CONNECTED, IN_DROPPED. Payload: both addresses.

/** IN_OPEN: id of the server. IN_CONNECTED: position of the address in the list that `connect` was given, 0 for a path. */
export function endpointsNumber(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Bytes of `address LF port LF address LF port`, local first. 0 when they are not known. */
export function endpointsAddressesLength(words: Uint32Array, word: number): number {
  return words[word + 5]!
}

/** Where the fields end and the payload begins. */
export const ENDPOINTS_PAYLOAD = 24

// IN_HEAD. Payload: the block `target LF name LF value …`, then the bytes after an upgrade head.

/** Method and version, see LINE_METHOD_BITS and the others. */
export function headLine(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Bytes of the target. */
export function headTargetLength(words: Uint32Array, word: number): number {
  return words[word + 5]!
}

/** Fields of the head. */
export function headFieldCount(words: Uint32Array, word: number): number {
  return words[word + 6]!
}

/** Bytes of the block. */
export function headBlockLength(words: Uint32Array, word: number): number {
  return words[word + 7]!
}

/** Bytes of the stream that follow an upgrade head. */
export function headAfterLength(words: Uint32Array, word: number): number {
  return words[word + 8]!
}

/** Where the fields end and the payload begins. */
export const HEAD_PAYLOAD = 36

// IN_RESPONSE. Payload: the block `reason LF name LF value …`, then the bytes after an upgrade head.

/** Status and version, see LINE_STATUS_BITS and the others. */
export function responseLine(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Bytes of the reason phrase. */
export function responseReasonLength(words: Uint32Array, word: number): number {
  return words[word + 5]!
}

/** Fields of the head. */
export function responseFieldCount(words: Uint32Array, word: number): number {
  return words[word + 6]!
}

/** The server's `Keep-Alive: timeout` in seconds, plus 1. 0 when there is none. */
export function responseKeepAliveHint(words: Uint32Array, word: number): number {
  return words[word + 7]!
}

/** Bytes of the block. */
export function responseBlockLength(words: Uint32Array, word: number): number {
  return words[word + 8]!
}

/** Bytes of the stream that follow an upgrade head. */
export function responseAfterLength(words: Uint32Array, word: number): number {
  return words[word + 9]!
}

/** Where the fields end and the payload begins. */
export const RESPONSE_PAYLOAD = 40

// IN_BODY without BODY_TAKE. Payload: the bytes.

/** Bytes of the part. */
export function bodyLength(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Always 0: `LargeBody` has its chunk here. */
export function bodyReserved(words: Uint32Array, word: number): number {
  return words[word + 5]!
}

/** Where the fields end and the payload begins. */
export const BODY_PAYLOAD = 24

// IN_BODY with BODY_TAKE.

/** Bytes of the part. */
export function largeBodyLength(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Position of its chunk in the batch. JavaScript takes a chunk with its first part. */
export function largeBodyChunk(words: Uint32Array, word: number): number {
  return words[word + 5]!
}

/** Where in the chunk the part begins. Only the first part of a chunk begins at 0. */
export function largeBodyOffset(words: Uint32Array, word: number): number {
  return words[word + 6]!
}

/** Where the fields end and the payload begins. */
export const LARGE_BODY_PAYLOAD = 28

// IN_END. Payload: the trailers, `name LF value LF name …`.

/** Bytes of the trailers. */
export function endTrailersLength(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Where the fields end and the payload begins. */
export const END_PAYLOAD = 20

// IN_ERROR. Payload: the bytes that were being parsed.

/** Index into the list of parser errors. */
export function errorKind(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Number of valid bytes at the beginning of the packet. */
export function errorBytesParsed(words: Uint32Array, word: number): number {
  return words[word + 5]!
}

/** Bytes of the packet. */
export function errorPacketLength(words: Uint32Array, word: number): number {
  return words[word + 6]!
}

/** Where the fields end and the payload begins. */
export const ERROR_PAYLOAD = 28

// IN_CLOSED.

/** The operating system's error number, 0 for an orderly end. */
export function closedErrno(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Bytes received. */
export function closedReceived(words: Uint32Array, word: number): number {
  return words[word + 5]! + words[word + 6]! * 2 ** 32
}

/** Bytes that the kernel has accepted. */
export function closedSent(words: Uint32Array, word: number): number {
  return words[word + 7]! + words[word + 8]! * 2 ** 32
}

/** Number of a client's requests of which the kernel may have accepted a byte. */
export function closedRequests(words: Uint32Array, word: number): number {
  return words[word + 9]!
}

/** Where the fields end and the payload begins. */
export const CLOSED_PAYLOAD = 40

// IN_CONNECT_FAILED. `Failure` follows once for each attempt, in the order in which they began.

/** Number of attempts. */
export function connectFailedAttempts(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Where the fields end and the payload begins. */
export const CONNECT_FAILED_PAYLOAD = 20

// One attempt of IN_CONNECT_FAILED. Its offsets count from its own beginning.

/** The operating system's error number, 0 when it gave none. */
export function failureErrno(words: Uint32Array, word: number): number {
  return words[word]!
}

/** FAILED_CONNECT or FAILED_BIND. */
export function failureStep(words: Uint32Array, word: number): number {
  return words[word + 1]!
}

/** Position of the address in the list that `connect` was given. */
export function failureIndex(words: Uint32Array, word: number): number {
  return words[word + 2]!
}

/** Bytes of one. */
export const FAILURE_BYTES = 12

// IN_SECURED. Payload: `protocol LF cipher LF group LF 1 or 0 LF server name LF protocol by ALPN`. The digit says whether a  session was resumed. The peer's certificates in DER follow, if it was asked for any.

/** The verdict on the certificates, VERDICT_TRUSTED or another; 0 for a client that was not asked for any. */
export function securedVerdict(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Bytes of the certificates. */
export function securedChainLength(words: Uint32Array, word: number): number {
  return words[word + 5]!
}

/** Bytes of the payload up to the certificates. */
export function securedDetailsLength(words: Uint32Array, word: number): number {
  return words[word + 6]!
}

/** Where the fields end and the payload begins. */
export const SECURED_PAYLOAD = 28

// IN_HELLO. Payload: the server name, then the protocols that the client offers, each after its length in one byte.

/** Bytes of the protocols, 0 if it offers none. */
export function helloProtocolsLength(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Bytes of the name, 0 if the client has asked for none. */
export function helloNameLength(words: Uint32Array, word: number): number {
  return words[word + 5]!
}

/** Where the fields end and the payload begins. */
export const HELLO_PAYLOAD = 24

// IN_KEY_LOG. Payload: the lines, each with its line end.

/** Bytes of the lines. */
export function keyLogLength(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Where the fields end and the payload begins. */
export const KEY_LOG_PAYLOAD = 20

// IN_TLS_FAILED.

/** TLS_HANG_UP, TLS_TIMEOUT, or a reason of OpenSSL's library for SSL. */
export function tlsFailedReason(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Where the fields end and the payload begins. */
export const TLS_FAILED_PAYLOAD = 20

// IN_OVERLOAD.

/** The time in microseconds that the oldest request has waited for JavaScript. */
export function overloadDelay(words: Uint32Array, word: number): number {
  return words[word + 4]! + words[word + 5]! * 2 ** 32
}

/** Number of requests that the server has refused. */
export function overloadRefused(words: Uint32Array, word: number): number {
  return words[word + 6]! + words[word + 7]! * 2 ** 32
}

/** Where the fields end and the payload begins. */
export const OVERLOAD_PAYLOAD = 32

// IN_ACK.

/** Number of the oldest unacknowledged writes that the kernel has accepted. */
export function ackCount(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Where the fields end and the payload begins. */
export const ACK_PAYLOAD = 20

// IN_TIMEOUT.

/** TIMEOUT_REQUEST or another. */
export function timeoutDeadline(words: Uint32Array, word: number): number {
  return words[word + 4]!
}

/** Where the fields end and the payload begins. */
export const TIMEOUT_PAYLOAD = 20

// OUT_HEAD, OUT_REQUEST. The head is in the text of the flush. Payload: the first part of the body.

/** Bytes of the head. */
export function setMessageHeadLength(words: Uint32Array, word: number, value: number): void {
  words[word + 4] = value
}

/** Bytes of the body part. */
export function setMessageBodyLength(words: Uint32Array, word: number, value: number): void {
  words[word + 5] = value
}

/** Where the fields end and the payload begins. */
export const MESSAGE_PAYLOAD = 24

// OUT_BODY, OUT_RAW, OUT_FEED. Payload: the bytes.

/** Number of the bytes. */
export function setBytesLength(words: Uint32Array, word: number, value: number): void {
  words[word + 4] = value
}

/** Where the fields end and the payload begins. */
export const BYTES_PAYLOAD = 20

// OUT_END, OUT_INTERIM. The text is in the text of the flush.

/** Bytes of the text. */
export function setTextLength(words: Uint32Array, word: number, value: number): void {
  words[word + 4] = value
}

/** Where the fields end and the payload begins. */
export const TEXT_PAYLOAD = 20

// All other outbound records. The kind decides what the numbers are. JavaScript always writes both.

/** The first number, 0 when the kind has none. */
export function setCommandFirst(words: Uint32Array, word: number, value: number): void {
  words[word + 4] = value
}

/** The second number, 0 when the kind has none. */
export function setCommandSecond(words: Uint32Array, word: number, value: number): void {
  words[word + 5] = value
}

/** Where the fields end and the payload begins. */
export const COMMAND_PAYLOAD = 24
