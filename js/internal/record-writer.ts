/**
 * What one JavaScript thread writes to all of its connections: records, collected in one buffer and sent by one flush.
 *
 * Responses of many peers share the buffer and the text, so each record is a transaction: everything that can throw (an
 * unknown encoding, a failed allocation, the end of the stack, the program's own getters) happens before the commit, and the
 * commit is a run of plain stores that ends with the cursor. A record that was not committed leaves no trace: the next one
 * is written over it. No code of the program runs between the first byte of a record and its commit.
 */
import { types } from 'node:util'

import { ERR_UNKNOWN_ENCODING } from './errors.js'
import { words, type FastBuffer } from './inbound.js'
import type { NativeEnvironment } from './native.js'
import * as fields from '../native/record-fields.js'
import * as r from '../native/records.js'
import type { BodyChunk } from './transport.js'

/** Size of the buffer in bytes. A batch of a few hundred small responses fits. A larger record makes it larger. */
export const SCRATCH = 256 * 1024

/**
 * Bodies of this size in bytes and more are not copied into the scratch buffer: the I/O thread writes them from the program's
 * memory, which costs a reference.
 */
const HELD_SIZE = 16 * 1024

/** Bytes of a held buffer's number, which a record has in place of the payload. */
const HELD_NUMBER = 4

/** The connection that a record is for. */
export interface Target {
  readonly slot: number
  readonly generation: number
}

/**
 * The real length of a Uint8Array. Its `length` and `byteLength` may be the program's own: a record that said more than it
 * has would send what another peer's record left in the buffer.
 */
const byteLengthOf = getterOf<Uint8Array, number>(Object.getPrototypeOf(Uint8Array.prototype), 'byteLength')
const bufferOf = getterOf<Uint8Array, ArrayBufferLike>(Object.getPrototypeOf(Uint8Array.prototype), 'buffer')
/** Undefined where array buffers have one size for life. */
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
  /** Has everything that is in the buffer sent, because the next record needs the room. */
  readonly #makeRoom: () => void
  #out: FastBuffer
  #outWords: Uint32Array
  /** Bytes of committed records. */
  #used = 0
  /**
   * Heads, trailers and plain short bodies, in the order of their records. They are encoded in one go after the records
   * when those are sent: one call into Node instead of one for each.
   */
  #text = ''
  /** Bytes of ACK records that the last flush has left at the beginning of the buffer, and how many have been read. */
  #acks = 0
  #acksRead = 0

  constructor(native: NativeEnvironment, out: FastBuffer, makeRoom: () => void) {
    this.#native = native
    this.#out = out
    this.#outWords = words(out)
    this.#makeRoom = makeRoom
  }

  get isEmpty(): boolean {
    return this.#used === 0
  }

  /**
   * Sends everything that was written. Where this throws before the crossing, nothing has happened and everything is sent
   * by the next call.
   *
   * @param atOnce this thread writes all of it itself, so that the kernel has been asked when this returns
   * @returns false when the flush did not parse, which is a bug of ours: nothing of it was sent
   */
  send(atOnce: boolean): boolean {
    const length = this.#used
    const text = this.#text
    if (text !== '') this.#out.latin1Write(text, length)
    const answer = this.#native.flush(length, text.length, atOnce)
    this.#used = 0
    this.#text = ''
    this.#acksRead = 0
    this.#acks = (answer < 0 ? -answer : answer) - 1
    return answer > 0
  }

  /**
   * Reads what the last flush has written itself. Each acknowledgement is passed over only after `take` has returned: one
   * that throws is repeated by the next call, and no record is written before all have been read.
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
   * A response head (OUT_HEAD) or a request's (OUT_REQUEST), with the first part of its body; null for none.
   * @throws ERR_UNKNOWN_ENCODING, before anything has been written
   */
  head(to: Target, type: number, given: string, body: BodyChunk | null, encoding: BufferEncoding, flags: number): void {
    // The program may have replaced `_header` by anything.
    const head = typeof given === 'string' ? given : String(given)
    if (body === null || (typeof body === 'string' && encoding === 'latin1' && body.length < HELD_SIZE)) {
      // Plain text comes this way, see `sending.ts`.
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
   * A body part (OUT_BODY), bytes without framing (OUT_RAW), or bytes to be read (OUT_FEED).
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

  /** Text that ends (OUT_END) or precedes (OUT_INTERIM) a response. */
  text(to: Target, type: number, given: string, flags: number): void {
    const added = typeof given === 'string' ? given : String(given)
    const base = this.#room(fields.TEXT_PAYLOAD + added.length)
    const text = this.#text + added
    const outWords = this.#begin(base, to, type, flags)
    fields.setTextLength(outWords, base >> 2, added.length)
    this.#commit(base, base + fields.TEXT_PAYLOAD, text)
  }

  /** A command with numbers only. */
  command(to: Target, type: number, first: number, second: number): void {
    const base = this.#room(fields.COMMAND_PAYLOAD)
    const outWords = this.#begin(base, to, type, 0)
    fields.setCommandFirst(outWords, base >> 2, first)
    fields.setCommandSecond(outWords, base >> 2, second)
    this.#commit(base, base + fields.COMMAND_PAYLOAD, this.#text)
  }

  /** Makes room for a record and its text of at most `size` bytes in all; returns where it begins. */
  #room(size: number): number {
    if (this.#acksRead < this.#acks || this.#used + this.#text.length + size + 3 > this.#out.length) {
      this.#makeRoom()
      if (size + 3 > this.#out.length) this.#grow(size + 3)
    }
    return this.#used
  }

  /** The buffer is replaced here only after Rust has the new one: neither may ever read the other's. */
  #grow(size: number): void {
    const out = Buffer.allocUnsafeSlow((size + 3) & ~3) as FastBuffer
    const outWords = words(out)
    this.#native.setOutbound(out)
    this.#out = out
    this.#outWords = outWords
  }

  #begin(base: number, to: Target, type: number, flags: number): Uint32Array {
    const outWords = this.#outWords
    fields.setHeader(outWords, base >> 2, type, flags, to.slot, to.generation)
    return outWords
  }

  /** Puts the payload at `at`, or what names it when Rust holds it; notes its length and returns where the record ends. */
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
        // A buffer whose record is not committed is released by the flush.
        this.#outWords[at >> 2] = this.#native.hold(payload)
        fields.setPayloadLength(this.#outWords, at, length)
        return at + HELD_NUMBER
      }
      copyInto(out, payload, at)
    }
    fields.setPayloadLength(this.#outWords, at, length)
    return at + length
  }

  /** Nothing in here can throw: the record is there whole after the last store, and before it not at all. */
  #commit(base: number, end: number, text: string): void {
    const length = (end - base + 3) & ~3
    fields.setLength(this.#outWords, base >> 2, length)
    this.#text = text
    this.#used = base + length
  }
}

/**
 * What a record can refer to: long text is encoded once, into a buffer of its own, instead of through the scratch buffer;
 * memory that may shrink under the I/O thread's hands is copied.
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

/** Bytes that `payload` may need in the scratch buffer. */
function payloadLength(payload: BodyChunk): number {
  return typeof payload === 'string' ? payload.length * 3 : byteLengthOf(payload)
}
