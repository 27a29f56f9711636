/**
 * `https.Agent` (Node 24: lib/https.js): an `http.Agent` whose connections are TLS. It keeps a session for each name, and reaches
 * servers by a tunnel when a proxy is configured.
 */
import https, { type AgentOptions as NodeAgentOptions } from 'node:https'
import type { Socket } from 'node:net'
import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls'

import type { Agent as PlainAgent, AgentOptions } from '../../agent.js'
import {
  Agent as HttpAgent,
  isForOwnRequest,
  countAsInstances,
  countCompatibleClient,
  debug,
  defineMethods,
  kNaming,
  notExempt,
  parseProxy,
  secureGlobalAgent,
} from '../../core.js'
import type { ClientOptions, Created } from '../client/options.js'
import type { SecureGlobalAgent } from '../client/global-agents.js'
import { secureNaming } from './naming.js'
import { connectByTunnel, type Begin } from './tunnel.js'
import type { Proxy } from '../client/proxy.js'
import { sessionsOf } from './client-sessions.js'
import type { SecureClientSocket } from './client-socket.js'
import { connectSecurely } from './client-connect.js'

export type SecureAgentOptions = AgentOptions & Omit<NodeAgentOptions, keyof AgentOptions>

/** Of a request's options and of its socket: the request has a `checkServerIdentity` of its own, by number. */
export const kIdentityCheck = Symbol('ferrohttp.identityCheck')
/** In an agent: the proxy through which it reaches servers, or null. */
const kTunnel = Symbol('ferrohttp.tunnel')

type Options = ClientOptions & ConnectionOptions & { [kIdentityCheck]?: number }

export interface SecureAgent extends PlainAgent {
  maxCachedSessions: number
  /** Sessions by name, and the names, the oldest first. */
  _sessionCache: { map: Record<string, Buffer | undefined>; list: string[] }
  [kTunnel]: Proxy | null
  createConnection(options: ClientOptions, callback?: Created): TLSSocket | undefined
  _getSession(key: string): Buffer | undefined
  _cacheSession(key: string, session: Buffer): void
  _evictSession(key: string): void
}

export interface SecureAgentConstructor {
  new (options?: SecureAgentOptions): SecureAgent
  (this: SecureAgent | undefined, options?: SecureAgentOptions): SecureAgent
  readonly prototype: SecureAgent
  defaultMaxSockets: number
}

const CACHED_SESSIONS = 100

const initAgent = HttpAgent as unknown as (this: PlainAgent, options: AgentOptions) => void

function AgentImplementation(this: SecureAgent | undefined, given?: SecureAgentOptions): SecureAgent | void {
  if (!(this instanceof AgentImplementation)) return new Agent(given)
  const self = this as unknown as SecureAgent
  const options = { __proto__: null, ...given } as SecureAgentOptions
  options.defaultPort ??= 443
  options.protocol ??= 'https:'
  initAgent.call(self, options)
  self[kTunnel] = options.proxyEnv && options.protocol === 'https:' ? parseProxy(options.proxyEnv, 'https:') : null
  const { maxCachedSessions = CACHED_SESSIONS } = self.options as SecureAgentOptions
  self.maxCachedSessions = maxCachedSessions
  self._sessionCache = { map: {}, list: [] }
}

export const Agent = AgentImplementation as unknown as SecureAgentConstructor
Object.defineProperty(Agent, 'name', { value: 'Agent' })
Object.setPrototypeOf(Agent, HttpAgent)
Object.setPrototypeOf(Agent.prototype, HttpAgent.prototype)
countAsInstances(Agent, https.Agent)

const nodeSecure = https.Agent.prototype as unknown as Pick<PlainAgent, 'getName'>
/** Node's own http.Agent, also when the register module has replaced it. */
const nodePlain = Object.getPrototypeOf(nodeSecure) as Pick<PlainAgent, 'getName'>

/** `port, host, options` in all of the forms that Node takes: the first object has the options. */
function connectOptions(args: readonly unknown[]): Options {
  const [port, host] = args
  const isOptions = (value: unknown): value is Options => value !== null && typeof value === 'object'
  if (isOptions(port)) return port
  const options: Options = { ...args.slice(1, 3).find(isOptions) }
  if (typeof port === 'number') options.port = port
  if (typeof host === 'string') options.host = host
  return options
}

defineMethods(Agent.prototype, {
  createConnection(...args: unknown[]) {
    let options = connectOptions(args)
    const callback = args.at(-1)
    debug?.('createConnection', options)
    const name = options._agentKey
    // A certificate that one request has accepted may not be acceptable to another one.
    const keepsSession = Boolean(name) && options[kIdentityCheck] === undefined
    const session = keepsSession ? this._getSession(name!) : undefined
    if (session !== undefined) {
      debug?.('reuse session for %j', name)
      options = { session, ...options }
    }
    const prepare = (socket: TLSSocket): TLSSocket => {
      if (options[kIdentityCheck] !== undefined)
        (socket as { [kIdentityCheck]?: number })[kIdentityCheck] = options[kIdentityCheck]
      if (keepsSession) keepSession(this, name!, socket)
      return socket
    }
    /** @param reason why an I/O thread cannot have the connection, null if it may have it */
    const begin = (through: Socket | null, given: Options, reason: string | null): TLSSocket => {
      const native = reason ?? connectOnIoThread(this, given, keepsSession, through)
      if (typeof native !== 'string') return prepare(native as unknown as TLSSocket)
      countCompatibleClient(native)
      const socket = through ?? given.socket
      const session = sessionsOf(given.session) === undefined ? given.session : undefined
      return prepare(tls.connect({ ...given, session, socket } as ConnectionOptions))
    }
    const proxy = this[kTunnel] && tunnelFor(this, options)
    if (!proxy) return begin(null, options, null)
    const created = typeof callback === 'function' ? (callback as Created) : null
    const beginInTunnel: Begin = (toProxy, given, isEmpty) =>
      begin(toProxy, given, proxy.secure ? 'proxy: https' : isEmpty ? null : 'proxy: early bytes')
    connectByTunnel(this, proxy, options, beginInTunnel, (error, socket) => created?.(error, socket))
    return undefined
  },

  keepSocketAlive(socket: TLSSocket) {
    if ((socket as { [kIdentityCheck]?: number })[kIdentityCheck] !== undefined) return false
    return HttpAgent.prototype.keepSocketAlive.call(this, socket)
  },

  getName(options: Options = {}) {
    // The fields that a name has, and their order, are those of the running Node.
    const fields = nodeSecure.getName.call(this, options).slice(nodePlain.getName.call(this, options).length)
    const check = options[kIdentityCheck]
    return HttpAgent.prototype.getName.call(this, options) + fields + (check === undefined ? '' : `:${check}`)
  },

  _getSession(key: string) {
    return this._sessionCache.map[key]
  },

  _cacheSession(key: string, session: Buffer) {
    const { map, list } = this._sessionCache
    if (this.maxCachedSessions === 0) return
    if (!map[key]) {
      if (list.length >= this.maxCachedSessions) {
        const oldest = list.shift()!
        debug?.('evicting %j', oldest)
        delete map[oldest]
      }
      list.push(key)
    }
    map[key] = session
  },

  _evictSession(key: string) {
    const { map, list } = this._sessionCache
    const at = list.indexOf(key)
    if (at === -1) return
    list.splice(at, 1)
    delete map[key]
  },
})

const { createConnection, getName } = Agent.prototype
Object.defineProperty(Agent.prototype, kNaming, {
  value: secureNaming(
    { createConnection, getName } as Pick<PlainAgent, 'createConnection' | 'getName'>,
    kIdentityCheck,
  ),
})

/** @returns the socket, or the reason why node:tls has to make the connection */
function connectOnIoThread(
  agent: SecureAgent,
  options: Options,
  keepsSession: boolean,
  through: Socket | null,
): SecureClientSocket | string {
  // Other code that asks for a socket (an agent that wraps this one, a recorder) needs an ordinary TLSSocket.
  if (agent.createConnection !== createConnection || !isForOwnRequest(agent, options)) return 'createConnection'
  const logsKeys = agent.listenerCount('keylog') > 0
  return connectSecurely(options, { keepsSessions: keepsSession, logsKeys }, through)
}

function tunnelFor(agent: SecureAgent, options: Options): Proxy | null {
  if ((options.protocol || agent.protocol) !== 'https:') return null
  return notExempt(agent[kTunnel], options, 443)
}

/** Keeps the latest session for the next connection, unless this connection fails. */
function keepSession(agent: SecureAgent, name: string, socket: TLSSocket): void {
  socket.on('session', (session) => agent._cacheSession(name, session))
  socket.once('close', (hadError) => {
    if (hadError) agent._evictSession(name)
  })
}

/** The agent of requests that name none. Programs replace it by assigning `https.globalAgent`. */
export const globalAgent: SecureGlobalAgent = secureGlobalAgent
globalAgent.create(
  (proxyEnv) => new Agent({ keepAlive: true, scheduling: 'lifo', timeout: 5000, proxyEnv } as SecureAgentOptions),
)
