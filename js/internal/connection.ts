/**
 * One connection of a server: its life, what breaks it, and its end. `request-reader.ts` turns records into Node's objects
 * and events, `response-writer.ts` what those write back into records.
 */
import type { AsyncResource } from 'node:async_hooks'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'

import * as r from '../native/records.js'
import { attach } from '../outgoing.js'
import { ConnectionSocket } from '../server-socket.js'
import type { Server } from '../server.js'
import { debug } from './debug.js'
import { answerTo } from './default-answer.js'
import { connectionReset, ERR_HTTP_REQUEST_TIMEOUT, isCutOff, parserError, systemError } from './errors.js'
import { forEachIsolated } from './isolated-callbacks.js'
import type { NativeServerReceiver } from './native-receiver.js'
import { parserErrors } from './native.js'
import { kEndCallbacks } from './outgoing-state.js'
import { GivenUpSide, kStream, type Port, type SocketSide } from './port.js'
import { RequestReader } from './request-reader.js'
import { kClosed } from './symbols.js'
import { setTimeout } from './timers.js'
import { lookForTracing } from './trace-events.js'
import { kAbort, kSettle } from './transport.js'

const PARSER_ERRORS = parserErrors()

/**
 * How long good requests have to be answered before a bad one behind them ends the connection, in ms. Node gives them
 * no time; a handler that never answers must not keep a broken peer either.
 */
const ANSWER_GRACE = 500

const { EPIPE } = constants.errno

/** See `HttpConnection` about the members of these classes. */
export class Connection extends RequestReader implements NativeServerReceiver {
  /** The server waits for its end to be closed itself. */
  counted = true
  /** The 'timeout' under way is that of keepAliveTimeout. */
  #idleTooLong = false
  /** What broke the connection. */
  #reset: Error | null = null
  /** The messages have been told of the end. */
  #abandoned = false
  /** An error has been reported to the server: errors of the socket that follow from it are not. */
  #reported = false

  /** @param scope of a stream's records, null where the server's own is theirs */
  constructor(slot: number, generation: number, server: Server, port: Port, scope: AsyncResource | null = null) {
    super(slot, generation, server, port, scope)
    lookForTracing()
  }

  protected openSide(): SocketSide {
    if (this.side === null) {
      this.side = this.port.side ?? new ConnectionSocket(this)
      // Whoever asks so late finds it as it would be by now.
      if (this.#abandoned) this.side.onClosed(null)
    }
    return this.side
  }

  get isPath(): boolean {
    return this.addresses === ''
  }

  /** As a handle of Node's that has not been closed, and not lost its reference. */
  get isActive(): boolean {
    return this.isReferenced && !this.closed && !(this.side instanceof GivenUpSide)
  }

  get canBeGivenUp(): boolean {
    return true
  }

  /**
   * The program passes the socket on. What was on its way comes through it, requests in progress are dropped, as by Node's
   * parser; `done` is called when nothing more comes.
   */
  giveUp(done: () => void): void {
    const side = this.openSide()
    const stream = side[kStream]
    side.release()
    this.side = new GivenUpSide(stream, done)
    this.upgraded = true
    this.ending = true
    this.discarding = true
    // The socket itself counts, as net.Server's do.
    this.counted = false
    this.response = null
    this.incoming = null
    this.queue = null
  }

  // ---- the end -------------------------------------------------------------------------------------------------

  onClosed(errno: number): void {
    if (!this.upgraded) debug?.('server socket close')
    this.closed = true
    this.updateHold()
    // Counted before anybody is told, so that no listener's exception can keep the server from closing.
    if (this.port.forget !== undefined) this.port.forget()
    else this.server[kClosed](this)
    this.window.end()
    this.scope?.emitDestroy()
    this.shutdown?.emitDestroy()
    this.resource?.emitDestroy()
    const reset = errno === 0 ? null : systemError(getSystemErrorName(-errno), errno === EPIPE ? 'write' : 'read')
    this.#reset ??= reset
    const asksForSocket =
      reset !== null && !this.upgraded && !this.refused && this.server.listenerCount('clientError') > 0
    const side = asksForSocket ? this.openSide() : this.side
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
    const responses = this.response === null ? [] : [this.response, ...(this.queue ?? [])]
    const current = this.response
    this.response = null
    this.queue = null
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
    for (const response of [this.response, ...(this.queue ?? [])]) {
      if (response !== null && response.req !== incoming) requests.push(response.req)
    }
    // As in Node, a program that has answered and cut off the rest of the body hears nothing of that. That the peer did it
    // ends what still reads the body.
    const cut = this.response === null && (this.discarding || (this.ending && this.#reset === null))
    if (incoming !== null && !cut) requests.push(incoming)
    forEachIsolated(requests, (request) => request[kAbort]())
  }

  // ---- timeouts and errors -------------------------------------------------------------------------------------

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
      this.port.command(this, r.OUT_KEEP)
    } else if (this.side === null && this.server.listenerCount('timeout') === 0) {
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
      if (idle) this.port.command(this, r.OUT_KEEP)
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
        this.inScope(() => this.server.emit('clientError', error, this.socket))
      }
      if (isCutOff(error)) this.openSide().afterEnd(tell)
      else tell()
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

  /** Good requests came before the bad one and have no answer yet. */
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
    const { response } = this
    if (response === null || !response.headersSent) {
      if (!this.destroyed) this.port.writeBytes(this, r.OUT_RAW, answerTo(error), 'latin1', 0)
      this.refused = true
      this.close(r.CLOSE_AFTER_FLUSH)
    } else {
      this.close(r.CLOSE_DESTROY)
    }
    this.#reset = error
    if (this.side === null) this.tellClosed()
    else this.side.fail(error)
  }
}
