/**
 * `https.Server` (Node 24: lib/https.js). Node's tls.Server accepts and decrypts. Each connection arrives as a stream with the
 * event 'secureConnection', and is served as http.Server serves one that arrives with 'connection'.
 */
import https from 'node:https'
import tls, { type TlsOptions } from 'node:tls'
import type { Duplex } from 'node:stream'

import {
  beginServer,
  connectionListener,
  countAsInstances,
  onListening,
  reparent,
  Server as HttpServer,
  storeOptions,
  validateObject,
} from './core.js'
import type { Configured } from './internal/server-settings.js'
import type { RequestListener, Server as PlainServer, ServerOptions } from './server.js'

/** Options of `https.createServer`, as in Node 24. */
export type SecureServerOptions = ServerOptions & Omit<TlsOptions, keyof ServerOptions>

/** The members of tls.Server and of http.Server, because a class cannot inherit from both. */
export type SecureServer = PlainServer & tls.Server

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
const { constructor: _, ...members } = Object.getOwnPropertyDescriptors(HttpServer.prototype)
Object.defineProperties(Server.prototype, members)
countAsInstances(Server, https.Server)

/** Failed handshakes are reported to listeners of 'clientError', too. */
function onTlsClientError(this: SecureServer, error: Error, socket: Duplex): void {
  if (!this.emit('clientError', error, socket)) socket.destroy(error)
}
