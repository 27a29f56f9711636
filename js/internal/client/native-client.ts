/**
 * A client's native connection: an I/O thread connects, writes requests (`request-writer.ts`) and reads responses. It reports each
 * event as a record, for which this class calls a function of `exchange.ts`.
 */
import { AsyncResource } from 'node:async_hooks'

import type { ClientSocket } from './socket.js'
import type { ClientRequest } from '../../client.js'
import * as r from '../../native/records.js'
import type { ClientConnection } from './connection.js'
import { countErrno, countOne, counts } from '../counts.js'
import { environment } from '../bridge/environment.js'
import { connectionReset, ERR_SOCKET_CLOSED } from '../errors.js'
import * as exchange from './exchange.js'
import type { ResponseRecord } from '../bridge/record-reader.js'
import type { Failure, NativeClientReceiver } from '../bridge/receiver.js'
import type { ConnectOptions, ConnectTls } from '../bridge/native.js'
import { RequestWriter } from './request-writer.js'
import { responseError } from '../bridge/response-error.js'
import { lookForTracing } from '../node-parity/trace-events.js'
import type { MessageSource } from '../bridge/transport.js'

/** In the fields of a head: the field decides where the body ends. */
const FRAMED = /\n(?:content-length|transfer-encoding)\n/i

/** Largest number of bytes that Node reads from a socket at once. */
const READ_BYTES = 64 * 1024

let opened = 0

/** Number of native connections so far. */
export function nativeClientCount(): number {
  return opened
}

let whenClosed: (() => void) | null = null

/** `act` is called once, when the first of all connections has closed. */
export function afterFirstClose(act: () => void): void {
  whenClosed = act
}

/** See `HttpConnection` about the members of these classes. */
export class NativeClient extends RequestWriter implements ClientConnection, NativeClientReceiver, MessageSource {
  readonly readableHighWaterMark: number
  /** Whether it is a Unix socket. */
  isPath = false
  /** See `keepQuiet`. */
  isKept = false
  /** Has the agent choose another connection for a request. Null for a connection without an agent. */
  sendAgain: ((request: ClientRequest) => void) | null = null
  /** Whether the response's body ends with the connection. */
  untilClose = false
  /** The environment's turn in which the connection was reported as established. */
  connectedIn = -1
  readonly #side: ClientSocket
  #scope: AsyncResource | null = null
  #givenUp: (() => void) | null = null
  #tapped = false
  /** The TLS that it was begun with. */
  #tls: ConnectTls | null = null
  /** See `awaitEnd`. */
  #leaving = false

  /** @param maxHeaderSize and `validation` hold until a request sets others */
  constructor(socket: ClientSocket, maxHeaderSize: number, validation: number) {
    super(socket, maxHeaderSize, validation)
    this.#side = socket
    this.readableHighWaterMark = socket.readableHighWaterMark
    lookForTracing()
  }

  get source(): MessageSource {
    return this
  }

  get scope(): AsyncResource | null {
    return this.#scope
  }

  // ---- the connection ------------------------------------------------------------------------------------------

  /** Begins the attempt, and sends what has been written already. */
  connect(options: ConnectOptions, tls: ConnectTls | null): number {
    opened++
    this.isPath = options.path !== undefined
    this.#tls = tls
    const { errno, slot, generation } = environment.native.connect(options, tls?.client, tls?.servername, tls?.sessions)
    if (errno !== 0) return errno
    this.slot = slot
    this.generation = generation
    environment.add(this)
    this.updateHold()
    const early = this.early!
    this.early = null
    environment.gather(true)
    try {
      for (const command of early) command()
    } finally {
      environment.gather(false)
    }
    return 0
  }

  /** Whether the kernel has not accepted all bytes that were written. */
  get hasWaitingWrites(): boolean {
    return !this.pending.empty
  }

  /** The program has approved the server of a connection with TLS. What was written before is sent. */
  approve(): void {
    if (this.destroyed) return
    this.command(r.OUT_APPROVE)
    this.#open()
  }

  close(mode: number): void {
    if (this.closed) return
    if (mode === r.CLOSE_HALF) this.beforeEnd()
    if (mode !== r.CLOSE_HALF) this.stopSending()
    this.updateHold()
    if (mode === r.CLOSE_DESTROY || mode === r.CLOSE_RESET) process.nextTick(discard, this)
    if (this.slot === -1) {
      // The attempt never begins.
      if (mode === r.CLOSE_DESTROY || mode === r.CLOSE_RESET) process.nextTick(() => this.onClosed(0, 0))
      return
    }
    this.command(r.OUT_CLOSE, mode)
  }

  get isClient(): true {
    return true
  }

  /**
   * A client of Node parses all bytes of one read before other code runs. The parts of a body count as one read until they exceed
   * the size of Node's. With TLS Node reads records, which are shorter than a long part. The peer's FIN and a tunnel's long parts
   * have a read of their own.
   */
  continuesRead(kind: number, flags: number, isEarlyEnd: boolean, length: number): boolean {
    switch (kind) {
      case r.IN_BODY:
        if (this.#tls !== null || (flags & r.BODY_RAW) !== 0) return (flags & r.BODY_TAKE) === 0
        return length <= READ_BYTES
      case r.IN_END:
        return !this.untilClose
      case r.IN_ERROR:
        return !isEarlyEnd
      default:
        return false
    }
  }

  /** As `hasRef()` of a handle of Node: neither closed nor unreferenced. */
  get isActive(): boolean {
    return this.isReferenced && !this.closed && this.#givenUp === null
  }

  /** A connection with a request in progress cannot be passed on. */
  get canBeGivenUp(): boolean {
    return this.request === null
  }

  /** The program passes the socket on. Bytes that were received go through the new one. `done` is called after the last byte. */
  giveUp(done: () => void): void {
    if (!this.upgraded) this.#side.release()
    this.upgraded = true
    this.stopSending()
    this.#givenUp = done
  }

  /** The I/O thread finds that the connection is unusable. The event loop stays alive for that, because a request waits for its place. */
  awaitEnd(): void {
    this.#leaving = true
    this.updateHold()
  }

  /**
   * Like a libuv handle, it keeps the event loop alive while it reads, unless the program has called `unref()`, and in any case while
   * it connects, writes or closes.
   */
  protected get isWorking(): boolean {
    if (this.slot === -1) return false
    const reads = this.isReferenced && !this.window.held
    // During a handshake of TLS the bytes of requests wait.
    const writes = this.socket.connecting || (this.connected && !this.pending.empty)
    return reads || writes || this.ending || this.#leaving
  }

  protected holdLoop(on: boolean): void {
    if (on) environment.ref()
    else environment.unref()
  }

  // ---- ClientConnection ----------------------------------------------------------------------------------------

  attach(request: ClientRequest): void {
    this.request = request
    // An error that came between the agent's choice and now has been reported.
    if (!this.socket.destroyed) this.failed = false
    this.isKept = false
    this.#scope = new AsyncResource('HTTPCLIENTREQUEST', { requireManualDestroy: true })
    this.#side._httpMessage = request
    this.#side.parser = this
    this.socket.on('error', this.#onSocketError)
    this.socket.on('end', this.#onSocketEnd)
    this.socket.on('close', this.#onSocketClosed)
  }

  detach(): void {
    this.setResponding(false)
    this.socket.removeListener('error', this.#onSocketError)
    this.socket.removeListener('end', this.#onSocketEnd)
    this.socket.removeListener('close', this.#onSocketClosed)
    this.#side.parser = null
    this.request = null
    this.#scope?.emitDestroy()
    this.#scope = null
    this.writer = null
    this.whole = null
  }

  /** The I/O thread ends an idle connection on which bytes arrive. */
  becomeIdle(): void {}

  setResponding(on: boolean): void {
    if (on) this.socket.on('timeout', this.#onSocketTimeout)
    else this.socket.removeListener('timeout', this.#onSocketTimeout)
  }

  readonly #onSocketError = (error: Error): void => {
    if (this.request === null) return
    exchange.onSocketError(this.request, this, error)
    // The program may have emitted the error itself. The rest of the read is dropped, as in Node.
    this.discard()
    this.socket.destroy()
  }

  /**
   * The peer has sent FIN. A response that ends with the connection, or is cut off, is reported by a record of the same read. The socket
   * of a complete response ends by itself.
   */
  readonly #onSocketEnd = (): void => {
    const { request } = this
    if (request === null) return
    if (request.res?.complete && !this.untilClose && !request.shouldKeepAlive) return
    if (request.res === null) exchange.onHangUp(request, this)
    this.socket.destroy()
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
    this.isKept = false
    this.upgraded = true
    this.command(r.OUT_UPGRADE)
    this.#side.release()
  }

  /** The socket emits a copy of the bytes, too. */
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
    // A program that has ended the socket waits for the peer's end.
    if (this.socket.writable) this.socket.destroySoon()
  }

  // ---- from the I/O thread -------------------------------------------------------------------------------------

  /**
   * The connection has ended between two requests, and no byte of the second one was sent. It gets another connection, if all of it
   * is known. @returns whether it does
   */
  #sendElsewhere(sent: number): boolean {
    const { request, whole, sendAgain, socket } = this
    if (request === null || whole === null || sendAgain === null || sent === 0 || sent >= this.requests) return false
    if (request.destroyed || request.res !== null || socket.destroyed) return false
    this.pending.recall()
    const scope = this.#scope!
    this.#scope = null
    this.detach()
    exchange.queueAgain(request, socket, whole)
    scope.runInAsyncScope(sendAgain, undefined, request)
    scope.emitDestroy()
    return true
  }

  onConnected(index: number, addresses: string): void {
    this.addresses = addresses
    this.connected = this.#tls === null
    this.#side.onConnected(index)
    if (!this.isReferenced) this.updateHold()
    if (this.connected) this.#open()
  }

  /** A listener of 'connect' has destroyed the socket, before Node writes or after the kernel has accepted what it writes. */
  onDestroyedInConnect(): void {
    if (this.#tls !== null) return
    if (this.isBegun) process.nextTick(() => this.pending.acknowledge(Infinity))
    else this.failWrites(ERR_SOCKET_CLOSED)
  }

  /** Whether the program has yet to approve the server. The I/O thread parses no bytes of such a server; this is a second barrier. */
  #isUnapproved(): boolean {
    return this.#tls !== null && !this.connected
  }

  /** Bytes reach the peer from now on. */
  #open(): void {
    this.connected = true
    if (this.acknowledgedEarly > 0) process.nextTick(() => this.onAck(0))
  }

  onKeyLog(lines: Buffer): void {
    this.#side.onKeyLog(lines)
  }

  onSecured(details: string, verdict: number, chain: Buffer): boolean {
    this.#side.onSecured(details, verdict, chain)
    return true
  }

  onTlsFailed(reason: number): void {
    this.#side.onTlsFailed(reason)
  }

  onSession(): void {
    this.#side.onSession()
  }

  onConnectFailed(failures: Failure[]): void {
    countErrno(counts.clientErrors, failures.at(-1)?.errno ?? 0)
    this.closed = true
    this.updateHold()
    this.#side.onConnectFailed(failures)
  }

  onResponse(head: ResponseRecord): void {
    const { request } = this
    if (request === null || this.discarding || this.#isUnapproved()) return
    this.untilClose =
      (head.flags & r.RESPONSE_KEEP_ALIVE) === 0 &&
      hasBody(request.method, head.line & r.LINE_STATUS_MASK) &&
      !FRAMED.test(head.block)
    this.#scope!.runInAsyncScope(exchange.onResponse, undefined, request, this, head)
  }

  onBody(flags: number, chunk: Buffer): void {
    if (this.#isUnapproved()) return
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
    if (this.request === null || this.discarding || this.#isUnapproved()) return
    // The FIN has ended the response. The socket's 'end' comes first, as in Node.
    if (this.untilClose) this.#side.endReading()
    this.#scope!.runInAsyncScope(exchange.onEnd, undefined, this.request, this, flags, trailers)
  }

  onParseError(kind: number, bytesParsed: number, packet: Buffer): void {
    if (this.request === null || this.discarding || this.#isUnapproved()) return
    const { request } = this
    const error = responseError(kind, bytesParsed, packet, request.res?.complete === false)
    if (error === null) {
      // FIN instead of a response. The record of the connection's end follows.
      if (request.res === null) this.#side.endReading()
      return
    }
    countOne(counts.clientErrors, error.code ?? error.name)
    this.socket.removeListener('end', this.#onSocketEnd)
    this.socket.destroy()
    this.#scope!.runInAsyncScope(exchange.onParseError, undefined, request, this, error)
  }

  onTimeout(kind: number): void {
    if (kind !== r.TIMEOUT_SOCKET || this.destroyed) return
    counts.timeouts.socket++
    this.socket.emit('timeout')
  }

  /** The peer has sent FIN on a tunnel. */
  onEof(): void {
    if (this.#givenUp !== null) this.socket.push(null)
    else this.#side.endReading()
  }

  onClosed(errno: number, requests: number): void {
    if (this.closed) return
    this.closed = true
    countErrno(counts.clientErrors, errno)
    this.window.end()
    this.updateHold()
    whenClosed?.()
    whenClosed = null
    if (this.#givenUp === null) {
      this.#side.onConnectionClosed(errno, this.isKept || this.#sendElsewhere(requests))
      return
    }
    this.failWrites(() => connectionReset('write ECONNRESET'))
    this.#givenUp()
  }
}

/** Called in a tick, so that the rest of the read is still reported, as in Node. */
function discard(connection: NativeClient): void {
  connection.discard()
}

/** Whether a response may have a body (RFC 9112 section 6.3, rules 1 and 2). */
function hasBody(method: string, status: number): boolean {
  return method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304
}
