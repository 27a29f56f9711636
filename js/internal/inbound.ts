/** Reads the records of one connection, from wherever they come. The layout is described in `crates/net/src/handoff/`. */
import * as r from './records.js'

/** Buffer's own encoders, which skip the argument juggling of `write`. */
export interface FastBuffer extends Buffer {
  latin1Write(text: string, offset: number): number
  utf8Write(text: string, offset: number): number
  latin1Slice(start: number, end: number): string
}

/** `buffer` as words; it must begin at a multiple of four. */
export function words(buffer: Buffer): Uint32Array {
  return new Uint32Array(buffer.buffer, buffer.byteOffset, buffer.length >> 2)
}

/** `records`, so placed that they can be read as words. */
export function aligned(records: Uint8Array): FastBuffer {
  return (records.byteOffset % 4 === 0 ? records : Buffer.from(new Uint8Array(records).buffer)) as FastBuffer
}

/** What is told of any connection, whichever role it has. */
interface Receiver {
  /** @param flags BODY_RAW and the others of `records.ts` */
  onBody(flags: number, chunk: Buffer): void
  /** @param flags END_LAST or 0 */
  onEnd(flags: number, trailers: string): void
  /**
   * @param kind index of the engine's error
   * @param packet what was being parsed, of which `bytesParsed` are fine
   */
  onParseError(kind: number, bytesParsed: number, packet: Buffer): void
  /** So many of the oldest writes that asked for it have left. */
  onAck(count: number): void
  onTimeout(kind: number): void
  onEof(): void
}

export interface ServerReceiver extends Receiver {
  onHead(
    flags: number,
    line: number,
    targetLength: number,
    fieldCount: number,
    block: string,
    after: Buffer | null,
  ): void
}

/** A response head, interim ones among them. */
export interface ResponseRecord {
  /** RESPONSE_KEEP_ALIVE and the others of `records.ts`. */
  readonly flags: number
  /** Status, major and minor version: 16, 8 and 8 bits from below. */
  readonly line: number
  readonly reasonLength: number
  readonly fieldCount: number
  /** See `fillResponseHead`. */
  readonly block: string
  /** What came behind the head of an upgrade. */
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
 * @param lasting `bytes` stays as it is: body parts need no memory of their own
 * @returns whether a program's code may have run
 */
export function deliver(
  connection: ServerReceiver | ClientReceiver,
  bytes: FastBuffer,
  inWords: Uint32Array,
  at: number,
  lasting: boolean,
): boolean {
  const word = at >> 2
  const first = inWords[word]!
  switch (first & 0xff) {
    case r.IN_HEAD: {
      const start = at + r.HEADER + 20
      const end = start + inWords[word + 7]!
      const block = bytes.latin1Slice(start, end)
      ;(connection as ServerReceiver).onHead(
        first >>> 8,
        inWords[word + 4]!,
        inWords[word + 5]!,
        inWords[word + 6]!,
        block,
        behind(bytes, end, inWords[word + 8]!),
      )
      return true
    }
    case r.IN_BODY: {
      const start = at + r.HEADER + 8
      const part = bytes.subarray(start, start + inWords[word + 4]!)
      connection.onBody(first >>> 8, lasting ? part : Buffer.from(part))
      return true
    }
    case r.IN_END: {
      const start = at + r.HEADER + 4
      const length = inWords[word + 4]!
      connection.onEnd(first >>> 8, length === 0 ? '' : bytes.latin1Slice(start, start + length))
      return true
    }
    case r.IN_ERROR: {
      const start = at + r.HEADER + 12
      const packet = Buffer.from(bytes.subarray(start, start + inWords[word + 6]!))
      connection.onParseError(inWords[word + 4]!, inWords[word + 5]!, packet)
      return true
    }
    case r.IN_RESPONSE: {
      const start = at + r.HEADER + 24
      const end = start + inWords[word + 8]!
      ;(connection as ClientReceiver).onResponse({
        flags: first >>> 8,
        line: inWords[word + 4]!,
        reasonLength: inWords[word + 5]!,
        fieldCount: inWords[word + 6]!,
        block: bytes.latin1Slice(start, end),
        after: behind(bytes, end, inWords[word + 9]!),
      })
      return true
    }
    case r.IN_ACK:
      connection.onAck(inWords[word + 4]!)
      return true
    case r.IN_TIMEOUT:
      connection.onTimeout(inWords[word + 4]!)
      return true
    case r.IN_EOF:
      connection.onEof()
      return true
    default:
      return false
  }
}

/** What followed a head that asks for another protocol; mostly nothing. */
function behind(bytes: FastBuffer, start: number, length: number): Buffer | null {
  return length > 0 ? Buffer.from(bytes.subarray(start, start + length)) : null
}
