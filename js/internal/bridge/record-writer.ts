/**
 * Writes the records of one JavaScript thread for all of its connections into one buffer, which one flush sends.
 *
 * Responses of many peers share the buffer and the text, so each record is a transaction: everything that can throw (an unknown
 * encoding, a failed allocation, the end of the stack, the program's own getters) happens before the commit, and the commit is a
 * run of plain stores that ends with the cursor. A record that was not committed is overwritten by the next one. No code of the
 * program runs between the first byte of a record and its commit.
 */
import { types } from 'node:util'

import { ERR_UNKNOWN_ENCODING } from '../errors.js'
import { words, type FastBuffer } from './record-reader.js'
import type { NativeEnvironment } from './native.js'
import * as fields from '../../native/record-fields.js'
import * as r from '../../native/records.js'
import type { BodyChunk, MessagePart } from './transport.js'

/** Size of the buffer in bytes. A batch of a few hundred small responses fits. A larger record makes it larger. */
export const SCRATCH = 256 * 1024

/**
 * Bodies of this size in bytes and more are not copied into the scratch buffer: the I/O thread writes them from the program's
 * memory, which costs a reference.
 */
const HELD_SIZE = 16 * 1024

/** Size in bytes of a held buffer's number, which a record has in place of the payload. */
const HELD_NUMBER = 4

type Flush = ReturnType<NativeEnvironment['crossing']>['flush']

/** The connection that a record is for. */
export interface Target {
  readonly slot: number
  readonly generation: number
}

/**
 * The real length of a Uint8Array. `length` and `byteLength` may be getters of the program, and a record that claims more than it
 * has would send bytes that another peer's record has left in the buffer.
 */
const byteLengthOf = getterOf<Uint8Array, number>(Object.getPrototypeOf(Uint8Array.prototype), 'byteLength')
const bufferOf = getterOf<Uint8Array, ArrayBufferLike>(Object.getPrototypeOf(Uint8Array.prototype), 'buffer')
/** Undefined where array buffers cannot be resized. */
const isResizable =
  'resizable' in ArrayBuffer.prototype ? getterOf<ArrayBuffer, boolean>(ArrayBuffer.prototype, 'resizable') : undefined
const copyInto = Function.prototype.call.bind(Uint8Array.prototype.set) as (
  target: Uint8Array,
  source: Uint8Array,
  at: number,
) => void

function getterOf<T extends object, V>(prototype: T, name: string): (of: T) => V {
  return Function.prototype.call.bind(Object.getOwnPropertyDescriptor(prototype, name)!.get!) as (of: T) => V
}

export class RecordWriter {
  readonly #native: NativeEnvironment
  /** Sends the records in `#out`, see `BindingEnvironment.crossing`. */
  readonly #flush: Flush
  /** Sends everything that is in the buffer, because the next record needs the room. */
  readonly #makeRoom: () => void
  #out: FastBuffer
  #outWords: Uint32Array
  /** Number of bytes of committed records. */
  #used = 0
  /**
   * Heads, trailers and plain short bodies, in the order of their records. They are encoded after the records when those are
   * sent, by one call into Node instead of one for each.
   */
  #text = ''
  /** The number of bytes of ACK records that the last flush has left at the beginning of the buffer, and how many are read. */
  #acks = 0
  #acksRead = 0

  constructor(native: NativeEnvironment, flush: Flush, out: FastBuffer, makeRoom: () => void) {
    this.#native = native
    this.#flush = flush
    this.#out = out
    this.#outWords = words(out)
    this.#makeRoom = makeRoom
  }

  get isEmpty(): boolean {
    return this.#used === 0
  }

  /**
   * Sends everything that was written. If this throws before the call into Rust, nothing has happened and the next call sends
   * everything.
   *
   * @param atOnce this thread makes all system calls itself, before this returns
   * @returns false when the flush did not parse, which is a bug of ours: nothing of it was sent
   */
  send(atOnce: boolean): boolean {
    const length = this.#used
    const text = this.#text
    if (text !== '') this.#out.latin1Write(text, length)
    const answer = this.#flush(length, text.length, atOnce)
    this.#used = 0
    this.#text = ''
    this.#acksRead = 0
    this.#acks = (answer < 0 ? -answer : answer) - 1
    return answer > 0
  }

  /**
   * Reads the acknowledgements of the last flush. The cursor moves only after `take` has returned: an acknowledgement whose `take`
   * throws is read again by the next call, and no record is written before all have been read.
   */
  readAcks(take: (slot: number, generation: number, count: number) => void): void {
    const outWords = this.#outWords
    while (this.#acksRead < this.#acks) {
      const word = this.#acksRead >> 2
      take(fields.slot(outWords, word), fields.generation(outWords, word), fields.ackCount(outWords, word))
      this.#acksRead += fields.length(outWords, word)
    }
  }

  get hasAcks(): boolean {
    return this.#acksRead < this.#acks
  }

  /**
   * Writes a response head (OUT_HEAD) or a request head (OUT_REQUEST) with the first part of its body, or null for none.
   * @throws ERR_UNKNOWN_ENCODING, before anything has been written
   */
  head(to: Target, type: number, part: MessagePart, flags: number): void {
    const { body, encoding } = part
    // The program may have assigned any value to `_header`.
    const head = typeof part.head === 'string' ? part.head : String(part.head)
    if (body === null || (typeof body === 'string' && encoding === 'latin1' && body.length < HELD_SIZE)) {
      // Plain text, see `message/sending.ts`.
      const plain = body ?? ''
      const base = this.#room(fields.MESSAGE_PAYLOAD + head.length + plain.length)
      const text = this.#text + head + plain
      const outWords = this.#begin(base, to, type, body === null ? flags : flags | r.TEXT)
      fields.setMessageHeadLength(outWords, base >> 2, head.length)
      fields.setMessageBodyLength(outWords, base >> 2, plain.length)
      this.#commit(base, base + fields.MESSAGE_PAYLOAD, text)
      return
    }
    const payload = storable(body, encoding)
    const length = payloadLength(payload)
    const held = typeof payload !== 'string' && length >= HELD_SIZE
    const base = this.#room(fields.MESSAGE_PAYLOAD + HELD_NUMBER + head.length + (held ? 0 : length))
    const text = this.#text + head
    const outWords = this.#begin(base, to, type, held ? flags | r.HELD : flags)
    fields.setMessageHeadLength(outWords, base >> 2, head.length)
    this.#commit(base, this.#payload(base + fields.MESSAGE_PAYLOAD, payload, encoding, held), text)
  }

  /**
   * Writes a body part (OUT_BODY), bytes without framing (OUT_RAW), or bytes to be parsed (OUT_FEED).
   * @throws ERR_UNKNOWN_ENCODING, before anything has been written
   */
  bytes(to: Target, type: number, body: BodyChunk, encoding: BufferEncoding, flags: number): void {
    const payload = storable(body, encoding)
    const length = payloadLength(payload)
    const held = typeof payload !== 'string' && length >= HELD_SIZE
    const base = this.#room(fields.BYTES_PAYLOAD + HELD_NUMBER + (held ? 0 : length))
    this.#begin(base, to, type, held ? flags | r.HELD : flags)
    const end = this.#payload(base + fields.BYTES_PAYLOAD, payload, encoding, held)
    this.#commit(base, end, this.#text)
  }

  /** Writes text that ends (OUT_END) or precedes (OUT_INTERIM) a response. */
  text(to: Target, type: number, given: string, flags: number): void {
    const added = typeof given === 'string' ? given : String(given)
    const base = this.#room(fields.TEXT_PAYLOAD + added.length)
    const text = this.#text + added
    const outWords = this.#begin(base, to, type, flags)
    fields.setTextLength(outWords, base >> 2, added.length)
    this.#commit(base, base + fields.TEXT_PAYLOAD, text)
  }

  /** Writes a command that has numbers only. */
  command(to: Target, type: number, first: number, second: number): void {
    const base = this.#room(fields.COMMAND_PAYLOAD)
    const outWords = this.#begin(base, to, type, 0)
    fields.setCommandFirst(outWords, base >> 2, first)
    fields.setCommandSecond(outWords, base >> 2, second)
    this.#commit(base, base + fields.COMMAND_PAYLOAD, this.#text)
  }

  /** Makes room for a record and its text, of at most `size` bytes in all. Returns the record's offset. */
  #room(size: number): number {
    if (this.#acksRead < this.#acks || this.#used + this.#text.length + size + 3 > this.#out.length) {
      this.#makeRoom()
      if (size + 3 > this.#out.length) this.#grow(size + 3)
    }
    return this.#used
  }

  /** Replaces the buffer, after Rust has the new one: both must always use the same. */
  #grow(size: number): void {
    const out = Buffer.allocUnsafeSlow((size + 3) & ~3) as FastBuffer
    const outWords = words(out)
    this.#native.setOutbound(out)
    this.#out = out
    this.#outWords = outWords
  }

  #begin(base: number, to: Target, type: number, flags: number): Uint32Array {
    const outWords = this.#outWords
    fields.setHeader(outWords, base >> 2, fields.firstWord(type, flags), to.slot, to.generation)
    return outWords
  }

  /** Writes the payload, or the number of the held buffer, at `at`, and its length. Returns the end of the record. */
  #payload(at: number, payload: BodyChunk, encoding: BufferEncoding, held: boolean): number {
    const out = this.#out
    let length: number
    if (typeof payload === 'string') {
      length =
        encoding === 'utf8' || encoding === 'utf-8'
          ? out.utf8Write(payload, at)
          : encoding === 'latin1' || encoding === 'binary' || encoding === 'ascii'
            ? out.latin1Write(payload, at)
            : out.write(payload, at, encoding)
    } else {
      length = byteLengthOf(payload)
      if (held) {
        // The flush releases a buffer whose record was not committed.
        this.#outWords[at >> 2] = this.#native.hold(payload)
        fields.setPayloadLength(this.#outWords, at, length)
        return at + HELD_NUMBER
      }
      copyInto(out, payload, at)
    }
    fields.setPayloadLength(this.#outWords, at, length)
    return at + length
  }

  /** Nothing in here can throw: the record exists after the last store, and not before it. */
  #commit(base: number, end: number, text: string): void {
    const length = (end - base + 3) & ~3
    fields.setLength(this.#outWords, base >> 2, length)
    this.#text = text
    this.#used = base + length
  }
}

/**
 * Turns a payload into one that a record can refer to. Long text is encoded into a buffer of its own. Memory that may shrink
 * while an I/O thread reads it is copied.
 *
 * @throws ERR_UNKNOWN_ENCODING
 */
function storable(body: BodyChunk, encoding: BufferEncoding): BodyChunk {
  if (typeof body === 'string') {
    if (body.length >= HELD_SIZE) return Buffer.from(body, encoding)
    if (!Buffer.isEncoding(encoding)) throw ERR_UNKNOWN_ENCODING(encoding)
    return body
  }
  if (byteLengthOf(body) < HELD_SIZE || isResizable === undefined) return body
  const memory = bufferOf(body)
  if (types.isSharedArrayBuffer(memory) || !isResizable(memory as ArrayBuffer)) return body
  const copy = Buffer.allocUnsafeSlow(byteLengthOf(body))
  copyInto(copy, body, 0)
  return copy
}

/** Largest number of bytes that `payload` may need in the scratch buffer. */
function payloadLength(payload: BodyChunk): number {
  return typeof payload === 'string' ? payload.length * 3 : byteLengthOf(payload)
}
