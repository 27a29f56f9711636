/**
 * A client's connection on the native road: an I/O thread connects, writes requests and reads responses. What happens is
 * told as records, which become calls of `exchange.ts`.
 */
import { AsyncResource } from 'node:async_hooks'
import http from 'node:http'
import type { Socket } from 'node:net'

import type { ClientRequest } from '../client.js'
import type { ClientSocket } from '../client-socket.js'
import { validationOf } from '../common.js'
import type { ClientConnection } from './client-connection.js'
import { environment } from './environment.js'
import { connectionReset } from './errors.js'
import * as exchange from './exchange.js'
import { HttpConnection } from './http-connection.js'
import type { ResponseRecord } from './inbound.js'
import type { Failure, NativeClientReceiver } from './native-receiver.js'
import type { ConnectOptions } from './native.js'
import { PendingWrites, SMALL, isSmall, partLength } from './pending-writes.js'
import * as r from '../native/records.js'
import { responseError } from './response-error.js'
import type { StreamTransport } from './stream-transport.js'
import { lookForTracing } from './trace-events.js'
import {
  ACKNOWLEDGE,
  CHUNKED,
  END,
  kDrain,
  kSettle,
  type BodyChunk,
  type MessageSource,
  type SettledMessage,
  type WriteCallback,
} from './transport.js'

const METHOD_FLAGS: Record<string, number | undefined> = {
  __proto__: null as never,
  HEAD: r.REQUEST_HEAD,
  CONNECT: r.REQUEST_CONNECT,
}

/** In the fields of a head: says where the body ends. */
const FRAMED = /\n(?:content-length|transfer-encoding)\n/i

const { STATE_ONLY } = r

let opened = 0

/** Connections that were opened on the native road, so far. */
export function nativeClientCount(): number {
  return opened
}

export class NativeClient extends HttpConnection implements ClientConnection, NativeClientReceiver, MessageSource {
  readonly socket: Socket
  readonly readableHighWaterMark: number
  /** Of a Unix socket. */
  isPath = false
  request: ClientRequest | null = null
  failed = false
  /** The response's body ends with the connection. */
  untilClose = false
  /** The environment's turn in which it was reported as connected. */
  connectedIn = -1
  readonly #side: ClientSocket
  declare protected pending: PendingWrites
  #scope: AsyncResource | null = null
  /** What was written or commanded while the name was being resolved; null once the I/O thread knows the connection. */
  #early: (() => void)[] | null = []
  #writer: SettledMessage | null = null
  #maxHeaderSize: number
  #validation: number
  #givenUp: (() => void) | null = null
  #tapped = false
  /** 'connect' has been emitted. */
  #connected = false
  /** Writes that are with the kernel while the program still waits for 'connect'. */
  #acknowledged = 0
  /** See `awaitEnd`. */
  #leaving = false

  /** @param maxHeaderSize and `validation`: the limits that hold until a request has others */
  constructor(socket: ClientSocket, maxHeaderSize: number, validation: number) {
    // While a name is resolved the resolver keeps the event loop alive, as in Node.
    super(-1, 0, false)
    this.pending = new PendingWrites()
    this.#maxHeaderSize = maxHeaderSize
    this.#validation = validation
    this.#side = socket
    this.socket = socket
    this.readableHighWaterMark = socket.readableHighWaterMark
    opened++
    lookForTracing()
  }

  get source(): MessageSource {
    return this
  }

  get scope(): AsyncResource | null {
    return this.#scope
  }

  get destroyed(): boolean {
    return this.closed || this.ending
  }

  /** The program has ended the socket: what it writes to a request from there on waits, as in Node. */
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

  /** What a request has queued leaves in the tick in which it gets its connection: the requests of one turn share a flush. */
  gather(on: boolean): void {
    environment.gather(on, false)
  }

  protected askUnsent(): number | null {
    return this.slot === -1 ? null : environment.unsent(this)
  }

  get writableHighWaterMark(): number {
    return this.socket.writableHighWaterMark
  }

  // ---- the connection ------------------------------------------------------------------------------------------

  /** Begins the attempt, and sends what has been written already. */
  connect(options: ConnectOptions): number {
    this.isPath = options.path !== undefined
    const { errno, slot, generation } = environment.native.connect(options)
    if (errno !== 0) return errno
    this.slot = slot
    this.generation = generation
    environment.adopt(this)
    this.updateHold()
    const early = this.#early!
    this.#early = null
    environment.gather(true)
    try {
      for (const command of early) command()
    } finally {
      environment.gather(false)
    }
    return 0
  }

  /** `send` now, or as soon as there is a connection to be. */
  #command(send: () => void): void {
    if (this.#early !== null) this.#early.push(send)
    else if (!this.closed) send()
  }

  command(type: number, first = 0, second = 0): void {
    this.#command(() => environment.command(this, type, first, second))
  }

  close(mode: number): void {
    if (this.closed) return
    if (mode === r.CLOSE_HALF) this.beforeEnd()
    if (mode !== r.CLOSE_HALF) this.ending = true
    this.updateHold()
    if (mode === r.CLOSE_DESTROY || mode === r.CLOSE_RESET) process.nextTick(discard, this)
    if (this.slot === -1) {
      // The attempt never begins.
      if (mode === r.CLOSE_DESTROY || mode === r.CLOSE_RESET) process.nextTick(() => this.onClosed(0))
      return
    }
    this.command(r.OUT_CLOSE, mode)
  }

  /** As a handle of Node's that has not been closed, and not lost its reference. */
  get isClient(): true {
    return true
  }

  /**
   * A client of Node parses all that one read brought before anything else runs. What follows in the same batch came by the
   * same read, but for the peer's FIN, and body parts so long that they had a read of their own.
   */
  continuesRead(kind: number, flags: number, isEarlyEnd: boolean): boolean {
    switch (kind) {
      case r.IN_BODY:
        return (flags & r.BODY_TAKE) === 0
      case r.IN_END:
        return !this.untilClose
      case r.IN_ERROR:
        return !isEarlyEnd
      default:
        return false
    }
  }

  get isActive(): boolean {
    return this.isReferenced && !this.closed && this.#givenUp === null
  }

  /** A request in progress is this process's. */
  get canBeGivenUp(): boolean {
    return this.request === null
  }

  /** The program passes the socket on. What was on its way comes through it; `done` is called when nothing more comes. */
  giveUp(done: () => void): void {
    if (!this.upgraded) this.#side.release()
    this.upgraded = true
    this.ending = true
    this.#givenUp = done
  }

  /** The I/O thread has found that the connection is of no more use, or will: somebody waits for its place. */
  awaitEnd(): void {
    this.#leaving = true
    this.updateHold()
  }

  /**
   * As a handle of libuv, it keeps the event loop alive while it connects, reads or writes, unless the program has let go of
   * it, and in any case while it closes.
   */
  protected get isWorking(): boolean {
    if (this.slot === -1) return false
    return (this.isReferenced && (!this.window.held || !this.pending.empty)) || this.ending || this.#leaving
  }

  protected holdLoop(on: boolean): void {
    if (on) environment.ref()
    else environment.unref()
  }

  // ---- ClientConnection ----------------------------------------------------------------------------------------

  attach(request: ClientRequest): void {
    this.request = request
    this.failed = false
    this.#scope = new AsyncResource('HTTPCLIENTREQUEST', { requireManualDestroy: true })
    this.#side._httpMessage = request
    this.#side.parser = this
    this.socket.on('error', this.#onSocketError)
    this.socket.on('end', endsByRecord)
    this.socket.on('close', this.#onSocketClosed)
  }

  detach(): void {
    this.responding(false)
    this.socket.removeListener('error', this.#onSocketError)
    this.socket.removeListener('end', endsByRecord)
    this.socket.removeListener('close', this.#onSocketClosed)
    this.#side.parser = null
    this.request = null
    this.#scope?.emitDestroy()
    this.#scope = null
    this.#writer = null
  }

  /** The I/O thread ends an idle connection that brings anything. */
  rest(): void {}

  responding(on: boolean): void {
    if (on) this.socket.on('timeout', this.#onSocketTimeout)
    else this.socket.removeListener('timeout', this.#onSocketTimeout)
  }

  readonly #onSocketError = (error: Error): void => {
    if (this.request !== null) exchange.onSocketError(this.request, this, error)
  }

  readonly #onSocketClosed = (): void => {
    const { request } = this
    if (request === null) return
    exchange.onClose(request, this)
    this.detach()
  }

  readonly #onSocketTimeout = (): void => {
    if (this.request !== null) exchange.onResponseTimeout(this.request)
  }

  handOver(): void {
    this.detach()
    this.upgraded = true
    this.command(r.OUT_UPGRADE)
    this.#side.release()
  }

  /** The socket is to emit what is read, too. */
  tap(): void {
    if (this.#tapped) return
    this.#tapped = true
    this.command(r.OUT_TAP)
  }

  pause(): void {
    this.credit(this.window.hold(0))
    this.updateHold()
  }

  resume(): void {
    if (!this.window.held) return
    this.credit(this.window.release())
    this.updateHold()
  }

  resumeBody(): void {
    this.resume()
  }

  finish(): void {
    this.socket.destroySoon()
  }

  destroy(error?: Error): void {
    this.socket.destroy(error)
  }

  // ---- MessageTransport ----------------------------------------------------------------------------------------
  // As in Node, what is written to a destroyed socket is dropped with its callback: the request's 'close' is the end of it.

  sendHead(
    message: SettledMessage,
    head: string,
    body: BodyChunk | null,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
  ): boolean {
    if (this.socket.destroyed) return false
    this.#limit()
    const method = METHOD_FLAGS[this.request?.method ?? ''] ?? 0
    const socket = this.throughSocket()
    if (socket !== null) {
      const state = (flags & CHUNKED) | method | STATE_ONLY
      this.#command(() => environment.writeHead(this, '', null, 'latin1', state, r.OUT_REQUEST))
      const accepted = socket.sendHead(message, head, body, encoding, flags, callback)
      if ((flags & END) !== 0) this.#endThroughSocket()
      return accepted
    }
    const ends = (flags & END) !== 0
    if (ends && (flags & ACKNOWLEDGE) === 0 && callback === null && this.#early === null && isSmall(body)) {
      // Nobody listens, and the kernel takes so little at once.
      if (this.closed) return true
      environment.writeHead(this, head, body, encoding, flags | method, r.OUT_REQUEST)
      environment.settleAfterFlush(message)
      return true
    }
    const presumed = ends && this.#isPresumed(body, encoding, flags)
    // A head that waits for the connection is acknowledged: the end of the message may follow it before that stands.
    const tracked = presumed ? 0 : !ends && body === null && this.#connected ? 0 : ACKNOWLEDGE
    const sent = (flags & ~ACKNOWLEDGE) | method | tracked
    this.#command(() => environment.writeHead(this, head, body, encoding, sent, r.OUT_REQUEST))
    if (presumed) return this.#presume(message, callback)
    return this.#written(message, body, encoding, flags, callback, tracked !== 0)
  }

  /**
   * Whether the last part of a message counts as with the kernel as soon as all before it does: a socket of Node writes so
   * little at once. The connection may have been closed behind an early response by the time this part reaches the I/O
   * thread, and would never acknowledge it.
   */
  #isPresumed(body: BodyChunk | null, encoding: BufferEncoding, flags: number): boolean {
    if (!this.#connected && this.pending.empty) return false
    const bytes = body === null ? 0 : partLength(body, encoding, flags)
    return bytes === 0 || this.pending.bytes + bytes <= SMALL
  }

  /** Settles `message` behind the writes before its end, in a tick. */
  #presume(message: SettledMessage, callback: WriteCallback | null): boolean {
    this.#writer = message
    const settle = (error?: Error | null): void => {
      environment.send()
      callback?.(error)
      message[kSettle](error)
    }
    if (!this.pending.after(settle)) process.nextTick(settle, null)
    return true
  }

  /** What a response may be is the request's to say. */
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
    const presumed = (flags & END) !== 0 && this.#isPresumed(chunk, encoding, flags)
    const sent = presumed ? flags & ~ACKNOWLEDGE : flags | ACKNOWLEDGE
    this.#command(() => environment.writeBytes(this, r.OUT_BODY, chunk, encoding, sent))
    if (presumed) return this.#presume(message, callback)
    return this.#written(message, chunk, encoding, flags, callback)
  }

  sendEnd(message: SettledMessage, trailers: string, flags: number): boolean {
    if (this.socket.destroyed) return false
    const socket = this.throughSocket()
    if (socket !== null) {
      const accepted = socket.sendEnd(message, trailers, flags)
      this.#endThroughSocket()
      return accepted
    }
    const presumed = trailers.length <= SMALL && this.#isPresumed(null, 'latin1', flags)
    const sent = presumed ? flags & ~ACKNOWLEDGE : flags | ACKNOWLEDGE
    this.#command(() => environment.writeText(this, r.OUT_END, trailers, sent))
    if (presumed) return this.#presume(message, null)
    return this.#written(message, null, 'latin1', flags, null)
  }

  sendFramed(
    message: SettledMessage,
    data: BodyChunk,
    encoding: BufferEncoding,
    callback: WriteCallback | null,
  ): boolean {
    if (this.socket.destroyed) return false
    this.#command(() => environment.writeBytes(this, r.OUT_RAW, data, encoding, ACKNOWLEDGE))
    return this.#written(message, data, encoding, 0, callback)
  }

  sendInterim(_head: string, callback: WriteCallback | null): boolean {
    // A client has none to send.
    if (callback !== null) process.nextTick(callback, null)
    return true
  }

  protected writeRaw(chunk: BodyChunk, encoding: BufferEncoding): void {
    this.#command(() => environment.writeBytes(this, r.OUT_RAW, chunk, encoding, ACKNOWLEDGE))
    this.pending.add(partLength(chunk, encoding, 0), null, null)
  }

  /** As in Node a socket that is not connected holds back what follows. */
  protected override get isBlocked(): boolean {
    return this.socket.connecting || super.isBlocked
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
    body: BodyChunk | null,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
    tracked = true,
  ): boolean {
    this.#writer = message
    const bytes = body === null ? 0 : partLength(body, encoding, flags)
    const ends = (flags & END) !== 0
    if (tracked) {
      this.pending.add(bytes, callback, ends ? message : null)
      if (callback !== null || ends) environment.awaitWrites()
    }
    if (this.window.held) this.updateHold()
    return this.pending.bytes < this.writableHighWaterMark
  }

  // ---- from the I/O thread -------------------------------------------------------------------------------------

  onConnected(index: number, addresses: string): void {
    this.addresses = addresses
    this.#connected = true
    this.#side.onConnected(index)
    if (this.#acknowledged > 0) process.nextTick(() => this.onAck(0))
  }

  onConnectFailed(failures: Failure[]): void {
    this.closed = true
    this.updateHold()
    this.#side.onConnectFailed(failures)
  }

  onResponse(head: ResponseRecord): void {
    const { request } = this
    if (request === null || this.discarding) return
    this.untilClose =
      (head.flags & r.RESPONSE_KEEP_ALIVE) === 0 &&
      hasBody(request.method, head.line & 0xffff) &&
      !FRAMED.test(head.block)
    this.#scope!.runInAsyncScope(exchange.onResponse, undefined, request, this, head)
  }

  onBody(flags: number, chunk: Buffer): void {
    if ((flags & r.BODY_TAP) !== 0) {
      if (!this.upgraded) this.socket.emit('data', chunk)
      return
    }
    if ((flags & r.BODY_RAW) !== 0) {
      this.window.held = !this.socket.push(chunk)
      if (this.window.held) this.updateHold()
    } else if (this.request !== null && this.request.res !== null && !this.discarding) {
      this.#scope!.runInAsyncScope(exchange.onBody, undefined, this.request, this, chunk)
    }
    this.credit(this.window.held ? this.window.hold(chunk.length) : this.window.pass(chunk.length))
  }

  onEnd(flags: number, trailers: string): void {
    this.credit(this.window.end())
    if (this.request === null || this.discarding) return
    this.#scope!.runInAsyncScope(exchange.onEnd, undefined, this.request, this, flags, trailers)
  }

  onParseError(kind: number, bytesParsed: number, packet: Buffer): void {
    if (this.request === null || this.discarding) return
    const { request } = this
    const error = responseError(kind, bytesParsed, packet, request.res?.complete === false)
    if (error === null) {
      // The peer's FIN came instead of a response; the end of the connection follows.
      if (request.res === null) this.#scope!.runInAsyncScope(exchange.onHangUp, undefined, request, this)
      return
    }
    this.socket.removeListener('end', endsByRecord)
    this.socket.destroy()
    this.#scope!.runInAsyncScope(exchange.onParseError, undefined, request, this, error)
  }

  /** @param atOnce this thread has written it itself, before anything could follow */
  onAck(count: number, atOnce = false): void {
    this.#acknowledged += count
    // It was destroyed before anybody could know: what it has written is lost to the program.
    if (!this.#connected || (this.socket.destroyed && !atOnce)) return
    const written = this.#acknowledged
    this.#acknowledged = 0
    this.pending.acknowledge(written)
    if (this.window.held) this.updateHold()
    if (this.pending.bytes === 0) this.#writer?.[kDrain]()
  }

  onTimeout(kind: number): void {
    if (kind === r.TIMEOUT_SOCKET && !this.destroyed) this.socket.emit('timeout')
  }

  /** The peer has ended a tunnel. */
  onEof(): void {
    if (this.#givenUp !== null) this.socket.push(null)
    else this.#side.endReading()
  }

  onClosed(errno: number): void {
    if (this.closed) return
    this.closed = true
    this.window.end()
    this.updateHold()
    if (this.#givenUp === null) {
      this.#side.onConnectionClosed(errno)
      return
    }
    this.failWrites(() => connectionReset('write ECONNRESET'))
    this.#givenUp()
  }

  /** What was not sent never will be. Most connections end with everything sent, and an Error takes long to make. */
  failWrites(why: () => Error): void {
    this.#early = null
    this.pending.acknowledge(this.acknowledged)
    this.acknowledged = 0
    if (!this.pending.empty) this.pending.fail(why())
  }
}

/** Programs count the listeners of a socket that carries a request. The peer's end comes as a record. */
function endsByRecord(): void {}

/** Called in a tick: what follows in the same read is still reported, as in Node. */
function discard(connection: NativeClient): void {
  connection.discarding = true
}

/** RFC 9112 section 6.3, rules 1 and 2. */
function hasBody(method: string, status: number): boolean {
  return method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304
}
