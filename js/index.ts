/** `require('ferrohttp')`: has the members of `require('node:http')`. Assembles and exports, no logic. */
import type { Duplex } from 'node:stream'
import type * as http from 'node:http'

import * as core from './core.js'
import type {
  DrainOptions,
  DrainResult,
  HealthOptions,
  LegacyClient,
  OverloadEvent,
  OverloadOptions,
  Stats,
} from './types.js'

// The types are written out, and refer to `node:http` as a namespace. In users' programs, declarations that refer to inner modules
// would be checked, too, and those that need `esModuleInterop` would become `any`.
const node = require('node:http') as typeof http

// The types are those of @types/node, because programs mix the two modules. Members are assigned one by one: the exports object
// stays plain and mutable for tools that patch it, and `import { createServer }` finds the names.
/** Serves a stream as a connection of the server `this`. Node documents `server.emit('connection', stream)` instead. */
export const _connectionListener: (this: http.Server, socket: Duplex) => void = core.connectionListener as never
/** Names of the methods that the parser knows, sorted. Node doc heading "http.METHODS". */
export const METHODS = core.METHODS as typeof http.METHODS
/** Reason phrases by status code. Node doc heading "http.STATUS_CODES". */
export const STATUS_CODES = core.STATUS_CODES as typeof http.STATUS_CODES
/**
 * A new `Server`; the listener is added to 'request'. Throws ERR_INVALID_ARG_TYPE and ERR_OUT_OF_RANGE for options.
 * Node doc heading "http.createServer([options][, requestListener])".
 */
export const createServer = core.createServer as unknown as typeof http.createServer
/** A server of HTTP/1.1 whose sockets belong to I/O threads. Node doc heading "Class: http.Server". */
export const Server = core.Server as unknown as typeof http.Server
/** A request that a server receives or a response that a client receives. Node doc heading "Class: http.IncomingMessage". */
export const IncomingMessage = core.IncomingMessage as unknown as typeof http.IncomingMessage
/** The base class of requests and responses that are sent. Node doc heading "Class: http.OutgoingMessage". */
export const OutgoingMessage = core.OutgoingMessage as unknown as typeof http.OutgoingMessage
/** The response of a server. Node doc heading "Class: http.ServerResponse". */
export const ServerResponse = core.ServerResponse as unknown as typeof http.ServerResponse
/**
 * Throws ERR_INVALID_HTTP_TOKEN unless it is a field name (RFC 9110 section 5.1). Node doc heading
 * "http.validateHeaderName(name[, label])".
 */
export const validateHeaderName = core.validateHeaderName as typeof http.validateHeaderName
/**
 * Throws ERR_HTTP_INVALID_HEADER_VALUE for undefined, and ERR_INVALID_CHAR for characters that RFC 9110 section 5.5 forbids. Node
 * doc heading "http.validateHeaderValue(name, value)".
 */
export const validateHeaderValue = core.validateHeaderValue as typeof http.validateHeaderValue
/** Largest size of a head in bytes, as set by `--max-http-header-size`. Node doc heading "http.maxHeaderSize". */
export const maxHeaderSize: number = node.maxHeaderSize
/** Chooses connections for requests and keeps them. Node doc heading "Class: http.Agent". */
export const Agent = core.Agent as unknown as typeof http.Agent
/** A request under way. Node doc heading "Class: http.ClientRequest". */
export const ClientRequest = core.ClientRequest as unknown as typeof http.ClientRequest
/**
 * Begins a request. Nothing is sent before `end` or the first `write`. Throws ERR_INVALID_URL, ERR_INVALID_PROTOCOL,
 * ERR_UNESCAPED_CHARACTERS and others for its arguments. Node doc heading "http.request(options[, callback])".
 */
export const request = core.request as unknown as typeof http.request
/** As `request`, with the method GET, and ended. Node doc heading "http.get(options[, callback])". */
export const get = core.get as unknown as typeof http.get
/** A client for one server, from Node 0.10. Deprecated there and here. Documentation of v0.10, "http.createClient". */
export const createClient: (port?: number, host?: string) => LegacyClient = core.createClient as never
/** Has no effect on this module, which keeps no parsers. Node doc heading "http.setMaxIdleHTTPParsers(max)". */
export const setMaxIdleHTTPParsers: (max: number) => void = node.setMaxIdleHTTPParsers
/**
 * Has requests use the proxies of an environment. Returns a function that undoes it. Throws ERR_INVALID_ARG_TYPE and
 * ERR_PROXY_INVALID_CONFIG. Node doc heading "http.setGlobalProxyFromEnv([proxyEnv])".
 */
export const setGlobalProxyFromEnv: (proxyEnv?: NodeJS.ProcessEnv) => () => void = core.setGlobalProxyFromEnv as never
/** Counts of this JavaScript thread: connections by their kind, and what its agents have. Not in Node. */
export const stats: () => Stats = core.stats

/** The agent of requests that name none. May be assigned. */
export let globalAgent: http.Agent
/** Node's own, from Node 22 on. */
export let WebSocket: MemberOf<typeof http, 'WebSocket'>
/** As `WebSocket`. */
export let CloseEvent: MemberOf<typeof http, 'CloseEvent'>
/** As `WebSocket`. */
export let MessageEvent: MemberOf<typeof http, 'MessageEvent'>
const passed = (name: 'maxHeaderSize' | 'WebSocket' | 'CloseEvent' | 'MessageEvent'): PropertyDescriptor => ({
  configurable: true,
  enumerable: true,
  get: () => (node as unknown as Record<string, unknown>)[name],
})
// Not `defineProperty`: `import { globalAgent }` would not find an accessor that is defined by it.
Object.defineProperties(exports, {
  maxHeaderSize: passed('maxHeaderSize'),
  WebSocket: passed('WebSocket'),
  CloseEvent: passed('CloseEvent'),
  MessageEvent: passed('MessageEvent'),
  globalAgent: {
    configurable: true,
    enumerable: true,
    get: () => core.globalAgent.current,
    set: (agent: core.AgentInstance) => {
      core.globalAgent.current = agent
    },
  },
})

for (const name of ['WebSocket', 'CloseEvent', 'MessageEvent']) if (!(name in node)) delete exports[name]
// Completes the replacement of node:http, if the register module has begun it.
core.finish(core.replacements(exports))

/** The type of a member that some versions of @types/node do not have. */
type MemberOf<Module, Name extends string> = Module extends Record<Name, infer Member> ? Member : undefined

// The types of the classes' instances, under the names of the classes.
export type Server<
  Request extends typeof http.IncomingMessage = typeof http.IncomingMessage,
  Response extends typeof http.ServerResponse<InstanceType<Request>> = typeof http.ServerResponse,
> = http.Server<Request, Response>
export type IncomingMessage = http.IncomingMessage
export type OutgoingMessage<Request extends http.IncomingMessage = http.IncomingMessage> = http.OutgoingMessage<Request>
export type ServerResponse<Request extends http.IncomingMessage = http.IncomingMessage> = http.ServerResponse<Request>
export type Agent = http.Agent
export type ClientRequest = http.ClientRequest
export type {
  AgentOptions,
  ClientRequestArgs,
  IncomingHttpHeaders,
  OutgoingHttpHeader,
  OutgoingHttpHeaders,
  RequestListener,
  RequestOptions,
  ServerOptions,
} from 'node:http'
export type {
  ConnectionStates,
  DrainOptions,
  DrainResult,
  HealthOptions,
  LegacyClient,
  OriginStats,
  OverloadEvent,
  OverloadOptions,
  RoadStats,
  Stats,
  Times,
} from './types.js'

declare module 'http' {
  interface ServerOptions<
    Request extends typeof http.IncomingMessage = typeof http.IncomingMessage,
    Response extends typeof http.ServerResponse<InstanceType<Request>> = typeof http.ServerResponse,
  > {
    /** Paths that I/O threads answer, also while JavaScript is blocked. Not in Node. `false`: none, whatever FERROHTTP_HEALTH is. */
    health?: HealthOptions | false
    /** When I/O threads refuse requests, so that the others are answered in time. Not in Node. */
    overload?: OverloadOptions
  }
  // The parameters must be those of @types/node, under the same names.
  interface Server<
    Request extends typeof http.IncomingMessage = typeof http.IncomingMessage,
    Response extends typeof http.ServerResponse<InstanceType<Request>> = typeof http.ServerResponse,
  > {
    /**
     * Stops without failing a request. Not in Node.
     *
     * Each response says `Connection: close`. After `delay` the server closes, and connections are closed as they become idle.
     * The promise is fulfilled when none is left, or after `timeout` more. Throws ERR_INVALID_ARG_TYPE and ERR_OUT_OF_RANGE.
     */
    drain(options?: DrainOptions): Promise<DrainResult>
    /** The server has begun or stopped to refuse requests. Not in Node. */
    on(event: 'overload', listener: (event: OverloadEvent) => void): this
    once(event: 'overload', listener: (event: OverloadEvent) => void): this
  }
}
