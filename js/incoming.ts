/**
 * IncomingMessage: a Readable whose head stays one string until the program reads its fields. Follows `lib/_http_incoming.js` of
 * Node 24 in everything a program can see.
 */
import http, { type IncomingMessage as NodeIncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { finished, getDefaultHighWaterMark, Readable } from 'node:stream'
import {
  abortSignal,
  defineSignal,
  kAbortController,
  kCloseListener,
  kGone,
  kOwnSocket,
  unwatchSocket,
  watchSocket,
} from './internal/message/abort-signal.js'
import { connectionReset } from './internal/errors.js'
import {
  addDistinctHeader,
  addHeader,
  readHeaders,
  splitFields,
  type DistinctTarget,
  type HeaderTarget,
} from './internal/message/incoming-headers.js'
import * as r from './native/records.js'
import { initReadable } from './internal/node-parity/emitter-init.js'
import { isItself } from './internal/node-parity/instance-of.js'
import { defineAccessors, defineMethods } from './internal/node-parity/define-members.js'
import { kRelease, kSource, nodeSymbol } from './internal/symbols.js'
import type { RequestRecord, ResponseRecord } from './internal/bridge/record-reader.js'
import { kAbort, kAnswering, kBody, kDrain, kEnd, kSettle, type MessageSource } from './internal/bridge/transport.js'

/** The head as received: target, names and values, one a line. */
const kBlock = Symbol('ferrohttp.block')
/** Offset of the fields in `[kBlock]`. */
const kFieldsAt = Symbol('ferrohttp.fieldsAt')
const kRawHeaders = Symbol('ferrohttp.rawHeaders')
const kRawTrailers = Symbol('ferrohttp.rawTrailers')
const kHeaders = Symbol('ferrohttp.headers')
const kHeadersDistinct = Symbol('ferrohttp.headersDistinct')
const kTrailers = Symbol('ferrohttp.trailers')
const kTrailersDistinct = Symbol('ferrohttp.trailersDistinct')
/** `push(null)` has been called, or will never be called. */
const kEnded = Symbol('ferrohttp.ended')
/** The callback of `_destroy`; HELD while `_destroy` would have to wait, see `kAnswering`. */
const kHeldDestroy = Symbol('ferrohttp.heldDestroy')
const HELD = (): void => {}

/** Members of a Readable's state that Node's types do not have. */
interface ReadableState {
  readingMore: boolean
  resumeScheduled: boolean
  readableListening: boolean
  length: number
  ended: boolean
  endEmitted: boolean
  destroyed: boolean
  closed: boolean
  closeEmitted: boolean
}

export interface IncomingMessage
  extends Omit<
    NodeIncomingMessage,
    | 'socket'
    | 'connection'
    | 'rawHeaders'
    | 'rawTrailers'
    | 'headers'
    | 'headersDistinct'
    | 'trailers'
    | 'trailersDistinct'
  > {
  socket: Socket | null
  connection: Socket | null
  /** The socket, under the old name that it has in a client's response. */
  client: Socket | null
  rawHeaders: string[]
  rawTrailers: string[]
  headers: NodeIncomingMessage['headers']
  headersDistinct: NodeIncomingMessage['headersDistinct']
  trailers: NodeIncomingMessage['trailers']
  trailersDistinct: NodeIncomingMessage['trailersDistinct']
  joinDuplicateHeaders: boolean | null
  upgrade: boolean | null
  /** Aborted when the connection closes before the response has been sent, or when the message is destroyed early. */
  readonly signal: AbortSignal
  /** In a response: its request. */
  req?: unknown
  _consuming: boolean
  _dumped: boolean
  _readableState: ReadableState
  _eventsCount: number
  _events: Record<PropertyKey, unknown>
  _read(): void
  _destroy(error: Error | null, callback: (error?: Error | null) => void): void
  _addHeaderLines(headers: string[], n: number): void
  _addHeaderLine(field: string, value: string, dest: HeaderTarget): void
  _addHeaderLineDistinct(field: string, value: string, dest: DistinctTarget): void
  _dump(): void
  _dumpAndCloseReadable(): void

  [kBody](chunk: Uint8Array): boolean
  [kEnd](trailers: string): void
  [kAbort](error?: Error): void
  [kAnswering](on: boolean): void
  [kSettle](): void
  [kDrain](): void
  [kHeldDestroy]: (() => void) | null
  [kRelease](): void
  [kSource]: MessageSource | null
  [kOwnSocket]: Socket | null | undefined
  [kBlock]: string
  [kFieldsAt]: number
  [kRawHeaders]: string[] | null
  [kRawTrailers]: string[] | null
  [kHeaders]: HeaderTarget | null
  [kHeadersDistinct]: DistinctTarget | null
  [kTrailers]: HeaderTarget | null
  [kTrailersDistinct]: DistinctTarget | null
  [kEnded]: boolean
  [kGone]: boolean
  [kAbortController]: AbortController | null
  [kCloseListener]: (() => void) | null
}

interface IncomingMessageConstructor {
  new (socket: Socket | MessageSource | null): IncomingMessage
  (this: IncomingMessage, socket: Socket | MessageSource | null): void
  readonly prototype: IncomingMessage
}

const defaultHighWaterMark = getDefaultHighWaterMark(false)

function isSource(socket: Socket | MessageSource): socket is MessageSource {
  return typeof (socket as MessageSource).resumeBody === 'function'
}

export const IncomingMessage = function IncomingMessage(
  this: IncomingMessage,
  socket: Socket | MessageSource | null,
): void {
  const highWaterMark = socket ? socket.readableHighWaterMark : undefined
  initReadable(
    this,
    highWaterMark === undefined || highWaterMark === defaultHighWaterMark ? undefined : { highWaterMark },
  )
  // Body parts that arrive before the program reads must not start reading.
  this._readableState.readingMore = true

  this.httpVersionMajor = null as never
  this.httpVersionMinor = null as never
  this.httpVersion = null as never
  this.complete = false
  this.joinDuplicateHeaders = false
  this.aborted = false
  this.upgrade = null
  this.url = ''
  this.method = null as never
  this.statusCode = null as never
  this.statusMessage = null as never
  this._consuming = false
  this._dumped = false
  if (socket && isSource(socket)) {
    this[kSource] = socket
    this[kOwnSocket] = undefined
  } else {
    this[kSource] = null
    this[kOwnSocket] = socket
  }
  this[kBlock] = ''
  this[kFieldsAt] = 0
  this[kRawHeaders] = null
  this[kRawTrailers] = null
  this[kHeaders] = null
  this[kHeadersDistinct] = null
  this[kTrailers] = null
  this[kTrailersDistinct] = null
  this[kEnded] = false
  this[kGone] = false
  this[kAbortController] = null
  this[kCloseListener] = null
  this[kHeldDestroy] = null
} as unknown as IncomingMessageConstructor

Object.setPrototypeOf(IncomingMessage, Readable)
// `instanceof http.IncomingMessage` holds. Node's constructor never runs, so every member that needs its hidden state is
// defined below.
Object.setPrototypeOf(IncomingMessage.prototype, http.IncomingMessage.prototype)

const nodePrototype = http.IncomingMessage.prototype

Object.defineProperty(IncomingMessage, Symbol.hasInstance, {
  // Messages of Node's own class count as instances, too: node:https makes them, and programs may have kept the class. Subclasses
  // inherit this function and keep the ordinary meaning.
  value: function hasInstance(this: unknown, value: unknown): boolean {
    return isItself(this, IncomingMessage)
      ? Object.prototype.isPrototypeOf.call(nodePrototype, value as object)
      : Function.prototype[Symbol.hasInstance].call(this as () => void, value)
  },
})

/** Sets the head of a request. */
export function fillHead(message: IncomingMessage, head: RequestRecord, method: string): void {
  const { block, line, targetLength } = head
  const version = line >>> r.LINE_METHOD_BITS
  const major = version & r.LINE_MAJOR_MASK
  const minor = version >>> r.LINE_MAJOR_BITS
  message.httpVersionMajor = major
  message.httpVersionMinor = minor
  message.httpVersion = version === HTTP_1_1 ? '1.1' : `${major}.${minor}`
  message.method = method
  // As Node's parser leaves it.
  message.upgrade = false
  message.joinDuplicateHeaders = null
  message.url = block.slice(0, targetLength)
  message[kBlock] = block
  message[kFieldsAt] = head.fieldCount === 0 ? block.length : targetLength + 1
  if (message._addHeaderLines !== addHeaderLines) showHead(message)
}

/** HTTP/1.1, the version of nearly every request, as records have it. */
export const HTTP_1_1 = 1 | (1 << r.LINE_MAJOR_BITS)

/**
 * Sets the head of a response.
 *
 * @param maxFields the largest number of fields that are kept; 0 for all
 */
export function fillResponseHead(message: IncomingMessage, head: ResponseRecord, maxFields: number): void {
  const { block, reasonLength, fieldCount, line } = head
  const version = line >>> r.LINE_STATUS_BITS
  const major = version & r.LINE_MAJOR_MASK
  const minor = version >>> r.LINE_MAJOR_BITS
  message.httpVersionMajor = major
  message.httpVersionMinor = minor
  message.httpVersion = `${major}.${minor}`
  message.statusCode = line & r.LINE_STATUS_MASK
  message.statusMessage = block.slice(0, reasonLength)
  message.upgrade = false
  message[kBlock] = block
  message[kFieldsAt] = fieldCount === 0 ? block.length : reasonLength + 1
  if (maxFields > 0 && fieldCount > maxFields) message[kRawHeaders] = message.rawHeaders.slice(0, maxFields * 2)
  if (message._addHeaderLines !== addHeaderLines) showHead(message)
}

/** Matches a field with its timeout. A field name never contains `=`, so the match is not a value and the next name. */
const KEEP_ALIVE_TIMEOUT = /\nkeep-alive\n(timeout=\d+)/i

/** The timeout of the Keep-Alive field. For a message of our class no other field is read. */
export function keepAliveOf(message: IncomingMessage): string | undefined {
  if (message[kBlock] === undefined || message[kHeaders] !== null)
    return message.headers['keep-alive'] as string | undefined
  return KEEP_ALIVE_TIMEOUT.exec(message[kBlock])?.[1]
}

function joinsDuplicates(message: IncomingMessage): boolean {
  return message.joinDuplicateHeaders === true
}

/** @param raw `rawHeaders` of the message, which an accessor of the program may have made undefined */
function collect(message: IncomingMessage, raw: string[] | null | undefined): HeaderTarget {
  const target: HeaderTarget = {}
  if (!raw) return target
  for (let i = 0; i + 1 < raw.length; i += 2) message._addHeaderLine(raw[i]!, raw[i + 1]!, target)
  return target
}

function collectDistinct(message: IncomingMessage, raw: string[] | null | undefined): DistinctTarget {
  const target: DistinctTarget = Object.create(null)
  if (!raw) return target
  for (let i = 0; i + 1 < raw.length; i += 2) message._addHeaderLineDistinct(raw[i]!, raw[i + 1]!, target)
  return target
}

/** Calls `_addHeaderLines` as Node's parser does, where it is a subclass's or a program's own. */
function showHead(message: IncomingMessage): void {
  const raw = message.rawHeaders
  message._addHeaderLines(raw, raw.length)
}

defineAccessors(IncomingMessage.prototype, {
  socket: {
    get() {
      const own = this[kOwnSocket]
      return own === undefined && this[kSource] !== null ? this[kSource].socket : own
    },
    set(socket: Socket | null) {
      this[kOwnSocket] = socket
    },
  },
  connection: {
    get() {
      return this.socket
    },
    set(socket: Socket | null) {
      this.socket = socket
    },
  },
  client: {
    get() {
      return this.socket
    },
    set(socket: Socket | null) {
      Object.defineProperty(this, 'client', { value: socket, writable: true, enumerable: true, configurable: true })
    },
  },
  rawHeaders: {
    get() {
      return (this[kRawHeaders] ??= splitFields(this[kBlock], this[kFieldsAt]))
    },
    set(raw: string[]) {
      this[kRawHeaders] = raw
    },
  },
  rawTrailers: {
    get() {
      return (this[kRawTrailers] ??= [])
    },
    set(raw: string[]) {
      this[kRawTrailers] = raw
    },
  },
  headers: {
    get() {
      // A program that has read `rawHeaders` may have changed it. Few programs read it, and few replace `_addHeaderLine`.
      const plain = this[kRawHeaders] === null && this._addHeaderLine === addHeaderLine
      return (this[kHeaders] ||= plain
        ? readHeaders(this[kBlock], this[kFieldsAt], joinsDuplicates(this))
        : collect(this, this.rawHeaders))
    },
    set(headers: HeaderTarget) {
      this[kHeaders] = headers
    },
  },
  headersDistinct: {
    get() {
      return (this[kHeadersDistinct] ||= collectDistinct(this, this.rawHeaders))
    },
    set(headers: DistinctTarget) {
      this[kHeadersDistinct] = headers
    },
  },
  trailers: {
    get() {
      return (this[kTrailers] ||= collect(this, this.rawTrailers))
    },
    set(trailers: HeaderTarget) {
      this[kTrailers] = trailers
    },
  },
  trailersDistinct: {
    get() {
      return (this[kTrailersDistinct] ||= collectDistinct(this, this.rawTrailers))
    },
    set(trailers: DistinctTarget) {
      this[kTrailersDistinct] = trailers
    },
  },
})

defineSignal(IncomingMessage.prototype)

function releaseClose(message: IncomingMessage): void {
  message[kAnswering](false)
}

/** Node emits the error of a destroyed message only when there is a listener. */
function settleDestroy(
  message: IncomingMessage,
  error: Error | null | undefined,
  callback: (error?: Error | null) => void,
): void {
  callback(message.listenerCount('error') === 0 ? undefined : error)
}

function settleLater(
  message: IncomingMessage,
  error: Error | null | undefined,
  callback: (error?: Error | null) => void,
): void {
  process.nextTick(settleDestroy, message, error, callback)
}

IncomingMessage.prototype[kHeldDestroy] = null

defineMethods(IncomingMessage.prototype, {
  setTimeout(msecs: number, callback?: () => void) {
    if (callback) this.on('timeout', callback)
    this.socket!.setTimeout(msecs)
    return this
  },

  _read() {
    if (!this._consuming) {
      this._readableState.readingMore = false
      this._consuming = true
    }
    const source = this[kSource]
    if (source === null) {
      // `_paused`: the server does not read from a socket whose pipeline is full. This message must not resume it.
      const socket = this.socket as Socket & { _paused?: boolean }
      if (socket.readable && !socket._paused) socket.resume()
    } else if (!this.complete) {
      source.resumeBody()
    } else if (!this[kEnded]) {
      this[kEnded] = true
      this.push(null)
    }
  },

  _destroy(err: Error | null, cb: (error?: Error | null) => void) {
    if (!this.readableEnded || !this.complete) {
      this.aborted = true
      this.emit('aborted')
      abortSignal(this)
    }
    if (this.aborted && !this[kGone]) {
      const source = this[kSource]
      if (source !== null) {
        // A message that has no socket any more does not destroy the connection, which serves other requests.
        if (this[kOwnSocket] !== null && source.destroy(err ?? undefined)) {
          // Node waits a tick for the socket, whose 'error' comes first.
          process.nextTick(settleLater, this, err, cb)
          return
        }
      } else {
        const { socket } = this
        if (socket && !socket.destroyed) {
          socket.destroy(err ?? undefined)
          const stop = finished(socket, (error) => {
            const cause = error?.code === 'ERR_STREAM_PREMATURE_CLOSE' ? null : error
            stop()
            process.nextTick(settleDestroy, this, cause || err, cb)
          })
          return
        }
      }
    }
    // There is no error to report, so `closed` is true at once.
    if (!err && !this.aborted) {
      if (this[kHeldDestroy] === HELD) this[kHeldDestroy] = cb
      else cb()
    } else process.nextTick(settleDestroy, this, err, cb)
  },

  _addHeaderLines(headers: string[], n: number) {
    if (!headers?.length) return
    const kept = n < headers.length ? headers.slice(0, n) : headers
    const known = this.complete ? this[kTrailers] : this[kHeaders]
    // By assignment, because programs define accessors on a message to observe its trailers.
    if (this.complete) this.rawTrailers = kept
    else this.rawHeaders = kept
    if (known !== null) for (let i = 0; i + 1 < kept.length; i += 2) this._addHeaderLine(kept[i]!, kept[i + 1]!, known)
  },

  _addHeaderLine(field: string, value: string, dest: HeaderTarget) {
    addHeader(dest, field, value, joinsDuplicates(this))
  },

  _addHeaderLineDistinct(field: string, value: string, dest: DistinctTarget) {
    addDistinctHeader(dest, field, value)
  },

  _dumpAndCloseReadable() {
    this._dumped = true
    const state = this._readableState
    state.ended = true
    state.endEmitted = true
    state.destroyed = true
    state.closed = true
    state.closeEmitted = true
  },

  _dump() {
    if (this._dumped) return
    this._dumped = true
    // Buffered bytes must not be delivered.
    this.removeAllListeners('data')
    if (!this.complete || this.destroyed || this.readableLength !== 0) {
      this.resume()
      return
    }
    // Only the end is left, which needs no flowing stream: 'end' is emitted before the response's 'close'.
    if (this[kSource] !== null && !this[kEnded]) {
      this[kEnded] = true
      this.push(null)
    }
    this.read(0)
  },

  [kBody](chunk: Uint8Array) {
    return this._dumped || this.push(chunk)
  },

  [kEnd](trailers: string) {
    this.complete = true
    if (trailers !== '') {
      const raw = splitFields(trailers)
      this._addHeaderLines(raw, raw.length)
    }
    // A body that is empty or has not been read ends when it is read. A message that a program has made from a socket has no
    // connection that would end it then.
    const state = this._readableState
    if (this[kSource] !== null && !this._consuming && state.length === 0) {
      // Handlers read `complete` to see whether more is to come. A response emits 'readable' first.
      if (this.statusCode === null && !state.readableListening) state.ended = true
      return
    }
    this[kEnded] = true
    this.push(null)
  },

  [kAbort](error?: Error) {
    this[kGone] = true
    this.destroy(error ?? connectionReset('aborted'))
    // When the message had been read to its end, destroying it has aborted nothing.
    abortSignal(this)
  },

  [kAnswering](on: boolean) {
    const held = this[kHeldDestroy]
    this[kHeldDestroy] = on ? HELD : null
    if (held !== null && held !== HELD) held()
  },

  /** The response has been flushed. The flush is acknowledged in a tick, and 'close' is emitted after that. */
  [kSettle]() {
    process.nextTick(releaseClose, this)
  },

  [kDrain]() {},

  [kRelease]() {
    unwatchSocket(this)
    const state = this._readableState
    // A body that arrived together with its head has been read to the end without `_read`.
    if (this._consuming || this._dumped || state.resumeScheduled || state.endEmitted) return
    // With nothing to read and no listener, running the stream to its end would only cost time.
    if (this.complete && !this[kEnded] && this._eventsCount === 0) this._dumpAndCloseReadable()
    else this._dump()
  },
})

const { _addHeaderLine: addHeaderLine, _addHeaderLines: addHeaderLines } = IncomingMessage.prototype

// Node's own server reads this member from any class that it uses: the number of entries of `rawHeaders`, among which Node 26
// searches for the Host field.
const kHeadersCount = nodeSymbol(new http.IncomingMessage(null as never), 'kHeadersCount')
Object.defineProperty(IncomingMessage.prototype, kHeadersCount, {
  get(this: IncomingMessage) {
    return this.rawHeaders.length
  },
  set(this: IncomingMessage, value: number) {
    Object.defineProperty(this, kHeadersCount, { value, writable: true, enumerable: true, configurable: true })
  },
  configurable: true,
})

// Node's own server calls these methods, too.
for (const symbol of Object.getOwnPropertySymbols(nodePrototype)) {
  const replacement =
    symbol.description === 'kAttachAbortSignal'
      ? watchSocket
      : symbol.description === 'kDetachAbortSignal'
        ? unwatchSocket
        : null
  if (replacement === null) continue
  Object.defineProperty(IncomingMessage.prototype, symbol, {
    value: function (this: IncomingMessage) {
      replacement(this)
    },
    enumerable: true,
    writable: true,
    configurable: true,
  })
}
