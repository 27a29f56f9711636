/** Reads the records of one connection, of an I/O thread or of a session. `crates/net/src/crossing/` has their layout. */
import * as fields from '../../native/record-fields.js'
import * as r from '../../native/records.js'
import { isEarlyEnd } from './response-error.js'

/** Buffer's own encoders, which are quicker than `write` because they do not inspect their arguments. */
export interface FastBuffer extends Buffer {
  latin1Write(text: string, offset: number): number
  utf8Write(text: string, offset: number): number
  latin1Slice(start: number, end: number): string
}

/** `buffer` as words. It must begin at a multiple of four. */
export function words(buffer: Buffer): Uint32Array {
  return new Uint32Array(buffer.buffer, buffer.byteOffset, buffer.length >> 2)
}

/** `records`, copied if necessary so that they can be read as words. */
export function aligned(records: Uint8Array): FastBuffer {
  return (records.byteOffset % 4 === 0 ? records : Buffer.from(new Uint8Array(records).buffer)) as FastBuffer
}

/** Receives the events of a connection in either role. */
interface Receiver {
  /** @param flags BODY_RAW and the others of `js/native/records.ts` */
  onBody(flags: number, chunk: Buffer): void
  /** @param flags END_LAST or 0 */
  onEnd(flags: number, trailers: string): void
  /**
   * @param kind index of the engine's error
   * @param packet the bytes that were being parsed, of which the first `bytesParsed` are valid
   */
  onParseError(kind: number, bytesParsed: number, packet: Buffer): void
  /**
   * The kernel has accepted the oldest `count` writes of those that asked for an acknowledgement.
   * @param byThisThread whether this thread has written them itself
   */
  onAck(count: number, byThisThread?: boolean): void
  onTimeout(kind: number): void
  onEof(): void
}

/** Receives the events of a connection that may have TLS. */
export interface SecureReceiver {
  /**
   * The handshake of TLS is complete.
   * @param details see `HandshakeResult`
   * @param verdict on a server's certificates, VERDICT_TRUSTED or another
   * @param chain those certificates in DER, one after the other
   * @returns whether a program's code may have run
   */
  onSecured(details: string, verdict: number, chain: Buffer): boolean
  /**
   * The program has to decide about the client of a server.
   * @param name that the client asks for; empty for none
   * @param offer the protocols that it offers, each after its length in one byte
   * @param flags HELLO_TLS13
   */
  onHello?(name: string, offer: Buffer, flags: number): void
  /** @param lines of secrets, each with its line end, which the program listens for */
  onKeyLog?(lines: Buffer): void
  /** @param reason TLS_HANG_UP, TLS_TIMEOUT, or a number of OpenSSL's */
  onTlsFailed(reason: number): void
  /** A client's connection has received a session that later ones can resume. */
  onSession?(): void
}

export interface ServerReceiver extends Receiver, SecureReceiver {
  onHead(head: RequestRecord): void
}

/** A request head. */
export interface RequestRecord {
  /** HEAD_KEEP_ALIVE and the others of `js/native/records.ts`. */
  readonly flags: number
  /** The method's number and the version, see LINE_METHOD_BITS and the others. */
  readonly line: number
  /** Length of the target in characters. */
  readonly targetLength: number
  readonly fieldCount: number
  /** Target, names and values joined by LF, latin1. */
  readonly block: string
  /** Bytes that followed the head of an upgrade. */
  readonly after: Buffer | null
}

/** A response head, which may be an interim one. */
export interface ResponseRecord {
  /** RESPONSE_KEEP_ALIVE and the others of `js/native/records.ts`. */
  readonly flags: number
  /** Status and version, see LINE_STATUS_BITS and the others. */
  readonly line: number
  readonly reasonLength: number
  readonly fieldCount: number
  /** Reason, names and values joined by LF, latin1. */
  readonly block: string
  /** Bytes that followed the head of an upgrade. */
  readonly after: Buffer | null
}

export interface ClientReceiver extends Receiver {
  onResponse(head: ResponseRecord): void
}

/**
 * Serves one record: HEAD or RESPONSE, BODY with its bytes in the record, END, ERROR, ACK, TIMEOUT or EOF.
 *
 * @param at where the record begins in `bytes`
 * @param inWords the same memory
 * @param lasting `bytes` is never overwritten, so body parts need not be copied
 * @returns whether code of the program may have run
 */
export function deliver(
  connection: ServerReceiver | ClientReceiver,
  bytes: FastBuffer,
  inWords: Uint32Array,
  at: number,
  lasting: boolean,
): boolean {
  const word = at >> 2
  switch (fields.kind(inWords, word)) {
    case r.IN_HEAD: {
      const start = at + fields.HEAD_PAYLOAD
      const end = start + fields.headBlockLength(inWords, word)
      ;(connection as ServerReceiver).onHead({
        flags: fields.flags(inWords, word),
        line: fields.headLine(inWords, word),
        targetLength: fields.headTargetLength(inWords, word),
        fieldCount: fields.headFieldCount(inWords, word),
        block: bytes.latin1Slice(start, end),
        after: bytesAfterHead(bytes, end, fields.headAfterLength(inWords, word)),
      })
      return true
    }
    case r.IN_BODY: {
      const start = at + fields.BODY_PAYLOAD
      const part = bytes.subarray(start, start + fields.bodyLength(inWords, word))
      connection.onBody(fields.flags(inWords, word), lasting ? part : Buffer.from(part))
      return true
    }
    case r.IN_END: {
      const start = at + fields.END_PAYLOAD
      const length = fields.endTrailersLength(inWords, word)
      connection.onEnd(fields.flags(inWords, word), length === 0 ? '' : bytes.latin1Slice(start, start + length))
      return true
    }
    case r.IN_ERROR: {
      const start = at + fields.ERROR_PAYLOAD
      const packet = Buffer.from(bytes.subarray(start, start + fields.errorPacketLength(inWords, word)))
      connection.onParseError(fields.errorKind(inWords, word), fields.errorBytesParsed(inWords, word), packet)
      return true
    }
    case r.IN_RESPONSE: {
      const start = at + fields.RESPONSE_PAYLOAD
      const end = start + fields.responseBlockLength(inWords, word)
      ;(connection as ClientReceiver).onResponse({
        flags: fields.flags(inWords, word),
        line: fields.responseLine(inWords, word),
        reasonLength: fields.responseReasonLength(inWords, word),
        fieldCount: fields.responseFieldCount(inWords, word),
        block: bytes.latin1Slice(start, end),
        after: bytesAfterHead(bytes, end, fields.responseAfterLength(inWords, word)),
      })
      return true
    }
    case r.IN_ACK:
      connection.onAck(fields.ackCount(inWords, word))
      return true
    case r.IN_TIMEOUT:
      connection.onTimeout(fields.timeoutDeadline(inWords, word))
      return true
    case r.IN_EOF:
      connection.onEof()
      return true
    case r.IN_SECURED: {
      const start = at + fields.SECURED_PAYLOAD
      // A server name is ASCII; a protocol's may be any bytes.
      const end = start + fields.securedDetailsLength(inWords, word)
      const chain = Buffer.from(bytes.subarray(end, end + fields.securedChainLength(inWords, word)))
      const details = bytes.latin1Slice(start, end)
      return (
        (connection as Partial<SecureReceiver>).onSecured?.(details, fields.securedVerdict(inWords, word), chain) ===
        true
      )
    }
    case r.IN_HELLO: {
      const start = at + fields.HELLO_PAYLOAD
      const end = start + fields.helloNameLength(inWords, word)
      const offer = Buffer.from(bytes.subarray(end, end + fields.helloProtocolsLength(inWords, word)))
      ;(connection as Partial<SecureReceiver>).onHello?.(
        bytes.latin1Slice(start, end),
        offer,
        fields.flags(inWords, word),
      )
      return true
    }
    case r.IN_KEY_LOG: {
      const start = at + fields.KEY_LOG_PAYLOAD
      const lines = Buffer.from(bytes.subarray(start, start + fields.keyLogLength(inWords, word)))
      ;(connection as Partial<SecureReceiver>).onKeyLog?.(lines)
      return true
    }
    case r.IN_TLS_FAILED:
      ;(connection as Partial<SecureReceiver>).onTlsFailed?.(fields.tlsFailedReason(inWords, word))
      return true
    case r.IN_SESSION:
      ;(connection as Partial<SecureReceiver>).onSession?.()
      return true
    default:
      return false
  }
}

/** The bytes that followed the head of an upgrade, null if there are none. */
function bytesAfterHead(bytes: FastBuffer, start: number, length: number): Buffer | null {
  return length > 0 ? Buffer.from(bytes.subarray(start, start + length)) : null
}

/**
 * Number of records from `at` on that one read has brought together with the record before them, which is of the same connection.
 *
 * @param end of the records
 */
export function restOfRead(inWords: Uint32Array, at: number, end: number, slot: number, generation: number): number {
  let count = 0
  for (; at < end; at += fields.length(inWords, at >> 2)) {
    const word = at >> 2
    const kind = fields.kind(inWords, word)
    const isOfConnection = fields.slot(inWords, word) === slot && fields.generation(inWords, word) === generation
    if (!isOfConnection || kind < r.IN_HEAD || kind > r.IN_ERROR) break
    if (kind === r.IN_ERROR && isEarlyEnd(fields.errorKind(inWords, word))) break
    count++
  }
  return count
}
