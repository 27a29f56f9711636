/** A server's options, and the settings that it hands to I/O threads and streams. */
import http from 'node:http'
import { getDefaultHighWaterMark } from 'node:stream'

import { checkHttpValidation, STATUS_CODES, validationOf } from '../../common.js'
import { IncomingMessage } from '../../incoming.js'
import { ServerResponse } from '../../response.js'
import type { Server, ServerOptions } from '../../server.js'
import type { Adopter } from './adopter.js'
import { EndingConnections } from './ending-connections.js'
import { ERR_OUT_OF_RANGE } from '../errors.js'
import { healthOf } from './health.js'
import type { BindingGuard, BindingOverload, ServerConfig } from '../bridge/native.js'
import { overloadOf } from './overload.js'
import type { StreamConnections, WatchConfig } from './stream-connections.js'
import {
  kEnding,
  kHealth,
  kIncomingMessage,
  kListenScope,
  kOverloads,
  kResponseOptions,
  kServerResponse,
} from '../symbols.js'
import { validateBoolean, validateFunction, validateInteger } from '../validators.js'

export const kAdopter = Symbol('ferrohttp.adopter')
export const kConfig = Symbol('ferrohttp.config')
export const kJoined = Symbol('ferrohttp.uniqueHeaders')
export const kStreams = Symbol('ferrohttp.streams')
export const kShowsConnections = Symbol('ferrohttp.showsConnections')
/** The program has listened for 'clientError', so the I/O threads leave late requests to JavaScript. */
export const kHasErrorListener = Symbol('ferrohttp.hasErrorListener')
const kHasTimeoutListener = Symbol('ferrohttp.hasTimeoutListener')
const kOptions = Symbol('ferrohttp.options')
const kRefusal = Symbol('ferrohttp.refusal')

/** Settings that connections read in every turn. Assigning one to a running server notifies the I/O threads. */
export interface Settings {
  timeout: number
  headersTimeout: number
  requestTimeout: number
  keepAliveTimeout: number
  keepAliveTimeoutBuffer: number
  maxHeadersCount: number | null
  maxConnections: number | undefined
}

export type Configured = Server & {
  /** Set when Node accepts for this server; null otherwise. */
  [kAdopter]: Adopter | null
  [kConfig]: Settings
  /** Whether a listener has wanted to see connections, see `isWatched`. */
  [kShowsConnections]: boolean
  [kHasErrorListener]: boolean
  /** Whether the server, or a socket of it, has had a listener for 'timeout' of the program. */
  [kHasTimeoutListener]: boolean
  [kOptions]: ServerOptions
  /** When the server refuses requests, null for never. */
  [kRefusal]: BindingOverload | null
  /** Number of reported beginnings of refusals whose end has not been reported. */
  [kOverloads]: number
  [kJoined]: Set<string> | null
  /** Connections over streams; null before the first. */
  [kStreams]: StreamConnections | null
}

/** Initial members of a server, set before net.Server's constructor assigns to it. `storeOptions` checks the options. */
export function beginServer(server: Server, options: ServerOptions): void {
  const self = server as Configured
  self[kOptions] = options
  self[kAdopter] = null
  self[kStreams] = null
  self[kEnding] = new EndingConnections()
  self[kListenScope] = null
  self[kHealth] = null
  self[kRefusal] = null
  self[kOverloads] = 0
  self[kShowsConnections] = false
  self[kHasErrorListener] = false
  self[kHasTimeoutListener] = false
  self[kConfig] = {
    timeout: 0,
    headersTimeout: 60_000,
    requestTimeout: 300_000,
    keepAliveTimeout: 5_000,
    keepAliveTimeoutBuffer: 1_000,
    maxHeadersCount: null,
    maxConnections: undefined,
  }
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function storeOptions(self: Configured, opts: ServerOptions): void {
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
  self.shouldUpgradeCallback = opts.shouldUpgradeCallback ?? hasUpgradeListener
  self.highWaterMark = opts.highWaterMark ?? getDefaultHighWaterMark(false)
  self[kIncomingMessage] = opts.IncomingMessage ?? IncomingMessage
  self[kServerResponse] = opts.ServerResponse ?? ServerResponse
  self[kResponseOptions] = {
    highWaterMark: self.highWaterMark,
    rejectNonStandardBodyWrites: self.rejectNonStandardBodyWrites,
  }
  self[kJoined] = uniqueNames(opts.uniqueHeaders)
  self[kHealth] = healthOf(opts.health)
  self[kRefusal] = overloadOf(opts.overload)
}

function hasUpgradeListener(this: Server): boolean {
  return this.listenerCount('upgrade') > 0
}

function uniqueNames(list: string[] | undefined): Set<string> | null {
  if (!Array.isArray(list)) return null
  return new Set(list.map((name) => name.toLowerCase()))
}

/** Accessors for the settings of http.Server and https.Server. */
export function defineSettings(prototype: Server): void {
  for (const name of [
    'timeout',
    'headersTimeout',
    'requestTimeout',
    'keepAliveTimeout',
    'keepAliveTimeoutBuffer',
    'maxHeadersCount',
    'maxConnections',
  ] as const) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      enumerable: true,
      get(this: Configured) {
        return this[kConfig]?.[name]
      },
      set(this: Configured, value: never) {
        // net.Server's constructor assigns before there is a server to configure.
        if (this[kConfig] === undefined) return
        this[kConfig][name] = value
        reconfigure(this)
      },
    })
  }
}

/** Milliseconds for the binding. As in Node, a value that is not a number means none. */
function time(value: unknown): number {
  const number = Number(value)
  return number > 0 ? number : 0
}

export function config(server: Configured): ServerConfig {
  const settings = server[kConfig]
  const options = server[kOptions]
  const keepAlive = time(settings.keepAliveTimeout)
  // Node counts array entries, names and values; its default is 2,000 of them.
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
    paused: server[kShowsConnections],
    clientErrors: server[kHasErrorListener],
    timeoutEvents: server[kHasTimeoutListener],
  }
}

/** The requests that I/O threads answer themselves. */
export function guard(server: Configured): BindingGuard | undefined {
  const health = server[kHealth]?.native(STATUS_CODES)
  const overload = server[kRefusal] ?? undefined
  return health === undefined && overload === undefined ? undefined : { health, overload }
}

/** The server is being drained: its probes say so. */
export function announceDrain(server: Server): void {
  if (server[kHealth] === null) return
  server[kHealth].setDraining(true)
  const listener = (server as Configured)[kAdopter] ?? server._handle
  listener?.announceDrain?.()
}

/** Reports changed settings to the I/O threads. */
export function reconfigure(server: Configured): void {
  const listener = server[kAdopter] ?? server._handle
  // A libuv handle has no such method.
  if (listener?.configure !== undefined) listener.configure(config(server))
}

/** The program listens for 'timeout' of the server or of a socket, so the I/O threads leave idle connections to JavaScript. */
export function noteTimeoutListener(server: Server): void {
  const self = server as Configured
  if (self[kHasTimeoutListener]) return
  self[kHasTimeoutListener] = true
  reconfigure(self)
}

/** The settings of streams, which read them with each request. */
export function streamConfig(server: Configured): WatchConfig {
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
