/**
 * The sending half of a server's connection: writes responses in the order of their requests, settles them when the kernel has
 * accepted them, and closes the connection. The records go to a `Port`.
 */
import type { AsyncResource } from 'node:async_hooks'
import type { Socket } from 'node:net'

import type { IncomingMessage } from '../../incoming.js'
import * as r from '../../native/records.js'
import { attach } from '../../outgoing.js'
import type { ServerResponse } from '../../response.js'
import { connectionReset } from '../errors.js'
import { HttpConnection } from '../socket/http-connection.js'
import { PendingWrites, SMALL, isSmall, partLength } from '../bridge/pending-writes.js'
import { isWriteReplaced } from '../socket/plain-write.js'
import { kStream, type Port, type SocketSide } from './port.js'
import { shutDown } from '../node-parity/async-resources.js'
import type { StreamTransport } from '../message/stream-transport.js'
import { ACKNOWLEDGE, CHUNKED, CLOSE, END, kAnswering, kDrain, type MessagePart, NO_PART } from '../bridge/transport.js'
import type { BodyChunk, MessageTransport, SettledMessage, WriteCallback } from '../bridge/transport.js'

const { STATE_ONLY } = r

/** See `HttpConnection` about the members of these classes. */
export abstract class ResponseWriter extends HttpConnection implements MessageTransport {
  readonly writableHighWaterMark: number
  /** The socket's async resource. Null on a stream, which has a resource of its own. */
  readonly resource: AsyncResource | null
  /** The response that is being sent. */
  response: ServerResponse | null = null
  /** The program has detached this response from the socket, and writes to the socket itself. */
  detached = false
  /** The program has paused the socket. Not set for a body that is not read. */
  paused = false
  /** The error response for malformed input has been sent. */
  refused = false
  /** This side closes the connection if it is idle, and no request has followed. */
  closesIdle = false

  protected readonly port: Port
  protected side: SocketSide | null = null
  /** Responses that wait for earlier ones. */
  protected queue: ServerResponse[] | null = null
  /** The error response that is sent after the responses before it, and before the connection is closed. */
  protected fatal: Error | null = null
  protected shutdown: AsyncResource | null = null
  /** Number of records that are served although the program has destroyed the connection, see `Port.restOfRead`. */
  protected restOfRead = 0
  #needDrain = false

  protected constructor(
    slot: number,
    generation: number,
    port: Port,
    writableHighWaterMark: number,
    resource: AsyncResource | null,
  ) {
    super(slot, generation, true)
    this.port = port
    this.writableHighWaterMark = writableHighWaterMark
    this.resource = resource
  }

  /** The socket. A socket of ours is made by the first call. */
  protected abstract openSide(): SocketSide
  /** @param now also when responses are due */
  protected abstract answerFatal(now: boolean): void
  /** See `Connection`. */
  abstract uncount(): boolean
  /** Whether the program listens for errors of connections. */
  protected abstract get reportsErrors(): boolean
  /** Whether a request has been served. Before that the program destroys a connection of which Node has parsed nothing. */
  protected abstract hasServed: boolean
  /** The peer has sent FIN, and responses may still be written. */
  protected abstract peerHasEnded: boolean

  get socket(): Socket {
    return this.openSide()[kStream]
  }

  protected get currentMessage(): ServerResponse | null {
    return this.response
  }

  protected get shownSocket(): Socket | null {
    if (!this.#isNative()) return this.openSide()[kStream]
    return this.side === null ? null : this.side[kStream]
  }

  /** Bytes that the socket itself holds count, too. A stream, which acknowledges in a tick, counts by itself. */
  override get countedLength(): number {
    return this.#isNative() ? super.countedLength : this.openSide()[kStream].writableLength
  }

  get needsDrain(): boolean {
    return this.#needDrain || this.heldLength >= this.writableHighWaterMark
  }

  get destroyed(): boolean {
    return this.closed || this.ending || this.port.gone === true
  }

  /** The program has ended the socket. As in Node the rest of a response waits, and is never sent. */
  get unwritable(): boolean {
    if (this.side === null || this.closed) return false
    const stream = this.side[kStream]
    return stream.writableEnded && !stream.destroyed
  }

  /** False where the connection is a stream. */
  override get takesParts(): boolean {
    return this.#isNative() && this.throughSocket() === null
  }

  #isNative(): boolean {
    return this.port.unsent !== undefined
  }

  /** For the rest of a turn only a stream is corked. */
  override corkSocket(on: boolean, byProgram: boolean): void {
    super.corkSocket(on, byProgram || !this.#isNative())
  }

  gather(on: boolean): void {
    this.port.gather?.(on)
  }

  protected askUnsent(): number | null {
    return this.port.unsent?.(this) ?? null
  }

  command(type: number, first = 0, second = 0): void {
    this.port.command(this, type, first, second)
  }

  /** Whether reading is suspended: the program does not consume the body, or has paused the socket. */
  protected get isStopped(): boolean {
    return this.window.held || this.paused
  }

  /**
   * Like a libuv handle, a connection keeps the event loop alive while it reads, writes or closes. It does not read after the
   * peer's FIN, or while the program does not consume the bytes.
   */
  protected get isWorking(): boolean {
    const reads = !this.peerHasEnded && (!this.isStopped || this.ending)
    return this.isReferenced && (reads || this.pending?.empty === false)
  }

  protected holdLoop(on: boolean): void {
    if (on) this.port.ref()
    else this.port.unref()
  }

  /** The I/O thread may not have sent responses that end without ACKNOWLEDGE. They must be sent before the process exits. */
  protected trackOutput(): void {
    // A stream's own handle keeps the event loop alive.
    if (this.resource === null || this.closed) return
    this.port.writeBytes(this, r.OUT_RAW, '', 'latin1', ACKNOWLEDGE)
    this.#wait(0, null, null)
  }

  /** Number of requests whose response has not been handed over. */
  get unanswered(): number {
    return this.response === null ? 0 : 1 + (this.queue?.length ?? 0)
  }

  /** The value of `socket._httpMessage`. */
  get shownResponse(): ServerResponse | null {
    return this.detached ? null : this.response
  }

  /** The connection closes after the last response that is due. That response announces it, unless its head has been sent. */
  closeAfterLast(): void {
    // An earlier response of a pipeline would cut off those after it.
    const last = this.queue?.at(-1) ?? this.response
    if (last !== null && !this.upgraded && !last.headersSent) last.shouldKeepAlive = false
  }

  /** A response is detached from the socket, or assigned to it. @returns whether it is one of this connection */
  showResponse(response: unknown): boolean {
    if (response !== null && response !== this.response) return false
    this.detached = response === null && this.response !== null
    return true
  }

  /** A request was answered before all of it had arrived, and the program waits for 'finish'. */
  get answersEarly(): boolean {
    return this.response === null && this.pending?.empty === false
  }

  // ---- from the I/O thread -------------------------------------------------------------------------------------

  onAck(count: number, _atOnce = false): void {
    this.pending?.acknowledge(count)
    if (this.writableLength === 0) {
      const full = this.#needDrain
      this.#needDrain = false
      this.response?.[kDrain]()
      // A stream reports it by itself.
      if (full && this.#isNative() && !this.destroyed) this.side?.[kStream].emit('drain')
    }
    if (this.peerHasEnded || this.isStopped) this.updateHold()
  }

  // ---- MessageTransport ----------------------------------------------------------------------------------------
  // As in Node, bytes for a destroyed connection are dropped, and their callbacks are not called. The response emits 'close'.

  /** Whether responses are not sent any more: the program has ended the socket, or the connection has closed. */
  #hasStoppedSending(): boolean {
    return this.destroyed || this.side?.[kStream].writableEnded === true
  }

  sendHead(message: SettledMessage, part: MessagePart, flags: number, callback: WriteCallback | null): boolean {
    if (this.#hasStoppedSending()) return false
    const socket = this.throughSocket()
    if (socket !== null) {
      this.port.writeHead(this, NO_PART, (flags & CHUNKED) | STATE_ONLY)
      const accepted = socket.sendHead(message, part, flags, callback)
      if ((flags & END) !== 0) this.#endedThroughSocket(flags)
      return accepted
    }
    const { body } = part
    if ((flags & END) !== 0) {
      const due = this.#presume(flags, body, callback) | this.#drainFlag(body)
      this.port.writeHead(this, part, due)
      this.#ended(message, due, flags, callback, body)
      return true
    }
    if (body === null) {
      this.port.writeHead(this, part, flags)
      return true
    }
    if (this.#presumePart(body, part.encoding, flags, callback)) {
      this.port.writeHead(this, part, flags)
      return true
    }
    this.port.writeHead(this, part, flags | ACKNOWLEDGE)
    return this.#track(body, part.encoding, flags, callback)
  }

  sendBody(
    message: SettledMessage,
    chunk: BodyChunk,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
  ): boolean {
    if (this.#hasStoppedSending()) return false
    const socket = this.throughSocket()
    if (socket !== null) {
      const accepted = socket.sendBody(message, chunk, encoding, flags, callback)
      if ((flags & END) !== 0) this.#endedThroughSocket(flags)
      return accepted
    }
    if ((flags & END) !== 0) {
      const due = this.#presume(flags, chunk, callback) | this.#drainFlag(chunk)
      this.port.writeBytes(this, r.OUT_BODY, chunk, encoding, due)
      this.#ended(message, due, flags, callback, chunk)
      return true
    }
    if (this.#presumePart(chunk, encoding, flags, callback)) {
      this.port.writeBytes(this, r.OUT_BODY, chunk, encoding, flags)
      return true
    }
    this.port.writeBytes(this, r.OUT_BODY, chunk, encoding, flags | ACKNOWLEDGE)
    return this.#track(chunk, encoding, flags, callback)
  }

  sendEnd(message: SettledMessage, trailers: string, flags: number): boolean {
    if (this.#hasStoppedSending()) return false
    const socket = this.throughSocket()
    if (socket !== null) {
      const accepted = socket.sendEnd(message, trailers, flags)
      this.#endedThroughSocket(flags)
      return accepted
    }
    const due = this.#presume(flags, null, null)
    this.port.writeText(this, r.OUT_END, trailers, due)
    this.#ended(message, due, flags, null, null)
    return true
  }

  sendFramed(
    _message: SettledMessage,
    data: BodyChunk,
    encoding: BufferEncoding,
    callback: WriteCallback | null,
  ): boolean {
    // Bytes that were written before the socket ended.
    if (this.isReleasing ? this.destroyed : this.#hasStoppedSending()) return false
    this.port.writeBytes(this, r.OUT_RAW, data, encoding, ACKNOWLEDGE)
    return this.#track(data, encoding, 0, callback)
  }

  sendInterim(head: string, callback: WriteCallback | null): boolean {
    if (this.#hasStoppedSending()) return false
    const socket = this.throughSocket()
    if (socket !== null) return socket.sendInterim(head, callback)
    this.port.writeText(this, r.OUT_INTERIM, head, callback === null ? 0 : ACKNOWLEDGE)
    if (callback !== null) this.#wait(0, callback, null)
    return true
  }

  protected writeRaw(chunk: BodyChunk, encoding: BufferEncoding): void {
    this.port.writeBytes(this, r.OUT_RAW, chunk, encoding, ACKNOWLEDGE)
    this.#wait(partLength(chunk, encoding, 0), null, null)
  }

  /** @returns whether the connection was open */
  destroy(error?: Error, response?: SettledMessage): boolean {
    // As in Node a response has no socket to report its error before the one ahead of it has been sent.
    if (error && response !== undefined && this.isBehindUnsettled(response)) error = undefined
    // The socket object reports the error.
    const side = this.side ?? (error && this.reportsErrors ? this.openSide() : null)
    if (side !== null) {
      const wasOpen = !side[kStream].destroyed
      side[kStream].destroy(error)
      return wasOpen
    }
    if (this.closed || this.discarding) return false
    if (error) this.recall()
    this.close(r.CLOSE_DESTROY)
    this.uncount()
    return true
  }

  /**
   * The socket is being destroyed with an error. As in Node its responses that have not emitted 'finish' do not emit it any more,
   * although they may have been sent. They end with the connection.
   */
  recall(): void {
    const recalled = [...(this.pending?.recall() ?? []), ...(this.port.recall?.(this) ?? [])] as ServerResponse[]
    if (recalled.length === 0) return
    if (this.response !== null) recalled.push(this.response)
    if (this.queue !== null) recalled.push(...this.queue)
    this.response = recalled.shift()!
    this.queue = recalled.length === 0 ? null : recalled
  }

  /** Whether a response ahead of this one has been handed over, and has not emitted 'finish'. */
  protected isBehindUnsettled(response: SettledMessage): boolean {
    return this.pending?.endsOther(response) === true || this.port.isSettling(this, response)
  }

  /** Sends OUT_CLOSE. After that only a harder close has an effect. */
  close(mode: number): void {
    // The last bytes are being sent already, and a destroy would lose them.
    if (this.closed || (this.refused && mode === r.CLOSE_DESTROY)) return
    if (mode === r.CLOSE_AFTER_FLUSH || mode === r.CLOSE_HALF) this.beforeEnd()
    if (mode !== r.CLOSE_IF_IDLE && mode !== r.CLOSE_HALF) this.stopSending()
    this.updateHold()
    if (mode === r.CLOSE_IF_IDLE) this.closesIdle = true
    if (mode === r.CLOSE_DESTROY || mode === r.CLOSE_RESET) {
      if (!this.discarding && this.hasServed) this.restOfRead = this.port.restOfRead?.(this) ?? 0
      this.discard()
    } else if (mode !== r.CLOSE_IF_IDLE && !this.refused) this.#shutDown()
    this.port.command(this, r.OUT_CLOSE, mode)
  }

  /**
   * Removes ACKNOWLEDGE from the flags of a message's end that waits for the end of a batch or phase, when few bytes are outstanding.
   * A socket of Node has written so few by now, so they count as accepted when they are handed over, and 'finish' is emitted before
   * the program's next immediate. An acknowledgement would wake this thread for each of them.
   */
  #presume(flags: number, body: BodyChunk | null, callback: WriteCallback | null): number {
    if ((flags & ACKNOWLEDGE) === 0 || callback !== null || !isSmall(body) || this.port.nextWaits !== true) return flags
    return this.pending === null || this.pending.isSmall ? flags & ~ACKNOWLEDGE : flags
  }

  /**
   * Whether a part that is not the last one needs no acknowledgement: the program waits for nothing, and the event loop does not
   * have to stay alive for it. Each acknowledgement of a part that an I/O thread writes would wake this thread.
   */
  #presumePart(body: BodyChunk, encoding: BufferEncoding, flags: number, callback: WriteCallback | null): boolean {
    if (callback !== null || body.length > SMALL || this.peerHasEnded || this.isStopped || !this.#isNative())
      return false
    const bytes = partLength(body, encoding, flags)
    return bytes < this.writableHighWaterMark && (this.pending ??= new PendingWrites()).presume(bytes)
  }

  /** ACKNOWLEDGE, if the socket has to emit 'drain' after a last part of this size and has a listener for it. */
  #drainFlag(body: BodyChunk | null): number {
    if (body === null || this.side === null || body.length < this.writableHighWaterMark) return 0
    return this.#isNative() && this.side[kStream].listenerCount('drain') > 0 ? ACKNOWLEDGE : 0
  }

  #shutDown(): void {
    if (this.resource !== null) this.shutdown ??= shutDown(this.resource)
  }

  afterWrites(callback: WriteCallback): void {
    if (this.pending?.after(callback)) return
    process.nextTick(callback, this.destroyed ? connectionReset('aborted') : null)
  }

  #track(chunk: BodyChunk, encoding: BufferEncoding, flags: number, callback: WriteCallback | null): boolean {
    this.#wait(partLength(chunk, encoding, flags), callback, null)
    if (this.writableLength < this.writableHighWaterMark) return true
    this.#needDrain = true
    return false
  }

  protected throughSocket(): StreamTransport | null {
    if (!this.#isNative() || (this.side === null && !isWriteReplaced())) return null
    return this.framingFor(this.openSide()[kStream])
  }

  #endedThroughSocket(flags: number): void {
    // The engine does not read after the last response. The socket closes when its queue is empty.
    this.port.writeText(this, r.OUT_END, '', (flags & CLOSE) | STATE_ONLY)
    this.#nextResponse()
  }

  #wait(bytes: number, callback: WriteCallback | null, message: SettledMessage | null): void {
    ;(this.pending ??= new PendingWrites()).add(bytes, callback, message)
    if (callback !== null || message !== null) this.port.awaitWrites?.()
    if (this.peerHasEnded || this.isStopped) this.updateHold()
  }

  /** Node has written the response by now, so its 'finish' precedes the request's 'close'. */
  #holdClose(request: IncomingMessage): void {
    if (this.resource === null || request[kAnswering] === undefined) return
    request[kAnswering](true)
    this.port.settleAfterFlush(request)
  }

  /**
   * The response has been handed over completely. The next one is sent.
   *
   * @param flags of the record that was written
   * @param asked the flags that the message has asked for. ACKNOWLEDGE in these alone: the end counts as accepted
   */
  #ended(
    message: SettledMessage,
    flags: number,
    asked: number,
    callback: WriteCallback | null,
    body: BodyChunk | null,
  ): void {
    if ((flags & ACKNOWLEDGE) !== 0) this.#wait(0, callback, message)
    else {
      if ((asked & ACKNOWLEDGE) !== 0 && this.port.settlePresumed !== undefined) this.port.settlePresumed(message)
      else this.port.settleAfterFlush(message)
      if (this.isStopped) this.trackOutput()
    }
    this.#needDrain = this.#drainFlag(body) !== 0 && (flags & CLOSE) === 0
    if (this.response !== null && this.response.req._eventsCount > 0) this.#holdClose(this.response.req)
    this.pending?.markEnded()
    if ((flags & CLOSE) !== 0) {
      this.stopSending()
      this.updateHold()
      this.#shutDown()
      this.side?.endWriting()
    }
    this.#nextResponse()
  }

  #nextResponse(): void {
    const queue = this.queue
    if (queue === null) {
      this.response = null
    } else {
      const next = queue.shift()!
      if (queue.length === 0) this.queue = null
      this.response = next
      attach(next, this)
    }
    if (this.fatal !== null) this.answerFatal(false)
  }
}
