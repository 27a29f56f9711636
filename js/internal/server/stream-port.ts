/**
 * A server's connection over a Duplex that JavaScript reads and writes. Its bytes are parsed by the same engine as those of an
 * I/O thread (`BindingSession`), and the same `Connection` serves the records. Responses are framed here. Listeners and their
 * order are those of Node 24's `lib/_http_server.js`.
 */
import { AsyncResource } from 'node:async_hooks'
import type { Socket } from 'node:net'

import type { Server } from '../../server.js'
import { Connection } from './connection.js'
import { ERR_HTTP_SOCKET_ENCODING, ERR_STREAM_DESTROYED } from '../errors.js'
import { aligned, deliver, words, type FastBuffer } from '../bridge/record-reader.js'
import { continueLater, forEachIsolated } from '../node-parity/isolated-callbacks.js'
import { runTicks } from '../node-parity/run-ticks.js'
import { BindingSession, type NativeSession, type SessionConfig } from '../bridge/native.js'
import { kStream, type Port, type SocketSide } from './port.js'
import * as fields from '../../native/record-fields.js'
import * as r from '../../native/records.js'
import type { AssignableSocket } from '../message/stream-transport.js'
import { StreamWriter } from '../message/stream-writer.js'
import { now } from '../timers.js'
import { ACKNOWLEDGE, CLOSE, END, kSettle, type MessagePart, NO_PART } from '../bridge/transport.js'
import type { BodyChunk, SettledMessage, WriteCallback } from '../bridge/transport.js'

/** A Duplex, with the members of net.Socket if it is one. */
type ServedStream = AssignableSocket & {
  server?: unknown
  /** Node's parser. Programs read whether there is one. */
  parser?: null
  setTimeout?: Socket['setTimeout']
  destroySoon?: () => void
  resetAndDestroy?: () => void
  isPaused?: () => boolean
  _handle?: { reading?: boolean; bytesRead?: number; readStart?: () => void; readStop?: () => void } | null
  readableFlowing: boolean | null
}

/** The server's current limits for a stream's peer. Times are in milliseconds, 0 for none. */
export interface StreamConfig {
  readonly session: SessionConfig
  readonly socketTimeout: number
  readonly keepAliveTimeout: number
}

/** Number of streams so far that servers of this JavaScript thread have served. */
let served = 0

export function streamCount(): number {
  return served
}

/** Whether records are being served, or will be in a tick. */
const NOT_SERVING = 0
const DUE = 1
const SERVING = 2

export class StreamPort implements Port, SocketSide {
  readonly connection: Connection
  readonly #stream: ServedStream
  readonly #session: NativeSession
  /** The async context in which the server received the stream. Handlers run in it. */
  readonly #scope = new AsyncResource('HTTPINCOMINGMESSAGE', { requireManualDestroy: true })
  readonly #config: StreamConfig
  readonly #onGone: (port: StreamPort) => void
  readonly #listeners: [event: string, listener: (...args: never[]) => void][]

  /** Records that have not been served. */
  #records: FastBuffer[] = []
  #at = 0
  #turn = NOT_SERVING
  /** Number of bytes that the stream's handle has read. */
  #bytesRead = 0
  /** Reading waits until responses have been written, or until more requests have been answered. */
  #full = false
  /** Messages whose END has been written, without ACKNOWLEDGE. */
  #unsettled: SettledMessage[] = []
  #writing = false
  #hasResponse = false
  readonly #writer: StreamWriter
  /** Whether the stream's timeout is that of an idle connection. */
  #idling = false
  /** The time when the request began that is arriving, 0 for none. */
  #began = now()
  #headDone = false

  /** @param onGone called when the stream has closed, or when the program takes it over */
  constructor(server: Server, stream: Socket, config: StreamConfig, onGone: (port: StreamPort) => void) {
    served++
    this.#stream = stream as unknown as ServedStream
    this.#writer = new StreamWriter(this.#stream)
    this.#config = config
    this.#onGone = onGone
    this.#session = new BindingSession(false, config.session)
    this.connection = new Connection(0, 0, server, this, this.#scope)
    this.#stream.server = server
    Object.defineProperty(stream, '_httpMessage', {
      configurable: true,
      enumerable: true,
      get: () => this.connection.shownResponse,
      set: (response: unknown) => {
        this.connection.showResponse(response)
      },
    })
    ;(stream as { setEncoding?: unknown }).setEncoding = refuseEncoding
    if (config.socketTimeout > 0) this.#stream.setTimeout?.(config.socketTimeout)
    const onError = (error: Error): void => {
      // Only the first error counts, and none ends the process.
      stream.removeListener('error', onError)
      if (stream.listenerCount('error', ignore) === 0) stream.on('error', ignore)
      this.connection.onSocketError(error)
    }
    this.#listeners = [
      ['close', () => this.#onClose()],
      ['error', onError],
      ['drain', () => this.#resumeIfFull()],
      ['data', (chunk: Buffer | string) => this.#onData(chunk)],
      ['end', () => this.#receive(this.#session.eof())],
      ['timeout', () => this.connection.onSocketTimeout()],
      ['pause', () => this.#setHandleReading(false)],
      ['resume', () => this.#setHandleReading(true)],
    ]
    // Made before the first 'data', which may be emitted within `on`.
    void this.connection.socket
    for (const [event, listener] of this.#listeners) stream.on(event, listener as () => void)
  }

  get gone(): boolean {
    return !!this.#stream.destroyed
  }

  /** Whether no exchange is in progress. */
  get idle(): boolean {
    return this.connection.idle && this.#session.idle()
  }

  /** Whether a request takes too long to arrive. Times are in milliseconds, 0 for no limit. */
  isLate(time: number, headersTimeout: number, requestTimeout: number): boolean {
    if (this.#began === 0) return false
    const took = time - this.#began
    const late = (limit: number): boolean => limit > 0 && took > limit
    if (!late(requestTimeout) && (this.#headDone || !late(headersTimeout))) return false
    // Reported once.
    this.#began = Number.POSITIVE_INFINITY
    return true
  }

  // ---- inbound -------------------------------------------------------------------------------------------------

  #onData(chunk: Buffer | string): void {
    const { incoming } = this.connection
    const isFromHandle = this.#isFromHandle(chunk)
    this.#receive(this.#session.feed(typeof chunk === 'string' ? Buffer.from(chunk) : chunk), isFromHandle)
    this.#noteProgress(incoming, this.connection.unanswered)
  }

  /**
   * Whether libuv has just read `chunk`, and only this port reads the stream. Node's parser then receives it without the stream, so
   * ticks and promise jobs run after each part of a body. Bytes that a program pushes or emits are parsed within its call.
   */
  #isFromHandle(chunk: Buffer | string): boolean {
    const bytesRead = this.#stream._handle?.bytesRead
    if (bytesRead === undefined) return false
    const isNext = bytesRead === this.#bytesRead + chunk.length
    this.#bytesRead = bytesRead
    return isNext && this.#stream.listenerCount('data') === 1
  }

  /**
   * @param before the request that was arriving until now
   * @param unanswered number of unanswered requests; the beginning of a head is known only without any
   */
  #noteProgress(before: Connection['incoming'], unanswered: number): void {
    const { incoming } = this.connection
    const inBody = incoming !== null
    const inHead = !inBody && unanswered === 0 && !this.#session.idle()
    if (!inBody && !inHead) this.#began = 0
    // The head is reported with the first part of the body, or another head with the end of this body.
    else if (this.#began === 0 || (inHead ? this.#headDone : before !== null && before !== incoming))
      this.#began = now()
    this.#headDone = inBody
  }

  /** Serves records now, or after those that are being served. */
  #receive(records: Uint8Array | null, isFromHandle = false): void {
    if (records === null) return
    this.#records.push(aligned(records))
    if (this.#turn !== SERVING) this.#serve(isFromHandle)
  }

  /** @param isFromHandle see `#isFromHandle` */
  #serve(isFromHandle = false): void {
    const { connection } = this
    this.#turn = SERVING
    let finished = false
    try {
      for (;;) {
        const [bytes] = this.#records
        if (bytes === undefined) break
        const inWords = words(bytes)
        while (this.#at < bytes.length && !connection.closed) {
          const at = this.#at
          // The cursor moves first, so that the record is not served twice if its handler throws.
          this.#at += fields.length(inWords, at >> 2)
          const kind = fields.kind(inWords, at >> 2)
          if (kind === r.IN_HEAD) this.#onHead()
          this.#scope.runInAsyncScope(deliver, undefined, connection, bytes, inWords, at, true)
          if (!isFromHandle || this.#at === bytes.length) continue
          // Node's parser passes trailers on by a call of their own, after which ticks run, too.
          const callsBack = kind === r.IN_BODY || (kind === r.IN_END && fields.endTrailersLength(inWords, at >> 2) > 0)
          if (callsBack) runTicks()
        }
        this.#at = 0
        this.#records.shift()
      }
      finished = true
    } finally {
      this.#turn = NOT_SERVING
      if (!finished) continueLater(() => this.#serve())
    }
  }

  #onHead(): void {
    if (this.#idling) {
      this.#idling = false
      this.#stream.setTimeout?.(this.#config.socketTimeout)
    }
    // No further requests are read from a peer that does not read its responses.
    if (!this.#full && (this.#stream.writableNeedDrain || this.connection.unanswered >= r.MAX_PIPELINED - 1)) {
      this.#full = true
      this.#stream.pause()
    }
  }

  #resumeIfFull(): void {
    if (!this.#full || this.#stream.writableNeedDrain || this.connection.unanswered >= r.MAX_PIPELINED) return
    this.#full = false
    this.#stream.resume()
  }

  /** A paused stream would continue to read until its buffer is full, and keep the event loop alive. */
  #setHandleReading(on: boolean): void {
    const handle = this.#stream._handle
    // 'resume' is emitted a tick later. The stream may have been paused again.
    if (!handle?.readStart || handle.reading === on || (on && this.#stream.isPaused?.())) return
    handle.reading = on
    if (on) handle.readStart()
    else handle.readStop?.()
  }

  #onClose(): void {
    if (!this.gone) {
      // The program has emitted 'close'. If that destroys the stream, it emits another one.
      this.connection.abortMessages()
      if (this.gone) return
    }
    const { errored, readableEnded } = this.#stream
    // Neither the peer nor an error has ended the stream, so the program has destroyed it.
    if (readableEnded === false && !errored) this.connection.discard()
    // Not where destroying a socket without an error has cancelled a write, which is the error of that write's callback.
    if (errored && (errored as NodeJS.ErrnoException).code !== 'ECANCELED') this.connection.recall()
    this.connection.onClosed(0)
    if (this.#hasResponse) this.connection.endRequests()
    else this.connection.endMessages()
    const unsettled = this.#unsettled
    this.#unsettled = []
    const error = ERR_STREAM_DESTROYED('write')
    forEachIsolated(unsettled, (message) => message[kSettle](error))
  }

  // ---- Port ----------------------------------------------------------------------------------------------------

  writeHead(_: unknown, part: MessagePart, flags: number): void {
    this.#write(part, flags, '')
  }

  writeBytes(_: unknown, type: number, body: BodyChunk, encoding: BufferEncoding, flags: number): void {
    if (type === r.OUT_BODY) this.#write({ head: '', body, encoding }, flags, '')
    else this.#writeRaw(body, encoding, flags)
  }

  writeText(_: unknown, type: number, text: string, flags: number): void {
    if (type === r.OUT_END) this.#write(NO_PART, flags, text)
    else this.#writeRaw(text, 'latin1', flags)
  }

  #write(part: MessagePart, flags: number, trailers: string): void {
    this.#writing = true
    this.#writer.framed(part, flags, trailers, this.#whenWritten(flags))
    this.#writing = false
    if ((flags & END) !== 0) this.#answered((flags & CLOSE) !== 0)
  }

  #writeRaw(data: BodyChunk, encoding: BufferEncoding, flags: number): void {
    if (!this.#stream.writable) return
    this.#writing = true
    this.#stream.write(data, encoding, this.#whenWritten(flags) ?? undefined)
    this.#writing = false
  }

  /** Writes are completed in their order, and so are their acknowledgements. */
  #whenWritten(flags: number): WriteCallback | null {
    const acknowledge = (flags & ACKNOWLEDGE) !== 0
    if (!acknowledge && (flags & END) === 0) return null
    const done = (error?: Error | null): void => {
      // The stream's 'close' reports it. As in Node a write that succeeds on a stream with an error does not count.
      if (error || this.#stream.errored) return
      if (acknowledge) this.connection.onAck(1)
      else this.#unsettled.shift()?.[kSettle]()
      if ((flags & CLOSE) !== 0) finish(this.#stream)
    }
    return (error) => {
      if (this.#writing) process.nextTick(done, error)
      else done(error)
    }
  }

  gather(on: boolean): void {
    this.#writer.gather(on)
  }

  settleAfterFlush(message: SettledMessage): void {
    this.#unsettled.push(message)
  }

  isSettling(_: unknown, response: SettledMessage): boolean {
    return this.#unsettled.length > 0 && this.#unsettled[0] !== response
  }

  recall(): SettledMessage[] {
    return this.#unsettled.splice(0)
  }

  /** The stream emits nothing more after it was destroyed, so all records are of the same read. */
  restOfRead(): number {
    return this.#turn === SERVING ? Number.POSITIVE_INFINITY : 0
  }

  /** A response has been handed over completely. */
  #answered(close: boolean): void {
    const records = this.#session.answered(close)
    if (records !== null) {
      this.#records.push(aligned(records))
      if (this.#turn === NOT_SERVING) {
        this.#turn = DUE
        process.nextTick(() => {
          if (this.#turn !== SERVING) this.#serve()
        })
      }
    }
    const { incoming, unanswered } = this.connection
    // Otherwise the engine is notified when all records of the read have been served.
    if (!close && this.#turn !== SERVING && incoming === null) this.#noteProgress(null, unanswered - 1)
    // Not before the next response is being sent.
    if (this.#full) process.nextTick(() => this.#resumeIfFull())
    if (!close && unanswered <= 1) this.#idle()
  }

  #idle(): void {
    const { keepAliveTimeout } = this.#config
    if (keepAliveTimeout === 0 || typeof this.#stream.setTimeout !== 'function') return
    this.#idling = true
    this.#stream.setTimeout(keepAliveTimeout)
  }

  command(_: unknown, type: number, first = 0): void {
    const stream = this.#stream
    if (type === r.OUT_CLOSE) this.#close(first)
    else if (type === r.OUT_DECLINE_UPGRADE) this.#receive(this.#session.declineUpgrade())
    else if (type === r.OUT_KEEP) stream.setTimeout?.(this.#config.socketTimeout)
  }

  #close(mode: number): void {
    const stream = this.#stream
    if (mode === r.CLOSE_DESTROY) stream.destroy()
    else if (mode === r.CLOSE_RESET && typeof stream.resetAndDestroy === 'function') stream.resetAndDestroy()
    else if (mode === r.CLOSE_RESET) stream.destroy()
    else if (mode === r.CLOSE_IF_IDLE) {
      if (this.idle) stream.destroy()
    } else stream.end()
  }

  /** A stream decides itself whether it keeps the event loop alive. */
  ref(): void {}

  unref(): void {}

  get side(): SocketSide {
    return this
  }

  forget(): void {
    this.#onGone(this)
  }

  // ---- SocketSide ----------------------------------------------------------------------------------------------

  get [kStream](): Socket {
    return this.#stream as unknown as Socket
  }

  release(): void {
    const stream = this.#stream
    for (const [event, listener] of this.#listeners) stream.removeListener(event, listener as () => void)
    delete (stream as { _httpMessage?: unknown })._httpMessage
    delete (stream as { setEncoding?: unknown }).setEncoding
    stream.readableFlowing = null
    stream.parser = null
    this.#onGone(this)
  }

  setBodyHeld(on: boolean): void {
    if (on) this.#stream.pause()
    else this.flow()
  }

  flow(): void {
    if (!this.#full && this.#stream.readable && this.#stream.isPaused?.()) this.#stream.resume()
  }

  /** The stream has reported it itself. */
  endReading(): void {}

  endWithPeer(close: () => void): void {
    close()
  }

  /** The port has it from the stream's own 'end'. */
  afterEnd(callback: () => void): void {
    callback()
  }

  /** The stream ends when the last byte has been written. */
  endWriting(): void {}

  /** As in Node a listener of 'close' ends the response. Later responses share it. */
  expectResponse(): void {
    if (this.#hasResponse) return
    this.#hasResponse = true
    const { connection } = this
    const stream = this.#stream
    const listener = function (this: unknown): void {
      // Programs call listeners with other objects, too.
      if (this === stream) connection.endResponse()
    }
    this.#listeners.push(['close', listener])
    stream.on('close', listener)
  }

  fail(error: Error): void {
    this.#stream.destroy(error)
  }

  get reportsClose(): true {
    return true
  }

  onClosed(): void {}
}

function finish(stream: ServedStream): void {
  if (typeof stream.destroySoon === 'function') stream.destroySoon()
  else stream.end()
}

function refuseEncoding(): never {
  throw ERR_HTTP_SOCKET_ENCODING()
}

function ignore(): void {}
