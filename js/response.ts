/** ServerResponse. Follows that part of `lib/_http_server.js` of Node 24. */
import { AsyncResource } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import http from 'node:http'
import {
  checkInvalidHeaderChar,
  chunkExpression,
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
} from './common.js'
import {
  ERR_HTTP_HEADERS_SENT,
  ERR_HTTP_INVALID_STATUS_CODE,
  ERR_HTTP_SOCKET_ASSIGNED,
  ERR_INTERNAL_ASSERTION,
  ERR_INVALID_ARG_VALUE,
  ERR_INVALID_CHAR,
} from './internal/errors.js'
import { hasObsText, statusLine, valueText, type FieldList } from './internal/message/head.js'
import { callIn } from './internal/node-parity/isolated-callbacks.js'
import { countAsInstances } from './internal/node-parity/instance-of.js'
import { defineMethods } from './internal/node-parity/define-members.js'
import { kRemember, MANAGED, NEED_DRAIN, OBS_TEXT_HEAD, WRITABLE_FINISHED } from './internal/message/outgoing-state.js'
import type { HeaderInput } from './internal/message/render-head.js'
import { finishMessage } from './internal/message/writing.js'
import type { AssignableSocket } from './internal/message/stream-transport.js'
import { isObserved, measure, reportMeasured, type Measurement } from './internal/node-parity/performance-entries.js'
import { kFields, kMeasured, kRelease, kState, kTransport } from './internal/symbols.js'
import { isTraced, responseBegins, responseEnds, type Traced } from './internal/node-parity/trace-events.js'
import {
  kAbort,
  kAnswering,
  kDrain,
  kSettle,
  type MessageTransport,
  type WriteCallback,
} from './internal/bridge/transport.js'
import { validateInteger, validateLinkHeaderValue, validateObject } from './internal/validators.js'
import type { IncomingMessage } from './incoming.js'
import { OutgoingMessage, type OutgoingMessageOptions } from './outgoing.js'

export interface ServerResponse extends OutgoingMessage, Traced {
  statusCode: number
  statusMessage: string
  req: IncomingMessage
  _sent100: boolean
  _expect_continue: boolean
  /** The async context of the last call whose callback or event is due. */
  [kContext]: AsyncResource | null
  [kMeasured]: Measurement | null
  [kDetached]: MessageTransport | null

  assignSocket(socket: AssignableSocket): void
  detachSocket(socket: AssignableSocket): void
  /** Any 1xx response but 101 (Node 24). */
  writeInformation(statusCode: number, headers?: HeaderInput, callback?: WriteCallback): boolean
  writeContinue(callback?: WriteCallback): void
  writeProcessing(callback?: WriteCallback): void
  writeEarlyHints(hints: Record<string, string | string[]>, callback?: WriteCallback): void
  writeHead(statusCode: number, reason?: string | HeaderInput, headers?: HeaderInput): this
}

interface ServerResponseConstructor {
  new (request: IncomingMessage, options?: OutgoingMessageOptions): ServerResponse
  (this: ServerResponse, request: IncomingMessage, options?: OutgoingMessageOptions): void
  readonly prototype: ServerResponse
}

const initOutgoing = OutgoingMessage as unknown as (this: object, options?: OutgoingMessageOptions) => void
const kContext = Symbol('ferrohttp.context')
/** The connection from which the program has detached the response. */
const kDetached = Symbol('ferrohttp.detached')
const created = channel('http.server.response.created')
const sentAll = channel('http.server.response.finish')

export const ServerResponse = function ServerResponse(
  this: ServerResponse,
  req: IncomingMessage,
  options?: OutgoingMessageOptions,
): void {
  initOutgoing.call(this, options)
  if (req.method === 'HEAD') this._hasBody = false
  this.req = req
  this.sendDate = true
  this._sent100 = false
  this._expect_continue = false
  this[kContext] = null
  if (req.httpVersionMajor < 1 || req.httpVersionMinor < 1) {
    // An HTTP/1.0 client announces that it accepts chunks (RFC 9110 section 10.1.4).
    this.useChunkedEncodingByDefault = chunkExpression.test(req.headers.te as string)
    this.shouldKeepAlive = false
  }
  if (isObserved()) this[kMeasured] = measure('HttpRequest', req)
  if (isTraced()) responseBegins(this)
  if (created.hasSubscribers) created.publish({ request: req, response: this })
} as unknown as ServerResponseConstructor

Object.setPrototypeOf(ServerResponse, OutgoingMessage)
Object.setPrototypeOf(ServerResponse.prototype, OutgoingMessage.prototype)
ServerResponse.prototype[kMeasured] = null
ServerResponse.prototype[kDetached] = null

// The class cannot inherit from Node's, because it inherits from our OutgoingMessage.
countAsInstances(ServerResponse, http.ServerResponse)

Object.assign(ServerResponse.prototype, { statusCode: 200, statusMessage: undefined })

/** Emits 'close' once. After that the response counts as destroyed. */
function emitClose(response: ServerResponse): void {
  if (response._closed) return
  response.destroyed = true
  response._closed = true
  response.emit('close')
}

/** Listener for 'close' of an assigned socket, which is `this`. */
function onAssignedSocketClose(this: AssignableSocket): void {
  // An earlier 'close' listener may have detached the response.
  if (this._httpMessage) emitClose(this._httpMessage as ServerResponse)
}

function informationLine(name: string, value: unknown, lenient: boolean): string {
  validateHeaderName(name)
  const text = value === undefined ? value : valueText(value)
  validateHeaderValue(name, text, lenient)
  return `${name}: ${text}\r\n`
}

/** Merges the fields that `writeHead` got into those that are set. */
function mergeHeaders(response: ServerResponse, given: HeaderInput): void {
  if (Array.isArray(given)) {
    if (given.length % 2 !== 0) throw ERR_INVALID_ARG_VALUE('headers', given)
    // The fields given replace those that are set, and may name a field twice.
    for (let i = 0; i < given.length; i += 2) response.removeHeader(given[i] as string)
    for (let i = 0; i < given.length; i += 2) {
      if (given[i]) response.appendHeader(given[i] as string, given[i + 1] as string)
    }
  } else if (given) {
    for (const name of Object.keys(given)) {
      if (name) response.setHeader(name, (given as Record<string, string>)[name]!)
    }
  }
}

function writeHead(
  this: ServerResponse,
  statusCode: number,
  reason?: string | HeaderInput,
  obj?: HeaderInput,
): ServerResponse {
  if (this._header) throw ERR_HTTP_HEADERS_SENT('write')
  const code = statusCode | 0
  if (code < 100 || code > 999) throw ERR_HTTP_INVALID_STATUS_CODE(statusCode)

  if (typeof reason === 'string') {
    this.statusMessage = reason
  } else {
    if (!this.statusMessage) this.statusMessage = STATUS_CODES[code] || 'unknown'
    obj ??= reason
  }
  this.statusCode = code

  let headers: HeaderInput = obj
  if (this[kFields] !== null) {
    if (obj) mergeHeaders(this, obj)
    headers = this[kFields] as FieldList
  }

  const message = valueText(this.statusMessage)
  const line = statusLine(code, message)
  if (message !== STATUS_CODES[code] && hasObsText(message)) this[kState] |= OBS_TEXT_HEAD

  // RFC 9112 section 6.3, rule 1.
  if (code === 204 || code === 304 || code < 200) this._hasBody = false
  // The client may or may not send the body, so it is not known whether the next bytes are the body or a request.
  if (this._expect_continue && !this._sent100) this.shouldKeepAlive = false

  this._storeHeader(line, headers)
  return this
}

defineMethods(ServerResponse.prototype, {
  _finish() {
    const measurement = this[kMeasured]
    if (measurement !== null) {
      const { statusCode, statusMessage } = this
      reportMeasured(measurement, { statusCode, statusMessage, headers: this.getHeaders() })
    }
    OutgoingMessage.prototype._finish.call(this)
    if (isTraced()) responseEnds(this, this.req?.url, this.statusCode)
  },

  assignSocket(socket: AssignableSocket) {
    if (socket._httpMessage) throw ERR_HTTP_SOCKET_ASSIGNED()
    socket._httpMessage = this
    const detached = this[kDetached]
    if (detached !== null && (detached.socket as unknown) === socket) {
      // Undone.
      this[kDetached] = null
      this[kTransport] = detached
      this[kState] |= MANAGED
    } else {
      socket.on('close', onAssignedSocketClose)
      this.socket = socket
    }
    this.emit('socket', socket)
    this._flush()
  },

  detachSocket(socket: AssignableSocket) {
    if (socket._httpMessage !== this) throw ERR_INTERNAL_ASSERTION('The response is not assigned to this socket')
    socket.removeListener('close', onAssignedSocketClose)
    socket._httpMessage = null
    if ((this[kState] & MANAGED) !== 0) {
      // The end of the connection does not concern the response any more.
      this[kDetached] = this[kTransport]
      this[kTransport] = null
      this[kState] &= ~MANAGED
    }
    this.socket = null
  },

  writeInformation(statusCode: number, headers: HeaderInput, cb: WriteCallback) {
    if (this._header) throw ERR_HTTP_HEADERS_SENT('write')
    validateInteger(statusCode, 'statusCode', 100, 199)
    if (statusCode === 101) throw ERR_HTTP_INVALID_STATUS_CODE(statusCode)
    let head = `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] || 'unknown'}\r\n`
    if (headers !== undefined && headers !== null) {
      const lenient = this._isLenientHeaderValidation()
      if (Array.isArray(headers)) {
        const flat = Array.isArray(headers[0]) ? headers.flat(1) : headers
        if (flat.length % 2 !== 0) throw ERR_INVALID_ARG_VALUE('headers', headers)
        for (let i = 0; i < flat.length; i += 2) head += informationLine(flat[i] as string, flat[i + 1], lenient)
      } else {
        validateObject(headers, 'headers')
        for (const name of Object.keys(headers)) head += informationLine(name, headers[name], lenient)
      }
    }
    return this._writeRaw(`${head}\r\n`, 'ascii', cb)
  },

  writeContinue(cb: WriteCallback) {
    this.writeInformation(100, null, cb)
    this._sent100 = true
  },

  writeProcessing(cb: WriteCallback) {
    this.writeInformation(102, null, cb)
  },

  writeEarlyHints(hints: Record<string, unknown>, cb: WriteCallback) {
    validateObject(hints, 'hints')
    if (hints['link'] === null || hints['link'] === undefined) return
    const link = validateLinkHeaderValue(hints['link'])
    if (link === '') return
    if (checkInvalidHeaderChar(link)) throw ERR_INVALID_CHAR('header content', 'Link')
    const { link: _, ...others } = hints
    this.writeInformation(103, { Link: link, ...others }, cb)
  },

  _implicitHeader() {
    this.writeHead(this.statusCode)
  },

  writeHead,
  // Removed in Node 26, and only deprecated before it.
  writeHeader: writeHead,

  [kRemember]() {
    this[kContext] = new AsyncResource('HTTPOUTGOINGMESSAGE')
  },

  [kDrain]() {
    if ((this[kState] & NEED_DRAIN) !== 0) inContext(this, drain)
  },

  [kSettle](error?: Error | null) {
    inContext(this, settle, error)
  },
})

function inContext(
  response: ServerResponse,
  act: (response: ServerResponse, error?: Error | null) => void,
  error?: Error | null,
): void {
  const context = response[kContext]
  if (context === null) {
    act(response, error)
    return
  }
  response[kContext] = null
  callIn(context, act, response, error)
}

function drain(response: ServerResponse): void {
  OutgoingMessage.prototype[kDrain].call(response)
}

/**
 * The response has been sent, or its connection has closed. Releases the request, detaches the socket, emits 'finish', and
 * 'close' a tick later: Node's order.
 */
function settle(response: ServerResponse, error?: Error | null): void {
  const sent = finishMessage(response, error)
  if ((response[kState] & MANAGED) === 0) {
    if (sent) response.emit('finish')
    return
  }
  if (!sent) {
    // It has been sent, or it was given to the connection and destroyed with an error afterwards.
    if (!error && (response[kState] & WRITABLE_FINISHED) !== 0) return
    // While its response has not been sent, the end of the connection aborts a request, also one that has been read completely.
    response.req[kAbort]?.()
    emitClose(response)
    return
  }
  if (sentAll.hasSubscribers) {
    const { req: request, socket } = response
    sentAll.publish({ request, response, socket, server: (socket as { server?: unknown } | null)?.server })
  }
  response.req[kRelease]?.()
  response[kTransport] = null
  if (response._eventsCount === 0 && response.emit === plainEmit) {
    // There is no listener, so the work of the next tick is done now.
    response.destroyed = true
    response._closed = true
    return
  }
  // Before the program's listeners, whose ticks follow 'close' as in Node. A listener that throws does not prevent it.
  response.req[kAnswering]?.(false)
  process.nextTick(emitClose, response)
  response.emit('finish')
}

const plainEmit = OutgoingMessage.prototype.emit as ServerResponse['emit']
