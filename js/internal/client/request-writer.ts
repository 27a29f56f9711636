/**
 * The sending half of a client's native connection: writes requests as records, and settles them when the kernel has accepted them.
 * Writes that precede the attempt to connect wait here.
 */
import http from 'node:http'
import type { Socket } from 'node:net'

import type { ClientSocket } from './socket.js'
import type { ClientRequest } from '../../client.js'
import { validationOf } from '../../common.js'
import * as r from '../../native/records.js'
import { environment } from '../bridge/environment.js'
import { HttpConnection } from '../socket/http-connection.js'
import { kConnection } from '../socket/native-socket.js'
import { PendingWrites, SMALL, isSmall, partLength } from '../bridge/pending-writes.js'
import type { StreamTransport } from '../message/stream-transport.js'
import { ACKNOWLEDGE, CHUNKED, END, kDrain, kSettle, type MessagePart, NO_PART } from '../bridge/transport.js'
import type { BodyChunk, MessageTransport, SettledMessage, WriteCallback } from '../bridge/transport.js'

const METHOD_FLAGS: Record<string, number | undefined> = {
  __proto__: null as never,
  HEAD: r.REQUEST_HEAD,
  CONNECT: r.REQUEST_CONNECT,
}

const { STATE_ONLY } = r

/** Here Node writes what was written before the socket was connected. */
function begin(this: Socket): void {
  if (!this.destroyed) (this as ClientSocket)[kConnection].isBegun = true
}

/** See `HttpConnection` about the members of these classes. */
export abstract class RequestWriter extends HttpConnection implements MessageTransport {
  readonly socket: Socket
  request: ClientRequest | null = null
  /** See `ClientConnection`. */
  failed = false

  declare protected pending: PendingWrites
  /** Writes and commands made while the name was being resolved. Null when the I/O thread has the connection. */
  protected early: (() => void)[] | null = []
  /** The last message that has written bytes. */
  protected writer: SettledMessage | null = null
  /** Number of requests whose heads were handed over. */
  protected requests = 0
  /** The current request, if it was handed over as one part that can be sent again. */
  protected whole: MessagePart | null = null
  /** The listeners of 'connect' before the one at which Node writes have not destroyed the socket. */
  isBegun = false
  /** 'connect' has been emitted, and 'secureConnect' where there is TLS. */
  protected connected = false
  /** Number of writes that the kernel has accepted before that was emitted. */
  protected acknowledgedEarly = 0
  #maxHeaderSize: number
  #validation: number

  /** @param maxHeaderSize and `validation` hold until a request sets others */
  protected constructor(socket: ClientSocket, maxHeaderSize: number, validation: number) {
    // While a name is resolved the resolver keeps the event loop alive, as in Node.
    super(-1, 0, false)
    this.pending = new PendingWrites()
    this.socket = socket
    this.#maxHeaderSize = maxHeaderSize
    this.#validation = validation
  }

  get destroyed(): boolean {
    return this.closed || this.ending
  }

  /** The program has ended the socket. As in Node, later writes to a request wait. */
  get unwritable(): boolean {
    return !this.socket.writable && !this.destroyed
  }

  protected get currentMessage(): ClientRequest | null {
    return this.request
  }

  protected get shownSocket(): Socket {
    return this.socket
  }

  get needsDrain(): boolean {
    return this.pending.bytes + this.heldLength >= this.writableHighWaterMark
  }

  get writableHighWaterMark(): number {
    return this.socket.writableHighWaterMark
  }

  /** A request's queue is sent in the tick in which the request gets its connection, so the requests of one turn share a flush. */
  gather(on: boolean): void {
    environment.gather(on, false)
  }

  protected askUnsent(): number | null {
    return this.slot === -1 ? null : environment.unsent(this)
  }

  /** @returns whether the connection was open */
  destroy(error?: Error): boolean {
    const wasOpen = !this.socket.destroyed
    this.socket.destroy(error)
    return wasOpen
  }

  /** Calls `send` now, or when the I/O thread has the connection. */
  #command(send: () => void): void {
    if (this.early !== null) this.early.push(send)
    else if (!this.closed) send()
  }

  command(type: number, first = 0, second = 0): void {
    this.#command(() => environment.command(this, type, first, second))
  }

  // ---- MessageTransport ----------------------------------------------------------------------------------------
  // As in Node, bytes for a destroyed socket are dropped, and their callbacks are not called. The request emits 'close'.

  sendHead(message: SettledMessage, part: MessagePart, flags: number, callback: WriteCallback | null): boolean {
    if (this.socket.destroyed) return false
    this.#limit()
    this.requests++
    if (this.socket.connecting) this.socket.once('connect', begin)
    const method = METHOD_FLAGS[this.request?.method ?? ''] ?? 0
    const socket = this.throughSocket()
    if (socket !== null) {
      const state = (flags & CHUNKED) | method | STATE_ONLY
      this.#command(() => environment.writeHead(this, NO_PART, state, r.OUT_REQUEST))
      const accepted = socket.sendHead(message, part, flags, callback)
      if ((flags & END) !== 0) this.#endThroughSocket()
      return accepted
    }
    const ends = (flags & END) !== 0
    // The program may change a buffer after it was sent.
    if (ends && callback === null && (part.body === null || typeof part.body === 'string')) this.whole = part
    if (ends && (flags & ACKNOWLEDGE) === 0 && callback === null && this.early === null && isSmall(part.body)) {
      // There is no callback, and the kernel accepts so few bytes at once.
      if (this.closed) return true
      environment.writeHead(this, part, flags | method, r.OUT_REQUEST)
      environment.settleAfterFlush(message)
      return true
    }
    const presumed = ends && this.#isPresumed(part, flags)
    // A head that waits for the connection is acknowledged, because the end of the message may follow before the connection is
    // open.
    const tracked = presumed ? 0 : !ends && part.body === null && this.connected ? 0 : ACKNOWLEDGE
    const sent = (flags & ~ACKNOWLEDGE) | method | tracked
    this.#command(() => environment.writeHead(this, part, sent, r.OUT_REQUEST))
    if (presumed) return this.#presume(message, callback)
    return this.#written(message, part, flags, callback, tracked !== 0)
  }

  /**
   * Whether the last part of a message counts as accepted by the kernel when the earlier parts do, because a socket of Node
   * writes so few bytes at once. After an early response the connection may close before this part reaches the I/O thread, and
   * the part would never be acknowledged.
   */
  #isPresumed({ body, encoding }: MessagePart, flags: number): boolean {
    if (!this.connected && this.pending.empty) return false
    const bytes = body === null ? 0 : partLength(body, encoding, flags)
    return bytes === 0 || this.pending.bytes + bytes <= SMALL
  }

  /** Settles `message` in a tick, after the writes that precede its end. */
  #presume(message: SettledMessage, callback: WriteCallback | null): boolean {
    this.writer = message
    const settle = (error?: Error | null): void => {
      environment.send()
      callback?.(error)
      message[kSettle](error)
    }
    if (!this.pending.after(settle)) process.nextTick(settle, null)
    return true
  }

  /** Sends the limits for the response, which the request decides. */
  #limit(): void {
    const { request } = this
    if (request === null) return
    const maxHeaderSize = request.maxHeaderSize || http.maxHeaderSize
    const validation = validationOf(request)
    if (maxHeaderSize === this.#maxHeaderSize && validation === this.#validation) return
    this.#maxHeaderSize = maxHeaderSize
    this.#validation = validation
    this.command(r.OUT_LIMITS, maxHeaderSize, validation)
  }

  sendBody(
    message: SettledMessage,
    chunk: BodyChunk,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
  ): boolean {
    if (this.socket.destroyed) return false
    const socket = this.throughSocket()
    if (socket !== null) {
      const accepted = socket.sendBody(message, chunk, encoding, flags, callback)
      if ((flags & END) !== 0) this.#endThroughSocket()
      return accepted
    }
    const part = { head: '', body: chunk, encoding }
    const presumed = (flags & END) !== 0 && this.#isPresumed(part, flags)
    const sent = presumed ? flags & ~ACKNOWLEDGE : flags | ACKNOWLEDGE
    this.#command(() => environment.writeBytes(this, r.OUT_BODY, chunk, encoding, sent))
    if (presumed) return this.#presume(message, callback)
    return this.#written(message, part, flags, callback)
  }

  sendEnd(message: SettledMessage, trailers: string, flags: number): boolean {
    if (this.socket.destroyed) return false
    const socket = this.throughSocket()
    if (socket !== null) {
      const accepted = socket.sendEnd(message, trailers, flags)
      this.#endThroughSocket()
      return accepted
    }
    const presumed = trailers.length <= SMALL && this.#isPresumed(NO_PART, flags)
    const sent = presumed ? flags & ~ACKNOWLEDGE : flags | ACKNOWLEDGE
    this.#command(() => environment.writeText(this, r.OUT_END, trailers, sent))
    if (presumed) return this.#presume(message, null)
    return this.#written(message, NO_PART, flags, null)
  }

  sendFramed(
    message: SettledMessage,
    data: BodyChunk,
    encoding: BufferEncoding,
    callback: WriteCallback | null,
  ): boolean {
    if (this.socket.destroyed) return false
    this.#command(() => environment.writeBytes(this, r.OUT_RAW, data, encoding, ACKNOWLEDGE))
    return this.#written(message, { head: '', body: data, encoding }, 0, callback)
  }

  sendInterim(_head: string, callback: WriteCallback | null): boolean {
    // A client sends no interim responses.
    if (callback !== null) process.nextTick(callback, null)
    return true
  }

  protected writeRaw(chunk: BodyChunk, encoding: BufferEncoding): void {
    this.#command(() => environment.writeBytes(this, r.OUT_RAW, chunk, encoding, ACKNOWLEDGE))
    this.pending.add(partLength(chunk, encoding, 0), null, null)
    if (this.window.held || !this.isReferenced) this.updateHold()
  }

  /** As in Node a socket that is not connected holds back later writes. */
  protected override get isBlocked(): boolean {
    return this.socket.connecting || (!this.connected && !this.destroyed) || super.isBlocked
  }

  protected throughSocket(): StreamTransport | null {
    return this.framingFor(this.socket)
  }

  #endThroughSocket(): void {
    this.#command(() => environment.writeText(this, r.OUT_END, '', STATE_ONLY))
  }

  afterWrites(callback: WriteCallback): void {
    if (!this.pending.after(callback)) process.nextTick(callback, null)
  }

  #written(
    message: SettledMessage,
    { body, encoding }: MessagePart,
    flags: number,
    callback: WriteCallback | null,
    tracked = true,
  ): boolean {
    this.writer = message
    const bytes = body === null ? 0 : partLength(body, encoding, flags)
    const ends = (flags & END) !== 0
    if (tracked) {
      this.pending.add(bytes, callback, ends ? message : null)
      if (this.early === null && (callback !== null || ends)) environment.awaitWrites()
    }
    if (this.window.held || !this.isReferenced) this.updateHold()
    return this.pending.bytes < this.writableHighWaterMark
  }

  // ---- from the I/O thread -------------------------------------------------------------------------------------

  /** @param atOnce this thread has written the bytes itself, before later ones */
  onAck(count: number, atOnce = false): void {
    this.acknowledgedEarly += count
    // The connection was destroyed before this could be reported, so the write counts as lost.
    if (!this.connected || (this.socket.destroyed && !atOnce)) return
    const written = this.acknowledgedEarly
    this.acknowledgedEarly = 0
    this.pending.acknowledge(written)
    if (this.window.held || !this.isReferenced) this.updateHold()
    if (this.pending.bytes === 0) this.writer?.[kDrain]()
  }

  /**
   * The peer has ended the connection, which accepts nothing more. So few bytes as a socket of Node would have written with the request's
   * head count as accepted: the peer may have answered the head before the I/O thread had the rest. More than that fails.
   */
  endWrites(why: () => Error): void {
    if (this.pending.empty) return
    if (this.pending.bytes > SMALL) {
      this.failWrites(why)
      return
    }
    this.acknowledged = 0
    this.acknowledgedEarly = 0
    this.pending.acknowledge(Number.POSITIVE_INFINITY)
  }

  /** Fails the writes that were not sent. An Error takes long to make, and most connections end with everything sent. */
  failWrites(why: () => Error): void {
    this.early = null
    this.pending.acknowledge(this.acknowledged)
    this.acknowledged = 0
    if (!this.pending.empty) this.pending.fail(why())
  }
}
