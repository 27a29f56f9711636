/**
 * `http.Server` (Node 24: lib/_http_server.js). Listening sockets and connections are in Rust; argument handling of
 * `listen`, the life cycle and the events are those of net.Server, which this inherits and which finds a handle of ours
 * where it expects libuv's.
 */
import diagnostics from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { getDefaultHighWaterMark } from 'node:stream'

import { checkHttpValidation, validationOf } from './common.js'
import { HTTP_1_1, IncomingMessage } from './incoming.js'
import { ServerResponse } from './response.js'
import { Adopter, type AcceptingHandle } from './internal/adopter.js'
import { Connection } from './internal/connection.js'
import { debug } from './internal/debug.js'
import { drain } from './internal/drain.js'
import { drainOnSignal } from './internal/drain-on-signal.js'
import { environment } from './internal/environment.js'
import { ListenHandle } from './internal/listen-handle.js'
import { ERR_OUT_OF_RANGE } from './internal/errors.js'
import { listenError, listenOptions } from './internal/listen-options.js'
import type { ServerConfig } from './internal/native.js'
import { mayUseNetwork } from './internal/permission.js'
import * as r from './native/records.js'
import { reparent, reparentLoaded } from './internal/reparenting.js'
import { ListenResource } from './internal/resources.js'
import {
  kAsyncId,
  kClosed,
  kDispatch,
  kDropped,
  kIncomingMessage,
  kListenScope,
  kOpened,
  kPrepare,
  kResponseOptions,
  kServerResponse,
  kUniqueHeaders,
} from './internal/symbols.js'
import { startChecking, stopChecking } from './internal/connections-check.js'
import { StreamConnections, type WatchConfig } from './internal/stream-connections.js'
import { family, parseAddresses } from './native-socket.js'
import type { DrainOptions, DrainResult } from './types.js'
import { isServedNatively } from './server-socket.js'
import { validateBoolean, validateFunction, validateInteger, validateObject } from './internal/validators.js'

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void

/** Options of `http.createServer`, as in Node 24. */
export interface ServerOptions {
  connectionsCheckingInterval?: number
  headersTimeout?: number
  highWaterMark?: number
  httpValidation?: string
  insecureHTTPParser?: boolean
  IncomingMessage?: typeof IncomingMessage
  joinDuplicateHeaders?: boolean
  keepAlive?: boolean
  keepAliveInitialDelay?: number
  keepAliveTimeout?: number
  keepAliveTimeoutBuffer?: number
  maxHeaderSize?: number
  noDelay?: boolean
  rejectNonStandardBodyWrites?: boolean
  requestTimeout?: number
  requireHostHeader?: boolean
  ServerResponse?: typeof ServerResponse
  /** Whether a request that asks for it is upgraded; by default, whether anybody listens for 'upgrade'. */
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean
  /** Requests without Content-Length and Transfer-Encoding have ended, unread, when the handler sees them. */
  optimizeEmptyRequests?: boolean
  uniqueHeaders?: string[]
}

/** What net.Server keeps that its types do not tell. */
interface NetServerInternals {
  _connections: number
  _handle: ListenHandle | null
  _pipeName?: string
  _connectionKey?: string
  _unref?: boolean
  [kAsyncId]: number
  _emitCloseIfDrained(): void
  _listen2(address: string | null, port: number, addressType: number, backlog: number, fd: number, flags: number): void
}

export interface Server extends net.Server, NetServerInternals {
  timeout: number
  headersTimeout: number
  requestTimeout: number
  keepAliveTimeout: number
  keepAliveTimeoutBuffer: number
  maxHeadersCount: number | null
  maxRequestsPerSocket: number
  shouldUpgradeCallback: (request: IncomingMessage) => boolean
  optimizeEmptyRequests: boolean
  connectionsCheckingInterval: number
  httpAllowHalfOpen: boolean
  requireHostHeader: boolean
  joinDuplicateHeaders: boolean | undefined
  rejectNonStandardBodyWrites: boolean
  insecureHTTPParser: boolean | undefined
  httpValidation?: string
  maxHeaderSize: number | undefined
  highWaterMark: number
  [kIncomingMessage]: typeof IncomingMessage
  [kServerResponse]: typeof ServerResponse
  [kResponseOptions]: object
  /**
   * Stops without failing a request. Ours alone.
   *
   * Each response says `Connection: close`. After `delay` the server closes, and connections are closed as they become idle. The
   * promise is fulfilled when none is left, or after `timeout` more. Throws ERR_INVALID_ARG_TYPE and ERR_OUT_OF_RANGE.
   */
  drain(options?: DrainOptions): Promise<DrainResult>
  closeAllConnections(): void
  closeIdleConnections(): void
  setTimeout(msecs?: number | RequestListener, callback?: (socket: net.Socket) => void): this
  [kPrepare](response: ServerResponse, keepAlive: boolean): void
  [kDispatch](
    request: IncomingMessage,
    response: ServerResponse,
    connection: Pick<Connection, 'requests' | 'socket'>,
    flags: number,
    version: number,
  ): void
  /** @returns whether a program's code has run */
  [kOpened](slot: number, generation: number, addresses: string): boolean
  [kClosed](connection: Connection): void
  [kListenScope]: ListenResource | null
  [kDropped](addresses: string): void
}

export interface ServerConstructor {
  new (options?: ServerOptions | RequestListener, requestListener?: RequestListener): Server
  (options?: ServerOptions | RequestListener, requestListener?: RequestListener): Server
  readonly prototype: Server
}

const kAdopter = Symbol('ferrohttp.adopter')
const kConfig = Symbol('ferrohttp.config')
const kOptions = Symbol('ferrohttp.options')
const kJoined = Symbol('ferrohttp.uniqueHeaders')
const kStreams = Symbol('ferrohttp.streams')
const kShows = Symbol('ferrohttp.shows')

/** Settings that connections look at with every turn: assigning one to a running server tells the I/O threads. */
interface Settings {
  timeout: number
  headersTimeout: number
  requestTimeout: number
  keepAliveTimeout: number
  keepAliveTimeoutBuffer: number
  maxHeadersCount: number | null
  maxConnections: number | undefined
}

type Configured = Server & {
  /** Where Node accepts for this server; null otherwise. */
  [kAdopter]: Adopter | null
  [kConfig]: Settings
  /** Somebody has wanted to see connections: see `isWatched`. */
  [kShows]: boolean
  [kOptions]: ServerOptions
  [kJoined]: Set<string> | null
  /** Connections that came as streams; null before the first. */
  [kStreams]: StreamConnections | null
}

const requestStart = diagnostics.channel('http.server.request.start')

function ServerImplementation(
  this: Server | undefined,
  options?: ServerOptions | RequestListener,
  requestListener?: RequestListener,
): Server | void {
  if (!(this instanceof ServerImplementation)) return new Server(options, requestListener)
  const self = this as unknown as Configured
  if (typeof options === 'function') {
    requestListener = options
    options = {}
  } else if (options == null) {
    options = {}
  } else {
    validateObject(options, 'options')
    options = { ...options }
  }
  const opts = options as ServerOptions
  self[kOptions] = opts
  self[kAdopter] = null
  self[kStreams] = null
  self[kListenScope] = null
  self[kShows] = false
  self[kConfig] = {
    timeout: 0,
    headersTimeout: 60_000,
    requestTimeout: 300_000,
    keepAliveTimeout: 5_000,
    keepAliveTimeoutBuffer: 1_000,
    maxHeadersCount: null,
    maxConnections: undefined,
  }
  ;(net.Server as unknown as (this: Server, options: object) => void).call(self, {
    allowHalfOpen: true,
    noDelay: opts.noDelay ?? true,
    keepAlive: opts.keepAlive,
    keepAliveInitialDelay: opts.keepAliveInitialDelay,
    highWaterMark: opts.highWaterMark,
  })
  storeOptions(self, opts)
  self.on('connection', connectionListener)
  self.on('listening', onListening)
  if (requestListener !== undefined) {
    reparent(requestListener)
    self.on('request', requestListener as (...args: unknown[]) => void)
  }
}

function storeOptions(self: Configured, opts: ServerOptions): void {
  const { insecureHTTPParser, maxHeaderSize, joinDuplicateHeaders } = opts
  if (maxHeaderSize !== undefined) validateInteger(maxHeaderSize, 'maxHeaderSize', 0)
  if (insecureHTTPParser !== undefined) validateBoolean(insecureHTTPParser, 'options.insecureHTTPParser')
  checkHttpValidation(opts.httpValidation, insecureHTTPParser)
  if (joinDuplicateHeaders !== undefined) validateBoolean(joinDuplicateHeaders, 'options.joinDuplicateHeaders')
  if (opts.shouldUpgradeCallback !== undefined)
    validateFunction(opts.shouldUpgradeCallback, 'options.shouldUpgradeCallback')
  if (opts.optimizeEmptyRequests !== undefined)
    validateBoolean(opts.optimizeEmptyRequests, 'options.optimizeEmptyRequests')
  for (const name of ['requireHostHeader', 'rejectNonStandardBodyWrites'] as const) {
    if (opts[name] !== undefined) validateBoolean(opts[name], `options.${name}`)
  }
  for (const name of [
    'requestTimeout',
    'headersTimeout',
    'keepAliveTimeout',
    'keepAliveTimeoutBuffer',
    'connectionsCheckingInterval',
  ] as const) {
    if (opts[name] !== undefined) validateInteger(opts[name], name, 0)
  }
  const requestTimeout = opts.requestTimeout ?? 300_000
  const headersTimeout = opts.headersTimeout ?? Math.min(60_000, requestTimeout)
  if (requestTimeout > 0 && headersTimeout > 0 && headersTimeout > requestTimeout) {
    throw ERR_OUT_OF_RANGE('headersTimeout', '<= requestTimeout', headersTimeout)
  }
  Object.assign(self[kConfig], { requestTimeout, headersTimeout })
  if (opts.keepAliveTimeout !== undefined) self[kConfig].keepAliveTimeout = opts.keepAliveTimeout
  if (opts.keepAliveTimeoutBuffer !== undefined) self[kConfig].keepAliveTimeoutBuffer = opts.keepAliveTimeoutBuffer
  self.insecureHTTPParser = insecureHTTPParser
  if (opts.httpValidation !== undefined) self.httpValidation = opts.httpValidation
  self.maxHeaderSize = maxHeaderSize
  self.joinDuplicateHeaders = joinDuplicateHeaders
  self.requireHostHeader = opts.requireHostHeader ?? true
  self.rejectNonStandardBodyWrites = opts.rejectNonStandardBodyWrites ?? false
  self.connectionsCheckingInterval = opts.connectionsCheckingInterval ?? 30_000
  self.httpAllowHalfOpen = false
  self.maxRequestsPerSocket = 0
  self.optimizeEmptyRequests = opts.optimizeEmptyRequests ?? false
  self.shouldUpgradeCallback = opts.shouldUpgradeCallback ?? anybodyListens
  self.highWaterMark = opts.highWaterMark ?? getDefaultHighWaterMark(false)
  self[kIncomingMessage] = opts.IncomingMessage ?? IncomingMessage
  self[kServerResponse] = opts.ServerResponse ?? ServerResponse
  self[kResponseOptions] = {
    highWaterMark: self.highWaterMark,
    rejectNonStandardBodyWrites: self.rejectNonStandardBodyWrites,
  }
  self[kJoined] = uniqueNames(opts.uniqueHeaders)
}

function anybodyListens(this: Server): boolean {
  return this.listenerCount('upgrade') > 0
}

function uniqueNames(list: string[] | undefined): Set<string> | null {
  if (!Array.isArray(list)) return null
  return new Set(list.map((name) => name.toLowerCase()))
}

export const Server = ServerImplementation as unknown as ServerConstructor
Object.defineProperty(Server, 'name', { value: 'Server' })

export function createServer(options?: ServerOptions | RequestListener, requestListener?: RequestListener): Server {
  return new Server(options, requestListener)
}

Object.setPrototypeOf(Server, net.Server)
Object.setPrototypeOf(Server.prototype, http.Server.prototype)

const proto = Server.prototype as Configured

for (const name of [
  'timeout',
  'headersTimeout',
  'requestTimeout',
  'keepAliveTimeout',
  'keepAliveTimeoutBuffer',
  'maxHeadersCount',
  'maxConnections',
] as const) {
  Object.defineProperty(proto, name, {
    configurable: true,
    enumerable: true,
    get(this: Configured) {
      return this[kConfig]?.[name]
    },
    set(this: Configured, value: never) {
      // net.Server's constructor assigns before there is anything to configure.
      if (this[kConfig] === undefined) return
      this[kConfig][name] = value
      reconfigure(this)
    },
  })
}

/** Milliseconds as the binding takes them; what is no number means none, as in Node. */
function time(value: unknown): number {
  const number = Number(value)
  return number > 0 ? number : 0
}

function config(server: Configured): ServerConfig {
  const settings = server[kConfig]
  const options = server[kOptions]
  const keepAlive = time(settings.keepAliveTimeout)
  // Node counts array entries, a name and a value each; its own default is 2,000 of them.
  const headers = settings.maxHeadersCount
  return {
    maxHeaderSize: server.maxHeaderSize || http.maxHeaderSize,
    maxHeadersCount: headers === null || headers === undefined ? 1000 : Math.max(0, Math.ceil(headers)),
    validation: validationOf(server),
    headersTimeout: time(settings.headersTimeout),
    requestTimeout: time(settings.requestTimeout),
    keepAliveTimeout: keepAlive === 0 ? 0 : keepAlive + time(settings.keepAliveTimeoutBuffer),
    socketTimeout: time(settings.timeout),
    maxConnections: settings.maxConnections,
    noDelay: options.noDelay ?? true,
    tcpKeepAlive: options.keepAlive ? Math.max(0, options.keepAliveInitialDelay ?? 0) : undefined,
    paused: server[kShows],
  }
}

/** Tells the I/O threads of settings that have changed. */
function reconfigure(server: Configured): void {
  const listener = server[kAdopter] ?? server._handle
  // A handle of libuv's has no such method.
  if (listener?.configure !== undefined) listener.configure(config(server))
}

/** Somebody else than the server wants to see connections. */
function isWatched(server: Server): boolean {
  return server.listenerCount('connection') > server.listenerCount('connection', connectionListener)
}

/**
 * Who is shown a connection may listen to its 'data' from the first byte on, so nothing is read until then. What comes by
 * now is shown, too.
 */
for (const name of ['on', 'addListener', 'prependListener'] as const) {
  const inherited = Object.getPrototypeOf(proto)
  proto[name] = function (this: Configured, event: string | symbol, listener: (...args: unknown[]) => void) {
    inherited[name].call(this, event, listener)
    if (event === 'connection' && this[kShows] === false && isWatched(this)) {
      this[kShows] = true
      reconfigure(this)
    }
    return this
  } as never
}

/** The same for streams, asked for with each request. */
function streamConfig(server: Configured): WatchConfig {
  const settings = server[kConfig]
  return {
    get session() {
      return config(server)
    },
    get socketTimeout() {
      return time(settings.timeout)
    },
    get keepAliveTimeout() {
      const keepAlive = time(settings.keepAliveTimeout)
      return keepAlive === 0 ? 0 : keepAlive + time(settings.keepAliveTimeoutBuffer)
    },
    get headersTimeout() {
      return time(settings.headersTimeout)
    },
    get requestTimeout() {
      return time(settings.requestTimeout)
    },
  }
}

const netPrototype = net.Server.prototype as unknown as NetServerInternals

/** Called by net.Server's `listen` once it knows what to bind. Errors become 'error' events, later, as in Node. */
proto._listen2 = function _listen2(address, port, addressType, backlog, fd, flags = 0): void {
  for (const listener of this.listeners('request')) reparent(listener)
  reparentLoaded()
  // On a handle of libuv's (another server's, the cluster's, a descriptor's) Node accepts. Where the program does not want the
  // server to read HTTP, each socket comes as a stream, by 'connection'. Where the network is off limits, Node reports it.
  if (this._handle !== null || fd >= 0 || !isServing(this) || !mayUseNetwork()) {
    netPrototype._listen2.call(this, address, port, addressType, backlog, fd, flags)
    if (this._handle !== null && isServing(this) && mayUseNetwork()) adoptConnections(this)
    return
  }
  const isPath = port === -1 || addressType === -1
  const options = listenOptions(address, port, addressType, backlog, flags)
  const listening = environment.native.listen(options, config(this as Configured))
  if (listening.errno !== 0) {
    process.nextTick(emitError, this, listenError(listening.errno, listening.address ?? address, isPath ? -1 : port))
    return
  }
  const resource = ListenResource.begin(isPath)
  this._handle = new ListenHandle(listening.server, resource, isPath ? address! : '', listening.address, listening.port)
  this[kListenScope] = resource
  this[kAsyncId] = resource.asyncId()
  this._connectionKey = `${addressType}:${address}:${port}`
  if (isPath) this._pipeName = address!
  environment.servers.set(listening.server, this)
  if (this._unref) this.unref()
  resource.runInAsyncScope(process.nextTick, process, emitListening, this)
}

/** What the server's handle accepts goes to I/O threads. */
function adoptConnections(server: Configured): void {
  const handle = server._handle as AcceptingHandle
  server[kAdopter] = new Adopter(server, handle, config(server), () => isServing(server))
  server[kListenScope] = server[kAdopter].resource
}

/** The program has left the server the listener that reads HTTP from connections. */
function isServing(server: Server): boolean {
  return server.listenerCount('connection', connectionListener) > 0
}

function emitError(server: Server, error: Error): void {
  server.emit('error', error)
}

function emitListening(server: Server): void {
  // close() may have been called in the meantime.
  if (server._handle !== null) server.emit('listening')
}

proto.close = function close(this: Configured, ...[callback]: [((error?: Error) => void)?]): Configured {
  this.closeIdleConnections()
  // Whoever asks the next server on this port must not do so by one of these: an I/O thread has closed them when it has
  // closed the listener, which is waited for.
  if (this._handle instanceof ListenHandle || this[kAdopter] !== null) environment.send()
  // Streams that are still open keep it until they have gone.
  if (this[kStreams]?.empty !== false) stopChecking(this)
  net.Server.prototype.close.call(this, callback)
  this[kAdopter]?.close()
  this[kAdopter] = null
  drainable.delete(this)
  return this
}

/** Servers that listen. */
const drainable = new Set<Server>()

/** Those that listen, and those that have connections still. */
function serversOfThread(): Set<Server> {
  const servers = new Set(drainable)
  for (const connection of environment.connections) if (connection instanceof Connection) servers.add(connection.server)
  return servers
}

proto.drain = function (this: Server, options?: DrainOptions): Promise<DrainResult> {
  return drain(this, () => connectionsOf(this), options)
}

function connectionsOf(server: Server): Connection[] {
  const native = environment.connections.filter(
    (connection): connection is Connection => connection instanceof Connection && connection.server === server,
  )
  return native.concat((server as Configured)[kStreams]?.connections ?? [])
}

proto.closeAllConnections = function closeAllConnections(): void {
  for (const connection of connectionsOf(this)) {
    // Upgraded ones are no HTTP connections any more: whoever took them over closes them.
    if (!connection.upgraded) connection.destroy()
  }
}

proto.closeIdleConnections = function closeIdleConnections(): void {
  for (const connection of connectionsOf(this)) {
    // What has arrived and not been seen here yet is for the I/O thread to say.
    if (connection.idle) connection.close(r.CLOSE_IF_IDLE)
  }
}

proto.setTimeout = function setTimeout(
  this: Configured,
  msecs?: number | RequestListener,
  callback?: (socket: net.Socket) => void,
): Configured {
  if (typeof msecs === 'function') {
    callback = msecs as never
    msecs = 0
  }
  this.timeout = msecs as number
  if (callback !== undefined) this.on('timeout', callback as (...args: unknown[]) => void)
  return this
}

// ---- from connections ------------------------------------------------------------------------------------------

proto[kOpened] = function opened(slot, generation, addresses): boolean {
  const connection = new Connection(slot, generation, this, environment)
  connection.addresses = addresses
  environment.adopt(connection)
  environment.ref()
  debug?.('SERVER new http connection')
  // Behind 'close', which comes once.
  if (this._handle === null && this._connections === 0) connection.counted = false
  else this._connections++
  // The socket is made for those who want to see it.
  if (!isWatched(this) && this.emit === EventEmitter.prototype.emit) {
    if ((this as Configured)[kShows]) connection.command(r.OUT_PAUSE, 0)
    return false
  }
  try {
    return this[kListenScope]!.runInAsyncScope(() => this.emit('connection', connection.socket))
  } finally {
    if ((this as Configured)[kShows] && !connection.paused) connection.command(r.OUT_PAUSE, 0)
  }
}

function onListening(this: Server): void {
  drainable.add(this)
  drainOnSignal(serversOfThread)
  startChecking(this, () => (this as Configured)[kStreams]?.checkTimes())
}

/** The server's own listener: whatever Duplex comes by 'connection', from wherever, is served. */
export function connectionListener(this: Server, stream: net.Socket): void {
  if (isServedNatively(stream)) return
  debug?.('SERVER new http connection')
  const self = this as Configured
  self[kStreams] ??= new StreamConnections(self, streamConfig(self))
  self[kStreams].open(stream)
}

proto[kClosed] = function closed(connection): void {
  if (!connection.counted) return
  this._connections--
  // Behind the socket's own 'close', which is queued with this record.
  if (this._connections === 0 && this._handle === null) process.nextTick(emitCloseIfDrained, this)
}

function emitCloseIfDrained(server: Server): void {
  server._emitCloseIfDrained()
}

proto[kDropped] = function dropped(addresses): void {
  if (this.listenerCount('drop') === 0) return
  const { localAddress, localPort, remoteAddress, remotePort } = parseAddresses(addresses)
  // A Unix socket's peers have none.
  if (localAddress === undefined) this.emit('drop')
  else {
    const data: net.DropArgument = Object.create(null)
    Object.assign(data, { localAddress, localPort, localFamily: family(localAddress) })
    Object.assign(data, { remoteAddress, remotePort, remoteFamily: family(remoteAddress) })
    this.emit('drop', data)
  }
}

proto[kPrepare] = function prepare(this: Configured, response, keepAlive): void {
  response._keepAliveTimeout = this[kConfig].keepAliveTimeout
  response._maxRequestsPerSocket = this.maxRequestsPerSocket
  response.shouldKeepAlive = keepAlive
  if (this[kJoined] !== null) response[kUniqueHeaders] = this[kJoined]
} as Server[typeof kPrepare]

function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
}

/** Serves one request: what must be refused is, everything else goes to 'request' and its like. */
proto[kDispatch] = function dispatch(request, response, connection, flags, version): void {
  if (this.joinDuplicateHeaders) request.joinDuplicateHeaders = true
  if (this.optimizeEmptyRequests && (flags & r.HEAD_COMPLETE) !== 0 && !announcesBody(request))
    request._dumpAndCloseReadable()
  if (requestStart.hasSubscribers) {
    requestStart.publish({ request, response, socket: connection.socket, server: this })
  }
  if (version === HTTP_1_1) {
    if (this.requireHostHeader && (flags & r.HEAD_HAS_HOST) === 0) {
      response.writeHead(400, ['Connection', 'close'])
      response.end()
      return
    }
    const max = this.maxRequestsPerSocket
    if (max > 0) {
      const count = ++connection.requests
      response.maxRequestsOnConnectionReached = count >= max
      if (count > max) {
        this.emit('dropRequest', request, connection.socket)
        response.writeHead(503)
        response.end()
        return
      }
    }
    if ((flags & (r.HEAD_EXPECT_CONTINUE | r.HEAD_EXPECT_OTHER)) !== 0 && expectation(this, request, response, flags))
      return
  }
  this.emit('request', request, response)
}

/** @returns whether the request has been dealt with */
function expectation(server: Server, request: IncomingMessage, response: ServerResponse, flags: number): boolean {
  if ((flags & r.HEAD_EXPECT_CONTINUE) !== 0) {
    response._expect_continue = true
    if (server.listenerCount('checkContinue') > 0) return server.emit('checkContinue', request, response)
    response.writeContinue()
    return false
  }
  if (server.listenerCount('checkExpectation') > 0) return server.emit('checkExpectation', request, response)
  response.writeHead(417)
  response.end()
  return true
}
