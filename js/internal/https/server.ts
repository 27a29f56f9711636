/**
 * `https.Server` (Node 24: lib/https.js). I/O threads accept and decrypt where rustls supports what the options ask for. Elsewhere
 * Node's tls.Server does: each connection arrives as a stream with the event 'secureConnection', and is served as http.Server serves
 * one that arrives with 'connection'. In both cases tls.Server checks and keeps the options.
 */
import https from 'node:https'
import tls, { type TlsOptions } from 'node:tls'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import {
  beginServer,
  environment,
  connectionListener,
  countAsInstances,
  countCompatible,
  kHello,
  kKeyLog,
  kListenScope,
  kMakeSocket,
  kPrepareTls,
  kSecured,
  kConnectionEvent,
  kTlsFailed,
  ListenHandle,
  onListening,
  reparent,
  secureServers,
  Server as HttpServer,
  storeOptions,
  validateObject,
} from '../../core.js'
import type { Connection } from '../server/connection.js'
import { emitKeyLog } from './secure-members.js'
import { askAbout, passOn, type Asked } from './hello.js'
import { acceptByNode, leaveNativeRoad } from './road-change.js'
import type { Configured } from '../server/settings.js'
import { tlsError } from './errors.js'
import { EVENTS, type Secured, type TlsMembers } from './options.js'
import * as r from '../../native/records.js'
import { ServerTls } from './server-tls.js'
import { SecureSocket } from './socket.js'
import type { ClientHello, NativeTls, RequestListener, Server as PlainServer, ServerOptions } from '../../server.js'

/** Options of `https.createServer`, as in Node 24. */
export type SecureServerOptions = ServerOptions & Omit<TlsOptions, keyof ServerOptions>

/** The members of tls.Server and of http.Server, because a class cannot inherit from both. */
export type SecureServer = PlainServer &
  tls.Server & {
    [kTls]: ServerTls
  }

const kTls = Symbol('ferrohttp.tls')

export interface SecureServerConstructor {
  new (options?: SecureServerOptions | RequestListener | null, requestListener?: RequestListener): SecureServer
  (options?: SecureServerOptions | RequestListener | null, requestListener?: RequestListener): SecureServer
  readonly prototype: SecureServer
}

const initTlsServer = tls.Server as unknown as (
  this: SecureServer,
  options: TlsOptions,
  listener: (this: PlainServer, stream: never) => void,
) => void

function ServerImplementation(
  this: SecureServer | undefined,
  given?: SecureServerOptions | RequestListener | null,
  requestListener?: RequestListener,
): SecureServer | void {
  if (!(this instanceof ServerImplementation)) return new Server(given, requestListener)
  const self = this as unknown as SecureServer
  const listener = typeof given === 'function' ? given : requestListener
  let options: SecureServerOptions = {}
  if (typeof given !== 'function' && given !== null && given !== undefined) {
    validateObject(given, 'options')
    options = { ...given }
  }
  beginServer(self, options)
  self[kTls] = new ServerTls(self, options)
  storeOptions(self as SecureServer & Configured, options)
  // tls.Server throws when it gets both.
  const chooses = Boolean(options.ALPNProtocols || options.ALPNCallback)
  const ALPNProtocols = chooses ? undefined : ['http/1.1']
  initTlsServer.call(self, { noDelay: true, ALPNProtocols, ...options }, connectionListener)
  self.httpAllowHalfOpen = false
  if (listener) {
    reparent(listener)
    self.on('request', listener as (...args: unknown[]) => void)
  }
  self.on('tlsClientError', onTlsClientError)
  self.on('listening', onListening)
}

export const Server = ServerImplementation as unknown as SecureServerConstructor
Object.defineProperty(Server, 'name', { value: 'Server' })

export function createServer(
  options?: SecureServerOptions | RequestListener | null,
  requestListener?: RequestListener,
): SecureServer {
  return new Server(options, requestListener)
}

Object.setPrototypeOf(Server, tls.Server)
Object.setPrototypeOf(Server.prototype, https.Server.prototype)
const { constructor: _, [kConnectionEvent]: __, ...members } = Object.getOwnPropertyDescriptors(HttpServer.prototype)
Object.defineProperties(Server.prototype, members)
countAsInstances(Server, https.Server)

// ---- on I/O threads --------------------------------------------------------------------------------------------

const proto = Server.prototype
const showSecured = proto[kSecured]
Object.defineProperty(proto, kConnectionEvent, { value: 'secureConnection' })

proto[kPrepareTls] = function prepareTls(this: SecureServer): NativeTls | null {
  const outcome = this[kTls].prepare()
  if (typeof outcome === 'string') {
    countCompatible(outcome)
    return null
  }
  secureServers.native++
  return outcome
}

function change(server: SecureServer, reason: string): void {
  if (leaveNativeRoad(server)) countCompatible(reason)
}

proto.setSecureContext = function setSecureContext(this: SecureServer, options) {
  tls.Server.prototype.setSecureContext.call(this, options)
  renew(this)
}

proto.addContext = function addContext(this: SecureServer, name, context) {
  tls.Server.prototype.addContext.call(this, name, context)
  this[kTls].contexts.push({ name, context })
  renew(this)
}

/** Applies the server's current options to further handshakes. */
function renew(server: SecureServer): void {
  const handle: unknown = server._handle
  if (!(handle instanceof ListenHandle) || !handle.isOurs) return
  const outcome = server[kTls].prepare()
  if (typeof outcome === 'string') change(server, outcome)
  else environment.native.setTls(handle.id, outcome.tls, outcome.handshakeTimeout)
}

proto.getTicketKeys = function getTicketKeys(this: SecureServer) {
  const keys = tls.Server.prototype.getTicketKeys.call(this)
  if (!this[kTls].knowsTicketKeys) {
    this[kTls].knowsTicketKeys = true
    renew(this)
  }
  return keys
}

proto.setTicketKeys = function setTicketKeys(this: SecureServer, keys: Buffer): void {
  tls.Server.prototype.setTicketKeys.call(this, keys)
  this[kTls].knowsTicketKeys = true
  renew(this)
}

const FOREIGN: ReadonlySet<string | symbol> = new Set(['connection', ...EVENTS])
for (const name of ['on', 'addListener', 'prependListener'] as const) {
  const inherited = HttpServer.prototype[name] as (this: SecureServer, event: string, listener: never) => SecureServer
  proto[name] = function (this: SecureServer, event: string, listener: never) {
    inherited.call(this, event, listener)
    if (FOREIGN.has(event)) change(this, `listener: '${event}'`)
    else if (event === 'keylog') renew(this)
    return this
  } as never
}

proto[kMakeSocket] = function makeSocket(this: SecureServer, connection: Connection): SecureSocket {
  return new SecureSocket(connection, chosen.get(connection) ?? this[kTls].own)
}

/** The TLS of connections for which the program has chosen a context. */
const chosen = new WeakMap<Connection, Secured>()

proto[kKeyLog] = function keyLog(this: SecureServer, connection: Connection, lines: Buffer): void {
  const { socket } = connection
  if (socket.listenerCount('keylog') === 0) socket.on('keylog', (line: Buffer) => this.emit('keylog', line, socket))
  this[kListenScope]!.runInAsyncScope(emitKeyLog, undefined, socket, lines)
  // Further connections collect no secrets if no listener is left.
  if (this.listenerCount('keylog') === 0) renew(this)
}

proto[kHello] = function hello(this: SecureServer, connection: Connection, given: ClientHello): void {
  const own = this[kTls]
  const scope = this[kListenScope]!
  if (given.isRefused) {
    countCompatible('client: hello')
    scope.runInAsyncScope(passOn, undefined, connection, (raw: Socket) => acceptByNode(this, raw))
    return
  }
  const socket = connection.socket as SecureSocket
  socket.servername = given.name || null
  // The program may also destroy the socket by itself.
  const fail = (error: Error): void => {
    if (!connection.awaitsDecision) return
    connection.failHandshake()
    report(this, error, socket)
  }
  socket.once('error', fail)
  socket.once('close', () => fail(tlsError(r.TLS_HANG_UP)))
  scope.runInAsyncScope(askAbout, undefined, connection, given, {
    names: own.names,
    server: this as TlsMembers,
    secure: (context) => own.secure(context),
    choose: (secured) => chosen.set(connection, secured),
    refuse: (error) => void socket.destroy(error as Error),
    leave: (reason) => change(this, `SNICallback: ${reason}`),
    accept: (raw) => acceptByNode(this, raw),
  } satisfies Asked)
}

/** Decides about a client whose certificate is not valid, of which the I/O thread has parsed nothing yet. */
proto[kSecured] = function secured(this: SecureServer, connection: Connection): boolean {
  const { client } = connection
  if (connection.hasSocket) (connection.socket as SecureSocket).onSecured(chosen.get(connection) ?? this[kTls].own)
  const { rejectUnauthorized, requestCert } = this as TlsMembers
  const isNew = requestCert === true && client === null
  // The program has set `requestCert` since. Further clients are asked for certificates.
  if (isNew) renew(this)
  if (isNew || (client !== null && client.verdict !== r.VERDICT_TRUSTED)) {
    const socket = connection.socket as SecureSocket
    if (rejectUnauthorized !== false && !socket.authorized) {
      // As in Node the server is notified when the socket has closed, of an error that does not have the reason.
      socket.once('close', () => report(this, tlsError(r.TLS_HANG_UP), socket))
      socket.destroy()
      return true
    }
    if (!isNew) connection.command(r.OUT_APPROVE, 0)
  }
  return showSecured.call(this, connection)
}

/** Emits 'tlsClientError' in the async context of `listen()`. */
function report(server: SecureServer, error: Error, socket: Duplex): boolean {
  return server[kListenScope]!.runInAsyncScope(() => server.emit('tlsClientError', error, socket))
}

proto[kTlsFailed] = function tlsFailed(this: SecureServer, connection: Connection, reason: number): void {
  const error = tlsError(reason)
  const { socket } = connection
  if (connection.tls !== null) {
    socket.destroy(error)
    return
  }
  // As in Node the socket is already destroyed when 'tlsClientError' is emitted, except after a timeout.
  if (reason === r.TLS_TIMEOUT) {
    report(this, error, socket)
  } else if (reason === r.TLS_HANG_UP) {
    socket.destroy()
    report(this, error, socket)
  } else {
    socket.once('error', () => report(this, error, socket))
    socket.destroy(error)
  }
}

/** Failed handshakes are reported to listeners of 'clientError', too. */
function onTlsClientError(this: SecureServer, error: Error, socket: Duplex): void {
  if (!this.emit('clientError', error, socket)) socket.destroy(error)
}
