/**
 * OutgoingMessage: the headers, body and end of a message that is sent. Follows `lib/_http_outgoing.js` of Node 24 in everything a
 * program can see. The bytes go to a `MessageTransport` instead of a socket.
 */
import http, { type OutgoingMessage as NodeOutgoingMessage } from 'node:http'
import { Stream, getDefaultHighWaterMark } from 'node:stream'
import { checkInvalidHeaderChar, isLenient, validateHeaderName } from './common.js'
import {
  ERR_HTTP_HEADERS_SENT,
  ERR_INVALID_ARG_TYPE,
  ERR_INVALID_CHAR,
  ERR_METHOD_NOT_IMPLEMENTED,
  ERR_STREAM_CANNOT_PIPE,
} from './internal/errors.js'
import {
  fieldName,
  findField,
  lowerName,
  putField,
  valueText,
  type FieldList,
  type FieldName,
} from './internal/message/head.js'
import { debug } from './internal/debug.js'
import { defineFieldViews } from './internal/message/field-views.js'
import { initEmitter } from './internal/node-parity/emitter-init.js'
import { isItself } from './internal/node-parity/instance-of.js'
import { defineAccessors, defineMethods } from './internal/node-parity/define-members.js'
import { storeHeader, checkValue, type HeaderInput } from './internal/message/render-head.js'
import { flushOutput, sendData, sendRaw } from './internal/message/sending.js'
import { corkMessage, dropChunks, emitDrain, uncorkMessage, unsentLength } from './internal/message/turn-parts.js'
import { endMessage, finishMessage, writeChunk } from './internal/message/writing.js'
import type { OutputEntry, QueuedHead } from './internal/message/output-queue.js'
import type { AssignableSocket } from './internal/message/stream-transport.js'
import { kFields, kHighWaterMark, kSocket, kState, kTransport, kUniqueHeaders } from './internal/symbols.js'
import {
  kDrain,
  kSettle,
  type MessageTransport,
  type SettledMessage,
  type WriteCallback,
} from './internal/bridge/transport.js'
import { validateString } from './internal/validators.js'
import {
  kBytesWritten,
  kCorked,
  kCorkedChunks,
  kCorkedLength,
  kEndCallbacks,
  kErrored,
  kFlushError,
  kQueuedHead,
  kRemember,
  MANAGED,
  NEED_DRAIN,
  REJECT_BODY,
  WRITABLE_FINISHED,
  type EndCallback,
  type CorkedChunk,
} from './internal/message/outgoing-state.js'

export interface OutgoingMessageOptions {
  /** While the message has no socket, the number of buffered bytes from which `write()` returns false. */
  highWaterMark?: number
  /** Whether a body where none is allowed throws ERR_HTTP_BODY_NOT_ALLOWED, instead of being dropped. */
  rejectNonStandardBodyWrites?: boolean
}

/** Node's public type, the members with a leading underscore that frameworks read, and our private state. */
export interface OutgoingMessage
  extends Omit<NodeOutgoingMessage, 'socket' | 'connection' | 'writable' | 'req'>,
    SettledMessage {
  outputData: OutputEntry[]
  outputSize: number
  writable: boolean
  destroyed: boolean
  _last: boolean
  maxRequestsOnConnectionReached: boolean
  _defaultKeepAlive: boolean
  _removedConnection: boolean
  _removedContLen: boolean
  _removedTE: boolean
  strictContentLength: boolean
  _contentLength: number | null
  _hasBody: boolean
  _trailer: string
  _headerSent: boolean
  _closed: boolean
  _header: string | null
  _keepAliveTimeout: number
  _maxRequestsPerSocket?: number
  _onPendingData: (delta: number) => void
  _eventsCount: number
  _events: Record<PropertyKey, unknown>
  /** In a ServerResponse only. */
  statusCode?: number
  /** In a ClientRequest only. */
  agent?: unknown
  insecureHTTPParser?: boolean
  httpValidation?: string
  /** As above. */
  req?: unknown
  socket: AssignableSocket | null
  connection: AssignableSocket | null

  _isLenientHeaderValidation(): boolean
  _send(
    data: string | Uint8Array,
    encoding?: BufferEncoding | null,
    callback?: WriteCallback | null,
    byteLength?: number,
  ): boolean
  _writeRaw(
    data: string | Uint8Array,
    encoding?: BufferEncoding | WriteCallback | null,
    callback?: WriteCallback | null,
    size?: number,
  ): boolean
  _storeHeader(firstLine: string, headers: HeaderInput): void
  _implicitHeader(): void
  _finish(): void
  _flush(): void
  _flushOutput(socket: unknown): boolean | undefined
  _renderHeaders(): Record<string, unknown>

  [kTransport]: MessageTransport | null
  [kSocket]: AssignableSocket | null
  [kFields]: FieldList | null
  [kState]: number
  [kUniqueHeaders]: Set<string> | null
  [kBytesWritten]: number
  [kCorked]: number
  [kCorkedChunks]: CorkedChunk[] | null
  [kCorkedLength]: number
  [kEndCallbacks]: EndCallback[] | null
  [kErrored]: Error | null | undefined
  [kFlushError]: Error | null
  [kHighWaterMark]: number
  [kQueuedHead]: QueuedHead | null
  [kRemember](): void
}

interface OutgoingMessageConstructor {
  new (options?: OutgoingMessageOptions): OutgoingMessage
  (this: OutgoingMessage, options?: OutgoingMessageOptions): void
  readonly prototype: OutgoingMessage
}

function noPendingData(): void {}

export const OutgoingMessage = function OutgoingMessage(this: OutgoingMessage, options?: OutgoingMessageOptions): void {
  initEmitter(this, true)
  this.outputData = []
  this.outputSize = 0
  this.writable = true
  this.destroyed = false
  this._last = false
  this.chunkedEncoding = false
  this.shouldKeepAlive = true
  this.maxRequestsOnConnectionReached = false
  this._defaultKeepAlive = true
  this.useChunkedEncodingByDefault = true
  this.sendDate = false
  this._removedConnection = false
  this._removedContLen = false
  this._removedTE = false
  this.strictContentLength = false
  this._contentLength = null
  this._hasBody = true
  this._trailer = ''
  this.finished = false
  this._headerSent = false
  this._closed = false
  this._header = null
  this._keepAliveTimeout = 0
  this._onPendingData = noPendingData
  this[kTransport] = null
  this[kSocket] = null
  this[kFields] = null
  this[kState] = options?.rejectNonStandardBodyWrites ? REJECT_BODY : 0
  this[kUniqueHeaders] = null
  this[kBytesWritten] = 0
  this[kCorked] = 0
  this[kCorkedChunks] = null
  this[kCorkedLength] = 0
  this[kEndCallbacks] = null
  this[kErrored] = null
  this[kFlushError] = null
  this[kQueuedHead] = null
  this[kHighWaterMark] = options?.highWaterMark ?? getDefaultHighWaterMark(false)
} as unknown as OutgoingMessageConstructor

Object.setPrototypeOf(OutgoingMessage, Stream)
// `instanceof http.OutgoingMessage` holds. Node's constructor never runs, so every member that needs its hidden state is
// defined below.
Object.setPrototypeOf(OutgoingMessage.prototype, http.OutgoingMessage.prototype)

const nodePrototype = http.OutgoingMessage.prototype

Object.defineProperty(OutgoingMessage, Symbol.hasInstance, {
  // Messages of Node's own class count as instances, too: node:https makes them, and programs may have kept the class. Subclasses
  // inherit this function and keep the ordinary meaning.
  value: function hasInstance(this: unknown, value: unknown): boolean {
    return isItself(this, OutgoingMessage)
      ? Object.prototype.isPrototypeOf.call(nodePrototype, value as object)
      : Function.prototype[Symbol.hasInstance].call(this as () => void, value)
  },
})

defineAccessors(OutgoingMessage.prototype, {
  errored: {
    get() {
      return this[kErrored]
    },
  },
  closed: {
    get() {
      return this._closed
    },
  },
  writableFinished: {
    get() {
      return (this[kState] & WRITABLE_FINISHED) !== 0
    },
  },
  writableObjectMode: {
    get() {
      return false
    },
  },
  writableLength: {
    get() {
      // Flushes first, because Node has written to the kernel by now.
      this[kTransport]?.sendAtOnce?.()
      return unsentLength(this)
    },
  },
  writableHighWaterMark: {
    get() {
      const transport = this[kTransport]
      if (transport !== null) return transport.writableHighWaterMark
      return this[kSocket] !== null ? this[kSocket].writableHighWaterMark : this[kHighWaterMark]
    },
  },
  writableCorked: {
    get() {
      return this[kCorked]
    },
  },
  writableEnded: {
    get() {
      return this.finished
    },
  },
  writableNeedDrain: {
    get() {
      return !this.destroyed && !this.finished && (this[kState] & NEED_DRAIN) !== 0
    },
  },
  socket: {
    get() {
      return this[kSocket] ?? this[kTransport]?.socket ?? null
    },
    set(socket: AssignableSocket | null) {
      const transport = this[kTransport]
      if (transport !== null && socket === transport.socket) return
      for (let i = 0; i < this[kCorked]; i++) {
        socket?.cork?.()
        this[kSocket]?.uncork?.()
      }
      this[kSocket] = socket ?? null
      // Made from the socket again when it is next needed.
      this[kTransport] = null
    },
  },
  connection: {
    get() {
      return this.socket
    },
    set(socket: AssignableSocket | null) {
      this.socket = socket
    },
  },
})

Object.defineProperty(OutgoingMessage.prototype, 'headersSent', {
  configurable: true,
  enumerable: true,
  get(this: OutgoingMessage) {
    return !!this._header
  },
})

defineFieldViews(OutgoingMessage.prototype, nodePrototype)

// Anonymous in Node too.
OutgoingMessage.prototype._isLenientHeaderValidation = (() =>
  function (this: OutgoingMessage): boolean {
    if (this.httpValidation !== undefined) return this.httpValidation !== 'strict'
    const { socket } = (this.req ?? {}) as {
      socket?: { server?: { insecureHTTPParser?: boolean; httpValidation?: string } } | null
    }
    const server = socket?.server
    if (server?.httpValidation !== undefined) return server.httpValidation !== 'strict'
    if (typeof this.insecureHTTPParser === 'boolean') return this.insecureHTTPParser
    if (typeof server?.insecureHTTPParser === 'boolean') return server.insecureHTTPParser
    return isLenient()
  })()

defineMethods(OutgoingMessage.prototype, {
  _renderHeaders() {
    if (this._header) throw ERR_HTTP_HEADERS_SENT('render')
    const headers: Record<string, unknown> = {}
    const fields = this[kFields]
    if (fields !== null) {
      for (let i = 0; i < fields.length; i += 2) headers[(fields[i] as FieldName).name] = fields[i + 1]
    }
    return headers
  },

  cork() {
    corkMessage(this, true)
  },

  uncork() {
    uncorkMessage(this, true)
  },

  setTimeout(msecs: number, callback?: () => void) {
    if (callback) this.on('timeout', callback)
    const { socket } = this
    if (socket === null)
      this.once('socket', (assigned: AssignableSocket) => {
        assigned.setTimeout(msecs)
      })
    else socket.setTimeout(msecs)
    return this
  },

  destroy(error?: Error) {
    if (this.destroyed) return this
    this.destroyed = true
    this[kErrored] = error
    dropChunks(this)
    if (this[kSocket] !== null) this[kSocket].destroy(error)
    else if (this[kTransport] !== null) this[kTransport].destroy(error, this)
    else process.nextTick(emitCloseOnce, this)
    return this
  },

  _send(
    data: string | Uint8Array,
    encoding: BufferEncoding | null,
    callback: WriteCallback | null,
    _byteLength: number,
  ) {
    return sendData(this, data, encoding, callback)
  },

  _writeRaw(
    data: string | Uint8Array,
    encoding: BufferEncoding | WriteCallback | null,
    callback: WriteCallback | null,
    _size: number,
  ) {
    if (typeof encoding === 'function') return sendRaw(this, data, null, encoding)
    return sendRaw(this, data, encoding, callback)
  },

  _storeHeader(firstLine: string, headers: HeaderInput) {
    storeHeader(this, firstLine, headers)
  },

  setHeader(name: string, value: unknown) {
    if (this._header) throw ERR_HTTP_HEADERS_SENT('set')
    const field = fieldName(name)
    checkValue(this, name, value)
    const fields = this[kFields]
    if (fields === null) this[kFields] = [field, value]
    else putField(fields, field, value)
    return this
  },

  setHeaders(headers: Headers | Map<string, number | string | readonly string[]>) {
    if (this._header) throw ERR_HTTP_HEADERS_SENT('set')
    if (!headers || Array.isArray(headers) || typeof headers.keys !== 'function' || typeof headers.get !== 'function') {
      throw ERR_INVALID_ARG_TYPE('headers', ['Headers', 'Map'], headers)
    }
    // A Headers object has an entry for each cookie. Setting them one by one would keep the last one only.
    let cookies: unknown[] | null = null
    for (const [name, value] of headers as Iterable<[string, string]>) {
      if (name === 'set-cookie') (cookies ??= []).push(...(Array.isArray(value) ? value : [value]))
      else this.setHeader(name, value)
    }
    if (cookies !== null) this.setHeader('set-cookie', cookies as string[])
    return this
  },

  appendHeader(name: string, value: unknown) {
    if (this._header) throw ERR_HTTP_HEADERS_SENT('append')
    const field = fieldName(name)
    checkValue(this, name, value)
    const fields = this[kFields]
    const at = fields === null ? -1 : findField(fields, field.lower)
    if (fields === null || at === -1) return this.setHeader(name, value as string)
    let values = fields[at + 1] as unknown[]
    if (!Array.isArray(values)) fields[at + 1] = values = [values]
    if (Array.isArray(value)) values.push(...value)
    else values.push(value)
    return this
  },

  getHeader(name: string) {
    validateString(name, 'name')
    const fields = this[kFields]
    if (fields === null) return undefined
    const at = findField(fields, lowerName(name))
    return at === -1 ? undefined : fields[at + 1]
  },

  getHeaderNames() {
    const fields = this[kFields] ?? []
    const names: string[] = []
    for (let i = 0; i < fields.length; i += 2) names.push((fields[i] as FieldName).lower)
    return names
  },

  getRawHeaderNames() {
    const fields = this[kFields] ?? []
    const names: string[] = []
    for (let i = 0; i < fields.length; i += 2) names.push((fields[i] as FieldName).name)
    return names
  },

  getHeaders() {
    const headers: Record<string, unknown> = Object.create(null)
    const fields = this[kFields]
    if (fields !== null) {
      for (let i = 0; i < fields.length; i += 2) headers[(fields[i] as FieldName).lower] = fields[i + 1]
    }
    return headers
  },

  hasHeader(name: string) {
    validateString(name, 'name')
    const fields = this[kFields]
    return fields !== null && findField(fields, lowerName(name)) !== -1
  },

  removeHeader(name: string) {
    validateString(name, 'name')
    if (this._header) throw ERR_HTTP_HEADERS_SENT('remove')
    const lower = lowerName(name)
    // An automatic field that the program has removed is not sent.
    switch (lower) {
      case 'connection':
        this._removedConnection = true
        break
      case 'content-length':
        this._removedContLen = true
        break
      case 'transfer-encoding':
        this._removedTE = true
        break
      case 'date':
        this.sendDate = false
        break
      default:
    }
    const fields = this[kFields]
    if (fields === null) return
    const at = findField(fields, lower)
    if (at !== -1) fields.splice(at, 2)
  },

  _implicitHeader() {
    throw ERR_METHOD_NOT_IMPLEMENTED('_implicitHeader()')
  },

  write(chunk: unknown, encoding: BufferEncoding | WriteCallback | null, callback: unknown) {
    let accepted: boolean
    if (typeof encoding === 'function') accepted = writeChunk(this, chunk, null, encoding)
    else accepted = writeChunk(this, chunk, encoding || undefined, callback)
    debug?.('write ret = %s', accepted)
    if (!accepted) {
      this[kState] |= NEED_DRAIN
      this[kRemember]()
    }
    return accepted
  },

  addTrailers(headers: Record<string, unknown> | [string, unknown][]) {
    this._trailer = ''
    const lenient = this._isLenientHeaderValidation()
    const entries = Array.isArray(headers) ? headers : Object.entries(headers)
    for (const [name, given] of entries) {
      validateHeaderName(name, 'Trailer name')
      const apart = Array.isArray(given) && given.length > 1 && !this[kUniqueHeaders]?.has(name.toLowerCase())
      for (const value of apart ? given : [Array.isArray(given) ? given.join('; ') : given]) {
        const text = valueText(value)
        if (checkInvalidHeaderChar(text, lenient)) throw ERR_INVALID_CHAR('trailer content', name)
        this._trailer += `${name}: ${text}\r\n`
      }
    }
  },

  end(chunk: unknown, encoding: BufferEncoding | WriteCallback | null, callback: unknown) {
    if (typeof chunk === 'function') endMessage(this, null, null, chunk)
    else if (typeof encoding === 'function') endMessage(this, chunk, null, encoding)
    else endMessage(this, chunk, encoding || undefined, callback)
    return this
  },

  _finish() {
    // No listener, and `emit` is not replaced: the call would have no effect.
    if (this._eventsCount !== 0 || this.emit !== plainEmit) this.emit('prefinish')
  },

  _flush() {
    const transport = this[kTransport]
    if (transport === null ? !this[kSocket]?.writable : transport.destroyed || transport.unwritable === true) return
    const accepted = flushOutput(this)
    if (this.finished) this._finish()
    else if (accepted !== false) emitDrain(this)
  },

  _flushOutput(_socket: unknown) {
    return flushOutput(this)
  },

  flushHeaders() {
    if (!this._header) this._implicitHeader()
    this._send('')
  },

  pipe() {
    this.emit('error', ERR_STREAM_CANNOT_PIPE())
  },

  /** Overridden by a server's response. */
  [kRemember]() {},

  [kDrain]() {
    if (!this.finished && unsentLength(this) === 0) emitDrain(this)
  },

  [kSettle](error?: Error | null) {
    if (finishMessage(this, error)) this.emit('finish')
  },
})

// Anonymous in Node too.
Object.assign(OutgoingMessage.prototype, {
  [Symbol.for('nodejs.rejection')]: (() =>
    function (this: OutgoingMessage, error: Error, _event: string) {
      this.destroy(error)
    })(),
})

const plainEmit = Stream.prototype.emit as OutgoingMessage['emit']

/**
 * A server's response is the next one to be sent. Queued parts are sent, and later ones go to `transport` immediately. When all of
 * it has been sent, the response releases its request and its transport.
 */
export function attach(response: OutgoingMessage, transport: MessageTransport): void {
  response[kTransport] = transport
  response[kState] |= MANAGED
  if (response.destroyed) {
    // Destroyed while it waited: it is not sent, and so later responses of the connection cannot be sent either.
    transport.destroy()
    return
  }
  // The socket object is made only when a listener needs it.
  if (response._eventsCount !== 0 && response._events['socket'] !== undefined) response.emit('socket', transport.socket)
  if (response.outputData.length !== 0 || response.finished) response._flush()
}

/** A server's response that waits for an earlier one will never be sent. As in Node it has an error then, and gets no socket. */
export function cutOff(response: OutgoingMessage, error: Error): void {
  response[kState] |= MANAGED
  if (!response.destroyed) response[kErrored] = error
}

function emitCloseOnce(message: OutgoingMessage): void {
  if (message._closed) return
  message._closed = true
  message.emit('close')
}
