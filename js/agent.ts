/**
 * Agent: chooses a connection for each request, and decides what happens to the connection afterwards. Follows
 * `lib/_http_agent.js` of Node 24 in everything a program can see. Subclasses may replace any of its methods.
 */
import { AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import http, { type AgentOptions as NodeAgentOptions } from 'node:http'
import net, { type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type tls from 'node:tls'

import type { ClientRequest, Requested } from './client.js'
import { keepAliveOf } from './incoming.js'
import {
  endGuard,
  guardIdle,
  onIdleError,
  onNewListener,
  resetContext,
  serverName,
  addAgentListeners,
  type View,
} from './internal/client/agent-sockets.js'
import type { ClientOptions, Created } from './internal/client/options.js'
import { debug } from './internal/debug.js'
import { ERR_INVALID_ARG_VALUE } from './internal/errors.js'
import { secureGlobalAgent } from './internal/client/global-agents.js'
import { countAsInstances } from './internal/node-parity/instance-of.js'
import { initEmitter } from './internal/node-parity/emitter-init.js'
import { defineMethods } from './internal/node-parity/define-members.js'
import { connectNatively } from './internal/client/connect.js'
import { poolIdleTime } from './internal/bridge/native.js'
import { AgentPool, type Origin } from './internal/client/pool.js'
import {
  isEnabledByEnvironment,
  kProxy,
  parseProxy,
  proxyFor,
  proxyVariables,
  type Proxy,
  type ProxyEnvironment,
} from './internal/client/proxy.js'
import { kAsyncId } from './internal/symbols.js'
import { validateNumber, validateObject } from './internal/validators.js'
import * as r from './native/records.js'

export interface AgentOptions extends NodeAgentOptions {
  /** When the server has announced a keep-alive timeout, the agent closes an idle connection this many ms earlier. */
  agentKeepAliveTimeoutBuffer?: number
  noDelay?: boolean
  path?: string | null
  protocol?: string
  /** The environment with HTTP_PROXY and NO_PROXY. Without it no proxy is used. */
  proxyEnv?: ProxyEnvironment
  socketPath?: string
}

type Options = ClientOptions & { path?: string | null; [kRequestingAgent]?: Agent }

/** A callback of `createSocket` that passes the socket to one of this agent's requests. */
type OwnCallback = Created & { [kForOwnRequest]?: true }

/** A request that waits for a connection. */
interface Waiting {
  [kOptions]?: Options
  [kScope]?: AsyncResource | null
}

export interface Agent extends EventEmitter {
  options: AgentOptions
  defaultPort: number
  protocol: string
  requests: View<ClientRequest>
  sockets: View<Socket>
  freeSockets: View<Socket>
  keepAliveMsecs: number
  keepAlive: boolean
  maxSockets: number
  maxFreeSockets: number
  scheduling: 'lifo' | 'fifo'
  maxTotalSockets: number
  totalSocketCount: number
  [kPool]: AgentPool | null
  readonly [kNaming]?: Naming
  agentKeepAliveTimeoutBuffer: number
  _events: object
  _eventsCount: number
  [kProxy]: Proxy | null

  createConnection(options: ClientOptions, callback?: Created): Duplex | null | undefined
  getName(options?: ClientOptions): string
  addRequest(request: ClientRequest, options: ClientOptions | string, port?: number, localAddress?: string): void
  createSocket(request: ClientRequest, options: ClientOptions, callback: Created): void
  removeSocket(socket: Socket, options: ClientOptions): void
  keepSocketAlive(socket: Socket): boolean
  reuseSocket(socket: Socket, request: ClientRequest): void
  destroy(): void
}

interface AgentConstructor {
  new (options?: AgentOptions): Agent
  (this: Agent | undefined, options?: AgentOptions): Agent
  readonly prototype: Agent
  defaultMaxSockets: number
}

/** In the options of a connection: the agent that makes it for one of its own requests. */
const kRequestingAgent = Symbol('ferrohttp.requestingAgent')
const kForOwnRequest = Symbol('ferrohttp.forOwnRequest')

/** In a request that waits in `agent.requests`: the options of its connection. */
const kOptions = Symbol('ferrohttp.requestOptions')
const kScope = Symbol('ferrohttp.requestScope')
/** In the prototype of an agent's class: how it names origins. */
export const kNaming = Symbol('ferrohttp.naming')
/** The pool, made for the first request. Not enumerable, so that `inspect` prints what Node's agent has. */
const kPool = Symbol('ferrohttp.pool')

/** How the agents of a class name origins, and a faster way for usual requests than merging options and calling `getName`. */
export interface Naming {
  /** Whether the agent's names are those of its class, and not of a method that the program has replaced. */
  isStandard(agent: Agent): boolean
  /** Whether the options of a connection still have its name. A method of the program may have changed them. */
  keepsOptions(agent: Agent): boolean
  /** The origin of a request, null for a request with options of its own that are part of the name. */
  usualOrigin(agent: Agent, pool: AgentPool, options: ClientOptions, request: ClientRequest): Origin | null
}

const KEEP_ALIVE_DELAY = 1000
const MAX_FREE_SOCKETS = 256
const TIMEOUT_BUFFER = 1000
/** The server's `Keep-Alive` field, in seconds. */
const TIMEOUT_HINT = /^timeout=(\d+)/

const NO_POOL = {
  __proto__: null,
  value: null,
  writable: true,
  enumerable: false,
  configurable: true,
} as PropertyDescriptor

function AgentImplementation(this: Agent | undefined, options?: AgentOptions): Agent | void {
  if (!(this instanceof AgentImplementation)) return new Agent(options)
  const self = this as unknown as Agent
  initEmitter(self, false)
  self.options = { __proto__: null, ...options } as AgentOptions
  self.options.noDelay ??= true
  // `net` would take a request's path for that of a pipe.
  self.options.path = null
  self.defaultPort = self.options.defaultPort || 80
  self.protocol = self.options.protocol || 'http:'
  // Not read here: in subclasses `protocol` may be a getter that needs members which their constructors have yet to set.
  self[kProxy] = self.options.proxyEnv && self.protocol === 'http:' ? parseProxy(self.options.proxyEnv, 'http:') : null
  self.requests = Object.create(null)
  self.sockets = Object.create(null)
  self.freeSockets = Object.create(null)
  self.keepAliveMsecs = self.options.keepAliveMsecs || KEEP_ALIVE_DELAY
  self.keepAlive = self.options.keepAlive || false
  self.maxSockets = self.options.maxSockets || Agent.defaultMaxSockets
  self.maxFreeSockets = self.options.maxFreeSockets || MAX_FREE_SOCKETS
  self.scheduling = self.options.scheduling || 'lifo'
  self.maxTotalSockets = self.options.maxTotalSockets as number
  self.totalSocketCount = 0
  Object.defineProperty(self, kPool, NO_POOL)
  const buffer = self.options.agentKeepAliveTimeoutBuffer
  self.agentKeepAliveTimeoutBuffer =
    typeof buffer === 'number' && buffer >= 0 && Number.isFinite(buffer) ? buffer : TIMEOUT_BUFFER
  if (self.scheduling !== 'lifo' && self.scheduling !== 'fifo')
    throw ERR_INVALID_ARG_VALUE('scheduling', self.scheduling, "must be one of: 'fifo', 'lifo'")
  if (self.maxTotalSockets === undefined) self.maxTotalSockets = Infinity
  else validateNumber(self.maxTotalSockets, 'maxTotalSockets', 1)

  self.on('free', onFree)
  self.on('newListener', onNewListener)
}

export const Agent = AgentImplementation as unknown as AgentConstructor
Object.defineProperty(Agent, 'name', { value: 'Agent' })
Object.setPrototypeOf(Agent, EventEmitter)
Object.setPrototypeOf(Agent.prototype, EventEmitter.prototype)
countAsInstances(Agent, http.Agent)
Agent.defaultMaxSockets = Infinity

/** Whether the agent makes this connection for a request of its own. */
export function isForOwnRequest(agent: Agent, options: ClientOptions): boolean {
  return (options as Options)[kRequestingAgent] === agent
}

// ---- 'free' -------------------------------------------------------------------------------------------------

function poolOf(agent: Agent): AgentPool {
  const pool = agent[kPool]
  return pool == null || pool.isInconsistent ? makePool(agent) : pool
}

/** The agent's pool. Also for subclasses of programs that have not called our constructor. */
function makePool(agent: Agent): AgentPool {
  agent[kPool]?.recover()
  const pool = new AgentPool(agent)
  Object.defineProperty(agent, kPool, { ...NO_POOL, value: pool })
  return pool
}

/** Handles the agent's event 'free': an exchange is over, and its connection can serve another request. */
function onFree(this: Agent, socket: Socket, options: Options): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const naming = this[kNaming]
  const hasName = naming?.isStandard(this) === true && naming.keepsOptions(this)
  const name = (hasName && options._agentKey) || this.getName(options)
  debug?.('agent.on(free) %s', name)
  const pool = poolOf(this)
  const origin = pool.originOf(name, options)
  const last = (socket as Requested)._httpMessage
  const outcome = pool.released(origin, Boolean(last?.shouldKeepAlive))
  if (outcome === r.POOL_SERVE) {
    const request = pool.dequeue(origin)
    inScopeOf(request, () => {
      resetContext(socket)
      setRequestSocket(this, request, socket)
    })
    return
  }
  pool.forgetIfUnused(origin)
  if (outcome !== r.POOL_KEEP || !this.keepSocketAlive(socket)) {
    socket.destroy()
    return
  }
  ;(socket as Requested)._httpMessage = null
  ;(socket as { [kAsyncId]?: number })[kAsyncId] = -1
  socket.once('error', onIdleError)
  guardIdle(socket)
  if (this.removeSocket === removeSocket && pool.keep(origin, socket, options)) {
    debug?.('removeSocket %s writable: %s', origin.name, socket.writable)
    return
  }
  // A request that waits for another server gets a new connection now, even if that exceeds maxTotalSockets: as in Node.
  this.removeSocket(socket, options)
  pool.adopt(name, socket, options)
}

/** Passes a connection to its request. The agent's timeout was set when the socket was made. */
function setRequestSocket(agent: Agent, request: ClientRequest, socket: Socket): void {
  request.onSocket(socket)
  const { timeout } = request
  if (timeout !== undefined && timeout !== (agent.options.timeout || 0)) socket.setTimeout(timeout)
}

/** Calls `go` for a request that had to wait, in the async context in which the request was made. */
function inScopeOf(request: ClientRequest, go: () => void): void {
  const waiting = request as Waiting
  const scope = waiting[kScope]
  waiting[kScope] = null
  waiting[kOptions] = undefined
  if (scope) scope.runInAsyncScope(go)
  else go()
}

// ---- connections ---------------------------------------------------------------------------------------------

/** The name of a usual request consists of host and port. */
function usualOrigin(agent: Agent, pool: AgentPool, options: ClientOptions): Origin | null {
  const own = agent.options
  if (
    options.localAddress ||
    options.family ||
    options.socketPath ||
    own.host ||
    own.port ||
    own.localAddress ||
    own.family ||
    own.socketPath
  )
    return null
  const { host, port } = options
  const last = pool.lastOrigin(host, port)
  if (last !== null) return last
  const origin = pool.origin(agent.getName(options))
  pool.setLastOrigin(origin, host, port)
  return origin
}

/** The request's options, overridden by the agent's. */
export function merged(agent: Agent, options: ClientOptions, request: ClientRequest): Options {
  const all = { __proto__: null, ...options, ...agent.options } as unknown as Options
  if (all.socketPath) all.path = all.socketPath
  if (!all.servername && all.servername !== '') all.servername = serverName(all, request)
  return all
}

/** Passes an idle connection or a new one to the request, or adds the request to the queue. */
function connectOrQueue(agent: Agent, pool: AgentPool, request: ClientRequest, asked: ClientOptions): void {
  const naming = agent[kNaming]
  const usual = naming?.isStandard(agent) === true ? naming.usualOrigin(agent, pool, asked, request) : null
  const options = usual === null ? merged(agent, asked, request) : asked
  const origin = usual ?? pool.origin(agent.getName(options))
  const found = pool.acquire(origin)
  if (typeof found === 'object') {
    debug?.('have free socket')
    resetContext(found)
    agent.reuseSocket(found, request)
    setRequestSocket(agent, request, found)
    pool.show(origin, found)
    return
  }
  agent.sockets[origin.name] ??= []
  if (found === r.POOL_WAIT) {
    debug?.('wait for socket')
    const waiting = request as Waiting
    waiting[kOptions] = options
    waiting[kScope] = new AsyncResource('QueuedRequest')
    pool.queue(origin, request)
    return
  }
  const merging = usual === null ? options : merged(agent, asked, request)
  const give: OwnCallback = (error, created) => {
    if (error) debug?.('call onSocket %s', error.message)
    if (error) request.onSocket(created, error)
    else setRequestSocket(agent, request, created as Socket)
  }
  give[kForOwnRequest] = true
  agent.createSocket(request, merging as ClientOptions, give)
  pool.forgetIfUnused(origin)
}

defineMethods(Agent.prototype, {
  createConnection(...[given, callback]: [ClientOptions, Created?]) {
    const proxy = proxyFor(this, given)
    debug?.('http createConnection should use proxy for %s:%s: %s', given.host, given.port, proxy !== null)
    const options = proxy === null ? given : { ...given, host: proxy.host, port: proxy.port }
    if (proxy?.secure === true) {
      const servername = net.isIP(proxy.host) ? '' : proxy.host
      // Loaded with the first such request, because loading takes 20 ms.
      const { connect } = require('node:tls') as typeof tls
      return connect({ ...options, servername } as unknown as tls.ConnectionOptions)
    }
    // Other code that asks for a socket (an agent that wraps this one, a recorder) needs an ordinary net.Socket.
    const native = this.createConnection === createConnection && isForOwnRequest(this, options)
    return (
      (native ? connectNatively(options) : null) ??
      net.createConnection(options as net.NetConnectOpts, callback as (() => void) | undefined)
    )
  },

  getName(options: ClientOptions = {}) {
    let name = `${options.host || 'localhost'}:`
    if (options.port) name += options.port
    name += ':'
    if (options.localAddress) name += options.localAddress
    if (options.family === 4 || options.family === 6) name += `:${options.family}`
    if (options.socketPath) name += `:${options.socketPath}`
    return name
  },

  addRequest(request: ClientRequest, given: ClientOptions | string, port?: number, localAddress?: string) {
    const asked: ClientOptions = typeof given === 'string' ? { host: given, port, localAddress } : given
    const pool = poolOf(this)
    let whole = false
    try {
      connectOrQueue(this, pool, request, asked)
      whole = true
    } finally {
      // After a stack overflow the counts may be wrong, and other requests would wait for ever.
      if (!whole) pool.isInconsistent = true
    }
  },

  createSocket(request: ClientRequest, given: ClientOptions, callback: Created) {
    const options = merged(this, given, request)
    const name = this.getName(options)
    debug?.('createConnection %s', name)
    options._agentKey = name
    options.encoding = null
    options[kRequestingAgent] = (callback as OwnCallback)[kForOwnRequest] === true ? this : undefined
    let done = false
    const onCreated: Created = (error, socket) => {
      if (done) return
      done = true
      if (error) {
        callback(error)
        return
      }
      let given = false
      try {
        poolOf(this).opened(name, socket as Socket, options)
        debug?.('sockets %s %d %d', name, this.sockets[name]?.length, this.totalSocketCount)
        addAgentListeners(this, socket as Socket, options)
        callback(null, socket)
        given = true
      } finally {
        // No request has the socket.
        if (!given) socket?.destroy()
      }
    }
    if (this.keepAlive) {
      options.keepAlive = true
      options.keepAliveInitialDelay = this.keepAliveMsecs
    }
    const socket = this.createConnection(options, onCreated)
    if (socket) onCreated(null, socket)
  },

  removeSocket(socket: Socket, options: ClientOptions) {
    const pool = poolOf(this)
    const origin = pool.origin(this.getName(options))
    debug?.('removeSocket %s writable: %s', origin.name, socket.writable)
    const room = pool.remove(origin, socket, options)
    const request = room ? pool.next(origin) : undefined
    pool.forgetIfUnused(origin)
    if (request === undefined) return
    debug?.('removeSocket, have a request, make a socket')
    const waiting = (request as Waiting)[kOptions] ?? (options as Options)
    const give: OwnCallback = (error, created) => {
      // The request that has waited longest gets the socket then.
      if (error) request.onSocket(created, error)
      else created!.emit('free')
    }
    give[kForOwnRequest] = true
    this.createSocket(request, waiting as ClientOptions, give)
  },

  keepSocketAlive(socket: Socket) {
    socket.setKeepAlive(true, this.keepAliveMsecs)
    socket.unref()
    let timeout = this.options.timeout || 0
    const response = (socket as Requested)._httpMessage?.res
    const hint = response ? keepAliveOf(response) : undefined
    const seconds = typeof hint === 'string' ? TIMEOUT_HINT.exec(hint)?.[1] : undefined
    if (seconds !== undefined) {
      timeout = poolIdleTime(Number(timeout), Number(seconds), Number(this.agentKeepAliveTimeoutBuffer))
      if (timeout < 0) return false
    }
    if (socket.timeout !== timeout) socket.setTimeout(timeout)
    return true
  },

  reuseSocket(socket: Socket, request: ClientRequest) {
    request.reusedSocket = true
    socket.removeListener('error', onIdleError)
    endGuard(socket)
    socket.ref()
  },

  destroy() {
    for (const pool of [this.freeSockets, this.sockets])
      for (const name of Object.keys(pool)) for (const socket of [...pool[name]!]) socket.destroy()
  },
})

const { createConnection, getName, removeSocket } = Agent.prototype
Object.defineProperty(Agent.prototype, kNaming, {
  value: {
    isStandard: (agent: Agent) => agent.getName === getName,
    keepsOptions: (agent: Agent) => agent.createConnection === createConnection,
    usualOrigin,
  } satisfies Naming,
})

/** The agent of requests that name none. Programs replace it by assigning `http.globalAgent`. */
export const globalAgent: { current: Agent } = {
  current: new Agent({
    keepAlive: true,
    scheduling: 'lifo',
    timeout: 5000,
    proxyEnv: isEnabledByEnvironment() ? proxyVariables(process.env) : undefined,
  }),
}

/** Members of node:http that some versions of Node 20 and 22 do not have. */
const nodeHttp = http as { setGlobalProxyFromEnv?: (env?: ProxyEnvironment) => () => void }

/**
 * Has `http.request`, `https.request` and, where Node supports it, `fetch` use the proxies of `env`.
 * @returns a function that undoes it
 * @throws ERR_INVALID_ARG_TYPE, ERR_PROXY_INVALID_CONFIG
 */
export function setGlobalProxyFromEnv(env: ProxyEnvironment = process.env): () => void {
  validateObject(env, 'proxyEnv')
  const undo = nodeSetsProxies?.(env) ?? (() => {})
  const proxyEnv = proxyVariables(env)
  if (Object.keys(proxyEnv).length === 0) return undo
  const before = globalAgent.current
  globalAgent.current = new Agent({ ...before.options, proxyEnv })
  const restoreSecure = secureGlobalAgent.setProxies(proxyEnv)
  return () => {
    undo()
    globalAgent.current = before
    restoreSecure()
  }
}

/** Node's own function, read before the register module replaces it. */
const nodeSetsProxies = nodeHttp.setGlobalProxyFromEnv
