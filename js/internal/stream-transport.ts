/**
 * Messages over streams that are not ours: the framing is done here, the stream sees bytes. `StreamTransport` is a
 * MessageTransport over any Writable given to `assignSocket`. The stream may be a mere look-alike (several frameworks
 * assign a plain object with a `write`), so nothing but `write` is taken for granted.
 */
import type { Socket } from 'node:net'
import {
  CHUNKED,
  CLOSE,
  END,
  kDrain,
  kSettle,
  type BodyChunk,
  type MessageTransport,
  type SettledMessage,
  type WirePart,
  type WriteCallback,
} from './transport.js'

/** What messages do with the socket they are given: a net.Socket, any Writable, or something that looks like one. */
export interface AssignableSocket extends Omit<Socket, 'errored'> {
  _httpMessage?: unknown
  errored?: Error | null
}

// eslint-disable-next-line no-control-regex
const NOT_ASCII = /[^\x00-\x7f]/

export class StreamTransport implements MessageTransport {
  readonly #stream: AssignableSocket
  /** Calls under way that write several parts, which leave together. */
  #gathering = 0
  /** Waits for the stream's 'drain'. */
  #waiting: SettledMessage | null = null

  constructor(stream: AssignableSocket) {
    this.#stream = stream
  }

  get socket(): Socket {
    return this.#stream as unknown as Socket
  }

  get destroyed(): boolean {
    return !!this.#stream.destroyed
  }

  get unwritable(): boolean {
    return !this.#stream.writable && !this.#stream.destroyed
  }

  get writableLength(): number {
    return this.#stream.writableLength ?? 0
  }

  get writableHighWaterMark(): number {
    return this.#stream.writableHighWaterMark ?? 0
  }

  get isSocketCorked(): boolean {
    return this.#stream.writableCorked > 0
  }

  sendHead(
    message: SettledMessage,
    head: string,
    body: BodyChunk | null,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
  ): boolean {
    return this.send(message, head, body, encoding, flags, '', callback)
  }

  sendBody(
    message: SettledMessage,
    chunk: BodyChunk,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
  ): boolean {
    return this.send(message, '', chunk, encoding, flags, '', callback)
  }

  sendEnd(message: SettledMessage, trailers: string, flags: number): boolean {
    return this.send(message, '', null, 'latin1', flags, trailers, null)
  }

  sendInterim(head: string, callback: WriteCallback | null): boolean {
    if (this.destroyed) return false
    return this.#write(head, 'latin1', callback)
  }

  sendFramed(
    message: SettledMessage,
    data: BodyChunk,
    encoding: BufferEncoding,
    callback: WriteCallback | null,
  ): boolean {
    if (this.destroyed) return false
    const accepted = this.#write(data, encoding, callback)
    if (!accepted) this.#awaitDrain(message)
    return accepted
  }

  sendQueued(message: SettledMessage, parts: readonly WirePart[], flags: number): boolean {
    const end = (flags & END) !== 0
    if (this.destroyed) return false
    const settle = end ? this.#settler(message, flags) : null
    const last = parts.length - 1
    let accepted = true
    this.#stream.cork?.()
    for (let i = 0; i <= last; i++) {
      const { data, encoding, callback } = parts[i]!
      accepted = write(this.#stream, data, encoding, i === last ? joined(callback, settle) : callback)
    }
    this.#stream.uncork?.()
    if (!accepted) this.#awaitDrain(message)
    return accepted
  }

  gather(on: boolean): void {
    this.#gathering += on ? 1 : -1
    if (on) this.#stream.cork?.()
    else uncork(this.#stream)
  }

  afterWrites(callback: WriteCallback): void {
    if (!this.destroyed) this.#write('', 'latin1', callback)
  }

  destroy(error?: Error): void {
    this.#stream.destroy(error)
  }

  /** What `sendHead`, `sendBody` and `sendEnd` come to. */
  protected send(
    message: SettledMessage,
    head: string,
    body: BodyChunk | null,
    encoding: BufferEncoding,
    flags: number,
    trailers: string,
    callback: WriteCallback | null,
  ): boolean {
    const end = (flags & END) !== 0
    // As in Node, what is written to a destroyed stream is dropped with its callback.
    if (this.destroyed) return false
    const settle = end ? this.#settler(message, flags) : null
    const isEmpty = head === '' && body === null && (flags & CHUNKED) === 0
    if (settle !== null && isEmpty && callback === null && this.#stream.writableLength === 0) {
      // As in Node an end without bytes of its own is not written where nothing is on its way.
      fullyUncork(this.#stream)
      process.nextTick(settle)
      return true
    }
    const done = joined(callback, settle)
    const accepted = writeFramed(this.#stream, head, body, encoding, flags, trailers, done, this.#gathering > 0)
    if (!accepted) this.#awaitDrain(message)
    return accepted
  }

  #write(data: BodyChunk, encoding: BufferEncoding, callback: WriteCallback | null): boolean {
    return write(this.#stream, data, encoding, callback)
  }

  /** Never called from within the call that ends the message, even when the stream's write is synchronous. */
  #settler(message: SettledMessage, flags: number): WriteCallback {
    let returned = false
    process.nextTick(() => {
      returned = true
    })
    const settle = (error?: Error | null): void => {
      message[kSettle](error)
      if ((flags & CLOSE) === 0 || error) return
      if (typeof this.#stream.destroySoon === 'function') this.#stream.destroySoon()
      else this.#stream.end()
    }
    return (error) => {
      if (returned) settle(error)
      else process.nextTick(settle, error)
    }
  }

  #awaitDrain(message: SettledMessage): void {
    if (this.#waiting === null && typeof this.#stream.once === 'function') {
      this.#stream.once('drain', () => {
        const waiting = this.#waiting
        this.#waiting = null
        waiting?.[kDrain]()
      })
    }
    this.#waiting = message
  }
}

/**
 * Writes a head, or a body part with what the chunked coding puts around it, or an end; `flags` are those of a
 * MessageTransport. The callback is that of the last byte. A body part waits for the end of the turn with what else is
 * written by then, unless it has been `gathered` with others already.
 * @returns false when the stream is full
 */
export function writeFramed(
  stream: AssignableSocket,
  head: string,
  body: BodyChunk | null,
  encoding: BufferEncoding,
  flags: number,
  trailers: string,
  callback: WriteCallback | null,
  gathered = false,
): boolean {
  const end = (flags & END) !== 0
  let before = head
  let after = ''
  if ((flags & CHUNKED) !== 0) {
    if (body !== null) {
      const length = typeof body === 'string' ? Buffer.byteLength(body, encoding) : body.byteLength
      before += `${length.toString(16)}\r\n`
      after = '\r\n'
    }
    if (end) after += `0\r\n${trailers}\r\n`
  }
  if (body === null) {
    before += after
    after = ''
  } else if (
    typeof body === 'string' &&
    after === '' &&
    (encoding === 'latin1' || (encoding === 'utf8' && !NOT_ASCII.test(before)))
  ) {
    body = before + body
    before = ''
  }

  // As in Node a stream that is corked for this turn already is not corked once more.
  const holds = !end && !gathered && body !== null
  const corks = !holds || !(stream.writableCorked > 0)
  if (corks) stream.cork?.()
  let accepted = true
  // A message without a head still ends with a write, be it empty: its callback is the settlement.
  if (before !== '' || body === null) accepted = write(stream, before, 'latin1', body === null ? callback : null)
  if (body !== null) {
    accepted = write(stream, body, encoding, after === '' ? callback : null)
    if (after !== '') accepted = write(stream, after, 'latin1', callback)
  }
  if (end) fullyUncork(stream)
  else if (!holds) uncork(stream)
  else if (corks) process.nextTick(uncork, stream)
  return accepted
}

function write(
  stream: AssignableSocket,
  data: BodyChunk,
  encoding: BufferEncoding | null | undefined,
  callback: WriteCallback | null,
): boolean {
  // A look-alike may answer nothing at all.
  return stream.write(data, encoding as BufferEncoding, callback ?? undefined) !== false
}

function joined(first: WriteCallback | null, second: WriteCallback | null): WriteCallback | null {
  if (first === null || second === null) return first ?? second
  return (error) => {
    first(error)
    second(error)
  }
}

function uncork(stream: AssignableSocket): void {
  stream.uncork?.()
}

/** The end of a message overrules every `cork()`. */
function fullyUncork(stream: AssignableSocket): void {
  const state = (stream as { _writableState?: { corked?: number } })._writableState
  if (state !== undefined) state.corked = 1
  stream.uncork?.()
}
