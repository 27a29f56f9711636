/** `require('ferrohttp')`: what `require('node:http')` has. Assembles and exports, no logic. */
import type { Duplex } from 'node:stream'
import type * as http from 'node:http'

import * as core from './core.js'
import type { DrainOptions, DrainResult, LegacyClient, Stats } from './types.js'

// Types are written out, and of `node:http` as a namespace: declarations that refer to inner modules, or need `esModuleInterop`,
// would be checked, or become `any`, in the programs of users.
const node = require('node:http') as typeof http

// For TypeScript everything is what @types/node says of the builtin module: programs exchange the two freely.
// Constants assigned one by one: the object stays plain and mutable for tools that patch it, and
// `import { createServer }` finds the names.
/** Makes any stream a connection of the server that is `this`. Not documented by Node; `server.emit('connection', stream)` is. */
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
/** A request that a server got or a response that a client got. Node doc heading "Class: http.IncomingMessage". */
export const IncomingMessage = core.IncomingMessage as unknown as typeof http.IncomingMessage
/** What requests and responses that are sent have in common. Node doc heading "Class: http.OutgoingMessage". */
export const OutgoingMessage = core.OutgoingMessage as unknown as typeof http.OutgoingMessage
/** A server's answer. Node doc heading "Class: http.ServerResponse". */
export const ServerResponse = core.ServerResponse as unknown as typeof http.ServerResponse
/**
 * Throws ERR_INVALID_HTTP_TOKEN unless it is a field name (RFC 9110 section 5.1). Node doc heading
 * "http.validateHeaderName(name[, label])".
 */
export const validateHeaderName = core.validateHeaderName as typeof http.validateHeaderName
/**
 * Throws ERR_HTTP_INVALID_HEADER_VALUE for undefined and ERR_INVALID_CHAR for what RFC 9110 section 5.5 forbids. Node doc
 * heading "http.validateHeaderValue(name, value)".
 */
export const validateHeaderValue = core.validateHeaderValue as typeof http.validateHeaderValue
/** Bytes that a head may have, as `--max-http-header-size` says. Node doc heading "http.maxHeaderSize". */
export const maxHeaderSize: number = node.maxHeaderSize
/** Which connection a request gets, and what becomes of it. Node doc heading "Class: http.Agent". */
export const Agent = core.Agent as unknown as typeof http.Agent
/** A request under way. Node doc heading "Class: http.ClientRequest". */
export const ClientRequest = core.ClientRequest as unknown as typeof http.ClientRequest
/**
 * Begins a request; nothing is sent before `end` or the first `write`. Throws ERR_INVALID_URL, ERR_INVALID_PROTOCOL,
 * ERR_UNESCAPED_CHARACTERS and others for its arguments. Node doc heading "http.request(options[, callback])".
 */
export const request = core.request as unknown as typeof http.request
/** As `request`, of method GET and ended. Node doc heading "http.get(options[, callback])". */
export const get = core.get as unknown as typeof http.get
/** Of Node 0.10, deprecated there and here: `request` without a host. Documentation of v0.10, "http.createClient". */
export const createClient: (port?: number, host?: string) => LegacyClient = core.createClient as never
/** Of no effect on this module, which keeps no parsers. Node doc heading "http.setMaxIdleHTTPParsers(max)". */
export const setMaxIdleHTTPParsers: (max: number) => void = node.setMaxIdleHTTPParsers
/**
 * Has requests take the proxies of an environment; answers what undoes it. Throws ERR_INVALID_ARG_TYPE and
 * ERR_PROXY_INVALID_CONFIG. Node doc heading "http.setGlobalProxyFromEnv([proxyEnv])".
 */
export const setGlobalProxyFromEnv: (proxyEnv?: NodeJS.ProcessEnv) => () => void = core.setGlobalProxyFromEnv as never
/** Connections of this JavaScript thread by the road they took, and what its agents have. Ours alone. */
export const stats: () => Stats = core.stats

/** Assigning it changes the agent of every later request that names none. */
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
// Not `defineProperty`: what that makes an accessor, `import { globalAgent }` does not find.
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
// Where the register module has begun to put all this into node:http.
core.finish(core.replacements(exports))

/** What @types/node says of a member that is not in all of its versions. */
type MemberOf<Module, Name extends string> = Module extends Record<Name, infer Member> ? Member : undefined

// Types of the instances, by the names of the classes above.
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
export type { DrainOptions, DrainResult, LegacyClient, Stats } from './types.js'

declare module 'http' {
  // The parameters must be those of @types/node, under the same names.
  interface Server<
    Request extends typeof http.IncomingMessage = typeof http.IncomingMessage,
    Response extends typeof http.ServerResponse<InstanceType<Request>> = typeof http.ServerResponse,
  > {
    /**
     * Stops without failing a request. Ours alone.
     *
     * Each response says `Connection: close`. After `delay` the server closes, and connections are closed as they become idle.
     * The promise is fulfilled when none is left, or after `timeout` more. Throws ERR_INVALID_ARG_TYPE and ERR_OUT_OF_RANGE.
     */
    drain(options?: DrainOptions): Promise<DrainResult>
  }
}
