/**
 * ClientRequest, `request` and `get`. Follows `lib/_http_client.js` of Node 24 in everything a program can see. The connection
 * that carries a request has the interface of `client/connection.ts`.
 */
import diagnostics from 'node:diagnostics_channel'
import http, { type ClientRequest as NodeClientRequest, type RequestOptions } from 'node:http'
import net, { type Socket } from 'node:net'
import { addAbortSignal, finished } from 'node:stream'
import type { Duplex } from 'node:stream'

import { globalAgent, type Agent } from './agent.js'
import { classKeeper } from './internal/client/hidden-classes.js'
import { afterFirstClose } from './internal/client/native-client.js'
import { ClientSocket } from './internal/client/socket.js'
import { checkHttpValidation, checkIsHttpToken, METHODS } from './common.js'
import {
  checkPath,
  requestOptions,
  timerDuration,
  type ClientOptions,
  type Created,
} from './internal/client/options.js'
import {
  connectionReset,
  ERR_HTTP_HEADERS_SENT,
  ERR_INVALID_ARG_TYPE,
  ERR_INVALID_HTTP_TOKEN,
  ERR_INVALID_PROTOCOL,
  ERR_STREAM_DESTROYED,
} from './internal/errors.js'
import type { ClientConnection } from './internal/client/connection.js'
import { connectionOf, emitClose, emitError, onFinish } from './internal/client/exchange.js'
import { countAsInstances } from './internal/node-parity/instance-of.js'
import { defineMethods } from './internal/node-parity/define-members.js'
import { kEndCallbacks, QUEUED_AGAIN } from './internal/message/outgoing-state.js'
import { addressProxy, proxyFor, type Proxy } from './internal/client/proxy.js'
import { finishMessage } from './internal/message/writing.js'
import { StreamClient } from './internal/client/stream-client.js'
import { isObserved, measure, type Measurement } from './internal/node-parity/performance-entries.js'
import { kFields, kMeasured, kState, kTransport, kUniqueHeaders } from './internal/symbols.js'
import { isTraced, requestBegins, type Traced } from './internal/node-parity/trace-events.js'
import { kDrain, kSettle } from './internal/bridge/transport.js'
import { validateBoolean, validateInteger } from './internal/validators.js'
import type { IncomingMessage } from './incoming.js'
import { kConnection } from './internal/socket/native-socket.js'
import { OutgoingMessage } from './outgoing.js'

/** The argument of `destroy()`, when it was called before the request had a socket. */
const kDestroyError = Symbol('ferrohttp.destroyError')
const kPath = Symbol('ferrohttp.path')
const kAuthority = Symbol('ferrohttp.authority')

type CreateConnection = (options: ClientOptions, callback: Created) => Duplex | null | undefined

export type ResponseListener = (response: IncomingMessage) => void

export interface ClientRequest extends OutgoingMessage, Traced {
  agent: Agent | null | undefined
  socketPath: string | undefined
  timeout?: number
  method: string
  path: string
  host: string
  protocol: string
  maxHeaderSize: number | undefined
  joinDuplicateHeaders: boolean | undefined
  /** The response has been read to its end. */
  _ended: boolean
  res: IncomingMessage | null
  aborted: boolean
  /** Listener for the socket's 'timeout'. Null while the program has not asked for a timeout. */
  timeoutCb: (() => void) | null
  upgradeOrConnect: boolean
  parser: unknown
  maxHeadersCount: number | null
  reusedSocket: boolean
  [kMeasured]: Measurement | null
  /** Host and port as the URL has them, for trace events and performance entries. */
  [kAuthority]?: string

  abort(): void
  onSocket(socket: Duplex | null | undefined, error?: Error | null): void
  setNoDelay(noDelay?: boolean): void
  setSocketKeepAlive(enable?: boolean, initialDelay?: number): void
  clearTimeout(callback?: () => void): void
  _deferToConnect(method: string, args: unknown[]): void

  [kDestroyError]: Error | null | undefined
  [kPath]: string
}

type Input = string | URL | ClientOptions | RequestOptions

/** A socket with the member by which Node shows its request. */
export interface Requested {
  _httpMessage?: ClientRequest | null
}

interface ClientRequestConstructor {
  new (input: Input, options?: ClientOptions | ResponseListener, callback?: ResponseListener): ClientRequest
  (this: ClientRequest, input: Input, options?: ClientOptions | ResponseListener, callback?: ResponseListener): void
  readonly prototype: ClientRequest
}

const initOutgoing = OutgoingMessage as unknown as (this: object) => void
const created = diagnostics.channel('http.client.request.created')
const started = diagnostics.channel('http.client.request.start')

/** Methods whose requests seldom have a body. They announce one only when there is one. */
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'])

export const ClientRequest = function ClientRequest(
  this: ClientRequest,
  input: Input,
  given?: ClientOptions | ResponseListener,
  callback?: ResponseListener,
): void {
  initOutgoing.call(this)
  // A signal that has been aborted already destroys the request at once.
  this[kDestroyError] = null
  this.res = null
  const [options, listener] = requestOptions(input, given, callback)
  const agent = chooseAgent(options)
  this.agent = agent
  const defaultAgent = defaultAgentOf(options)
  const protocol = options.protocol || defaultAgent.protocol
  const expected = agent?.protocol || defaultAgent.protocol
  if (options.path) checkPath(String(options.path))
  if (protocol !== expected) throw ERR_INVALID_PROTOCOL(protocol, expected)

  const defaultPort = options.defaultPort || agent?.defaultPort
  options.port = options.port || defaultPort || 80
  const host = (options.host =
    validHost(options.hostname, 'hostname') || validHost(options.host, 'host') || 'localhost')
  const bare = options.setDefaultHeaders === false
  const setHost = options.setHost !== undefined ? Boolean(options.setHost) : !bare
  this._removedConnection = bare
  this._removedContLen = bare
  this._removedTE = bare
  this.socketPath = options.socketPath
  if (options.timeout !== undefined) this.timeout = timerDuration(options.timeout, 'timeout')
  let connecting = options
  if (options.signal) {
    addAbortSignal(options.signal, this as unknown as NodeClientRequest)
    // The signal destroys the request, and not its connection, which may serve other requests.
    const { signal: _, ...others } = options
    connecting = others
  }

  this.method = methodOf(options.method)
  if (options.maxHeaderSize !== undefined) validateInteger(options.maxHeaderSize, 'maxHeaderSize', 0)
  this.maxHeaderSize = options.maxHeaderSize
  if (options.insecureHTTPParser !== undefined)
    validateBoolean(options.insecureHTTPParser, 'options.insecureHTTPParser')
  this.insecureHTTPParser = options.insecureHTTPParser
  checkHttpValidation(options.httpValidation, options.insecureHTTPParser)
  if (options.httpValidation !== undefined) this.httpValidation = options.httpValidation
  if (options.joinDuplicateHeaders !== undefined)
    validateBoolean(options.joinDuplicateHeaders, 'options.joinDuplicateHeaders')
  this.joinDuplicateHeaders = options.joinDuplicateHeaders
  this[kPath] = options.path || '/'
  if (listener) this.once('response', listener)
  this.useChunkedEncodingByDefault = !WITHOUT_BODY.has(this.method)
  this._ended = false
  this.aborted = false
  this.timeoutCb = null
  this.upgradeOrConnect = false
  this.parser = null
  this.maxHeadersCount = null
  this.reusedSocket = false
  this.host = host
  this.protocol = protocol
  if (isObserved()) this[kAuthority] = hostValue(host, options.port, defaultPort)
  if (agent) {
    // Without keep-alive and without a limit the agent never uses a connection twice.
    const reuses = agent.keepAlive || Number.isFinite(agent.maxSockets)
    this._last = !reuses
    this.shouldKeepAlive = reuses
  }
  const proxy = proxyFor(agent, options)
  setInitialHeaders(this, options, setHost, defaultPort, proxy)
  this[kUniqueHeaders] = Array.isArray(options.uniqueHeaders)
    ? new Set(options.uniqueHeaders.map((name) => String(name).toLowerCase()))
    : null

  if (agent) {
    agent.addRequest(this, connecting)
  } else {
    this._last = true
    this.shouldKeepAlive = false
    connectAlone(this, connecting)
  }
  if (created.hasSubscribers) created.publish({ request: this })
} as unknown as ClientRequestConstructor

Object.setPrototypeOf(ClientRequest, OutgoingMessage)
Object.setPrototypeOf(ClientRequest.prototype, OutgoingMessage.prototype)
ClientRequest.prototype[kMeasured] = null
countAsInstances(ClientRequest, http.ClientRequest)

function defaultAgentOf(options: ClientOptions): Agent {
  return (options._defaultAgent as Agent | undefined) ?? globalAgent.current
}

/** @throws ERR_INVALID_ARG_TYPE */
function chooseAgent(options: ClientOptions): Agent | null | undefined {
  const { agent } = options
  if (agent === false) {
    const fallback = defaultAgentOf(options)
    return new (fallback.constructor as new () => Agent)()
  }
  if (agent === null || agent === undefined) {
    // A request whose program connects by itself needs no agent.
    return typeof options.createConnection === 'function' ? agent : defaultAgentOf(options)
  }
  if (typeof (agent as Partial<Agent>).addRequest !== 'function')
    throw ERR_INVALID_ARG_TYPE('options.agent', ['Agent-like Object', 'undefined', 'false'], agent)
  return agent as Agent
}

/** @throws ERR_INVALID_ARG_TYPE */
function validHost(host: unknown, name: string): string | null | undefined {
  if (host !== null && host !== undefined && typeof host !== 'string')
    throw ERR_INVALID_ARG_TYPE(`options.${name}`, ['string', 'undefined', 'null'], host)
  return host
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_HTTP_TOKEN */
function methodOf(method: unknown): string {
  if (method === null || method === undefined) return 'GET'
  if (typeof method !== 'string') throw ERR_INVALID_ARG_TYPE('options.method', 'string', method)
  if (method === '') return 'GET'
  if (!checkIsHttpToken(method)) throw ERR_INVALID_HTTP_TOKEN('Method', method)
  return method.toUpperCase()
}

function setInitialHeaders(
  request: ClientRequest,
  options: ClientOptions,
  setHost: boolean,
  defaultPort: string | number | undefined,
  proxy: Proxy | null,
): void {
  const { headers } = options
  if (Array.isArray(headers)) {
    if (proxy !== null) request[kPath] = addressProxy(request, proxy, options)
    // A list of fields is sent as it is, without fields of ours.
    request._storeHeader(requestLine(request), headers)
    return
  }
  if (headers) {
    for (const name of Object.keys(headers)) request.setHeader(name, (headers as Record<string, string>)[name]!)
  }
  if (setHost && !request.getHeader('host')) {
    request.setHeader('Host', hostValue(request.host, options.port!, defaultPort))
  }
  if (options.auth && !request.getHeader('Authorization')) {
    request.setHeader('Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`)
  }
  if (proxy !== null) request[kPath] = addressProxy(request, proxy, options)
  // The head is sent alone. The body waits for the server's answer.
  if (request.getHeader('expect')) request._implicitHeader()
}

/** The Host field: an IPv6 address in brackets, and no default port. */
function hostValue(host: string, port: string | number, defaultPort: string | number | undefined): string {
  const colon = host.indexOf(':')
  const name = colon !== -1 && host.includes(':', colon + 1) && !host.startsWith('[') ? `[${host}]` : host
  return port && +port !== defaultPort ? `${name}:${port}` : name
}

const NAMED_METHODS = new Set(METHODS)

/** Programs may have changed method and path after the constructor had checked them. */
function requestLine(request: ClientRequest): string {
  const method = String(request.method)
  const { path } = request
  const text = String(path)
  if (!NAMED_METHODS.has(method) && !checkIsHttpToken(method)) throw ERR_INVALID_HTTP_TOKEN('Method', method)
  if (typeof path !== 'string' || path !== request[kPath]) checkPath(text)
  return `${method} ${text} HTTP/1.1\r\n`
}

/** Makes a connection for this request only. */
function connectAlone(request: ClientRequest, given: ClientOptions): void {
  const options = { ...given }
  // For `net` a path would be that of a pipe.
  if (options.socketPath) options.path = options.socketPath
  else delete options.path
  if (typeof options.createConnection !== 'function') {
    request.onSocket(net.createConnection(options as net.NetConnectOpts))
    return
  }
  let done = false
  const onCreated = (error: Error | null, socket?: Duplex): void => {
    if (done) return
    done = true
    if (error) process.nextTick(emitError, request, error)
    else request.onSocket(socket)
  }
  try {
    const socket = (options.createConnection as CreateConnection)(options, onCreated)
    if (socket) onCreated(null, socket)
  } catch (error) {
    onCreated(error as Error)
  }
}

Object.defineProperty(ClientRequest.prototype, 'path', {
  configurable: true,
  enumerable: true,
  get(this: ClientRequest) {
    return this[kPath]
  },
  set(this: ClientRequest, path: string) {
    const text = String(path)
    checkPath(text)
    this[kPath] = text
  },
})

defineMethods(ClientRequest.prototype, {
  _finish() {
    OutgoingMessage.prototype._finish.call(this)
    if (isObserved()) {
      const url = `${this.protocol}//${this[kAuthority] ?? this.host}${this.path}`
      this[kMeasured] = measure('HttpClient', { method: this.method, url, headers: this.getHeaders() })
    }
    if (started.hasSubscribers) started.publish({ request: this })
    if (isTraced()) requestBegins(this)
  },

  _implicitHeader() {
    if (this._header) throw ERR_HTTP_HEADERS_SENT('render')
    this._storeHeader(requestLine(this), this[kFields])
  },

  abort() {
    if (this.aborted) return
    this.aborted = true
    process.nextTick(emitAbort, this)
    this.destroy()
  },

  destroy(error?: Error) {
    if (this.destroyed) return this
    this.destroyed = true
    this.res?._dump()
    // Nothing is left to cancel, as in Node since 24.22. The agent gets the socket, and nothing would handle an error on it.
    if (this.writableFinished && this.res?.complete) return this
    this[kDestroyError] = error
    ;(this.socket as Socket | null)?.destroy(error)
    return this
  },

  onSocket(socket: Duplex | null | undefined, error?: Error | null) {
    if (socket && !error) {
      // An agent that gets the socket back before the request has begun reads this to decide whether to keep the socket.
      ;(socket as Requested)._httpMessage = this
      socket.on('error', onEarlyError)
    }
    process.nextTick(onSocketReady, this, socket, error)
  },

  _deferToConnect(method: string, args: unknown[]) {
    const call = (): void => {
      ;(this.socket as unknown as Record<string, (...args: unknown[]) => void>)[method]!(...args)
    }
    const onSocket = (): void => {
      const socket = this.socket as unknown as Socket
      if (socket.writable) call()
      else socket.once('connect', call)
    }
    if (this.socket) onSocket()
    else this.once('socket', onSocket)
  },

  setTimeout(msecs: number, callback?: () => void) {
    if (this._ended) return this
    listenForTimeout(this)
    const duration = timerDuration(msecs, 'msecs')
    if (callback) this.once('timeout', callback)
    if (this.socket) setSocketTimeout(this.socket as unknown as Socket, duration)
    else this.once('socket', (socket: Socket) => setSocketTimeout(socket, duration))
    return this
  },

  setNoDelay(noDelay?: boolean) {
    this._deferToConnect('setNoDelay', [noDelay])
  },

  setSocketKeepAlive(enable?: boolean, initialDelay?: number) {
    this._deferToConnect('setKeepAlive', [enable, initialDelay])
  },

  clearTimeout(callback?: () => void) {
    this.setTimeout(0, callback)
  },

  [kSettle](error?: Error | null) {
    inContext(this, settle, error)
  },

  [kDrain]() {
    inContext(this, drain)
  },
})

function settle(request: ClientRequest, error?: Error | null): void {
  // Null while the request has a socket and has not begun to use it.
  const connection = connectionOf(request)
  const stopped =
    request[kDestroyError] !== null &&
    request.res === null &&
    connection?.destroyed === true &&
    (connection.writableLength > 0 || connection.socket.errored != null)
  if (!finishMessage(request, error ?? (stopped ? ERR_STREAM_DESTROYED('write') : null))) return
  request.emit('finish')
  onFinish(request)
}

function drain(request: ClientRequest): void {
  OutgoingMessage.prototype[kDrain].call(request)
}

/** Emits an event in the async context in which the request was made. */
function inContext(
  request: ClientRequest,
  act: (request: ClientRequest, error?: Error | null) => void,
  error?: Error | null,
): void {
  const scope = request._eventsCount === 0 && request[kEndCallbacks] === null ? null : connectionOf(request)?.scope
  if (scope) scope.runInAsyncScope(act, undefined, request, error)
  else act(request, error)
}

function emitAbort(request: ClientRequest): void {
  request.emit('abort')
}

/** The socket has failed before the request began to use it. */
function onEarlyError(this: Duplex, error: Error): void {
  connectionFor(this as Socket).failed = true
  emitError((this as Requested)._httpMessage!, error)
  this.destroy()
}

/** Attaches the request to its connection, or ends it with the error. It may have been destroyed in the meantime. */
function onSocketReady(request: ClientRequest, socket: Duplex | null | undefined, error?: Error | null): void {
  socket?.removeListener('error', onEarlyError)
  if (!request.destroyed && !error) {
    attach(request, socket as Socket)
    // A request that is queued again has already reported that it has begun.
    if ((request[kState] & QUEUED_AGAIN) !== 0) request._flushOutput(socket)
    else request._flush()
    return
  }
  const cause = error ?? request[kDestroyError]
  if (socket) {
    if (!error && request.agent && !socket.destroyed) {
      // The socket is usable for another request.
      socket.emit('free')
    } else {
      finished(socket.destroy(cause ?? undefined), (failure) => {
        endWithoutConnection(request, failure && failure.code !== 'ERR_STREAM_PREMATURE_CLOSE' ? failure : error)
      })
      return
    }
  }
  endWithoutConnection(request, cause)
}

/** The request ends without having had a connection. */
function endWithoutConnection(request: ClientRequest, error: Error | null | undefined): void {
  request.destroyed = true
  const cause = error ?? (request.aborted ? null : connectionReset('socket hang up'))
  if (cause !== null) emitError(request, cause)
  emitClose(request)
}

function connectionFor(socket: Socket): ClientConnection {
  // After the upgrade the program reads from the socket.
  if (socket instanceof ClientSocket && !socket[kConnection].upgraded) return socket[kConnection]
  return StreamClient.of(socket)
}

function attach(request: ClientRequest, socket: Socket): void {
  const connection = connectionFor(socket)
  request[kTransport] = connection
  request.parser = connection
  connection.attach(request)
  if (request.timeout !== undefined || request.agent?.options?.timeout) listenForTimeout(request)
  request.emit('socket', socket)
}

/** The socket's 'timeout' is emitted by the request, too. */
function listenForTimeout(request: ClientRequest): void {
  if (request.timeoutCb !== null) return
  request.timeoutCb = emitTimeout
  if (request.socket) request.socket.once('timeout', emitTimeout)
  else request.on('socket', (socket: Socket) => socket.once('timeout', emitTimeout))
}

function emitTimeout(this: Requested): void {
  this._httpMessage?.emit('timeout')
}

/** A socket that is connecting keeps the timeout with which it was made. */
function setSocketTimeout(socket: Socket, msecs: number): void {
  if (socket.connecting) socket.once('connect', () => socket.setTimeout(msecs))
  else socket.setTimeout(msecs)
}

export function request(
  input: Input,
  options?: ClientOptions | ResponseListener,
  callback?: ResponseListener,
): ClientRequest {
  return new ClientRequest(input, options, callback)
}

export function get(
  input: Input,
  options?: ClientOptions | ResponseListener,
  callback?: ResponseListener,
): ClientRequest {
  const made = request(input, options, callback)
  made.end()
  return made
}

afterFirstClose(classKeeper(ClientRequest.prototype, (options) => new ClientRequest(options, () => {})))
