/**
 * `http.Server` (Node 24: lib/_http_server.js). Listening sockets and connections are in Rust. The class inherits the arguments of
 * `listen`, the life cycle and the events from net.Server, which uses our handle in place of libuv's.
 */
import diagnostics from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import http from 'node:http'
import net from 'node:net'

import { HTTP_1_1, type IncomingMessage } from './incoming.js'
import type { ServerResponse } from './response.js'
import { Adopter, type AcceptingHandle } from './internal/server/adopter.js'
import { Connection } from './internal/server/connection.js'
import { debug } from './internal/debug.js'
import { drain, joinDrain } from './internal/server/drain.js'
import { drainOnSignal } from './internal/server/drain-on-signal.js'
import { environment } from './internal/bridge/environment.js'
import type { EndingConnections } from './internal/server/ending-connections.js'
import type { Health } from './internal/server/health.js'
import { keepHiddenClasses } from './internal/server/hidden-classes.js'
import { ListenHandle } from './internal/server/listen-handle.js'
import { listenError, listenOptions } from './internal/server/listen-options.js'
import type { BindingTls } from './internal/bridge/native.js'
import { mayUseNetwork } from './internal/node-parity/permission.js'
import type { SocketSide } from './internal/server/port.js'
import * as r from './native/records.js'
import { reparent, reparentLoaded } from './internal/server/reparenting.js'
import { ListenResource } from './internal/node-parity/async-resources.js'
import {
  kAsyncId,
  kClosed,
  kEnding,
  kDispatch,
  kDropped,
  kHealth,
  kIncomingMessage,
  kListenScope,
  kMakeSocket,
  kOpened,
  kOverload,
  kOverloads,
  kPrepare,
  kPrepareTls,
  kResponseOptions,
  kHello,
  kKeyLog,
  kSecured,
  kServerResponse,
  kConnectionEvent,
  kTlsFailed,
  kUniqueHeaders,
} from './internal/symbols.js'
import { startChecking, stopChecking } from './internal/server/connections-check.js'
import {
  beginServer,
  config,
  defineSettings,
  guard,
  kAdopter,
  kConfig,
  kJoined,
  kHasErrorListener,
  noteTimeoutListener,
  kShowsConnections,
  kStreams,
  reconfigure,
  storeOptions,
  streamConfig,
  type Configured,
  type Settings,
} from './internal/server/settings.js'
import { StreamConnections } from './internal/server/stream-connections.js'
import { countCompatible } from './internal/server/tls-counts.js'
import { family, parseAddresses } from './internal/socket/native-socket.js'
import type { DrainOptions, DrainResult, HealthOptions, OverloadOptions } from './types.js'
import { isServedNatively } from './internal/server/socket.js'
import { validateObject } from './internal/validators.js'

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void

/** Options of `http.createServer`, as in Node 24, and ours. */
export interface ServerOptions {
  connectionsCheckingInterval?: number
  headersTimeout?: number
  /** Paths that I/O threads answer. Not in Node. `false`: none, whatever FERROHTTP_HEALTH is. */
  health?: HealthOptions | false
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
  /** When I/O threads refuse requests. Not in Node. */
  overload?: OverloadOptions
  rejectNonStandardBodyWrites?: boolean
  requestTimeout?: number
  requireHostHeader?: boolean
  ServerResponse?: typeof ServerResponse
  /** Whether a request that asks for an upgrade gets it. By default, whether there is a listener for 'upgrade'. */
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean
  /** Requests without Content-Length and Transfer-Encoding have ended, unread, when the handler sees them. */
  optimizeEmptyRequests?: boolean
  uniqueHeaders?: string[]
}

/** Members of net.Server that its types do not have. */
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

export interface Server extends net.Server, NetServerInternals, Omit<Settings, 'maxConnections'> {
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
   * Stops without failing a request. Not in Node.
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
  /** @returns whether code of the program has run */
  [kOpened](slot: number, generation: number, addresses: string): boolean
  /** A connection does not count any more. @returns whether the server emits 'close' in a tick */
  [kClosed](): boolean
  [kEnding]: EndingConnections
  [kListenScope]: ListenResource | null
  [kHealth]: Health | null
  [kDropped](addresses: string): void
  [kOverload](active: boolean, queueDelay: number, refused: number): void
  readonly [kConnectionEvent]: 'connection' | 'secureConnection'
  /** @returns whether a program's code has run */
  [kSecured](connection: Connection): boolean
  [kPrepareTls]?(): NativeTls | null
  [kHello]?(connection: Connection, hello: ClientHello): void
  /** @param lines of secrets, each with its line end */
  [kKeyLog]?(connection: Connection, lines: Buffer): void
  [kTlsFailed]?(connection: Connection, reason: number): void
  [kMakeSocket]?(connection: Connection): SocketSide
}

/** The parts of a client's hello by which the program of a server decides. */
export interface ClientHello {
  /** The name that it asks for; empty for none. */
  readonly name: string
  /** The protocols that it offers, each after its length in one byte. */
  readonly offer: Buffer
  readonly isTls13: boolean
  /** There is nothing to decide: rustls does not support what the hello asks for. */
  readonly isRefused: boolean
}

/** The TLS of a server that listens on an I/O thread. */
export interface NativeTls {
  readonly tls: BindingTls
  /** In milliseconds. */
  readonly handshakeTimeout: number
}

export interface ServerConstructor {
  new (options?: ServerOptions | RequestListener, requestListener?: RequestListener): Server
  (options?: ServerOptions | RequestListener, requestListener?: RequestListener): Server
  readonly prototype: Server
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
  beginServer(self, opts)
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

export const Server = ServerImplementation as unknown as ServerConstructor
Object.defineProperty(Server, 'name', { value: 'Server' })

export function createServer(options?: ServerOptions | RequestListener, requestListener?: RequestListener): Server {
  return new Server(options, requestListener)
}

Object.setPrototypeOf(Server, net.Server)
Object.setPrototypeOf(Server.prototype, http.Server.prototype)

const proto = Server.prototype as Configured
Object.defineProperty(proto, kConnectionEvent, { value: 'connection' })
defineSettings(proto)

/** Whether a listener of the program wants to see connections. */
function isWatched(server: Server): boolean {
  const event = server[kConnectionEvent]
  return server.listenerCount(event) > server.listenerCount(event, connectionListener)
}

/**
 * Listeners of 'connection' may listen to a socket's 'data' from the first byte on. So connections begin paused from now on, and
 * are shown to the program. Listeners of 'clientError' answer late requests, and those of 'timeout' keep idle connections; I/O threads
 * answer the former and close the latter before there is one.
 */
for (const name of ['on', 'addListener', 'prependListener'] as const) {
  const inherited = Object.getPrototypeOf(proto)
  proto[name] = function (this: Configured, event: string | symbol, listener: (...args: unknown[]) => void) {
    inherited[name].call(this, event, listener)
    if (event === this[kConnectionEvent] && this[kShowsConnections] === false && isWatched(this)) {
      this[kShowsConnections] = true
      reconfigure(this)
    }
    if (event === 'clientError' && this[kHasErrorListener] === false) {
      this[kHasErrorListener] = true
      reconfigure(this)
    }
    if (event === 'timeout') noteTimeoutListener(this)
    return this
  } as never
}

const netPrototype = net.Server.prototype as unknown as NetServerInternals

/** Called by net.Server's `listen` when the address is known. Errors are emitted later as 'error', as in Node. */
// biome-ignore lint/complexity/useMaxParams: net.Server calls it with these.
proto._listen2 = function _listen2(address, port, addressType, backlog, fd, flags = 0): void {
  for (const listener of this.listeners('request')) reparent(listener)
  reparentLoaded()
  // Node accepts on a libuv handle (another server's, the cluster's, a descriptor's), and each socket arrives as a stream with
  // 'connection' when the program does not want the server to read HTTP. Without permission for the network Node reports that.
  const isOurs = this._handle === null && !(fd >= 0) && isServing(this) && mayUseNetwork()
  const secure = isOurs ? this[kPrepareTls]?.() : undefined
  if (!isOurs || secure === null) {
    netPrototype._listen2.call(this, address, port, addressType, backlog, fd, flags)
    const isPlain = this[kPrepareTls] === undefined
    if (!isPlain && !isOurs) countCompatible('handle')
    if (this._handle !== null && isPlain && isServing(this) && mayUseNetwork()) adoptConnections(this)
    return
  }
  const isPath = port === -1 || addressType === -1
  const options = listenOptions(address, port, addressType, backlog, flags)
  options.guard = guard(this as Configured)
  const listening = environment.native.listen(
    options,
    config(this as Configured),
    secure?.tls,
    secure?.handshakeTimeout,
  )
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

/** Has connections that the server's libuv handle accepts served by I/O threads. */
function adoptConnections(server: Configured): void {
  const handle = server._handle as AcceptingHandle
  server[kAdopter] = new Adopter(server, handle, { config: config(server), guard: guard(server) }, () =>
    isServing(server),
  )
  server[kListenScope] = server[kAdopter].resource
}

/** Whether the server still has its listener that reads HTTP from connections: programs may remove it. */
function isServing(server: Server): boolean {
  return server.listenerCount(server[kConnectionEvent], connectionListener) > 0
}

function emitError(server: Server, error: Error): void {
  server.emit('error', error)
}

function emitListening(server: Server): void {
  // close() may have been called before.
  if (server._handle !== null) server.emit('listening')
}

proto.close = function close(this: Configured, ...[callback]: [((error?: Error) => void)?]): Configured {
  if (joinDrain(this, callback)) return this
  this.closeIdleConnections()
  // A client of the next server on this port must not use an idle connection of this one. The I/O thread closes them before the
  // listener, which is waited for.
  if (this._handle instanceof ListenHandle || this[kAdopter] !== null) environment.send()
  // Streams that are open keep the server until they close.
  if (this[kStreams]?.empty !== false) stopChecking(this)
  net.Server.prototype.close.call(this, callback)
  this[kAdopter]?.close()
  this[kAdopter] = null
  drainable.delete(this)
  return this
}

/** Servers that listen. */
const drainable = new Set<Server>()

/** Servers that listen or have open connections. */
function serversOfThread(): Set<Server> {
  const servers = new Set(drainable)
  for (const connection of environment.connections) if (connection instanceof Connection) servers.add(connection.server)
  return servers
}

proto.drain = function (this: Server, options?: DrainOptions): Promise<DrainResult> {
  return drain(this, () => connectionsOf(this), options)
}

function drainAll(options: DrainOptions): Promise<unknown> {
  return Promise.all(
    Array.from(serversOfThread(), (server) => drain(server, () => connectionsOf(server), options, true)),
  )
}

function connectionsOf(server: Server): Connection[] {
  const native = environment.connections.filter(
    (connection): connection is Connection => connection instanceof Connection && connection.server === server,
  )
  return native.concat((server as Configured)[kStreams]?.connections ?? [])
}

proto.closeAllConnections = function closeAllConnections(): void {
  for (const connection of connectionsOf(this)) {
    // An upgraded connection is not HTTP any more: the program that has it closes it.
    if (!connection.upgraded && !connection.awaitsDecision) connection.destroy()
  }
}

proto.closeIdleConnections = function closeIdleConnections(): void {
  for (const connection of connectionsOf(this)) {
    // A request may have arrived that is not reported yet, so the I/O thread decides.
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
  environment.add(connection)
  environment.ref()
  debug?.('SERVER new http connection')
  // Accepted after 'close' was emitted. It is not counted.
  if (this._handle === null && this._connections === 0) connection.counted = false
  else this._connections++
  // A connection with TLS is shown after its handshake.
  return this[kPrepareTls] === undefined && this[kSecured](connection)
}

proto[kSecured] = function secured(connection): boolean {
  // The socket object is made only for a program that wants to see it.
  if (!isWatched(this) && this.emit === EventEmitter.prototype.emit) {
    if ((this as Configured)[kShowsConnections]) connection.command(r.OUT_PAUSE, 0)
    return false
  }
  try {
    return this[kListenScope]!.runInAsyncScope(() => this.emit(this[kConnectionEvent], connection.socket))
  } finally {
    if ((this as Configured)[kShowsConnections] && !connection.paused) connection.command(r.OUT_PAUSE, 0)
  }
}

/** The server's own listener for 'listening'. */
export function onListening(this: Server): void {
  drainable.add(this)
  drainOnSignal(drainAll)
  startChecking(this, () => (this as Configured)[kStreams]?.checkTimes())
}

/** The server's own listener for 'connection': serves any Duplex. */
export function connectionListener(this: Server, stream: net.Socket): void {
  if (isServedNatively(stream)) return
  debug?.('SERVER new http connection')
  const self = this as Configured
  self[kStreams] ??= new StreamConnections(self, streamConfig(self))
  self[kStreams].open(stream)
}

proto[kClosed] = function closed(): boolean {
  this._connections--
  if (this._connections > 0) return false
  keepHiddenClasses(this)
  if (this._handle !== null || this[kEnding].await()) return false
  // In a tick. As in Node the connection's own 'close' comes after it.
  this._emitCloseIfDrained()
  return true
}

proto._emitCloseIfDrained = function _emitCloseIfDrained(): void {
  if (!this[kEnding].await()) netPrototype._emitCloseIfDrained.call(this)
}

proto[kDropped] = function dropped(addresses): void {
  if (this.listenerCount('drop') === 0) return
  const { localAddress, localPort, remoteAddress, remotePort } = parseAddresses(addresses)
  // Peers of a Unix socket have no address.
  if (localAddress === undefined) this.emit('drop')
  else {
    const data: net.DropArgument = Object.create(null)
    Object.assign(data, { localAddress, localPort, localFamily: family(localAddress) })
    Object.assign(data, { remoteAddress, remotePort, remoteFamily: family(remoteAddress) })
    this.emit('drop', data)
  }
}

proto[kOverload] = function overload(this: Configured, active, queueDelay, refused): void {
  // Two I/O threads may report an end and the beginning that follows it in the wrong order. The server refuses while one is open.
  this[kOverloads] += active ? 1 : -1
  if (this[kOverloads] === (active ? 1 : 0)) this.emit('overload', { active, queueDelay, refused })
} as Server[typeof kOverload]

proto[kPrepare] = function prepare(this: Configured, response, keepAlive): void {
  response._keepAliveTimeout = this[kConfig].keepAliveTimeout
  response._maxRequestsPerSocket = this.maxRequestsPerSocket
  response.shouldKeepAlive = keepAlive
  if (this[kJoined] !== null) response[kUniqueHeaders] = this[kJoined]
} as Server[typeof kPrepare]

function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
}

/** Whether a request has a Host field if it needs one. */
function isValid(server: Server, flags: number, version: number): boolean {
  return version !== HTTP_1_1 || !server.requireHostHeader || (flags & r.HEAD_HAS_HOST) !== 0
}

/** Serves one request: refuses it, or emits 'request', 'checkContinue', 'upgrade' or 'connect'. */
proto[kDispatch] = function dispatch(request, response, connection, flags, version): void {
  if (this[kHealth] !== null && isValid(this, flags, version) && this[kHealth].answer(request, response)) return
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

/** @returns whether the request has been handled */
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
