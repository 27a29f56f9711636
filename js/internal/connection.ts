/**
 * One connection of a server: turns records into Node's objects and events, and what those objects write back into
 * records, whoever carries them (`Port`). The classes above know it as `MessageTransport` and `MessageSource`.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'

import type { IncomingMessage } from '../incoming.js'
import type { Server } from '../server.js'
import type { ServerResponse } from '../response.js'
import { attach } from '../outgoing.js'
import { ConnectionSocket } from '../server-socket.js'
import { fillHead } from '../incoming.js'
import { debug } from './debug.js'
import { answerTo } from './default-answer.js'
import { connectionReset, ERR_HTTP_REQUEST_TIMEOUT, isCutOff, parserError, systemError } from './errors.js'
import { HttpConnection } from './http-connection.js'
import { forEachIsolated } from './isolated-callbacks.js'
import type { NativeServerReceiver } from './native-receiver.js'
import { methods, parserErrors } from './native.js'
import { kEndCallbacks } from './outgoing-state.js'
import { PendingWrites, isSmall, partLength } from './pending-writes.js'
import { isWriteReplaced } from './plain-write.js'
import { GivenUpSide, kStream, type Port, type SocketSide } from './port.js'
import * as r from '../native/records.js'
import type { StreamTransport } from './stream-transport.js'
import { shutDown } from './resources.js'
import {
  kClosed,
  kDispatch,
  kIncomingMessage,
  kListenScope,
  kPrepare,
  kResponseOptions,
  kServerResponse,
} from './symbols.js'
import { setTimeout } from './timers.js'
import { lookForTracing } from './trace-events.js'
import { ACKNOWLEDGE, CHUNKED, CLOSE, END, kAbort, kAnswering, kBody, kDrain, kEnd, kSettle } from './transport.js'
import type { BodyChunk, MessageSource, MessageTransport, SettledMessage, WriteCallback } from './transport.js'

const METHOD_NAMES = methods()
const PARSER_ERRORS = parserErrors()

/**
 * Where a scope of an AsyncResource leaves nothing behind in it (async context frames, Node 24) one resource serves a
 * whole connection, as in Node; elsewhere `enterWith` would be seen by the connection's next request.
 */
const SCOPES_ISOLATE = (() => {
  if (Number(process.versions.node.split('.')[0]) < 24) return false
  const storage = new AsyncLocalStorage<boolean>()
  const scope = new AsyncResource('FERROHTTPPROBE')
  scope.runInAsyncScope(() => storage.enterWith(true))
  const isolated = scope.runInAsyncScope(() => storage.getStore()) === undefined
  storage.disable()
  return isolated
})()

/**
 * How long good requests have to be answered before a bad one behind them ends the connection, in ms. Node gives them
 * no time; a handler that never answers must not keep a broken peer either.
 */
const ANSWER_GRACE = 500

const { EPIPE } = constants.errno
const { STATE_ONLY } = r

export class Connection extends HttpConnection implements MessageTransport, MessageSource, NativeServerReceiver {
  readonly server: Server
  readonly readableHighWaterMark: number
  readonly writableHighWaterMark: number
  /** The server waits for its end to be closed itself. */
  counted = true
  /** What is read is shown to the socket's listeners, too. */
  tapped = false
  /** The program paused the socket; not: a body that nobody reads. */
  paused = false
  /** The peer has been answered for breaking the protocol. */
  refused = false

  /** The request whose body is arriving. */
  incoming: IncomingMessage | null = null
  /** The response whose turn it is. */
  response: ServerResponse | null = null
  /** The program has detached that response from the socket, and writes to the socket itself. */
  detached = false
  /** Requests served, for maxRequestsPerSocket. */
  requests = 0

  readonly #port: Port
  #socket: SocketSide | null = null
  /** Responses whose turn has not come. */
  #queue: ServerResponse[] | null = null
  #needDrain = false
  /** The 'timeout' under way is that of keepAliveTimeout. */
  #idleTooLong = false
  /** That of the last request, or of the connection: see SCOPES_ISOLATE. */
  #scope: AsyncResource | null
  /** Where scopes come from; null on a stream, all of whose records are served in one. */
  readonly #origin: AsyncResource | null
  /** What stands for the socket in async_hooks; null on a stream, which has a resource of its own. */
  readonly resource: AsyncResource | null
  #shutdown: AsyncResource | null = null
  /** What broke the connection. */
  #reset: Error | null = null
  /** The messages have been told of the end. */
  #abandoned = false
  /** The peer has ended and we may go on writing. */
  #quiet = false
  /** A handler has been called and has not returned. */
  #serving = false
  /** What to answer, once the responses before it are through, before the connection is closed. */
  #fatal: Error | null = null
  /** An error has been reported to the server: errors of the socket that follow from it are not. */
  #reported = false

  /** @param scope of a stream's records, null where the server's own is theirs */
  constructor(slot: number, generation: number, server: Server, port: Port, scope: AsyncResource | null = null) {
    super(slot, generation, true)
    const stream = port.side?.[kStream]
    this.server = server
    this.#port = port
    this.readableHighWaterMark = stream === undefined ? server.highWaterMark : stream.readableHighWaterMark
    this.writableHighWaterMark = stream === undefined ? server.highWaterMark : stream.writableHighWaterMark
    this.#scope = scope
    const origin = scope === null ? server[kListenScope] : null
    this.#origin = origin
    this.resource = origin === null ? null : origin.accept()
    if (SCOPES_ISOLATE) this.#asyncScope()
    lookForTracing()
  }

  get socket(): Socket {
    return this.#side()[kStream]
  }

  #side(): SocketSide {
    if (this.#socket === null) {
      this.#socket = this.#port.side ?? new ConnectionSocket(this)
      // Whoever asks so late finds it as it would be by now.
      if (this.#abandoned) this.#socket.onClosed(null)
    }
    return this.#socket
  }

  protected get currentMessage(): ServerResponse | null {
    return this.response
  }

  protected get shownSocket(): Socket | null {
    if (!this.#isNative) return this.#side()[kStream]
    return this.#socket === null ? null : this.#socket[kStream]
  }

  /** What the socket itself holds counts, too. A stream acknowledges in a tick: it knows better. */
  override get countedLength(): number {
    return this.#isNative ? super.countedLength : this.#side()[kStream].writableLength
  }

  get needsDrain(): boolean {
    return this.#needDrain || this.heldLength >= this.writableHighWaterMark
  }

  get destroyed(): boolean {
    return this.closed || this.ending || this.#port.gone === true
  }

  /** False where the connection is a stream. */
  override get takesParts(): boolean {
    return this.#isNative && this.throughSocket() === null
  }

  get #isNative(): boolean {
    return this.#port.unsent !== undefined
  }

  /** For the rest of a turn only a stream is corked. */
  override corkSocket(on: boolean, byProgram: boolean): void {
    super.corkSocket(on, byProgram || !this.#isNative)
  }

  gather(on: boolean): void {
    this.#port.gather?.(on)
  }

  protected askUnsent(): number | null {
    return this.#port.unsent?.(this) ?? null
  }

  command(type: number, first = 0, second = 0): void {
    this.#port.command(this, type, first, second)
  }

  /** The program paused the socket, or resumed it. */
  setPaused(on: boolean): void {
    this.paused = on
    this.#port.command(this, r.OUT_PAUSE, on ? 1 : 0)
    this.#readingChanged()
  }

  /** Nothing is read: the program does not consume the body, or has paused the socket. */
  get #stopped(): boolean {
    return this.window.held || this.paused
  }

  /** Reading has stopped or begun again, which decides whether the connection keeps the event loop alive. */
  #readingChanged(): void {
    if (this.#stopped) this.#trackOutput()
    this.updateHold()
  }

  /** Responses that end without ACKNOWLEDGE may still be with the I/O thread. They must leave before the process exits. */
  #trackOutput(): void {
    // A stream's own handle keeps the event loop alive.
    if (this.resource === null || this.closed) return
    this.#port.writeBytes(this, r.OUT_RAW, '', 'latin1', ACKNOWLEDGE)
    this.#wait(0, null, null)
  }

  /**
   * As a handle of libuv, a connection keeps the event loop alive while it reads, writes or closes. It does not read after
   * the peer's end, or while nobody consumes what it has read.
   */
  protected get isWorking(): boolean {
    const reads = !this.#quiet && (!this.#stopped || this.ending)
    return this.isReferenced && (reads || this.pending?.empty === false)
  }

  protected holdLoop(on: boolean): void {
    if (on) this.#port.ref()
    else this.#port.unref()
  }

  /** Requests whose response has not been handed over. */
  get unanswered(): number {
    return this.response === null ? 0 : 1 + (this.#queue?.length ?? 0)
  }

  /** What `socket._httpMessage` shows. */
  get shownResponse(): ServerResponse | null {
    return this.detached ? null : this.response
  }

  /** A response is detached from the socket, or assigned to it. @returns whether it is ours to know */
  showResponse(response: unknown): boolean {
    if (response !== null && response !== this.response) return false
    this.detached = response === null && this.response !== null
    return true
  }

  /** A request has been answered before it has come whole, and somebody waits for the answer to be with the kernel. */
  get answersEarly(): boolean {
    return this.response === null && this.pending?.empty === false
  }

  /** Nothing of a request is under way, as far as this thread knows. */
  get idle(): boolean {
    return this.response === null && this.incoming === null && !this.#serving
  }

  // ---- from the I/O thread -------------------------------------------------------------------------------------

  onHead(
    flags: number,
    line: number,
    urlLength: number,
    fieldCount: number,
    block: string,
    after: Buffer | null,
  ): void {
    debug?.('SERVER socketOnParserExecute')
    if (this.ending || this.closed) return
    const { server } = this
    const version = line >>> 8
    const request = new server[kIncomingMessage](this)
    fillHead(request, block, urlLength, fieldCount, METHOD_NAMES[line & 0xff]!, version)
    if ((flags & r.HEAD_COMPLETE) === 0) this.incoming = request
    if ((flags & r.HEAD_UPGRADE) !== 0 && this.#upgrade(request, after)) return
    const response = new server[kServerResponse](request, server[kResponseOptions])
    server[kPrepare](response, (flags & r.HEAD_KEEP_ALIVE) !== 0)
    if (this.response === null) {
      this.response = response
      attach(response, this)
    } else {
      ;(this.#queue ??= []).push(response)
    }
    this.#serving = true
    try {
      this.#asyncScope().runInAsyncScope(server[kDispatch], server, request, response, this, flags, version)
    } finally {
      this.#serving = false
      // A request without a body is complete once its handler has been called, not before: so Node.
      if ((flags & r.HEAD_COMPLETE) !== 0) request[kEnd]('')
    }
  }

  /** Whatever a handler leaves in the async context must not be seen by the next request. */
  #asyncScope(): AsyncResource {
    if (SCOPES_ISOLATE && this.#scope !== null) return this.#scope
    const origin = this.#origin
    if (origin === null) return makeScope()
    return (this.#scope = origin.runInAsyncScope(makeScope, undefined, this.resource!.asyncId()))
  }

  /** For what else comes of reading requests. */
  #inScope<T>(act: () => T): T {
    const scope = this.#origin === null ? null : (this.#scope ?? this.#origin)
    return scope === null ? act() : scope.runInAsyncScope(act)
  }

  #upgrade(request: IncomingMessage, after: Buffer | null): boolean {
    const { server } = this
    const event = request.method === 'CONNECT' ? 'connect' : 'upgrade'
    if (event === 'upgrade' && !this.#shouldUpgrade(request)) {
      request.upgrade = false
      this.#port.command(this, r.OUT_DECLINE_UPGRADE)
      return false
    }
    debug?.('SERVER upgrade or connect %s', request.method)
    request.upgrade = true
    if (server.listenerCount(event) === 0) {
      // Node closes what nobody takes.
      this.destroy()
      return true
    }
    debug?.('SERVER have listener for %s', event)
    this.upgraded = true
    this.paused = false
    this.incoming = null
    request.complete = true
    this.#port.command(this, r.OUT_UPGRADE)
    this.#socket?.release()
    const { socket } = this
    this.#asyncScope().runInAsyncScope(this.server.emit, this.server, event, request, socket, after ?? Buffer.alloc(0))
    return true
  }

  #shouldUpgrade(request: IncomingMessage): boolean {
    let decided = false
    try {
      const upgrade = this.server.shouldUpgradeCallback(request)
      decided = true
      return Boolean(upgrade)
    } finally {
      // It threw: nobody will ever say what is to become of what follows the head.
      if (!decided) this.destroy()
    }
  }

  onBody(flags: number, chunk: Buffer): void {
    if ((flags & r.BODY_TAP) !== 0) {
      // A copy of what has been parsed.
      if (!this.upgraded) this.socket.emit('data', chunk)
      return
    }
    if ((flags & r.BODY_RAW) !== 0) {
      if (this.socket.push(chunk)) this.credit(this.window.pass(chunk.length))
      else this.#hold(chunk.length)
      return
    }
    const { incoming } = this
    if (incoming === null || this.discarding) return
    if (this.#inScope(() => incoming[kBody](chunk))) this.credit(this.window.pass(chunk.length))
    else this.#hold(chunk.length)
  }

  #hold(bytes: number): void {
    const wasHeld = this.window.held
    this.credit(this.window.hold(bytes))
    if (!this.upgraded) this.#socket?.bodyHeld(true)
    if (!wasHeld) this.#readingChanged()
  }

  resumeBody(): void {
    this.#socket?.flow()
    if (!this.window.held) return
    this.credit(this.window.release())
    if (!this.upgraded) this.#socket?.bodyHeld(false)
    this.updateHold()
  }

  onEnd(_flags: number, trailers: string): void {
    const { incoming } = this
    if (this.discarding) return
    this.incoming = null
    // It has all been sent, whoever reads it and when.
    if (this.window.held) this.resumeBody()
    this.credit(this.window.end())
    if (incoming !== null) this.#inScope(() => incoming[kEnd](trailers))
  }

  onAck(count: number, _atOnce = false): void {
    this.pending?.acknowledge(count)
    if (this.writableLength === 0) {
      const full = this.#needDrain
      this.#needDrain = false
      this.response?.[kDrain]()
      // A stream says so itself.
      if (full && this.#isNative && !this.destroyed) this.#socket?.[kStream].emit('drain')
    }
    if (this.#quiet || this.#stopped) this.updateHold()
  }

  onEof(): void {
    if (this.upgraded) {
      this.#quiet = true
      this.updateHold()
      this.socket.push(null)
      // 'end' comes without anybody reading when nothing is left to be read.
      this.socket.read(0)
      return
    }
    this.#socket?.endReading()
    if (this.server.httpAllowHalfOpen) {
      const last = this.#queue?.at(-1) ?? this.response
      if (last !== null) last._last = true
      else this.close(r.CLOSE_AFTER_FLUSH)
      return
    }
    this.close(r.CLOSE_AFTER_FLUSH)
  }

  /** As a handle of Node's that has not been closed, and not lost its reference. */
  get isClient(): false {
    return false
  }

  get isPath(): boolean {
    return this.addresses === ''
  }

  /** A server whose sockets are listened to parses all that one read brought before it shows the bytes to other listeners. */
  continuesRead(): boolean {
    return this.tapped
  }

  get isActive(): boolean {
    return this.isReferenced && !this.closed && !(this.#socket instanceof GivenUpSide)
  }

  get canBeGivenUp(): boolean {
    return true
  }

  /**
   * The program passes the socket on. What was on its way comes through it, requests in progress are dropped, as by Node's
   * parser; `done` is called when nothing more comes.
   */
  giveUp(done: () => void): void {
    const side = this.#side()
    const stream = side[kStream]
    side.release()
    this.#socket = new GivenUpSide(stream, done)
    this.upgraded = true
    this.ending = true
    this.discarding = true
    // The socket itself counts, as net.Server's do.
    this.counted = false
    this.response = null
    this.incoming = null
    this.#queue = null
  }

  onClosed(errno: number): void {
    if (!this.upgraded) debug?.('server socket close')
    this.closed = true
    this.updateHold()
    // Counted before anybody is told, so that no listener's exception can keep the server from closing.
    if (this.#port.forget !== undefined) this.#port.forget()
    else this.server[kClosed](this)
    this.window.end()
    this.#scope?.emitDestroy()
    this.#shutdown?.emitDestroy()
    this.resource?.emitDestroy()
    const reset = errno === 0 ? null : systemError(getSystemErrorName(-errno), errno === EPIPE ? 'write' : 'read')
    this.#reset ??= reset
    const asksForSocket =
      reset !== null && !this.upgraded && !this.refused && this.server.listenerCount('clientError') > 0
    const side = asksForSocket ? this.#side() : this.#socket
    if (side?.tellsClose !== true) this.tellClosed()
    side?.onClosed(reset)
  }

  /**
   * What the connection's end means for its messages. A socket that somebody may watch has this done when it emits 'close':
   * behind its 'error', which is 'clientError', and ahead of anybody else's listener, as Node's server is the first to
   * listen.
   */
  tellClosed(): void {
    if (this.#abandoned) return
    const reset = this.#reset
    const pending = this.pending
    this.pending = null
    // What the kernel has taken was sent, whatever became of the connection.
    pending?.acknowledge(this.acknowledged)
    this.acknowledged = 0
    if (pending?.empty !== false && this.response === null && this.incoming === null) {
      // Nobody to tell, and an Error takes longer to make than a connection takes to close.
      this.#abandoned = true
      return
    }
    pending?.fail(reset ?? systemError('ECANCELED', 'write'))
    this.#abandonMessages(reset ?? connectionReset('aborted'))
  }

  /** Requests are aborted, and what has not been answered to the end never will be. */
  #abandonMessages(error: Error): void {
    this.#abandoned = true
    this.#abortRequests()
    const responses = this.response === null ? [] : [this.response, ...(this.#queue ?? [])]
    const current = this.response
    this.response = null
    this.#queue = null
    forEachIsolated(responses, (response) => {
      // What one that waited has written hears of the end, too.
      if (response !== current) attach(response, this)
      // As in Node nobody is called back for an end that was never handed over.
      response[kEndCallbacks] = null
      response[kSettle](error)
    })
  }

  /** The connection goes while requests are unanswered or incomplete. */
  #abortRequests(): void {
    const { incoming } = this
    this.incoming = null
    const requests = []
    for (const response of [this.response, ...(this.#queue ?? [])]) {
      if (response !== null && response.req !== incoming) requests.push(response.req)
    }
    // As in Node, a program that has answered and cut off the rest of the body hears nothing of that. That the peer did it
    // ends what still reads the body.
    const cut = this.response === null && (this.discarding || (this.ending && this.#reset === null))
    if (incoming !== null && !cut) requests.push(incoming)
    forEachIsolated(requests, (request) => request[kAbort]())
  }

  onTimeout(kind: number): void {
    // It may have passed before the I/O thread heard that the program destroyed the connection.
    if (this.discarding) return
    if (kind === r.TIMEOUT_REQUEST) {
      this.#fail(ERR_HTTP_REQUEST_TIMEOUT())
      return
    }
    if (kind === r.TIMEOUT_KEEP_ALIVE) {
      this.#onIdle()
      return
    }
    this.socket.emit('timeout')
  }

  /** keepAliveTimeout has passed. */
  #onIdle(): void {
    if (this.closed) return
    if (!this.idle) {
      // The next request was faster.
      this.#port.command(this, r.OUT_KEEP)
    } else if (this.#socket === null && this.server.listenerCount('timeout') === 0) {
      this.close(r.CLOSE_IF_IDLE)
    } else {
      this.#idleTooLong = true
      this.socket.emit('timeout')
      this.#idleTooLong = false
    }
  }

  /** The socket's 'timeout', for whoever it concerns. A connection that nobody speaks for is closed. */
  onSocketTimeout(): void {
    const { socket, server, incoming, response } = this
    const idle = this.#idleTooLong
    const taken = [
      incoming !== null && !incoming.complete && incoming.emit('timeout', socket),
      response?.emit('timeout', socket),
      server.emit('timeout', socket),
    ]
    if (taken.includes(true)) {
      if (idle) this.#port.command(this, r.OUT_KEEP)
    } else if (idle) {
      // A request may be on its way.
      this.close(r.CLOSE_IF_IDLE)
    } else {
      socket.destroy()
    }
  }

  onParseError(kind: number, bytesParsed: number, packet: Buffer): void {
    const { code, reason } = PARSER_ERRORS[kind]!
    debug?.('parse error %s', code)
    this.#fail(parserError(code, reason, bytesParsed, packet))
  }

  /** An 'error' of the socket: Node reports the first one to the server, and never lets one end the process. */
  onSocketError(error: Error): void {
    if (this.#reported) return
    this.#reported = true
    if (!this.server.emit('clientError', error, this.socket)) this.#refusePeer(error)
  }

  /** 'clientError', or Node's default answer. */
  #fail(error: Error): void {
    if (this.closed || this.discarding) return
    this.#reported = true
    if (this.server.listenerCount('clientError') > 0) {
      const tell = (): void => {
        this.#inScope(() => this.server.emit('clientError', error, this.socket))
      }
      if (isCutOff(error)) this.#side().afterEnd(tell)
      else tell()
      return
    }
    this.#fatal = error
    if (this.#answersDue()) {
      const grace = setTimeout(() => this.#answerFatal(true), ANSWER_GRACE)
      grace.unref()
    } else {
      this.#answerFatal(true)
    }
  }

  /** Good requests came before the bad one and have no answer yet. */
  #answersDue(): boolean {
    return this.response !== null && (this.response.req !== this.incoming || this.#queue !== null)
  }

  #answerFatal(now: boolean): void {
    const error = this.#fatal
    if (error === null || (!now && this.#answersDue())) return
    this.#fatal = null
    this.#refusePeer(error)
  }

  #refusePeer(error: Error): void {
    if (this.closed) return
    const { response } = this
    if (response === null || !response.headersSent) {
      if (!this.destroyed) this.#port.writeBytes(this, r.OUT_RAW, answerTo(error), 'latin1', 0)
      this.refused = true
      this.close(r.CLOSE_AFTER_FLUSH)
    } else {
      this.close(r.CLOSE_DESTROY)
    }
    this.#reset = error
    if (this.#socket === null) this.tellClosed()
    else this.#socket.fail(error)
  }

  // ---- MessageTransport ----------------------------------------------------------------------------------------
  // As in Node, what is written to a destroyed connection is dropped with its callback: the response's 'close' is the end.

  /** The program has ended the socket itself, or the connection is gone: responses are no longer sent. */
  get #isMute(): boolean {
    return this.destroyed || this.#socket?.[kStream].writableEnded === true
  }

  sendHead(
    message: SettledMessage,
    head: string,
    body: BodyChunk | null,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
  ): boolean {
    if (this.#isMute) return false
    const socket = this.throughSocket()
    if (socket !== null) {
      this.#port.writeHead(this, '', null, 'latin1', (flags & CHUNKED) | STATE_ONLY)
      const accepted = socket.sendHead(message, head, body, encoding, flags, callback)
      if ((flags & END) !== 0) this.#endedThroughSocket(flags)
      return accepted
    }
    if ((flags & END) !== 0) {
      flags = this.#presume(flags, body, callback) | this.#drainFlag(body)
      this.#port.writeHead(this, head, body, encoding, flags)
      this.#ended(message, flags, callback, body)
      return true
    }
    if (body === null) {
      this.#port.writeHead(this, head, null, encoding, flags)
      return true
    }
    this.#port.writeHead(this, head, body, encoding, flags | ACKNOWLEDGE)
    return this.#track(body, encoding, flags, callback)
  }

  sendBody(
    message: SettledMessage,
    chunk: BodyChunk,
    encoding: BufferEncoding,
    flags: number,
    callback: WriteCallback | null,
  ): boolean {
    if (this.#isMute) return false
    const socket = this.throughSocket()
    if (socket !== null) {
      const accepted = socket.sendBody(message, chunk, encoding, flags, callback)
      if ((flags & END) !== 0) this.#endedThroughSocket(flags)
      return accepted
    }
    if ((flags & END) !== 0) {
      flags = this.#presume(flags, chunk, callback) | this.#drainFlag(chunk)
      this.#port.writeBytes(this, r.OUT_BODY, chunk, encoding, flags)
      this.#ended(message, flags, callback, chunk)
      return true
    }
    this.#port.writeBytes(this, r.OUT_BODY, chunk, encoding, flags | ACKNOWLEDGE)
    return this.#track(chunk, encoding, flags, callback)
  }

  sendEnd(message: SettledMessage, trailers: string, flags: number): boolean {
    if (this.#isMute) return false
    const socket = this.throughSocket()
    if (socket !== null) {
      const accepted = socket.sendEnd(message, trailers, flags)
      this.#endedThroughSocket(flags)
      return accepted
    }
    flags = this.#presume(flags, null, null)
    this.#port.writeText(this, r.OUT_END, trailers, flags)
    this.#ended(message, flags, null)
    return true
  }

  sendFramed(
    _message: SettledMessage,
    data: BodyChunk,
    encoding: BufferEncoding,
    callback: WriteCallback | null,
  ): boolean {
    // What was written before the socket ended.
    if (this.isReleasing ? this.destroyed : this.#isMute) return false
    this.#port.writeBytes(this, r.OUT_RAW, data, encoding, ACKNOWLEDGE)
    return this.#track(data, encoding, 0, callback)
  }

  sendInterim(head: string, callback: WriteCallback | null): boolean {
    if (this.#isMute) return false
    const socket = this.throughSocket()
    if (socket !== null) return socket.sendInterim(head, callback)
    this.#port.writeText(this, r.OUT_INTERIM, head, callback === null ? 0 : ACKNOWLEDGE)
    if (callback !== null) this.#wait(0, callback, null)
    return true
  }

  /** Has `chunk` read as if the peer had sent it. */
  feed(chunk: BodyChunk, encoding: BufferEncoding): void {
    if (!this.destroyed && chunk.length > 0) this.#port.writeBytes(this, r.OUT_FEED, chunk, encoding, 0)
  }

  protected writeRaw(chunk: BodyChunk, encoding: BufferEncoding): void {
    this.#port.writeBytes(this, r.OUT_RAW, chunk, encoding, ACKNOWLEDGE)
    this.#wait(partLength(chunk, encoding, 0), null, null)
  }

  destroy(error?: Error): void {
    if (this.#socket !== null) this.#socket[kStream].destroy(error)
    else this.close(r.CLOSE_DESTROY)
  }

  /** Sends OUT_CLOSE, after which nothing but a harder close has an effect. */
  close(mode: number): void {
    // The last words are on their way already: a destroy on top would take them back.
    if (this.closed || (this.refused && mode === r.CLOSE_DESTROY)) return
    if (mode === r.CLOSE_AFTER_FLUSH || mode === r.CLOSE_HALF) this.beforeEnd()
    if (mode !== r.CLOSE_IF_IDLE && mode !== r.CLOSE_HALF) this.ending = true
    this.updateHold()
    if (mode === r.CLOSE_DESTROY || mode === r.CLOSE_RESET) this.discarding = true
    else if (mode !== r.CLOSE_IF_IDLE && !this.refused) this.#shutDown()
    this.#port.command(this, r.OUT_CLOSE, mode)
  }

  /**
   * The flags of a message's end without ACKNOWLEDGE where it leaves together with others and all that its peer has yet to be
   * sent is small. A socket of Node has written so little by now: it counts as with the kernel as soon as it is handed over,
   * and 'finish' comes before the program's next immediate.
   */
  #presume(flags: number, body: BodyChunk | null, callback: WriteCallback | null): number {
    if ((flags & ACKNOWLEDGE) === 0 || callback !== null || !isSmall(body) || this.#port.nextWaits !== true)
      return flags
    return this.pending === null || this.pending.isSmall ? flags & ~ACKNOWLEDGE : flags
  }

  /** ACKNOWLEDGE where the socket is to emit 'drain' after a last part of this size, and somebody listens. */
  #drainFlag(body: BodyChunk | null): number {
    if (body === null || this.#socket === null || body.length < this.writableHighWaterMark) return 0
    return this.#isNative && this.#socket[kStream].listenerCount('drain') > 0 ? ACKNOWLEDGE : 0
  }

  #shutDown(): void {
    if (this.resource !== null) this.#shutdown ??= shutDown(this.resource)
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
    if (!this.#isNative || (this.#socket === null && !isWriteReplaced())) return null
    return this.framingFor(this.#side()[kStream])
  }

  #endedThroughSocket(flags: number): void {
    // The engine reads no further after a last response; the socket closes when its queue is empty.
    this.#port.writeText(this, r.OUT_END, '', (flags & CLOSE) | STATE_ONLY)
    this.#nextResponse()
  }

  #wait(bytes: number, callback: WriteCallback | null, message: SettledMessage | null): void {
    ;(this.pending ??= new PendingWrites()).add(bytes, callback, message)
    if (callback !== null || message !== null) this.#port.awaitWrites?.()
    if (this.#quiet || this.#stopped) this.updateHold()
  }

  /** Node has written the response by now: its 'finish' comes before the request's 'close'. */
  #holdClose(request: IncomingMessage): void {
    if (this.resource === null || request[kAnswering] === undefined) return
    request[kAnswering](true)
    this.#port.settleAfterFlush(request)
  }

  /** The response has been handed over whole: the next one's turn. */
  #ended(message: SettledMessage, flags: number, callback: WriteCallback | null, body: BodyChunk | null = null): void {
    if ((flags & ACKNOWLEDGE) !== 0) this.#wait(0, callback, message)
    else {
      this.#port.settleAfterFlush(message)
      if (this.#stopped) this.#trackOutput()
    }
    this.#needDrain = this.#drainFlag(body) !== 0 && (flags & CLOSE) === 0
    if (this.response !== null && this.response.req._eventsCount > 0) this.#holdClose(this.response.req)
    this.pending?.markEnded()
    if ((flags & CLOSE) !== 0) {
      this.ending = true
      this.updateHold()
      this.#shutDown()
      this.#socket?.endWriting()
    }
    this.#nextResponse()
  }

  #nextResponse(): void {
    const queue = this.#queue
    if (queue === null) {
      this.response = null
    } else {
      const next = queue.shift()!
      if (queue.length === 0) this.#queue = null
      this.response = next
      attach(next, this)
    }
    if (this.#fatal !== null) this.#answerFatal(false)
  }
}

function makeScope(triggerAsyncId?: number): AsyncResource {
  return new AsyncResource('HTTPINCOMINGMESSAGE', { triggerAsyncId, requireManualDestroy: SCOPES_ISOLATE })
}
