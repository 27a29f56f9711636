/**
 * Messages over streams that are not ours: frames them here, so that the stream receives bytes. `StreamTransport` is a
 * MessageTransport over any Writable given to `assignSocket`, or a look-alike. `stream-writer.ts` has the calls of the stream.
 */
import type { Socket } from 'node:net'
import type { CorkedChunk } from './outgoing-state.js'
import { StreamWriter } from './stream-writer.js'
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
  type MessagePart,
  NO_PART,
} from '../bridge/transport.js'

/** The members that messages use of their socket: a net.Socket, any Writable, or an object that looks like one. */
export interface AssignableSocket extends Omit<Socket, 'errored'> {
  _httpMessage?: unknown
  errored?: Error | null
}

export class StreamTransport implements MessageTransport {
  readonly #stream: AssignableSocket
  readonly #writer: StreamWriter
  /** Whether the stream's 'drain' is awaited. */
  #waiting: SettledMessage | null = null

  constructor(stream: AssignableSocket) {
    this.#stream = stream
    this.#writer = new StreamWriter(stream)
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

  get writesAsNode(): true {
    return true
  }

  get isSocketCorked(): boolean {
    return this.#stream.writableCorked > 0
  }

  corkSocket(on: boolean): void {
    if (on) this.#stream.cork?.()
    else this.#stream.uncork?.()
  }

  sendHead(message: SettledMessage, part: MessagePart, flags: number, callback: WriteCallback | null): boolean {
    return this.send(message, part, flags, '', callback)
  }

  sendBody(
    message: SettledMessage,
    chunk: BodyChunk,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
  ): boolean {
    return this.send(message, { head: '', body: chunk, encoding }, flags, '', callback)
  }

  sendEnd(message: SettledMessage, trailers: string, flags: number): boolean {
    return this.send(message, NO_PART, flags, trailers, null)
  }

  sendInterim(head: string, callback: WriteCallback | null): boolean {
    if (this.destroyed) return false
    return this.#writer.write(head, 'latin1', callback)
  }

  sendFramed(
    message: SettledMessage,
    data: BodyChunk,
    encoding: BufferEncoding,
    callback: WriteCallback | null,
  ): boolean {
    if (this.destroyed) return false
    const accepted = this.#writer.write(data, encoding, callback)
    if (!accepted) this.#awaitDrain(message)
    return accepted
  }

  sendChunk(
    message: SettledMessage,
    head: string,
    parts: readonly CorkedChunk[],
    callback: WriteCallback | null,
  ): boolean {
    if (this.destroyed) return false
    const accepted = this.#writer.chunk(head, parts, callback)
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
      accepted = this.#writer.write(data, encoding, i === last ? joined(callback, settle) : callback)
    }
    this.#stream.uncork?.()
    if (!accepted) this.#awaitDrain(message)
    return accepted
  }

  gather(on: boolean): void {
    this.#writer.gather(on)
  }

  afterWrites(callback: WriteCallback): void {
    if (!this.destroyed) this.#writer.write('', 'latin1', callback)
  }

  destroy(error?: Error): void {
    this.#stream.destroy(error)
  }

  /** The common part of `sendHead`, `sendBody` and `sendEnd`. */
  protected send(
    message: SettledMessage,
    part: MessagePart,
    flags: number,
    trailers: string,
    callback: WriteCallback | null,
  ): boolean {
    const end = (flags & END) !== 0
    // As in Node, bytes for a destroyed stream are dropped, and their callbacks are not called.
    if (this.destroyed) return false
    const settle = end ? this.#settler(message, flags) : null
    const isEmpty = part.head === '' && part.body === null && (flags & CHUNKED) === 0
    if (settle !== null && isEmpty && callback === null && this.#stream.writableLength === 0) {
      // As in Node an end without bytes is not written while no other write is under way.
      this.#writer.uncorkFully()
      process.nextTick(settle)
      return true
    }
    const done = joined(callback, settle)
    const accepted = this.#writer.framed(part, flags, trailers, done)
    if (!accepted) this.#awaitDrain(message)
    return accepted
  }

  /** Never called within the call that ends the message, even when the stream's write is synchronous. */
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

function joined(first: WriteCallback | null, second: WriteCallback | null): WriteCallback | null {
  if (first === null || second === null) return first ?? second
  return (error) => {
    first(error)
    second(error)
  }
}
