/**
 * `https.Server` (Node 24: lib/https.js). I/O threads accept and decrypt where rustls supports what the options ask for. Elsewhere
 * Node's tls.Server does: each connection arrives as a stream with the event 'secureConnection', and is served as http.Server serves
 * one that arrives with 'connection'. In both cases tls.Server checks and keeps the options.
 */
import { X509Certificate } from 'node:crypto'
import https from 'node:https'
import tls, { type TlsOptions } from 'node:tls'
import type { Duplex } from 'node:stream'

import {
  beginServer,
  environment,
  connectionListener,
  countAsInstances,
  countCompatible,
  kListenScope,
  kMakeSocket,
  kPrepareTls,
  kShownBy,
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
import { leaveNativeRoad } from './road-change.js'
import type { Configured } from '../server/settings.js'
import { tlsError } from './errors.js'
import { EVENTS, nativeTls, type Context } from './options.js'
import * as r from '../../native/records.js'
import { SecureSocket } from './socket.js'
import type { NativeTls, RequestListener, Server as PlainServer, ServerOptions } from '../../server.js'

/** Options of `https.createServer`, as in Node 24. */
export type SecureServerOptions = ServerOptions & Omit<TlsOptions, keyof ServerOptions>

/** The members of tls.Server and of http.Server, because a class cannot inherit from both. */
export type SecureServer = PlainServer &
  tls.Server & {
    [kOptions]: SecureServerOptions
    [kContexts]: Context[]
    [kShown]?: X509Certificate | null
  }

const kOptions = Symbol('ferrohttp.tlsOptions')
const kContexts = Symbol('ferrohttp.tlsContexts')
/** The first certificate of the server, parsed when a program asks a socket for it. */
const kShown = Symbol('ferrohttp.shownCertificate')

const HANDSHAKE_TIMEOUT = 120_000

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
  self[kOptions] = options
  self[kContexts] = []
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
const { constructor: _, [kShownBy]: __, ...members } = Object.getOwnPropertyDescriptors(HttpServer.prototype)
Object.defineProperties(Server.prototype, members)
countAsInstances(Server, https.Server)

// ---- on I/O threads --------------------------------------------------------------------------------------------

const proto = Server.prototype
Object.defineProperty(proto, kShownBy, { value: 'secureConnection' })

/** Returns the TLS for the server's current options and listeners, or the reason why node:tls is needed. */
function prepared(server: SecureServer): NativeTls | string {
  // Windows has no descriptors of sockets, so the server could not change to node:tls later.
  if (process.platform === 'win32') return 'platform'
  // The first listener is that of tls.Server.
  if (server.listenerCount('connection') > 1) return "listener: 'connection'"
  const event = EVENTS.find((name) => server.listenerCount(name) > 0)
  if (event !== undefined) return `listener: '${event}'`
  const made = nativeTls(server as object, server[kOptions], server[kContexts])
  if (typeof made === 'string') return made
  return { tls: made, handshakeTimeout: server[kOptions].handshakeTimeout || HANDSHAKE_TIMEOUT }
}

proto[kPrepareTls] = function prepareTls(this: SecureServer): NativeTls | null {
  const outcome = prepared(this)
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
  this[kContexts].push({ name, context })
  renew(this)
}

/** Applies the server's current options to further handshakes. */
function renew(server: SecureServer): void {
  const handle: unknown = server._handle
  if (!(handle instanceof ListenHandle) || !handle.isOurs) return
  server[kShown] = undefined
  const outcome = prepared(server)
  if (typeof outcome === 'string') change(server, outcome)
  else environment.native.setTls(handle.id, outcome.tls, outcome.handshakeTimeout)
}

/** I/O threads have ticket keys of their own, so node:tls serves further connections. */
for (const name of ['getTicketKeys', 'setTicketKeys'] as const) {
  const method = tls.Server.prototype[name] as (...args: unknown[]) => unknown
  const replacement = {
    [name](this: SecureServer, ...args: unknown[]): unknown {
      const result = method.apply(this, args)
      change(this, name)
      return result
    },
  }
  Object.assign(proto, replacement)
}

const LISTENED: ReadonlySet<string | symbol> = new Set(['connection', ...EVENTS])
for (const name of ['on', 'addListener', 'prependListener'] as const) {
  const inherited = HttpServer.prototype[name] as (this: SecureServer, event: string, listener: never) => SecureServer
  proto[name] = function (this: SecureServer, event: string, listener: never) {
    inherited.call(this, event, listener)
    if (LISTENED.has(event)) change(this, `listener: '${event}'`)
    return this
  } as never
}

proto[kMakeSocket] = function makeSocket(this: SecureServer, connection: Connection): SecureSocket {
  return new SecureSocket(connection, shownCertificate(this))
}

/** The server's first certificate. With several, only the I/O thread knows which one the client has received. */
function shownCertificate(server: SecureServer): X509Certificate | null {
  if (server[kShown] === undefined) {
    const { cert } = server as { cert?: string | Buffer | (string | Buffer)[] }
    const first = Array.isArray(cert) ? cert[0] : cert
    server[kShown] = first ? new X509Certificate(first) : null
  }
  return server[kShown]
}

proto[kTlsFailed] = function tlsFailed(this: SecureServer, connection: Connection, reason: number): void {
  const error = tlsError(reason)
  const { socket } = connection
  if (connection.tls !== null) {
    socket.destroy(error)
    return
  }
  const emit = (): boolean => this.emit('tlsClientError', error, socket)
  const report = (): boolean => this[kListenScope]!.runInAsyncScope(emit)
  // As in Node the socket is already destroyed when 'tlsClientError' is emitted, except after a timeout.
  if (reason === r.TLS_TIMEOUT) {
    report()
  } else if (reason === r.TLS_HANG_UP) {
    socket.destroy()
    report()
  } else {
    socket.once('error', report)
    socket.destroy(error)
  }
}

/** Failed handshakes are reported to listeners of 'clientError', too. */
function onTlsClientError(this: SecureServer, error: Error, socket: Duplex): void {
  if (!this.emit('clientError', error, socket)) socket.destroy(error)
}
