/**
 * One connection of a server: its life, its errors, and its end. `request-reader.ts` turns records into Node's objects and events,
 * `response-writer.ts` turns their writes into records.
 */
import type { AsyncResource } from 'node:async_hooks'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'

import * as r from '../../native/records.js'
import { cutOff } from '../../outgoing.js'
import { ConnectionSocket } from './socket.js'
import type { IncomingMessage } from '../../incoming.js'
import type { ServerResponse } from '../../response.js'
import type { Server } from '../../server.js'
import { countErrno, countOne, counts } from '../counts.js'
import { debug } from '../debug.js'
import { answerTo } from './default-answer.js'
import { connectionReset, ERR_HTTP_REQUEST_TIMEOUT, isCutOff, parserError, systemError } from '../errors.js'
import { continueLater, forEachIsolated } from '../node-parity/isolated-callbacks.js'
import { parseHandshakeResult } from '../bridge/handshake-result.js'
import { environment } from '../bridge/environment.js'
import type { NativeServerReceiver } from '../bridge/receiver.js'
import { parserErrors } from '../bridge/native.js'
import { kEndCallbacks } from '../message/outgoing-state.js'
import { GivenUpSide, kStream, type Port, type SocketSide } from './port.js'
import { RequestReader } from './request-reader.js'
import { kClosed, kEnding, kHello, kKeyLog, kMakeSocket, kSecured, kTlsFailed } from '../symbols.js'
import { setTimeout } from '../timers.js'
import { lookForTracing } from '../node-parity/trace-events.js'
import { kAbort, kSettle } from '../bridge/transport.js'

const PARSER_ERRORS = parserErrors()

/**
 * The time in ms that valid requests have to be answered when a malformed one has followed them. Then the connection ends. Node
 * gives them no time, and a handler that never answers must not keep a broken connection.
 */
const ANSWER_GRACE = 500

const { EPIPE } = constants.errno

/** See `HttpConnection` about the members of these classes. */
export class Connection extends RequestReader implements NativeServerReceiver {
  /** The server counts the connection, and closes only after it. See `uncount`. */
  counted = true
  /** What the TLS handshake has agreed on, see `HandshakeResult`. Null before the handshake is complete, and without TLS. */
  tls: string | null = null
  /** The verdict on the client's certificates, and these in DER. Null where the client was not asked for any. */
  client: { readonly verdict: number; readonly chain: Buffer } | null = null
  /** The program decides about the client, whose handshake waits. As in Node the server does not know the connection yet. */
  awaitsDecision = false
  /** The 'timeout' that is being emitted is that of keepAliveTimeout. */
  #idleTooLong = false
  /** The error that has broken the connection. */
  #reset: Error | null = null
  /** The end has been reported to the messages. */
  #abandoned = false
  /** An error has been reported to the server. Errors of the socket that follow from it are not. */
  #reported = false

  /** @param scope the async scope of a stream's records, null for the server's own */
  constructor(slot: number, generation: number, server: Server, port: Port, scope: AsyncResource | null = null) {
    super(slot, generation, server, port, scope)
    lookForTracing()
  }

  protected openSide(): SocketSide {
    if (this.side === null) {
      this.side = this.port.side ?? this.server[kMakeSocket]?.(this) ?? new ConnectionSocket(this)
      // Bring the new socket of a connection that has closed, or that the program has destroyed, to its final state.
      // In Node the socket exists, and has been destroyed before any listener is notified of the end.
      if (this.#abandoned || this.discarding) this.side[kStream].destroy()
      if (this.#abandoned) this.side.onClosed(null)
    }
    return this.side
  }

  /** Whether the socket object has been made. */
  get hasSocket(): boolean {
    return this.side !== null
  }

  get isPath(): boolean {
    return this.addresses === ''
  }

  /** As `hasRef()` of a handle of Node: neither closed nor unreferenced. */
  get isActive(): boolean {
    return this.isReferenced && !this.closed && !(this.side instanceof GivenUpSide)
  }

  protected get reportsErrors(): boolean {
    return this.server.listenerCount('clientError') > 0
  }

  get canBeGivenUp(): boolean {
    return true
  }

  /**
   * The program passes the socket on. Bytes that were received go through the new socket. Requests in progress are dropped, as by
   * Node's parser. `done` is called after the last byte.
   */
  giveUp(done: () => void): void {
    const side = this.openSide()
    const stream = side[kStream]
    this.awaitsDecision = false
    side.release()
    this.side = new GivenUpSide(stream, done)
    this.upgraded = true
    this.discard()
    // The new socket is counted by net.Server, like its own ones.
    this.counted = false
    this.response = null
    this.incoming = null
    this.queue = null
  }

  // ---- TLS -----------------------------------------------------------------------------------------------------

  onSecured(details: string, verdict: number, chain: Buffer): boolean {
    this.tls = details
    this.awaitsDecision = false
    if (verdict !== 0) this.client = { verdict, chain }
    counts.handshakes.completed++
    if (parseHandshakeResult(details).isResumed) counts.handshakes.resumed++
    return this.server[kSecured](this)
  }

  onHello(name: string, offer: Buffer, flags: number): void {
    this.awaitsDecision = true
    if (this.destroyed) return
    const [isTls13, isRefused] = [(flags & r.HELLO_TLS13) !== 0, (flags & r.HELLO_REFUSED) !== 0]
    this.server[kHello]?.(this, { name, offer, isTls13, isRefused })
  }

  /** The program has ended the handshake that waits for it, which the server reports by 'tlsClientError'. */
  failHandshake(): void {
    if (!this.awaitsDecision) return
    this.awaitsDecision = false
    this.#reported = true
    counts.handshakes.failed++
  }

  onKeyLog(lines: Buffer): void {
    this.server[kKeyLog]?.(this, lines)
  }

  onTlsFailed(reason: number): void {
    this.awaitsDecision = false
    // The program has ended the handshake in the meantime.
    if (this.tls === null && this.#reported) return
    // Until the handshake is complete, 'tlsClientError' is the only event of a connection.
    if (this.tls === null) {
      this.#reported = true
      counts.handshakes.failed++
    }
    this.server[kTlsFailed]?.(this, reason)
  }

  // ---- the end -------------------------------------------------------------------------------------------------

  onClosed(errno: number): void {
    if (!this.upgraded) debug?.('server socket close')
    this.closed = true
    this.updateHold()
    countErrno(counts.serverErrors, errno)
    if (this.port.forget !== undefined) this.port.forget()
    this.window.end()
    this.scope?.emitDestroy()
    this.shutdown?.emitDestroy()
    this.resource?.emitDestroy()
    const asksForSocket = errno !== 0 && !this.upgraded && !this.refused && this.reportsErrors
    // Making an Error takes longer than closing a connection, and most connections that peers reset have nothing that needs it.
    const isNoticed = asksForSocket || this.side !== null || this.#hasMessages()
    const reset =
      errno === 0 || !isNoticed ? null : systemError(getSystemErrorName(-errno), errno === EPIPE ? 'write' : 'read')
    this.#reset ??= reset
    const side = asksForSocket ? this.openSide() : this.side
    // A socket object is counted until it is destroyed, which its 'end' and 'finish' precede.
    if (side === null) this.#endWithoutSocket()
    else if (this.upgraded) this.uncount()
    if (side?.reportsClose === false) this.endMessages()
    try {
      side?.onClosed(reset)
    } finally {
      // If a listener throws, or the program has replaced `destroy()`, the server closes all the same.
      if (this.counted) continueLater(() => this.uncount())
    }
  }

  /** The connection does not count any more: it has closed, or the program has destroyed it. @returns as `[kClosed]` */
  uncount(): boolean {
    if (!this.counted || this.port.forget !== undefined) return false
    this.counted = false
    if (!this.closed) this.server[kEnding].add(this)
    return this.server[kClosed]()
  }

  /** Ends the messages of a closed connection. With a socket object this is done when it emits 'close', after its 'error'. */
  endMessages(): void {
    try {
      this.endRequests()
    } finally {
      // Also if a listener throws. The request's 'close' comes in a tick, and that of a server that waited after it.
      if (this.server[kEnding].delete(this)) environment.afterPhase.add(() => this.server._emitCloseIfDrained())
      this.endResponse()
    }
  }

  /** There is no socket object whose 'close' would end the messages. As in Node they end after the server's 'close'. */
  #endWithoutSocket(): void {
    if (this.uncount()) environment.afterPhase.add(() => this.endMessages())
    else this.endMessages()
  }

  /** Aborts the requests of a closed connection. */
  endRequests(): void {
    if (this.#abandoned) return
    const reset = this.#reset
    const pending = this.pending
    this.pending = null
    // Bytes that the kernel has accepted count as sent, however the connection has ended.
    pending?.acknowledge(this.acknowledged)
    this.acknowledged = 0
    this.#abandoned = true
    if (!this.#hasMessages() && pending?.empty !== false) return
    pending?.fail(reset ?? systemError('ECANCELED', 'write'))
    this.#abortRequests()
    this.#endQueue()
  }

  /**
   * The program has emitted 'close' on the socket of an open connection. As in Node its requests are destroyed, and the connection
   * with the first of them that is incomplete.
   */
  abortMessages(): void {
    if (this.isCut) return
    this.isCut = true
    this.recall()
    forEachIsolated(this.#unansweredRequests(), (request) => request.destroy(connectionReset('aborted')))
    this.#endQueue()
    this.discard()
    this.restOfRead = 0
  }

  /** Whether there is a message, or a write without its callback, that the end of the connection concerns. */
  #hasMessages(): boolean {
    const { response, queue, incoming, pending } = this
    return response !== null || queue !== null || incoming !== null || pending?.empty === false
  }

  /** Ends the response that was being sent when the connection closed. */
  endResponse(): void {
    const { response } = this
    this.response = null
    if (response !== null) this.#abandon(response)
  }

  /** Ends the responses that wait for their turn, in a tick as in Node. */
  #endQueue(): void {
    const { queue } = this
    this.queue = null
    if (queue === null) return
    const end = (response: ServerResponse): void => {
      cutOff(response, connectionReset('aborted'))
      this.#abandon(response)
    }
    process.nextTick(() => forEachIsolated(queue, end))
  }

  #abandon(response: ServerResponse): void {
    // As in Node the callbacks of an `end()` that was not handed over are not called.
    response[kEndCallbacks] = null
    response[kSettle](this.#reset ?? connectionReset('aborted'))
  }

  /** The requests that have a response which has not emitted 'finish', in their order. */
  #unansweredRequests(): IncomingMessage[] {
    const responses = this.response === null ? [] : [this.response]
    if (this.queue !== null) responses.push(...this.queue)
    return responses.map(({ req }) => req)
  }

  /** The connection has closed while requests are unanswered or incomplete. */
  #abortRequests(): void {
    const { incoming } = this
    this.incoming = null
    const requests = this.#unansweredRequests().filter((request) => request !== incoming)
    // As in Node nothing is reported to a program that has answered and closed the connection before the whole body had arrived.
    // When the peer has closed it, a reader of the body gets an error.
    const cut = this.response === null && (this.discarding || (this.ending && this.#reset === null))
    if (incoming !== null && !cut) requests.push(incoming)
    forEachIsolated(requests, (request) => request[kAbort]())
  }

  // ---- timeouts and errors -------------------------------------------------------------------------------------

  onTimeout(kind: number): void {
    // The timeout may have passed before the I/O thread learned that the program had destroyed the connection.
    if (this.discarding) return
    if (kind === r.TIMEOUT_REQUEST) {
      if (!this.closed) counts.timeouts.request++
      this.#fail(ERR_HTTP_REQUEST_TIMEOUT())
      return
    }
    if (kind === r.TIMEOUT_ANSWERED) {
      this.#onAnswered()
      return
    }
    if (kind === r.TIMEOUT_KEEP_ALIVE) {
      this.#onIdle()
      return
    }
    if (kind === r.TIMEOUT_CLOSED_IDLE) {
      if (!this.closed) counts.timeouts.keepAlive++
      this.closesIdle = true
      return
    }
    counts.timeouts.socket++
    this.socket.emit('timeout')
  }

  /** The I/O thread has answered a late request with 408, and closes. */
  #onAnswered(): void {
    if (this.closed) return
    counts.timeouts.request++
    this.#reported = true
    this.refused = true
    // Making an Error takes longer than all the rest.
    if (this.side === null) return
    this.#endRefused(ERR_HTTP_REQUEST_TIMEOUT())
  }

  /** The end of keepAliveTimeout. */
  #onIdle(): void {
    if (this.closed) return
    if (!this.idle) {
      // The next request has arrived in the meantime.
      this.port.command(this, r.OUT_KEEP)
    } else if (this.side === null && this.server.listenerCount('timeout') === 0) {
      this.#closeIdle()
    } else {
      this.#idleTooLong = true
      this.socket.emit('timeout')
      this.#idleTooLong = false
    }
  }

  /** keepAliveTimeout ends the connection, unless a request is just arriving. */
  #closeIdle(): void {
    counts.timeouts.keepAlive++
    this.close(r.CLOSE_IF_IDLE)
  }

  /** Reports the socket's 'timeout' to request, response and server. A connection that none of them handles is closed. */
  onSocketTimeout(): void {
    const { socket, server, incoming, response } = this
    const idle = this.#idleTooLong
    const taken = [
      incoming !== null && !incoming.complete && incoming.emit('timeout', socket),
      response?.emit('timeout', socket),
      server.emit('timeout', socket),
    ]
    if (taken.includes(true)) {
      if (idle) this.port.command(this, r.OUT_KEEP)
    } else if (idle) {
      this.#closeIdle()
    } else {
      socket.destroy()
    }
  }

  onParseError(kind: number, bytesParsed: number, packet: Buffer): void {
    const { code, reason } = PARSER_ERRORS[kind]!
    debug?.('parse error %s', code)
    if (!this.closed && !this.discarding) countOne(counts.serverErrors, code)
    this.#fail(parserError(code, reason, bytesParsed, packet))
  }

  /** Handles an 'error' of the socket. Node reports the first one to the server, and none of them ends the process. */
  onSocketError(error: Error): void {
    if (this.#reported || this.awaitsDecision) return
    this.#reported = true
    if (!this.server.emit('clientError', error, this.socket)) this.#refusePeer(error)
  }

  /** Emits 'clientError', or sends Node's default answer. */
  #fail(error: Error): void {
    if (this.closed || (this.discarding && !(this.reportsErrors && this.isOfLastRead()))) return
    this.#reported = true
    if (this.reportsErrors) {
      const report = (): void => {
        this.inScope(() => this.server.emit('clientError', error, this.socket))
      }
      if (isCutOff(error)) this.openSide().afterEnd(report)
      else report()
      return
    }
    this.fatal = error
    if (this.#answersDue()) {
      const grace = setTimeout(() => this.answerFatal(true), ANSWER_GRACE)
      grace.unref()
    } else {
      this.answerFatal(true)
    }
  }

  /** Whether valid requests that precede the malformed one have no answer yet. */
  #answersDue(): boolean {
    return this.response !== null && (this.response.req !== this.incoming || this.queue !== null)
  }

  protected answerFatal(now: boolean): void {
    const error = this.fatal
    if (error === null || (!now && this.#answersDue())) return
    this.fatal = null
    this.#refusePeer(error)
  }

  #refusePeer(error: Error): void {
    if (this.closed) return
    // Node's parser goes on while the socket's error is handled.
    if (this.hasServed) this.restOfRead = this.port.restOfRead?.(this) ?? 0
    const { response } = this
    if (response === null || !response.headersSent) {
      if (!this.destroyed) this.port.writeBytes(this, r.OUT_RAW, answerTo(error), 'latin1', 0)
      this.refused = true
      this.#endRefused(error)
    } else {
      this.#endRefused(error, r.CLOSE_DESTROY)
    }
  }

  #endRefused(error: Error, mode: number = r.CLOSE_AFTER_FLUSH): void {
    this.close(mode)
    this.#reset = error
    if (this.side === null) this.#endWithoutSocket()
    else this.side.fail(error)
  }
}
