/** `require('ferrohttp')`: what `require('node:http')` has. Assembles and exports, no logic. */
import http from 'node:http'

import {
  Agent as AgentClass,
  globalAgent as shared,
  setGlobalProxyFromEnv as setProxies,
  type Agent as AgentInstance,
} from './agent.js'
import { ClientRequest as ClientRequestClass, get as makeGet, request as makeRequest } from './client.js'
import {
  METHODS as METHOD_LIST,
  STATUS_CODES as STATUS_TABLE,
  validateHeaderName as checkName,
  validateHeaderValue as checkValue,
} from './common.js'
import { createClient as makeClient } from './create-client.js'
import { IncomingMessage as IncomingMessageClass } from './incoming.js'
import { OutgoingMessage as OutgoingMessageClass } from './outgoing.js'
import { ServerResponse as ServerResponseClass } from './response.js'
import { connectionListener, createServer as makeServer, Server as ServerClass } from './server.js'
import { stats as collectStats } from './stats.js'

// For TypeScript everything is what @types/node says of the builtin module: programs exchange the two freely.
// Constants assigned one by one: the object stays plain and mutable for tools that patch it, and
// `import { createServer }` finds the names.
export const _connectionListener = connectionListener
export const METHODS = METHOD_LIST as typeof http.METHODS
export const STATUS_CODES = STATUS_TABLE as typeof http.STATUS_CODES
export const createServer = makeServer as unknown as typeof http.createServer
export const Server = ServerClass as unknown as typeof http.Server
export const IncomingMessage = IncomingMessageClass as unknown as typeof http.IncomingMessage
export const OutgoingMessage = OutgoingMessageClass as unknown as typeof http.OutgoingMessage
export const ServerResponse = ServerResponseClass as unknown as typeof http.ServerResponse
export const validateHeaderName = checkName as typeof http.validateHeaderName
export const validateHeaderValue = checkValue as typeof http.validateHeaderValue
export const maxHeaderSize = http.maxHeaderSize
export const Agent = AgentClass as unknown as typeof http.Agent
export const ClientRequest = ClientRequestClass as unknown as typeof http.ClientRequest
export const request = makeRequest as unknown as typeof http.request
export const get = makeGet as unknown as typeof http.get
export const createClient = makeClient
export const setMaxIdleHTTPParsers = http.setMaxIdleHTTPParsers
export const setGlobalProxyFromEnv = setProxies
export const stats = collectStats

/** Assigning it changes the agent of every later request that names none. */
export let globalAgent: http.Agent
/** Node's own, from Node 22 on. */
export let WebSocket: typeof http.WebSocket
export let CloseEvent: typeof http.CloseEvent
export let MessageEvent: typeof http.MessageEvent
const passed = (name: 'maxHeaderSize' | 'WebSocket' | 'CloseEvent' | 'MessageEvent'): PropertyDescriptor => ({
  configurable: true,
  enumerable: true,
  get: () => (http as unknown as Record<string, unknown>)[name],
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
    get: () => shared.current,
    set: (agent: AgentInstance) => {
      shared.current = agent
    },
  },
})

for (const name of ['WebSocket', 'CloseEvent', 'MessageEvent']) if (!(name in http)) delete exports[name]

export type Server = http.Server
export type IncomingMessage = http.IncomingMessage
export type OutgoingMessage = http.OutgoingMessage
export type ServerResponse = http.ServerResponse
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
export type { Stats } from './stats.js'
