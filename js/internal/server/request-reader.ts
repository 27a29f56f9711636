/**
 * The receiving half of a server's connection: turns records into Node's messages, calls the server's handlers with them, and
 * credits the bytes that the program has consumed.
 */
import type { RequestRecord } from '../bridge/record-reader.js'
import type { AsyncResource } from 'node:async_hooks'

import { fillHead, type IncomingMessage } from '../../incoming.js'
import * as r from '../../native/records.js'
import { attach } from '../../outgoing.js'
import type { ServerResponse } from '../../response.js'
import type { Server } from '../../server.js'
import { debug } from '../debug.js'
import { methods } from '../bridge/native.js'
import { kStream, type Port } from './port.js'
import { makeScope, SCOPES_ISOLATE } from '../node-parity/request-scopes.js'
import { ResponseWriter } from './response-writer.js'
import { kDispatch, kIncomingMessage, kListenScope, kPrepare, kResponseOptions, kServerResponse } from '../symbols.js'
import { kBody, kEnd, type BodyChunk, type MessageSource } from '../bridge/transport.js'

const METHOD_NAMES = methods()

/** See `HttpConnection` about the members of these classes. */
export abstract class RequestReader extends ResponseWriter implements MessageSource {
  readonly server: Server
  readonly readableHighWaterMark: number
  /** The request whose body is arriving. */
  incoming: IncomingMessage | null = null
  /** Number of requests so far, for maxRequestsPerSocket. */
  requests = 0
  /** The socket's listeners receive a copy of the bytes. */
  tapped = false
  /** The program has emitted 'close' on the socket. As in Node nothing more is parsed. */
  protected isCut = false
  protected hasServed = false
  protected peerHasEnded = false

  /** The scope of the last request, or of the connection: see SCOPES_ISOLATE. */
  protected scope: AsyncResource | null
  /** Makes scopes. Null on a stream, all of whose records are served in one scope. */
  readonly #origin: AsyncResource | null
  /** A handler is running. */
  #serving = false

  protected constructor(slot: number, generation: number, server: Server, port: Port, scope: AsyncResource | null) {
    const origin = scope === null ? server[kListenScope] : null
    const stream = port.side?.[kStream]
    const writableHighWaterMark = stream === undefined ? server.highWaterMark : stream.writableHighWaterMark
    super(slot, generation, port, writableHighWaterMark, origin === null ? null : origin.accept())
    this.server = server
    this.readableHighWaterMark = stream === undefined ? server.highWaterMark : stream.readableHighWaterMark
    this.scope = scope
    this.#origin = origin
    if (SCOPES_ISOLATE) this.#asyncScope()
  }

  /** The program has paused the socket, or resumed it. */
  setPaused(on: boolean): void {
    this.paused = on
    this.port.command(this, r.OUT_PAUSE, on ? 1 : 0)
    this.#readingChanged()
  }

  /** Reading has stopped or begun again, so the connection keeps the event loop alive or does not. */
  #readingChanged(): void {
    if (this.isStopped) this.trackOutput()
    this.updateHold()
  }

  /** Whether no request is in progress, as far as this thread knows. */
  get idle(): boolean {
    return this.response === null && this.incoming === null && !this.#serving
  }

  /** Has `chunk` parsed as if the peer had sent it. */
  feed(chunk: BodyChunk, encoding: BufferEncoding): void {
    if (!this.destroyed && chunk.length > 0) this.port.writeBytes(this, r.OUT_FEED, chunk, encoding, 0)
  }

  get isClient(): false {
    return false
  }

  /** With 'data' listeners on the socket, all bytes of one read are parsed before the listeners receive them. */
  continuesRead(): boolean {
    return this.tapped
  }

  // ---- from the I/O thread -------------------------------------------------------------------------------------

  /** Whether the record that arrives is served although the connection is ending. */
  protected isOfLastRead(): boolean {
    if (this.restOfRead === 0) return false
    this.restOfRead--
    return true
  }

  onHead(head: RequestRecord): void {
    debug?.('SERVER socketOnParserExecute')
    if (this.closed || (this.ending && !this.isOfLastRead())) return
    this.hasServed = true
    const { server } = this
    const { flags, line } = head
    const request = new server[kIncomingMessage](this)
    fillHead(request, head, METHOD_NAMES[line & r.LINE_METHOD_MASK]!)
    if ((flags & r.HEAD_COMPLETE) === 0) this.incoming = request
    if ((flags & r.HEAD_UPGRADE) !== 0 && this.#upgrade(request, head.after)) return
    const response = new server[kServerResponse](request, server[kResponseOptions])
    server[kPrepare](response, (flags & r.HEAD_KEEP_ALIVE) !== 0)
    if (this.side !== null) this.side.expectResponse()
    // The other cases are apart: with them V8 would not compile the response's constructor into this function.
    if (this.response === null && !this.ending) {
      this.response = response
      attach(response, this)
    } else {
      this.#addWaiting(response)
    }
    this.#serving = true
    try {
      const version = line >>> r.LINE_METHOD_BITS
      this.#asyncScope().runInAsyncScope(server[kDispatch], server, request, response, this, flags, version)
    } finally {
      this.#serving = false
      // As in Node, a request without a body is complete after its handler has been called, and not before.
      if ((flags & r.HEAD_COMPLETE) !== 0 && !this.isCut) request[kEnd]('')
    }
  }

  /** A response of a connection that is ending, or behind another one. In Node one that was handed over keeps the socket until 'finish'. */
  #addWaiting(response: ServerResponse): void {
    if (this.response === null && !this.isBehindUnsettled(response)) {
      this.response = response
      attach(response, this)
    } else {
      ;(this.queue ??= []).push(response)
    }
  }

  /** The scope for a handler, which isolates the next request from its changes of the async context. */
  #asyncScope(): AsyncResource {
    return SCOPES_ISOLATE && this.scope !== null ? this.scope : this.#makeScope()
  }

  #makeScope(): AsyncResource {
    const origin = this.#origin
    if (origin === null) return makeScope()
    return (this.scope = origin.runInAsyncScope(makeScope, undefined, this.resource!.asyncId()))
  }

  /** Calls `act` in the scope of the last request. */
  protected inScope<T>(act: () => T): T {
    const scope = this.#origin === null ? null : (this.scope ?? this.#origin)
    return scope === null ? act() : scope.runInAsyncScope(act)
  }

  #upgrade(request: IncomingMessage, after: Buffer | null): boolean {
    const { server } = this
    const event = request.method === 'CONNECT' ? 'connect' : 'upgrade'
    if (event === 'upgrade' && !this.#shouldUpgrade(request)) {
      request.upgrade = false
      this.port.command(this, r.OUT_DECLINE_UPGRADE)
      return false
    }
    debug?.('SERVER upgrade or connect %s', request.method)
    request.upgrade = true
    if (server.listenerCount(event) === 0) {
      // Node closes the connection when there is no listener for it.
      this.destroy()
      return true
    }
    debug?.('SERVER have listener for %s', event)
    this.upgraded = true
    this.paused = false
    this.incoming = null
    request.complete = true
    this.port.command(this, r.OUT_UPGRADE)
    this.side?.release()
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
      // The callback threw. Without its result it is not known how to parse the bytes after the head.
      if (!decided) this.destroy()
    }
  }

  onBody(flags: number, chunk: Buffer): void {
    const isLate = this.discarding && !this.isOfLastRead()
    if ((flags & r.BODY_RAW) !== 0) {
      // Also of a connection that was given up: the new socket receives them.
      if (this.socket.push(chunk)) this.credit(this.window.pass(chunk.length))
      else this.#hold(chunk.length)
      return
    }
    if (isLate) return
    if ((flags & r.BODY_TAP) !== 0) {
      // A copy of bytes that have been parsed.
      if (!this.upgraded) this.socket.emit('data', chunk)
      return
    }
    const { incoming } = this
    if (incoming === null) return
    if (this.inScope(() => incoming[kBody](chunk))) this.credit(this.window.pass(chunk.length))
    else this.#hold(chunk.length)
  }

  #hold(bytes: number): void {
    const wasHeld = this.window.held
    this.credit(this.window.hold(bytes))
    if (!this.upgraded) this.side?.setBodyHeld(true)
    if (!wasHeld) this.#readingChanged()
  }

  resumeBody(): void {
    this.side?.flow()
    if (!this.window.held) return
    this.credit(this.window.release())
    if (!this.upgraded) this.side?.setBodyHeld(false)
    this.updateHold()
  }

  onEnd(_flags: number, trailers: string): void {
    if (this.discarding && !this.isOfLastRead()) return
    const { incoming } = this
    this.incoming = null
    // The peer has sent the whole body. The program may read it later, and the connection continues in the meantime.
    if (this.window.held) this.resumeBody()
    this.credit(this.window.end())
    if (incoming !== null) this.inScope(() => incoming[kEnd](trailers))
  }

  onEof(): void {
    if (this.upgraded) {
      this.peerHasEnded = true
      this.updateHold()
      this.socket.push(null)
      // With nothing left to read, 'end' is emitted without a reader.
      this.socket.read(0)
      return
    }
    const last = this.server.httpAllowHalfOpen ? (this.queue?.at(-1) ?? this.response) : null
    if (last === null) this.#endWithPeer()
    else {
      last._last = true
      this.side?.endReading()
    }
  }

  /** The peer has sent FIN, and so does this side after the bytes that have been written. */
  #endWithPeer(): void {
    if (this.side === null) this.close(r.CLOSE_AFTER_FLUSH)
    else this.side.endWithPeer(() => this.close(r.CLOSE_AFTER_FLUSH))
  }
}
